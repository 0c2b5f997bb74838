//! `./x sim [--seeds N] [--from S] [--sled] [--trace]`: the simulation on as many seeds as one likes, the server's store in
//! memory or on sled; or one seed told line by line.
//! `./x sim --exhaustive N`: all sequences of N actions of the small model; `--sequence "a.title b.sync"` tells one.

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
