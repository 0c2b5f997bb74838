//! Makes the nth call of one kind fail that a running process makes to its kernel about one file: by strace, which sees
//! every call and can answer it in the kernel's place.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// What changes a file or brings it to the disk, with what such a call fails with.
const CALLS: [(&str, &str); 11] = [
    ("write", "ENOSPC"),
    ("writev", "ENOSPC"),
    ("pwrite64", "ENOSPC"),
    ("pwritev", "ENOSPC"),
    ("openat", "ENOSPC"),
    ("ftruncate", "EIO"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("sync_file_range", "EIO"),
    ("rename", "EIO"),
    ("unlink", "EIO"),
];

/// The call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Its name.
    pub call: &'static str,
    /// Counted per thread, from 1.
    pub nth: usize,
}

/// A call that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// About which of the files.
    pub file: usize,
    /// Which.
    pub call: Fault,
    /// Whether it was made to fail.
    pub failed: bool,
}

/// One strace on one process.
pub struct Watch {
    strace: Child,
    /// Kept open: strace ends where nobody listens.
    _says: BufReader<ChildStderr>,
    log: PathBuf,
    files: Vec<PathBuf>,
}

/// Whether this machine lets one program watch another: not every container does. Says so where it does not.
pub fn is_possible() -> bool {
    let probe = Command::new("strace").args(["-e", "trace=none", "true"]).output();
    let possible = probe.is_ok_and(|output| output.status.success());
    if !possible {
        println!("NOT tried: there is no strace here, or it may not watch");
    }
    possible
}

impl Watch {
    /// Watches all threads of a process from now on; only what it does with these files counts.
    pub fn begin(pid: u32, files: &[PathBuf], fault: Option<Fault>, log: &Path) -> Result<Self> {
        let names = CALLS.map(|(name, _)| name).join(",");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-e", &format!("trace={names}"), "-o"]).arg(log);
        for file in files {
            command.arg("-P").arg(file);
        }
        if let Some(Fault { call, nth }) = fault {
            let error = CALLS.iter().find(|(name, _)| *name == call).context("a call that can fail")?.1;
            command.args(["-e", &format!("inject={call}:error={error}:when={nth}")]);
        }
        command.args(["-p", &pid.to_string()]);
        let mut strace = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let mut says = BufReader::new(strace.stderr.take().context("stderr is piped")?);
        says.read_line(&mut line)?;
        ensure!(line.contains("attached"), "strace: {line}");
        Ok(Self { strace, _says: says, log: log.to_owned(), files: files.to_owned() })
    }

    /// Lets go of the process: the calls it made, in order.
    pub fn end(mut self) -> Result<Vec<Seen>> {
        Command::new("kill").args(["-INT", &self.strace.id().to_string()]).status()?;
        self.strace.wait()?;
        let text = std::fs::read_to_string(&self.log)?;
        let mut counts = std::collections::BTreeMap::new();
        let mut calls = Vec::new();
        for line in text.lines().filter(|line| !line.contains(" resumed>")) {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let name = rest.trim_start().split('(').next().unwrap_or_default();
            let Some((call, _)) = CALLS.iter().find(|(known, _)| *known == name) else { continue };
            let Some(file) = self.about(rest) else { continue };
            let nth = counts.entry((thread, file, *call)).or_insert(0);
            *nth += 1;
            calls.push(Seen { file, call: Fault { call, nth: *nth }, failed: line.contains("(INJECTED)") });
        }
        Ok(calls)
    }

    /// The file of which a line speaks: as `<path>` behind its number, or as a text.
    fn about(&self, line: &str) -> Option<usize> {
        let named = |file: &Path| {
            let file = file.display();
            line.contains(&format!("<{file}>")) || line.contains(&format!("\"{file}\""))
        };
        self.files.iter().position(|file| named(file))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.strace.kill());
        drop(self.strace.wait());
    }
}
