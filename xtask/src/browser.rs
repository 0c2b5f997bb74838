//! The browsers that suites drive. Chromium: the one that `MOORING_CHROMIUM` names, one on `PATH`, Debian's package; on Ubuntu,
//! whose package is a snap and cannot be driven, Playwright's. Firefox likewise, without the last, and WebKit's small browser.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::{Context, Result, bail};
use std::{env, fs, path::PathBuf, process::Command};

/// Names the Chromium to drive.
pub const VARIABLE: &str = "MOORING_CHROMIUM";
/// Names the Firefox to drive. A suite with this word is given one, and WebKit's browser.
pub const FIREFOX: &str = "MOORING_FIREFOX";
/// Names the `MiniBrowser` of WebKitGTK to drive.
pub const WEBKIT: &str = "MOORING_WEBKIT";
/// With the libraries that it needs, and without the half of it that has no window.
const INSTALL: [&str; 4] = ["install", "--with-deps", "--no-shell", "chromium"];

/// The Chromium to drive; installed when there is none.
pub fn need() -> Result<PathBuf> {
    if let Some(there) = found() {
        return Ok(there);
    }
    if is_ubuntu(&fs::read_to_string("/etc/os-release").unwrap_or_default()) {
        return playwrights();
    }
    tools::need(&[Kit::Browser])?;
    found().context("chromium is installed and not on PATH")
}

/// `MOORING_CHROMIUM`, or one on `PATH`.
pub fn found() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    named
        .or_else(|| ["chromium", "google-chrome", "chromium-browser"].iter().find_map(|name| sh::which(name)))
}

/// Firefox and WebKit's browser, as suites find them in their environment; installed when there are none.
///
/// # Errors
///
/// When one is neither there nor can be installed.
pub fn engines() -> Result<[(&'static str, PathBuf); 2]> {
    if firefox().is_none() && is_ubuntu(&fs::read_to_string("/etc/os-release").unwrap_or_default()) {
        bail!(
            "Ubuntu's Firefox is a snap, which cannot be driven: install Mozilla's and name it with {FIREFOX}"
        );
    }
    tools::need(&[Kit::Engines])?;
    let firefox = firefox().context("Firefox is installed and not on PATH")?;
    let webkit = minibrowser().context("WebKit is installed, and its MiniBrowser is not found")?;
    Ok([(FIREFOX, firefox), (WEBKIT, webkit)])
}

/// `MOORING_FIREFOX`, or one on `PATH`; what Ubuntu has there under the plain name is a snap.
pub fn firefox() -> Option<PathBuf> {
    let plain = sh::which("firefox").filter(|path| !fs::read(path).is_ok_and(|text| names_a_snap(&text)));
    env::var_os(FIREFOX).map(PathBuf::from).or_else(|| sh::which("firefox-esr")).or(plain)
}

/// Whether a program is a script that starts a snap, or tells how to get one.
fn names_a_snap(program: &[u8]) -> bool {
    program.starts_with(b"#!") && program.windows(5).any(|word| word == b"/snap")
}

/// `MOORING_WEBKIT`, or the system's: a program of the library, which is on no `PATH`.
pub fn minibrowser() -> Option<PathBuf> {
    let libraries = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all =
        libraries.chain([PathBuf::from("/usr/libexec")]).map(|dir| dir.join("webkit2gtk-4.1/MiniBrowser"));
    env::var_os(WEBKIT).map(PathBuf::from).or_else(|| all.find(|path| path.is_file()))
}

fn is_ubuntu(os_release: &str) -> bool {
    os_release.lines().any(|line| line == "ID=ubuntu" || line == "ID=\"ubuntu\"")
}

/// The one that belongs to the Playwright of the lock file, in its own folder below the home folder.
fn playwrights() -> Result<PathBuf> {
    tools::npm()?;
    let program = sh::root().join("node_modules/.bin/playwright-core");
    let ask = "process.stdout.write(require('playwright-core').chromium.executablePath())";
    let output = Command::new("node").current_dir(sh::root()).args(["-e", ask]).output()?;
    let chromium =
        PathBuf::from(String::from_utf8(output.stdout).context("the path of Playwright's Chromium")?);
    if !chromium.is_file() {
        if !tools::may_install() {
            bail!(
                "the libraries of a Chromium take root. Run this once, then the same command again:\n  \
                 npx playwright-core {}\nor name another one with {VARIABLE}",
                INSTALL.join(" ")
            );
        }
        sh::say(
            "fetching Playwright's Chromium for driving a browser in tests: Ubuntu's own cannot be driven",
        );
        sh::run(Command::new(program).current_dir(sh::root()).args(INSTALL)).with_context(|| {
            format!("no Chromium to drive; install Google Chrome, or name another one with {VARIABLE}")
        })?;
    }
    Ok(chromium)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snap_is_told_from_a_program() {
        assert!(names_a_snap(b"#!/bin/sh\nexec /snap/bin/firefox \"$@\"\n"));
        assert!(!names_a_snap(b"#!/bin/sh\nexec /usr/lib/firefox/firefox \"$@\"\n"));
        assert!(!names_a_snap(b"\x7fELF /snap"));
        assert!(!names_a_snap(b""));
    }

    #[test]
    fn ubuntu_is_told_from_what_is_like_it() {
        assert!(is_ubuntu("PRETTY_NAME=\"Ubuntu 24.04 LTS\"\nID=ubuntu\nID_LIKE=debian\n"));
        assert!(!is_ubuntu("ID=debian\n"));
        assert!(!is_ubuntu("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_ubuntu(""));
    }
}
