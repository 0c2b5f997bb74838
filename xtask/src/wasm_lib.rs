//! `./x wasm-lib PACKAGE FOLDER`: a library of the workspace as a module for browsers, built as the app is. For suites
//! that run it in one.

use crate::wasm;
use anyhow::{Result, bail};
use std::path::Path;

/// Builds `PACKAGE.js` and `PACKAGE_bg.wasm` in `FOLDER`, whose content is replaced.
pub fn command(args: &[String]) -> Result<()> {
    let [package, folder] = args else { bail!("usage: ./x wasm-lib PACKAGE FOLDER") };
    let name = package.replace('-', "_");
    wasm::for_browser(&["--package", package, "--lib"], &name, &name, false, Path::new(folder))
}
