//! `./x test [--release] [SUITE...]`: everything, or some suites.
//!
//! `sim` is built for speed: it runs as many seeds as fit the time.
//! A suite is a Rust test `tests/suites/NAME.rs` of the tests package, or a node script `tests/e2e/NAME.mjs` that
//! ends with `N passed, N failed` alone on a line, or both: below the screens, then on them. A new file is a new suite;
//! `long-NAME` runs only when named. What fails does not stop the others; a table ends the run.

mod suite;
mod table;

use crate::{
    browser,
    bundle::Build,
    cassandra,
    installed::{self, Desktop},
    lint, server_package, sh,
    tools::{self, Kit},
    ui,
};
use anyhow::{Result, ensure};
use std::{collections::BTreeSet, fs};
pub use suite::Environment;
use suite::{drives_desktop, says, suites, wants_to_be_alone};
use table::Table;

/// Of these, `tests/*.rs` are the crate's own tests.
const CRATES: [&str; 7] = ["sync-protocol", "sync-client", "sync-server", "ui", "src-tauri", "cli", "xtask"];

/// Programs that suites start.
const PROGRAMS: [&str; 4] = ["mooring-server", "mooring-cli", "mooring", "xtask"];

/// Without names: lint, the crates' own tests, then every suite that a full run has. With `--release` the desktop app that
/// they drive is built as people get it, which takes minutes.
pub fn command(mut args: Vec<String>) -> Result<()> {
    let build = if sh::flag(&mut args, "--release") { Build::Release } else { Build::Dev };
    let all = suites()?;
    for name in &args {
        ensure!(all.contains(name), "no suite {name}; there are: {}", all.join(" "));
    }
    let mut table = Table::begin()?;
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
        if let Some(mut env) = env {
            // kept to the end: nobody else installs another one meanwhile
            let _desktop = further(&mut table, &names, &mut env, build);
            table.suites(&names, &env)?;
        }
    }
    table.finish()
}

/// Builds and installs what suites need, and tells where it is.
fn environment() -> Result<Environment> {
    tools::need(&[Kit::Desktop, Kit::DesktopTests, Kit::Faults])?;
    let mut env = browser_environment()?;
    // The package set of the other steps, and with an example the features that `cargo test` chooses (those of
    // dev-dependencies too): otherwise half of the dependencies would be built a second time.
    let programs = PROGRAMS.map(|name| ["--bin", name]).concat();
    sh::run(
        sh::cargo().args(["build", "--quiet", "--workspace", "--example", "desktop_peer"]).args(programs),
    )?;
    env.push(("MOORING_SERVER", sh::target_dir().join("debug/mooring-server")));
    env.push(("MOORING_CLI", sh::target_dir().join("debug/mooring-cli")));
    // Cassandra's nodes: one that lives for a minute does not get back what Java spends on compiling it well
    env.push(("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1".into()));
    // nothing of a test is kept among the keys of whoever runs it
    env.push(("MOORING_KEY_STORE", "off".into()));
    Ok(env)
}

/// What only some suites need besides.
fn further(table: &mut Table, names: &[String], env: &mut Environment, build: Build) -> Option<Desktop> {
    if names.iter().any(|name| says(name, browser::FIREFOX)) {
        table.run("Firefox and WebKit", || {
            env.extend(browser::engines()?);
            Ok(())
        });
    }
    if names.iter().any(|name| says(name, server_package::VARIABLE)) {
        table.run("the server's package", || {
            env.push((server_package::VARIABLE, server_package::make(Build::Dev)?));
            Ok(())
        });
    }
    let mut desktop = None;
    if names.iter().any(|name| drives_desktop(name)) {
        table.run("desktop installer", || {
            desktop = Some(installed::desktop(build)?);
            Ok(())
        });
    }
    env.extend(desktop.iter().flat_map(Desktop::environment));
    desktop
}

/// Whether a whole run has this suite: one about the desktop app's package makes no sense where none is made.
fn about_what_is_made(suite: &String) -> bool {
    let left_out = installed::somebodys_own() && wants_to_be_alone(suite);
    if left_out {
        sh::say(&format!("{suite} is left out: {} is set, no package is made", installed::VARIABLE));
    }
    !left_out
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
    own.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
    let mut tests = BTreeSet::new();
    for package in CRATES {
        tests.extend(own_tests(package)?);
    }
    for name in &tests {
        own.args(["--test", name]);
    }
    sh::run(&mut own)?;
    sh::run(sh::cargo().args(["test", "--workspace", "--doc"]))
}

/// A package's integration tests: `all` where it is one program, else the files of its `tests` folder, and folders there
/// with a `main.rs`.
fn own_tests(package: &str) -> Result<Vec<String>> {
    let folder = format!("{package}/tests");
    let mut all = names(&folder, "rs")?;
    if all.iter().any(|name| name == "all") {
        let program = fs::read_to_string(sh::root().join(&folder).join("all.rs"))?;
        for name in all.iter().filter(|name| *name != "all") {
            ensure!(
                program.contains(&format!("\nmod {name};")),
                "{folder}/{name}.rs is not run: all.rs does not name it"
            );
        }
        return Ok(vec!["all".into()]);
    }
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

/// The names, without ending, of the files right in a folder of the repository.
pub(crate) fn names(folder: &str, ending: &str) -> Result<Vec<String>> {
    let folder = sh::root().join(folder);
    let files = sh::files(&folder)?.into_iter().filter(|path| path.parent() == Some(&folder));
    let ours = files.filter(|path| path.extension().is_some_and(|have| have == ending));
    Ok(ours.filter_map(|path| Some(path.file_stem()?.to_str()?.to_string())).collect())
}
