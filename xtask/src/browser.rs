//! The Chromium that suites drive: the one that `MOORING_CHROMIUM` names, one on `PATH`, Debian's package; on Ubuntu, whose
//! package is a snap and cannot be driven, Playwright's.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::{Context, Result, bail};
use std::{env, fs, path::PathBuf, process::Command};

/// Names the Chromium to drive.
pub const VARIABLE: &str = "MOORING_CHROMIUM";
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
    fn ubuntu_is_told_from_what_is_like_it() {
        assert!(is_ubuntu("PRETTY_NAME=\"Ubuntu 24.04 LTS\"\nID=ubuntu\nID_LIKE=debian\n"));
        assert!(!is_ubuntu("ID=debian\n"));
        assert!(!is_ubuntu("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_ubuntu(""));
    }
}
