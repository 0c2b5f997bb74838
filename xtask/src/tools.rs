//! Installs what a command needs and the machine lacks.
//!
//! Presence is looked up on disk (a second start costs nothing); what is missing comes from apt, as root or through
//! a sudo that asks nothing. Where neither is possible, the one command to run is printed.

use crate::sh;
use anyhow::{Context, Result, bail, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A set of programs and libraries that belong to one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kit {
    /// node and npm.
    Node,
    /// Building the desktop shell.
    Desktop,
    /// Driving the desktop shell and looking at it.
    DesktopTests,
    /// A Chromium that tests can drive.
    Browser,
    /// Java and Maven.
    Cassandra,
    /// Drawing the icons.
    Icons,
}

/// How to see that something is there.
enum Sign {
    Program(&'static str),
    PkgConfig(&'static str),
    Found(fn() -> bool),
}

impl Kit {
    fn parts(self) -> &'static [(Sign, &'static str)] {
        use Sign::{Found, PkgConfig, Program};
        match self {
            Kit::Node => &[(Program("node"), "nodejs"), (Program("npm"), "npm")],
            Kit::Desktop => &[
                (Program("cc"), "build-essential"),
                (Program("pkg-config"), "pkg-config"),
                (Program("file"), "file"),
                (PkgConfig("webkit2gtk-4.1"), "libwebkit2gtk-4.1-dev"),
                (PkgConfig("librsvg-2.0"), "librsvg2-dev"),
                (PkgConfig("ayatana-appindicator3-0.1"), "libayatana-appindicator3-dev"),
                (Found(|| Path::new("/usr/include/xdo.h").is_file()), "libxdo-dev"),
                (PkgConfig("openssl"), "libssl-dev"),
            ],
            Kit::DesktopTests => &[
                (Program("WebKitWebDriver"), "webkit2gtk-driver"),
                (Program("xvfb-run"), "xvfb"),
                (Program("xauth"), "xauth"),
                (Program("dbus-daemon"), "dbus"),
                (Program("dbus-launch"), "dbus-x11"),
                (Program("convert"), "imagemagick"),
            ],
            Kit::Browser => &[(Found(|| chromium().is_some()), "chromium")],
            Kit::Cassandra => {
                &[(Found(|| java().is_some()), "openjdk-17-jre-headless"), (Program("mvn"), "maven")]
            }
            Kit::Icons => &[(Program("rsvg-convert"), "librsvg2-bin")],
        }
    }
}

impl Sign {
    fn present(&self) -> bool {
        match self {
            Sign::Program(name) => sh::which(name).is_some(),
            Sign::PkgConfig(name) => pkg_config_file(name),
            Sign::Found(look) => look(),
        }
    }
}

/// Makes sure that everything in `kits` is there.
pub fn need(kits: &[Kit]) -> Result<()> {
    let missing = |kits: &[Kit]| -> Vec<&'static str> {
        kits.iter()
            .flat_map(|kit| kit.parts())
            .filter(|(sign, _)| !sign.present())
            .map(|(_, package)| *package)
            .collect()
    };
    let packages = missing(kits);
    if packages.is_empty() {
        return Ok(());
    }
    apt(&packages)?;
    let left = missing(kits);
    ensure!(left.is_empty(), "installed, but not found afterwards: {}", left.join(" "));
    Ok(())
}

/// Installs Debian packages.
pub fn apt(packages: &[&str]) -> Result<()> {
    ensure!(
        sh::which("apt-get").is_some(),
        "this needs what Debian calls {}; install it, then run the command again",
        packages.join(" ")
    );
    sh::say(&format!("installing {}", packages.join(" ")));
    as_root(&format!(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {}",
        packages.join(" ")
    ))
}

/// Runs a shell command as root, or stops with the command for a person to run.
pub fn as_root(script: &str) -> Result<()> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("sh")
    } else if Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|out| out.status.success()) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        bail!("this needs root. Run this once, then the same command again:\n  sudo sh -c \"{script}\"");
    };
    let status = command.args(["-c", script]).status()?;
    ensure!(status.success(), "failed: {script}");
    Ok(())
}

/// The npm packages of the lock file, in `node_modules`.
pub fn npm() -> Result<()> {
    need(&[Kit::Node])?;
    let root = sh::root();
    let lock = fs::read(root.join("package-lock.json")).context("package-lock.json")?;
    let stamp = root.join("node_modules/.mooring-lock");
    let wanted = sh::hash(&lock);
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    sh::run(Command::new("npm").args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]))?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// The Chromium to drive: `MOORING_CHROMIUM`, or one on `PATH`.
pub fn chromium() -> Option<PathBuf> {
    env::var_os("MOORING_CHROMIUM")
        .map(PathBuf::from)
        .or_else(|| ["chromium", "google-chrome", "chromium-browser"].iter().find_map(|name| sh::which(name)))
}

/// A Java that Apache Cassandra 5.0 runs on (17 or 11), whatever `java` on `PATH` may be.
pub fn java() -> Option<PathBuf> {
    let home = env::var_os("JAVA_HOME").map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    home.into_iter()
        .chain(installed)
        .filter(|dir| {
            let release = fs::read_to_string(dir.join("release")).unwrap_or_default();
            release.lines().any(|line| {
                line.strip_prefix("JAVA_VERSION=\"")
                    .is_some_and(|v| v.starts_with("17.") || v.starts_with("11."))
            })
        })
        .map(|dir| dir.join("bin/java"))
        .find(|java| java.is_file())
}

fn pkg_config_file(name: &str) -> bool {
    let file = format!("{name}.pc");
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let own = env::var_os("PKG_CONFIG_PATH").unwrap_or_default();
    multiarch
        .chain(["/usr/lib", "/usr/share", "/usr/local/lib", "/usr/local/share"].iter().map(PathBuf::from))
        .map(|dir| dir.join("pkgconfig"))
        .chain(env::split_paths(&own))
        .any(|dir: PathBuf| Path::new(&dir).join(&file).is_file())
}
