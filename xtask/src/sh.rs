//! Running programs, and where things are.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder of the repository, as `./x` says it: this program may have been built where the repository has been moved
/// from, or by another checkout with the same `CARGO_TARGET_DIR`.
pub fn root() -> PathBuf {
    let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf();
    env::var_os("MOORING_ROOT").map_or_else(built_in, PathBuf::from)
}

/// Where cargo builds: `CARGO_TARGET_DIR`, or `target` in the repository.
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Prints the command, runs it in the repository's folder, and fails when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    command.current_dir(root());
    say(&describe(command));
    let status = command.status().with_context(|| format!("cannot start {}", describe(command)))?;
    ensure!(status.success(), "{} failed ({status})", describe(command));
    Ok(())
}

/// The same without a word, unless it fails: then with all that the program said.
pub fn quietly(command: &mut Command) -> Result<()> {
    let output = command
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    if !output.status.success() {
        eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    ensure!(output.status.success(), "{} failed ({})", describe(command), output.status);
    Ok(())
}

/// One line about what is being done.
pub fn say(what: &str) {
    println!("x: {what}");
}

/// A command as one would type it; of the environment, nothing.
fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

/// The cargo that started this program, with a clean environment.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // set by `cargo run` for this program; the builds it starts must not see another environment than plain cargo's
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// The full path of a program on `PATH`.
pub fn which(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// The first 16 hexadecimal digits of the SHA-256 of some bytes.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below `path` (or `path` itself), in a stable order.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry)?);
    }
    Ok(found)
}

/// Takes `name` out of `args` and says whether it was there.
pub fn flag(args: &mut Vec<String>, name: &str) -> bool {
    let before = args.len();
    args.retain(|arg| arg != name);
    args.len() != before
}

/// Takes `name VALUE` or `name=VALUE` out of `args`.
pub fn option(args: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let prefix = format!("{name}=");
    if let Some(at) = args.iter().position(|arg| arg.starts_with(&prefix)) {
        return Ok(Some(args.remove(at)[prefix.len()..].to_string()));
    }
    let Some(at) = args.iter().position(|arg| arg == name) else { return Ok(None) };
    args.remove(at);
    ensure!(args.get(at).is_some_and(|value| !value.starts_with("--")), "{name} needs a value");
    Ok(Some(args.remove(at)))
}

/// Takes `name NUMBER` out of `args`, or gives what stands for it; it must lie in the range.
pub fn number(args: &mut Vec<String>, name: &str, unless: u16, range: RangeInclusive<u16>) -> Result<u16> {
    let Some(text) = option(args, name)? else { return Ok(unless) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.with_context(|| format!("{name} {text}: a number from {} to {}", range.start(), range.end()))
}

/// Fails when arguments are left that nobody took.
pub fn nothing_left(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "unknown argument: {}", args.join(" "));
    Ok(())
}
