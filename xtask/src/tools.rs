//! Installs what a command needs and the machine lacks.
//!
//! Presence is looked up on disk (a second start costs nothing); what is missing comes from apt, as root or through
//! a sudo that asks nothing. Where neither is possible, the one command to run is printed.

use crate::{browser, sh};
use anyhow::{Context, Result, bail, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Debian 12's. An older one lacks what playwright and the suites use.
const OLDEST_NODE: u32 = 18;

/// A set of programs and libraries that belong to one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kit {
    /// node and npm.
    Node,
    /// Debian's compiler for wasm, where rustup cannot have the target.
    DebianWasm,
    /// Building the desktop shell.
    Desktop,
    /// Driving the desktop shell and looking at it.
    DesktopTests,
    /// A Chromium that tests can drive.
    Browser,
    /// The other engines that people browse with, and what drives and shows them.
    Engines,
    /// Java and Maven.
    Cassandra,
    /// Drawing the icons.
    Icons,
    /// Building libFuzzer.
    Fuzz,
    /// Making calls to the kernel fail.
    Faults,
    /// Programs from PyPI.
    Python,
}

/// How to see that something is there.
enum Sign {
    Program(&'static str),
    PkgConfig(&'static str),
    Found(fn() -> bool),
}

impl Kit {
    /// As a person reads it after "is needed for".
    fn purpose(self) -> &'static str {
        match self {
            Kit::Node => "building the screens (node 18 or later)",
            Kit::DebianWasm => "compiling the screens for browsers",
            Kit::Desktop => "building the desktop app",
            Kit::DesktopTests => "driving the desktop app in tests",
            Kit::Browser => "driving a browser in tests (MOORING_CHROMIUM names another one)",
            Kit::Engines => {
                "driving Firefox and WebKit in tests (MOORING_FIREFOX, MOORING_WEBKIT name others)"
            }
            Kit::Cassandra => "Apache Cassandra (Java 17 or 11; JAVA_HOME names another one)",
            Kit::Icons => "drawing the icons",
            Kit::Fuzz => "building libFuzzer",
            Kit::Faults => "tests in which calls to the kernel fail",
            Kit::Python => "tests by programs in Python",
        }
    }

    fn parts(self) -> &'static [(Sign, &'static str)] {
        use Sign::{Found, PkgConfig, Program};
        match self {
            Kit::Node => &[(Found(node), "nodejs"), (Program("npm"), "npm")],
            // rust-lld is a link into lld-22, on which its package does not depend
            Kit::DebianWasm => &[
                (Found(|| Path::new("/usr/bin/cargo").is_file()), "cargo-web"),
                (Found(|| Path::new("/usr/bin/rustc").is_file()), "rustc-web"),
                (Found(|| Path::new("/usr/bin/cargo-clippy").is_file()), "rust-web-clippy"),
                (Found(|| Path::new("/usr/lib/rustlib/src/rust/library").is_dir()), "rust-web-src"),
                (Found(|| fs::symlink_metadata("/usr/bin/rust-lld").is_ok()), "rust-web-llvm"),
                (Found(|| Path::new("/usr/bin/rust-lld").exists()), "lld-22"),
            ],
            // elsewhere the system brings the web view
            Kit::Desktop if !cfg!(target_os = "linux") => &[],
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
                (Program("Xvfb"), "xvfb"),
                (Program("dbus-daemon"), "dbus"),
                (Program("dbus-launch"), "dbus-x11"),
                (Program("desktop-file-validate"), "desktop-file-utils"),
                (Program("gnome-keyring-daemon"), "gnome-keyring"),
            ],
            Kit::Browser => &[(Found(|| browser::found().is_some()), "chromium")],
            Kit::Engines => &[
                (Found(|| browser::firefox().is_some()), "firefox-esr"),
                (Found(|| browser::minibrowser().is_some()), "libwebkit2gtk-4.1-0"),
                (Program("WebKitWebDriver"), "webkit2gtk-driver"),
                (Program("Xvfb"), "xvfb"),
            ],
            Kit::Cassandra => {
                &[(Found(|| java().is_some()), "openjdk-17-jre-headless"), (Program("mvn"), "maven")]
            }
            Kit::Icons => &[(Program("rsvg-convert"), "librsvg2-bin")],
            Kit::Fuzz => &[
                (Program("c++"), "build-essential"),
                (Program("pkg-config"), "pkg-config"),
                (PkgConfig("openssl"), "libssl-dev"),
            ],
            Kit::Faults if !cfg!(target_os = "linux") => &[],
            Kit::Faults => &[(Program("strace"), "strace")],
            Kit::Python => &[(Found(python_venv), "python3-venv")],
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
    let missing = |kit: Kit| -> Vec<&'static str> {
        kit.parts().iter().filter(|(sign, _)| !sign.present()).map(|(_, package)| *package).collect()
    };
    let lacking: Vec<Kit> = kits.iter().copied().filter(|kit| !missing(*kit).is_empty()).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    for kit in &lacking {
        sh::say(&format!("{} needed for {}", missing(*kit).join(" "), kit.purpose()));
    }
    apt(&lacking.iter().flat_map(|kit| missing(*kit)).collect::<Vec<_>>())?;
    for kit in lacking {
        let left = missing(kit);
        ensure!(left.is_empty(), "{} installed, but {} does not find it", left.join(" "), kit.purpose());
    }
    Ok(())
}

