//! `./x doc`: the crates' documentation; a broken link is an error.

use crate::{sh, tools, ui};
use anyhow::Result;

/// Builds it and prints where it begins.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[tools::Kit::Desktop])?;
    ui::build()?;
    build()?;
    println!("{}", sh::target_dir().join("doc/sync_protocol/index.html").display());
    Ok(())
}

/// Builds it; the screens must be there.
pub fn build() -> Result<()> {
    sh::run(
        sh::cargo().args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )
}
