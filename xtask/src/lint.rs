//! `./x lint`: formatting, clippy for both targets, documentation, licences and sources of dependencies.

use crate::{
    doc, sh,
    tools::{self, Kit},
    ui, wasm,
};
use anyhow::{Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The version of cargo-deny that deny.toml is written for.
const CARGO_DENY: &str = "0.20.2";

/// Runs every check, then fails if one did.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[Kit::Desktop])?;
    // its build, where it is none's yet, fills the time in which one core links the screens
    let deny = std::thread::spawn(cargo_deny);
    // the desktop shell embeds the screens when it is compiled
    ui::build()?;
    let deny = deny.join().unwrap_or_else(|_| bail!("its build panicked"));
    let mut failed = Vec::new();
    for (name, outcome) in [
        ("format", format()),
        ("clippy", clippy()),
        ("clippy for wasm", clippy_wasm()),
        ("documentation", doc::build()),
        ("dependencies", deny.and_then(|program| dependencies(&program))),
    ] {
        if let Err(error) = outcome {
            sh::say(&format!("{name}: {error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("lint failed: {}", failed.join(", "));
    }
    Ok(())
}

fn format() -> Result<()> {
    sh::run(sh::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    sh::run(sh::cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn clippy_wasm() -> Result<()> {
    // together they would have the features of all: the engine alone has less
    let packages = ["mooring-ui", "sync-client", "browser-store"].map(|name| format!("--package={name}"));
    for packages in [&packages[..], &["--package=sync-js".to_string()]] {
        let mut cargo = wasm::cargo()?;
        cargo.args(["clippy", "--quiet"]).args(packages).args([
            "--target",
            wasm::TARGET,
            "--",
            "-D",
            "warnings",
        ]);
        sh::run(&mut cargo)?;
    }
    Ok(())
}

/// Licences, sources and bans from what cargo knows; advisories when their database can be fetched.
fn dependencies(program: &Path) -> Result<()> {
    let deny = |what: &[&str]| -> Result<()> {
        sh::run(
            Command::new(program)
                .args(["--log-level", "error", "check", "--hide-inclusion-graph"])
                .args(what),
        )
    };
    deny(&["bans", "licenses", "sources"])?;
    if Command::new(program).current_dir(sh::root()).args(["fetch", "db"]).output()?.status.success() {
        deny(&["advisories"])
    } else {
        sh::say("advisories NOT checked: their database cannot be fetched from here");
        Ok(())
    }
}

/// cargo-deny from `PATH`, or built once into the target folder.
fn cargo_deny() -> Result<PathBuf> {
    if let Some(program) = sh::which("cargo-deny") {
        return Ok(program);
    }
    let root = sh::target_dir().join("tools");
    let program = root.join("bin/cargo-deny");
    if !program.is_file() {
        sh::say("building cargo-deny (once)");
        // --debug: it runs for a second or two, its optimised build takes minutes
        sh::run(
            sh::cargo()
                .args(["install", "--locked", "--debug", "--no-default-features", "--version", CARGO_DENY])
                .args(["--root".as_ref(), root.as_os_str()])
                .arg("cargo-deny")
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .env("CARGO_TARGET_DIR", root.join("build")),
        )?;
        std::fs::remove_dir_all(root.join("build"))?;
    }
    Ok(program)
}
