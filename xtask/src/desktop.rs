//! `./x desktop` and `./x bundle`: the desktop shell.

use crate::{
    sh,
    tools::{self, Kit},
    ui,
};
use anyhow::{Context, Result};
use std::{path::PathBuf, process::Command};

/// Tauri's packager. Not in package.json: it names a package per platform, and a registry that lacks one of them makes
/// `npm ci` fail; only this command needs it.
const PACKAGER: &str = "@tauri-apps/cli@2.12.5";

/// `./x desktop`: builds the screens and starts the shell.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[Kit::Desktop])?;
    ui::build(false)?;
    sh::run(sh::cargo().args(["run", "--package", "mooring-desktop"]))
}

/// `./x bundle`: a .deb of the shell.
pub fn bundle(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[Kit::Desktop])?;
    ui::build(false)?;
    sh::run(Command::new(packager()?).args(["build", "--bundles", "deb"]).env("CI", "true"))?;
    let mut packages: Vec<PathBuf> = sh::files(&sh::target_dir().join("release/bundle/deb"))?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "deb"))
        .collect();
    packages.sort_by_key(|path| path.metadata().and_then(|meta| meta.modified()).ok());
    let package = packages.pop().context("tauri build left no .deb")?;
    println!("{}", package.display());
    Ok(())
}

/// The packager's program, installed once into the target folder.
fn packager() -> Result<PathBuf> {
    tools::need(&[Kit::Node])?;
    let home = sh::target_dir().join("tools").join(PACKAGER);
    let program = home.join("node_modules/.bin/tauri");
    if !program.exists() {
        std::fs::create_dir_all(&home)?;
        sh::run(
            Command::new("npm")
                .args([
                    "install",
                    "--no-save",
                    "--no-package-lock",
                    "--no-audit",
                    "--no-fund",
                    "--loglevel=error",
                ])
                .args(["--prefix".as_ref(), home.as_os_str()])
                .arg(PACKAGER),
        )?;
    }
    Ok(program)
}
