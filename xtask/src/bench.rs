//! `./x bench [NAME]`: measurements. Each is `tests/e2e/bench-NAME.mjs` or a program `bench-NAME` of the tests package,
//! and leaves its figures in `target/bench/NAME.json`.

use crate::{
    bundle::Build,
    installed, package, run, sh, test,
    tools::{self, Kit},
};
use anyhow::{Result, ensure};
use std::{fs, path::PathBuf, process::Command};

/// The variable by which a measurement is told where the npm package is.
const PACKAGE: &str = "MOORING_PACKAGE";

/// Runs one measurement, or all of them.
pub fn command(args: &[String]) -> Result<()> {
    let all = names()?;
    let wanted: Vec<&String> = if args.is_empty() { all.iter().collect() } else { args.iter().collect() };
    for name in &wanted {
        ensure!(all.contains(name), "no measurement {name}; there are: {}", all.join(" "));
    }
    ensure!(!wanted.is_empty(), "there are no measurements yet");
    let mut env = test::browser_environment()?;
    env.push(("MOORING_SERVER", run::server()?));
    let says = |name: &str, word| fs::read_to_string(script(name)).is_ok_and(|text| text.contains(word));
    // only where it is measured: it takes a minute to build
    if wanted.iter().any(|name| says(name, PACKAGE)) {
        env.push((PACKAGE, package::build()?));
    }
    let mut desktop = None;
    if wanted
        .iter()
        .any(|name| [installed::VARIABLE, installed::PACKAGE_VARIABLE].iter().any(|word| says(name, *word)))
    {
        tools::need(&[Kit::Desktop, Kit::DesktopTests])?;
        // the window's peer
        sh::run(sh::cargo().args(["build", "--quiet", "--workspace", "--bins", "--examples"]))?;
        let built = installed::desktop(Build::Release)?;
        env.extend(built.environment());
        desktop = Some(built);
    }
    let out = sh::target_dir().join("bench");
    fs::create_dir_all(&out)?;
    let cores = std::thread::available_parallelism()?;
    for name in wanted {
        let json = out.join(format!("{name}.json"));
        let script = script(name);
        let mut command = if script.is_file() {
            let mut node = Command::new("node");
            node.arg(script);
            node
        } else {
            let mut cargo = sh::cargo();
            cargo.args(["run", "--release", "--package", "mooring-tests", "--bin", &format!("bench-{name}")]);
            cargo
        };
        sh::say(&format!("measuring {name} on {} with {cores} cores", cpu()));
        sh::run(command.envs(env.clone()).env("MOORING_BENCH_JSON", &json))?;
        match fs::read_to_string(&json) {
            Ok(figures) => println!("{}\n{figures}", json.display()),
            Err(_) => sh::say(&format!("{name} left no {}", json.display())),
        }
    }
    // until here nobody else installs another one
    drop(desktop);
    Ok(())
}

/// A measurement in JavaScript; there may be none of that name.
fn script(name: &str) -> PathBuf {
    sh::root().join(format!("tests/e2e/bench-{name}.mjs"))
}

/// The measurements there are.
fn names() -> Result<Vec<String>> {
    let mut files = test::names("tests/e2e", "mjs")?;
    files.extend(test::names("tests/src/bin", "rs")?);
    Ok(files.iter().filter_map(|name| name.strip_prefix("bench-").map(str::to_string)).collect())
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_string())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_string())
}
