//! A compiler for `wasm32-unknown-unknown`.
//!
//! 1. the toolchain in use already has the target, or rustup can add it;
//! 2. else Debian's `rustc-web`, whose standard library for wasm is built once from `rust-web-src`.
//!
//! Host and wasm may thus use different compilers; their target folders are separate.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::{Context, Result, anyhow, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use wasmparser::Payload;

/// The target of the browser bundle.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// What loads the parts of a program: imported by its glue, and importing that.
pub const LINK: &str = "./parts.js";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A cargo whose compiler can build for wasm, with a target folder of its own. It is to be given `--target`.
pub fn cargo() -> Result<Command> {
    let mut flags = without_home();
    let mut command = match compiler()? {
        Compiler::InUse => sh::cargo(),
        Compiler::Debian { sysroot } => {
            // of the target only: what runs while building has the standard library beside the compiler
            flags.extend(["--sysroot".to_string(), sysroot.display().to_string()]);
            debian_cargo()
        }
    };
    command.env("CARGO_TARGET_DIR", target_dir()).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(command)
}

/// Panics name their place in the sources: without where cargo keeps them, which is in somebody's home. Nobody who runs the bundle is to
/// read that, and it is the same bundle wherever it was built.
fn without_home() -> Vec<String> {
    let cargo = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    let registries = fs::read_dir(cargo.join("registry/src")).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = registries.map(|entry| entry.path()).collect();
    folders.sort();
    folders.iter().map(|folder| format!("--remap-path-prefix={}=crates", folder.display())).collect()
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
    bind(&build(cargo_args, module, dev, out)?, name, dev, false, out)
}

/// The same for a program that has parts which come later (`#[wasm_split]`): beside it `LINK` and a `.wasm` for each part.
pub fn in_parts(cargo_args: &[&str], module: &str, name: &str, dev: bool, out: &Path) -> Result<()> {
    let whole = fs::read(build(cargo_args, module, dev, out)?)?;
    let main = out.join("main.wasm");
    let mut options = wasm_split_cli_support::Options::new(&whole);
    options.output_dir = out;
    options.main_out_path = &main;
    options.link_name = LINK;
    let glue = format!("./{name}.js");
    options.main_module = &glue;
    wasm_split_cli_support::transform(options).map_err(|error| anyhow!("wasm-split: {error:?}"))?;
    bind(&main, name, dev, true, out)?;
    fs::remove_file(main)?;
    if !dev {
        for path in sh::files(out)? {
            if path.extension().is_some_and(|ext| ext == "wasm") {
                fs::write(&path, without_names(&fs::read(&path)?)?)?;
            }
        }
    }
    Ok(())
}

/// A module without the sections that only people read. wasm-bindgen leaves them out of the module that it is given, which is one of
/// several where a program has parts.
fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    let mut lean = wasm_encoder::Module::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        let payload = payload?;
        let named = matches!(&payload, Payload::CustomSection(section) if ["name", "producers"].contains(&section.name()));
        if let Some((id, range)) = payload.as_section().filter(|_| !named) {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            let data = module.get(range).context("a section ends outside of its module")?;
            lean.section(&wasm_encoder::RawSection { id, data });
        }
    }
    Ok(lean.finish())
}

/// Compiles a program, empties the folder `out`, and says where the module is.
fn build(cargo_args: &[&str], module: &str, dev: bool, out: &Path) -> Result<PathBuf> {
    let profile = if dev { "dev" } else { "web" };
    let mut build = cargo()?;
    build.arg("build").args(cargo_args).args(["--target", TARGET, "--profile", profile]);
    sh::run(&mut build)?;
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    let folder = target_dir().join(TARGET).join(if dev { "debug" } else { profile });
    Ok(folder.join(format!("{module}.wasm")))
}

/// `parts`: others import what the linker exports.
fn bind(module: &Path, name: &str, dev: bool, parts: bool, out: &Path) -> Result<()> {
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .debug(dev)
        .keep_lld_exports(parts)
        .remove_name_section(!dev)
        .remove_producers_section(!dev)
        .generate(out)
        .context("wasm-bindgen")
}

enum Compiler {
    InUse,
    Debian { sysroot: PathBuf },
}

fn compiler() -> Result<Compiler> {
    if has_std("rustc") {
        return Ok(Compiler::InUse);
    }
    if let Some(sysroot) = built_std()? {
        return Ok(Compiler::Debian { sysroot });
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
    tools::need(&[Kit::DebianWasm])?;
    Ok(Compiler::Debian { sysroot: build_std()? })
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

/// Debian's cargo and compiler, whatever started this program.
fn debian_cargo() -> Command {
    let mut command = Command::new("/usr/bin/cargo");
    for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTFLAGS", "LD_LIBRARY_PATH"] {
        command.env_remove(name);
    }
    command.env("PATH", "/usr/bin:/bin").env("RUSTC", DEBIAN_RUSTC).env("RUSTDOC", "/usr/bin/rustdoc");
    command
}

fn std_dir() -> PathBuf {
    sh::target_dir().join("wasm-std")
}

/// The folder in which Debian's compiler finds the standard library for wasm, if this very compiler built it.
fn built_std() -> Result<Option<PathBuf>> {
    let stamp = fs::read_to_string(std_dir().join("compiler")).unwrap_or_default();
    Ok((!stamp.is_empty() && stamp == debian_version()).then(|| std_dir().join("sysroot")))
}

fn debian_version() -> String {
    let output = Command::new(DEBIAN_RUSTC).arg("-vV").output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the standard library for wasm from Debian's sources of it. It stays in the target folder: the system is left
/// alone.
fn build_std() -> Result<PathBuf> {
    let seed = std_dir();
    fs::create_dir_all(seed.join("src"))?;
    fs::write(
        seed.join("Cargo.toml"),
        "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    fs::write(seed.join("src/main.rs"), "fn main() {}\n")?;
    sh::say("building the standard library for wasm (once, about a minute)");
    let status = debian_cargo()
        .current_dir(&seed)
        .env_remove("CARGO_TARGET_DIR")
        // lets a stable compiler take -Z build-std; only here
        .env("RUSTC_BOOTSTRAP", "1")
        // as in the std that rustup ships, so that a profile with lto works
        .env("RUSTFLAGS", "-C embed-bitcode=yes")
        .args(["build", "--quiet", "--release", "-Z", "build-std=std,panic_abort,test,proc_macro"])
        .args(["--target", TARGET])
        .status()?;
    ensure!(status.success(), "building the standard library for wasm failed");
    let sysroot = seed.join("sysroot");
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    if sysroot.exists() {
        fs::remove_dir_all(&sysroot)?;
    }
    fs::create_dir_all(&lib)?;
    for file in sh::files(&seed.join("target").join(TARGET).join("release/deps"))? {
        if let Some(name) = file.file_name()
            && file.extension().is_some_and(|ext| ext == "rlib")
        {
            fs::copy(&file, lib.join(name))?;
        }
    }
    fs::write(seed.join("compiler"), debian_version())?;
    Ok(sysroot)
}
