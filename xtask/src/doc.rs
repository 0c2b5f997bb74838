//! `./x doc`: the crates' documentation; a broken link is an error.

use crate::{sh, tools, ui};
use anyhow::Result;

/// Builds it and prints where it begins.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[tools::Kit::Desktop])?;
    ui::build()?;
    sh::run(sh::cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    println!("{}", sh::target_dir().join("doc/sync_protocol/index.html").display());
    Ok(())
}
