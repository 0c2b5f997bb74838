//! `./x sim [--seeds N] [--from S] [--trace]`: the simulation on as many seeds as one likes, or one seed told line by line.

use crate::sh;
use anyhow::Result;

/// Builds the simulation for speed and runs it on all cores.
pub fn command(args: &[String]) -> Result<()> {
    sh::run(
        sh::cargo()
            .args(["run", "--release", "--quiet", "--package", "mooring-tests", "--bin", "sim", "--"])
            .args(args),
    )
}
