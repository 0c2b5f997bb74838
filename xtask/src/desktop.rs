//! `./x desktop`: builds the screens and starts the shell.

use crate::{
    sh,
    tools::{self, Kit},
    ui,
};
use anyhow::{Result, bail};
use std::{os::unix::process::CommandExt, process::Command};

/// Builds and starts it, with debug assertions and without optimisation.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[Kit::Desktop])?;
    ui::build()?;
    sh::run(sh::cargo().args(["build", "--workspace", "--bin", "mooring"]))?;
    // the app takes this process's place, so that signals reach it
    bail!("cannot start the app: {}", Command::new(sh::target_dir().join("debug/mooring")).exec())
}
