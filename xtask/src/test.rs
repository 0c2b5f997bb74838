//! `./x test [--release] [SUITE...]`: everything, or some suites.
//!
//! `sim` is built for speed: it runs as many seeds as fit the time.
//! A suite is a Rust test `tests/suites/NAME.rs` of the tests package, or a node script `tests/e2e/NAME.mjs` that
//! ends with `N passed, N failed` alone on a line, or both: below the screens, then on them. A new file is a new suite;
//! `long-NAME` runs only when named. What fails does not stop the others; a table ends the run.

use crate::{
    browser,
    bundle::Build,
    cassandra, installed, lint, sh,
    tools::{self, Kit},
    ui,
};
use anyhow::{Result, bail, ensure};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// Of these, `tests/*.rs` are the crate's own tests.
const CRATES: [&str; 7] = ["sync-protocol", "sync-client", "sync-server", "ui", "src-tauri", "cli", "xtask"];

/// How a suite in JavaScript says that it needs the desktop app; one in Rust names the variable.
const OPENS_DESKTOP: &str = "new Desktop(";

/// What suites find in their environment.
pub type Environment = Vec<(&'static str, PathBuf)>;

/// Without names: lint, the crates' own tests, then every suite that a full run has. With `--release` the desktop app that
/// they drive is built as people get it, which takes minutes.
pub fn command(mut args: Vec<String>) -> Result<()> {
    let build = if sh::flag(&mut args, "--release") { Build::Release } else { Build::Dev };
    let all = suites()?;
    for name in &args {
        ensure!(all.contains(name), "no suite {name}; there are: {}", all.join(" "));
    }
    let mut table = Table::default();
    let names: Vec<String> = if args.is_empty() {
        table.run("lint", || lint::command(&[]));
        table.run("cargo test", cargo_test);
        all.into_iter().filter(|name| !name.starts_with("long-")).filter(about_what_is_made).collect()
    } else {
        args
    };
    if !names.is_empty() {
        let mut env = None;
        table.run("set-up", || {
            env = Some(environment()?);
            Ok(())
        });
        if let Some(env) = env {
            table.suites(&names, env, build)?;
        }
    }
    table.finish()
}

/// Builds and installs what suites need, and tells where it is.
fn environment() -> Result<Environment> {
    tools::need(&[Kit::Desktop, Kit::DesktopTests, Kit::Faults])?;
    let mut env = browser_environment()?;
    // The package set of the other steps, and with `--examples` the features that `cargo test` chooses (those of
    // dev-dependencies too): otherwise half of the dependencies would be built a second time.
    sh::run(sh::cargo().args(["build", "--quiet", "--workspace", "--bins", "--examples"]))?;
    env.push(("MOORING_SERVER", sh::target_dir().join("debug/mooring-server")));
    env.push(("MOORING_CLI", sh::target_dir().join("debug/mooring-cli")));
    // Cassandra's nodes: one that lives for a minute does not get back what Java spends on compiling it well
    env.push(("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1".into()));
    // nothing of a test is kept among the keys of whoever runs it
    env.push(("MOORING_KEY_STORE", "off".into()));
    Ok(env)
}

/// Whether a whole run has this suite: one about the desktop app's package makes no sense where none is made.
fn about_what_is_made(suite: &String) -> bool {
    let left_out = installed::somebodys_own() && says(suite, installed::PACKAGE_VARIABLE);
    if left_out {
        sh::say(&format!("{suite} is left out: {} is set, no package is made", installed::VARIABLE));
    }
    !left_out
}

/// Whether a suite drives the desktop app.
fn drives_desktop(suite: &str) -> bool {
    says(suite, installed::VARIABLE) || says(suite, OPENS_DESKTOP)
}

/// Whether a suite's own text has these words.
fn says(suite: &str, words: &str) -> bool {
    let halves = find(suite).unwrap_or_default();
    halves.iter().any(|half| fs::read_to_string(half.file()).is_ok_and(|text| text.contains(words)))
}

/// The part without programs of ours.
pub(crate) fn browser_environment() -> Result<Environment> {
    tools::need(&[Kit::Node, Kit::Cassandra])?;
    tools::npm()?;
    let chromium = browser::need()?;
    ui::build()?;
    Ok(vec![
        ("MOORING_UI_DIST", ui::dist_dir()),
        (browser::VARIABLE, chromium),
        (cassandra::LIB_VARIABLE, cassandra::jars()?),
        // suites and measurements start and stop Cassandra nodes of their own with it
        // (by its name: a build may have put another file in the place of the one that runs here)
        ("MOORING_XTASK", sh::target_dir().join("debug/xtask")),
    ])
}

/// The crates' own tests, and the examples in their documentation.
fn cargo_test() -> Result<()> {
    tools::need(&[Kit::Desktop])?;
    ui::build()?;
    // The package set of the other steps, so that nothing is built twice; hence the tests are named, for the suites
    // are tests of that set too.
    let mut own = sh::cargo();
    own.args(["test", "--workspace", "--lib", "--bins", "--examples"]);
    for package in CRATES {
        for name in own_tests(package)? {
            own.args(["--test".to_string(), name]);
        }
    }
    sh::run(&mut own)?;
    sh::run(sh::cargo().args(["test", "--workspace", "--doc"]))
}

/// A package's integration tests: files of its `tests` folder, and folders there with a `main.rs`.
fn own_tests(package: &str) -> Result<Vec<String>> {
    let folder = format!("{package}/tests");
    let mut all = names(&folder, "rs")?;
    for path in sh::files(&sh::root().join(&folder))? {
        let parent = path
            .parent()
            .and_then(|p| p.strip_prefix(sh::root().join(&folder)).ok())
            .and_then(|p| p.to_str());
        if let (Some("main.rs"), Some(name)) = (path.file_name().and_then(|n| n.to_str()), parent)
            && !name.is_empty()
        {
            all.push(name.to_string());
        }
    }
    Ok(all)
}

enum Suite {
    Rust(PathBuf),
    Node(PathBuf),
}

impl Suite {
    fn file(&self) -> &Path {
        match self {
            Suite::Rust(file) | Suite::Node(file) => file,
        }
    }

    fn level(&self) -> &'static str {
        match self {
            Suite::Rust(_) => "engine",
            Suite::Node(_) => "screens",
        }
    }

    fn run(&self, name: &str, env: &Environment) -> Result<()> {
        match self {
            Suite::Rust(_) => {
                let mut cargo = sh::cargo();
                cargo.args(["test", "--workspace", "--test", name, "--", "--nocapture"]);
                sh::run(cargo.envs(env.iter().cloned()))
            }
            Suite::Node(script) => node(script, env),
        }
    }
}

