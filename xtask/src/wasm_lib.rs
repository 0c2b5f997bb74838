//! `./x wasm-lib PACKAGE FOLDER`: a library of the workspace as a module for browsers, built as the app is. For suites
//! that run it in one.

use crate::{sh, wasm};
use anyhow::{Context, Result, bail};
use std::fs;

/// Builds `PACKAGE.js` and `PACKAGE_bg.wasm` in `FOLDER`.
pub fn command(args: &[String]) -> Result<()> {
    let [package, folder] = args else { bail!("usage: ./x wasm-lib PACKAGE FOLDER") };
    let target = ["--target", wasm::TARGET, "--profile", "web"];
    sh::run(wasm::cargo()?.args(["build", "--package", package, "--lib"]).args(target))?;
    let name = package.replace('-', "_");
    let module = wasm::target_dir().join(wasm::TARGET).join("web").join(format!("{name}.wasm"));
    fs::create_dir_all(folder)?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(module)
        .out_name(&name)
        .web(true)?
        .typescript(false)
        .generate(folder)
        .context("wasm-bindgen")
}
