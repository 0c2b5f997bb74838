//! A compiler for `wasm32-unknown-unknown`.
//!
//! 1. the toolchain in use already has the target, or rustup can add it;
//! 2. else Debian's `rustc-web`, whose standard library for wasm is built once from `rust-web-src`.
//!
//! Host and wasm may thus use different compilers; their target folders are separate.

use crate::{sh, tools};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The target of the browser bundle.
pub const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A cargo whose compiler can build for wasm, with a target folder of its own.
pub fn cargo() -> Result<Command> {
    let debian = match compiler()? {
        Compiler::InUse => false,
        Compiler::Debian => true,
    };
    let mut command = if debian { Command::new("/usr/bin/cargo") } else { sh::cargo() };
    if debian {
        command.env("RUSTC", DEBIAN_RUSTC).env("RUSTDOC", "/usr/bin/rustdoc");
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER"] {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", target_dir());
    Ok(command)
}

/// Where wasm is built.
pub fn target_dir() -> PathBuf {
    sh::target_dir().join("wasm")
}

/// Builds a program for the browser: `NAME.js` and `NAME_bg.wasm` in the folder `out`, whose content is replaced.
///
/// `cargo_args` choose the program; `module` is its name in cargo's output folder (an example's is `examples/...`).
/// `dev`: quickly, and with names for the debugger; otherwise with the profile `web`.
pub fn for_browser(cargo_args: &[&str], module: &str, name: &str, dev: bool, out: &Path) -> Result<()> {
    let profile = if dev { "dev" } else { "web" };
    let mut build = cargo()?;
    build.arg("build").args(cargo_args).args(["--target", TARGET, "--profile", profile]);
    sh::run(&mut build)?;
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    let folder = target_dir().join(TARGET).join(if dev { "debug" } else { profile });
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(folder.join(format!("{module}.wasm")))
        .out_name(name)
        .web(true)?
        .typescript(false)
        .debug(dev)
        .remove_name_section(!dev)
        .remove_producers_section(!dev)
        .generate(out)
        .context("wasm-bindgen")
}

enum Compiler {
    InUse,
    Debian,
}

fn compiler() -> Result<Compiler> {
    if has_std("rustc") {
        return Ok(Compiler::InUse);
    }
    if has_std(DEBIAN_RUSTC) {
        return Ok(Compiler::Debian);
    }
    if sh::which("rustup").is_some() {
        let added = sh::run(
            Command::new("timeout")
                .args(["300", "rustup", "target", "add", TARGET])
                .env("RUSTUP_MAX_RETRIES", "1"),
        );
        if added.is_ok() && has_std("rustc") {
            return Ok(Compiler::InUse);
        }
        sh::say("rustup could not add the target; using Debian's rustc-web");
    }
    install_debian()?;
    Ok(Compiler::Debian)
}

fn has_std(rustc: &str) -> bool {
    target_libdir(rustc).and_then(|dir| fs::read_dir(dir).ok()).is_some_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|file| {
                let name = file.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libstd-") && name.ends_with(".rlib")
            })
        })
    })
}

fn target_libdir(rustc: &str) -> Option<PathBuf> {
    let output = Command::new(rustc)
        .current_dir(sh::root())
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_string()))
}

/// Debian's compiler, and the standard library for wasm built from its sources (about a minute).
fn install_debian() -> Result<()> {
    // rust-web-llvm's rust-lld is a link into lld-22, which it does not depend on
    tools::apt(&["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"])?;
    let seed = sh::target_dir().join("wasm-std");
    fs::create_dir_all(seed.join("src"))?;
    fs::write(
        seed.join("Cargo.toml"),
        "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    fs::write(seed.join("src/main.rs"), "fn main() {}\n")?;
    sh::say("building the standard library for wasm (once, about a minute)");
    let mut build = Command::new("/usr/bin/cargo");
    for name in
        ["CARGO", "RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "LD_LIBRARY_PATH"]
    {
        build.env_remove(name);
    }
    let status = build
        .current_dir(&seed)
        .env("PATH", "/usr/bin:/bin")
        .env("RUSTC", DEBIAN_RUSTC)
        // lets a stable compiler take -Z build-std; only here
        .env("RUSTC_BOOTSTRAP", "1")
        // as in the std that rustup ships, so that a profile with lto works
        .env("RUSTFLAGS", "-C embed-bitcode=yes")
        .args(["build", "--quiet", "--release", "-Z", "build-std=std,panic_abort,test,proc_macro"])
        .args(["--target", TARGET])
        .status()?;
    ensure!(status.success(), "building the standard library for wasm failed");
    let lib = target_libdir(DEBIAN_RUSTC).context("Debian's rustc does not know the wasm target")?;
    let built = seed.join("target").join(TARGET).join("release/deps");
    let copy = format!(
        "rm -rf '{lib}' && mkdir -p '{lib}' && cp '{built}'/lib*.rlib '{lib}/'",
        lib = lib.display(),
        built = built.display()
    );
    tools::as_root(&copy)?;
    ensure!(has_std(DEBIAN_RUSTC), "Debian's rustc still has no standard library for wasm");
    Ok(())
}
