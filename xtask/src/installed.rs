//! The desktop app as a person has it: a .deb, installed on this system. The suites drive it.

use crate::{
    bundle::{self, Build},
    sh,
    test::Environment,
};
use anyhow::{Context, Result, ensure};
use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::Command,
};

/// Names the program that suites drive. Set by a person, it is that person's own build, and no package is made.
pub const VARIABLE: &str = "MOORING_DESKTOP";
/// Names the package that the program came from.
pub const PACKAGE_VARIABLE: &str = "MOORING_DESKTOP_PACKAGE";
/// Held by the test run that has its package installed.
const LOCK: &str = "/run/lock/mooring-installed.lock";

/// A desktop app to drive.
#[derive(Debug)]
pub struct Desktop {
    program: PathBuf,
    package: Option<PathBuf>,
    /// While it lives, no other checkout's tests install theirs.
    _lock: Option<File>,
}

impl Desktop {
    /// What suites find in their environment.
    pub fn environment(&self) -> Environment {
        let mut env = vec![(VARIABLE, self.program.clone())];
        env.extend(self.package.clone().map(|package| (PACKAGE_VARIABLE, package)));
        env
    }
}

/// Whether a person has named a build for suites to drive.
pub fn somebodys_own() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// Makes the package and installs it, where that may be done; unpacks it elsewhere.
pub fn desktop(build: Build) -> Result<Desktop> {
    if let Some(own) = env::var_os(VARIABLE) {
        let program = sh::root().join(own);
        ensure!(program.is_file(), "{VARIABLE} names {}, which is no file", program.display());
        sh::say(&format!("the suites drive {}", program.display()));
        return Ok(Desktop { program, package: None, _lock: None });
    }
    for tool in ["dpkg-deb", "apt-get"] {
        ensure!(
            sh::which(tool).is_some(),
            "the suites drive the desktop app's .deb, and this system has no {tool}. Let them drive a build of yours: \
             cargo build --package mooring-desktop, then set {VARIABLE}=target/debug/mooring"
        );
    }
    let package = bundle::package("deb", build)?;
    let content = unpack(&package)?;
    let unpacked = content.join("usr/bin/mooring");
    let why_not = if !rustix::process::geteuid().is_root() {
        "installing it takes root"
    } else if let Some(lock) = lock()? {
        install(&package, &content)?;
        return Ok(Desktop { program: "/usr/bin/mooring".into(), package: Some(package), _lock: Some(lock) });
    } else {
        "another checkout's tests have theirs installed just now"
    };
    sh::say(&format!("the suites drive the package's content in {}: {why_not}", content.display()));
    Ok(Desktop { program: unpacked, package: Some(package), _lock: None })
}

/// The package's files, in a folder of their own.
fn unpack(package: &Path) -> Result<PathBuf> {
    let folder = sh::target_dir().join("desktop-unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    sh::quietly(Command::new("dpkg-deb").arg("-x").arg(package).arg(&folder))?;
    Ok(folder)
}

/// Installs the package with its dependencies, unless exactly its files are installed.
fn install(package: &Path, content: &Path) -> Result<()> {
    if is_installed(content)? {
        sh::say("this package is installed already");
        return Ok(());
    }
    sh::say(&format!("installing {} (apt-get remove mooring takes it away)", package.display()));
    sh::quietly(
        Command::new("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends", "--reinstall", "--allow-downgrades"])
            // the user it would otherwise read the file as may not come near a checkout
            .args(["-o", "APT::Sandbox::User=root"])
            .arg(package)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    ensure!(is_installed(content)?, "apt-get installed the package, and its files are not there");
    Ok(())
}

fn is_installed(content: &Path) -> Result<bool> {
    let known = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", "mooring"]).output()?;
    if known.stdout != b"installed" {
        return Ok(false);
    }
    for file in sh::files(content)? {
        let there = Path::new("/").join(file.strip_prefix(content)?);
        if !fs::read(&there).is_ok_and(|bytes| fs::read(&file).is_ok_and(|own| own == bytes)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The right to install on this system, or nothing while another run has it. Freed when the file is closed.
fn lock() -> Result<Option<File>> {
    let file = File::create(LOCK).context(LOCK)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context(LOCK),
    }
}