/// Installs Debian packages as root, or stops with the command for a person to run.
fn apt(packages: &[&str]) -> Result<()> {
    let packages = packages.join(" ");
    ensure!(
        sh::which("apt-get").is_some(),
        "install what Debian calls {packages}, then run the same command again"
    );
    let install = "apt-get install -y -qq --no-install-recommends";
    let script = format!("apt-get update -qq && DEBIAN_FRONTEND=noninteractive {install} {packages}");
    if !may_install() {
        bail!(
            "installing takes root. Run this once, then the same command again:\n  \
             sudo apt-get install --no-install-recommends {packages}"
        );
    }
    let mut command = if is_root() {
        Command::new("sh")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    };
    sh::say(&format!("installing {packages}"));
    sh::quietly(command.args(["-c", &script]))
}

/// Whether packages can be installed without asking a person: as root, or through a sudo that asks nothing.
pub fn may_install() -> bool {
    is_root() || Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|out| out.status.success())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
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

/// Whether there is a node that npm's packages and the suites run on.
fn node() -> bool {
    let version = Command::new("node").arg("--version").output().map(|output| output.stdout);
    let version = version.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= OLDEST_NODE)
}

/// A Java that Apache Cassandra 5.0 runs on (17 or 11), whatever `java` on `PATH` may be.
pub fn java() -> Option<PathBuf> {
    let home = env::var_os("JAVA_HOME").map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    home.into_iter()
        .chain(installed)
        .filter(|dir| fits_cassandra(&fs::read_to_string(dir.join("release")).unwrap_or_default()))
        .map(|dir| dir.join("bin/java"))
        .find(|java| java.is_file())
}

/// Whether the `release` file of a Java installation names a version that Cassandra takes.
fn fits_cassandra(release: &str) -> bool {
    let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""));
    version
        .is_some_and(|version| ["17", "11"].contains(&version.split(['.', '"']).next().unwrap_or_default()))
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

/// Whether python can make a folder of packages: Debian has that apart, for its own python.
fn python_venv() -> bool {
    let has_pip = Command::new("python3").args(["-c", "import ensurepip"]).output();
    has_pip.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cassandra_takes_java_17_and_11_only() {
        for (version, fits) in [
            ("17.0.17", true),
            ("17", true),
            ("11.0.2", true),
            ("21.0.3", false),
            ("1.8.0_392", false),
            ("1", false),
        ] {
            let release = format!("IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"{version}\"\nOS_NAME=\"Linux\"\n");
            assert_eq!(fits_cassandra(&release), fits, "{version}");
        }
        assert!(!fits_cassandra(""));
    }
}
