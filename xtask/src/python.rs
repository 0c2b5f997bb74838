//! Packages from PyPI, each in a folder of its own below `target/tools`.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::Result;
use std::{fs, path::PathBuf, process::Command};

/// A folder in whose `bin` Python finds that version of a package; fetched when it is not there.
///
/// # Errors
/// Where Python is missing and cannot be installed, or PyPI does not give the package.
pub fn with(package: &str, version: &str) -> Result<PathBuf> {
    tools::need(&[Kit::Python])?;
    let tools = sh::target_dir().join("tools");
    let (home, stamp) = (tools.join(package), tools.join(format!("{package}.version")));
    fs::create_dir_all(&tools)?;
    // one fetch at a time; released when dropped
    let lock = fs::File::create(tools.join(format!("{package}.lock")))?;
    lock.lock()?;
    if fs::read_to_string(&stamp).is_ok_and(|have| have == version) && home.join("bin/python").exists() {
        return Ok(home);
    }
    sh::say(&format!("fetching {package} {version} from PyPI (once)"));
    sh::quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    let package = format!("{package}=={version}");
    sh::quietly(Command::new(home.join("bin/pip")).args(["install", "--quiet", &package]))?;
    fs::write(stamp, version)?;
    Ok(home)
}
