//! The suites: what there is, and how one is run.

use super::names;
use crate::{installed, sh};
use anyhow::{Result, bail, ensure};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How a suite in JavaScript says that it needs the desktop app; one in Rust names the variable.
const OPENS_DESKTOP: &str = "new Desktop(";

/// What suites find in their environment.
pub type Environment = Vec<(&'static str, PathBuf)>;

/// One of the two that a suite may consist of.
pub(super) enum Half {
    /// Below the screens: a test in Rust.
    Engine(PathBuf),
    /// On them: a script for node.
    Screens(PathBuf),
}

impl Half {
    fn file(&self) -> &Path {
        match self {
            Half::Engine(file) | Half::Screens(file) => file,
        }
    }

    pub(super) fn level(&self) -> &'static str {
        match self {
            Half::Engine(_) => "engine",
            Half::Screens(_) => "screens",
        }
    }

    /// Runs it; what it says goes into a file, where one is given.
    pub(super) fn run(&self, name: &str, env: &Environment, into: Option<&File>) -> Result<()> {
        match self {
            Half::Engine(_) => {
                let mut cargo = sh::cargo();
                cargo.args(["test", "--workspace", "--test", name, "--", "--nocapture"]);
                if let Some(file) = into {
                    cargo.stdout(file.try_clone()?).stderr(file.try_clone()?);
                }
                sh::run(cargo.envs(env.iter().cloned()))
            }
            Half::Screens(script) => node(script, env, into),
        }
    }
}

/// The suite of that name: one file, or one of each kind.
pub(super) fn halves(name: &str) -> Result<Vec<Half>> {
    let tests = sh::root().join("tests");
    let engine = Half::Engine(tests.join(format!("suites/{name}.rs")));
    let screens = Half::Screens(tests.join(format!("e2e/{name}.mjs")));
    let found: Vec<Half> = [engine, screens].into_iter().filter(|half| half.file().is_file()).collect();
    ensure!(!found.is_empty(), "no suite {name}");
    Ok(found)
}

pub(super) fn suites() -> Result<Vec<String>> {
    let mut all = names("tests/suites", "rs")?;
    for name in names("tests/e2e", "mjs")?.into_iter().filter(|name| !name.starts_with("bench-")) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    Ok(all)
}

/// Builds what of these suites is written in Rust, at once: one after the other would leave a core idle.
pub(super) fn build(names: &[&str]) -> Result<()> {
    let mut cargo = sh::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--no-run"]);
    for name in names {
        cargo.args(["--test", name]);
    }
    sh::run(&mut cargo)
}

/// Whether a suite takes the installed desktop app away from others for a while.
pub(super) fn wants_to_be_alone(suite: &str) -> bool {
    says(suite, installed::PACKAGE_VARIABLE)
}

/// Whether a suite drives the desktop app.
pub(super) fn drives_desktop(suite: &str) -> bool {
    says(suite, installed::VARIABLE) || says(suite, OPENS_DESKTOP)
}

/// Whether a suite's own text has these words.
pub(super) fn says(suite: &str, words: &str) -> bool {
    let halves = halves(suite).unwrap_or_default();
    halves.iter().any(|half| fs::read_to_string(half.file()).is_ok_and(|text| text.contains(words)))
}

/// Runs a node suite; its exit code and its last line must agree that nothing failed.
fn node(script: &PathBuf, env: &Environment, into: Option<&File>) -> Result<()> {
    sh::say(&format!("node {}", script.display()));
    let mut node = Command::new("node");
    node.arg(script)
        .current_dir(sh::root())
        .envs(env.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(file) = into {
        node.stderr(file.try_clone()?);
    }
    let mut child = node.spawn()?;
    let mut last = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            match into {
                Some(mut file) => writeln!(file, "{line}")?,
                None => println!("{line}"),
            }
            if !line.trim().is_empty() {
                last = line.trim().to_string();
            }
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "{last} ({status})");
    match last.strip_suffix(" failed").and_then(|line| line.split_once(" passed, ")) {
        Some((passed, "0")) if passed.parse().is_ok_and(|n: u32| n > 0) => Ok(()),
        _ => bail!("the last line is not \"N passed, 0 failed\" with N above 0: {last}"),
    }
}
