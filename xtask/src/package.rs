//! `./x package`: the npm package `mooring`, as a file that `npm install` takes.
//!
//! cargo (wasm) → wasm-bindgen → the folder `target/package/mooring` → `npm pack`.

use crate::{
    sh,
    tools::{self, Kit},
    ui, wasm,
};
use anyhow::{Context, Result, ensure};
use std::{fs, path::PathBuf, process::Command};

/// The module's name in the package.
const MODULE: &str = "mooring_engine";

/// `./x package`.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    build().map(|file| sh::say(&file.display().to_string()))
}

/// Builds it. Where the file is.
pub fn build() -> Result<PathBuf> {
    tools::need(&[Kit::Node])?;
    let to = sh::target_dir().join("package");
    let folder = to.join("mooring");
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    let from = sh::root().join("packages/mooring");
    for path in sh::files(&from)? {
        let copy = folder.join(path.strip_prefix(&from)?);
        fs::create_dir_all(copy.parent().unwrap_or(&folder))?;
        fs::copy(&path, copy)?;
    }
    fs::copy(sh::root().join("LICENSE"), folder.join("LICENSE"))?;
    wasm::for_browser(&["--package", "sync-js", "--lib"], "sync_js", MODULE, false, &folder.join("engine"))?;
    let module = fs::read(folder.join(format!("engine/{MODULE}_bg.wasm")))?;
    sh::say(&format!("the engine alone is {} KB as it is sent", ui::sent(&module)?.div_ceil(1024)));
    sh::run(Command::new("npm").args(["pack", "--silent", "--pack-destination"]).arg(&to).arg(&folder))?;
    let mut packed =
        sh::files(&to)?.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "tgz"));
    let file = packed.next().context("npm has packed nothing")?;
    ensure!(packed.next().is_none(), "npm has packed more than one file");
    Ok(file)
}
