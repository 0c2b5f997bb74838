//! `./x fuzz [TARGET...] [--seconds N]`: libFuzzer on what decodes bytes from elsewhere, from the corpus in
//! `tests/fuzz/TARGET` on. What it learns stays in `target/fuzz/corpus`, what breaks a promise in `target/fuzz/found`.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::{Context, Result, bail, ensure};
use std::{fs, process::Command};

const SECONDS: u64 = 60;
/// What the compiler adds so that libFuzzer sees which branches an input takes, and what it is compared with.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Larger inputs show nothing that smaller ones do not, and take long.
const INPUT_BYTES: u32 = 16 << 10;
/// Seconds after which an input counts as hanging.
const HANGS: u32 = 30;
const MEMORY_MB: u32 = 2_048;

/// One target after another, each for that long.
pub fn command(args: &[String]) -> Result<()> {
    let all = targets()?;
    let mut seconds = SECONDS;
    let mut wanted = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let number = args.next().and_then(|n| n.parse().ok());
            seconds = number.context("--seconds needs a whole number")?;
        } else {
            ensure!(all.contains(arg), "no target {arg}; there are: {}", all.join(" "));
            wanted.push(arg.clone());
        }
    }
    tools::need(&[Kit::Fuzz])?;
    let folder = sh::target_dir().join("fuzz");
    let host = host()?;
    sh::run(
        sh::cargo()
            .args(["build", "--release", "--package", "mooring-tests", "--bin", "fuzz", "--features", "fuzz"])
            .args(["--target", &host])
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTFLAGS", COVERAGE.join(" "))
            .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
            .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
    )?;
    let program = folder.join(host).join("release/fuzz");
    let found = folder.join("found");
    fs::create_dir_all(&found)?;
    let mut broken = Vec::new();
    for name in if wanted.is_empty() { all } else { wanted } {
        let learnt = folder.join("corpus").join(&name);
        fs::create_dir_all(&learnt)?;
        let mut command = Command::new(&program);
        command.arg(&learnt).arg(corpus().join(&name)).args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={INPUT_BYTES}"),
            format!("-timeout={HANGS}"),
            format!("-rss_limit_mb={MEMORY_MB}"),
            format!("-artifact_prefix={}/{name}-", found.display()),
            "-print_final_stats=1".into(),
        ]);
        sh::say(&format!("{name}: {seconds} s"));
        if sh::run(command.env("MOORING_FUZZ", &name)).is_err() {
            broken.push(name);
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    bail!(
        "{} broke a promise; the inputs are in {}. Copy one into tests/fuzz/TARGET to keep it: ./x test fuzz replays it",
        broken.join(", "),
        found.display()
    )
}

fn corpus() -> std::path::PathBuf {
    sh::root().join("tests/fuzz")
}

/// A target is a folder of inputs.
fn targets() -> Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(corpus())? {
        all.push(entry?.file_name().to_string_lossy().into_owned());
    }
    all.sort();
    Ok(all)
}

/// With it named, the flags are for what is fuzzed alone, not for what runs during the build.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what it builds for")?.to_owned())
}