/// The suite of that name: one file, or one of each kind.
fn find(name: &str) -> Result<Vec<Suite>> {
    let tests = sh::root().join("tests");
    let rust = Suite::Rust(tests.join(format!("suites/{name}.rs")));
    let script = Suite::Node(tests.join(format!("e2e/{name}.mjs")));
    let found: Vec<Suite> = [rust, script].into_iter().filter(|half| half.file().is_file()).collect();
    ensure!(!found.is_empty(), "no suite {name}");
    Ok(found)
}

fn suites() -> Result<Vec<String>> {
    let mut all = names("tests/suites", "rs")?;
    for name in names("tests/e2e", "mjs")?.into_iter().filter(|name| !name.starts_with("bench-")) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    Ok(all)
}

/// The names, without ending, of the files right in a folder of the repository.
pub(crate) fn names(folder: &str, ending: &str) -> Result<Vec<String>> {
    let folder = sh::root().join(folder);
    let files = sh::files(&folder)?.into_iter().filter(|path| path.parent() == Some(&folder));
    let ours = files.filter(|path| path.extension().is_some_and(|have| have == ending));
    Ok(ours.filter_map(|path| Some(path.file_stem()?.to_str()?.to_string())).collect())
}

/// Runs a node suite; its exit code and its last line must agree that nothing failed.
fn node(script: &PathBuf, env: &Environment) -> Result<()> {
    sh::say(&format!("node {}", script.display()));
    let mut child = Command::new("node")
        .arg(script)
        .current_dir(sh::root())
        .envs(env.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut last = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
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

/// What ran, how it went, how long it took, and how much of the time of the cores.
#[derive(Default)]
struct Table {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    outcome: Result<()>,
    seconds: f64,
    /// Of programs that ended within it.
    core_seconds: Option<f64>,
}

impl Table {
    fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let (start, before) = (Instant::now(), core_seconds());
        let outcome = step();
        if let Err(error) = &outcome {
            eprintln!("{name}: {error:#}");
        }
        let core_seconds = core_seconds().zip(before).map(|(after, before)| after - before);
        self.rows.push(Row {
            name: name.to_string(),
            outcome,
            seconds: start.elapsed().as_secs_f64(),
            core_seconds,
        });
    }

    /// The suites, with what some of them need besides.
    fn suites(&mut self, names: &[String], mut env: Environment, build: Build) -> Result<()> {
        if names.iter().any(|name| says(name, browser::FIREFOX)) {
            self.run("Firefox and WebKit", || {
                env.extend(browser::engines()?);
                Ok(())
            });
        }
        // kept to the end: nobody else installs another one meanwhile
        let mut desktop = None;
        if names.iter().any(|name| drives_desktop(name)) {
            self.run("desktop installer", || {
                desktop = Some(installed::desktop(build)?);
                Ok(())
            });
        }
        if let Some(desktop) = &desktop {
            env.extend(desktop.environment());
        }
        for name in names {
            self.suite(name, &env)?;
        }
        Ok(())
    }

    fn suite(&mut self, name: &str, env: &Environment) -> Result<()> {
        let halves = find(name)?;
        for half in &halves {
            let title = if halves.len() > 1 { format!("{name}: {}", half.level()) } else { name.to_string() };
            self.run(&title, || half.run(name, env));
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        println!();
        let mut failed = 0;
        for Row { name, outcome, seconds, core_seconds } in &self.rows {
            let (word, why) = match outcome {
                Ok(()) => ("ok", String::new()),
                Err(error) => {
                    failed += 1;
                    ("FAILED", error.to_string())
                }
            };
            let cores = core_seconds.map(|seconds| format!("{seconds:.0} s of cores")).unwrap_or_default();
            println!(
                "{name:<20} {word:<6} {seconds:>7.1} s  {cores:>16}  {}",
                why.lines().next().unwrap_or_default()
            );
        }
        ensure!(failed == 0, "{failed} of {} failed", self.rows.len());
        Ok(())
    }
}

/// The time of cores that programs have taken which this one started and which ended, and those that they started (Linux).
fn core_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // after the name in brackets, which may hold anything: `cutime` and `cstime`, in hundredths (proc(5))
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let hundredths = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((hundredths(13)? + hundredths(14)?) / 100.0)
}
