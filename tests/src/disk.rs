//! Disks without room, for processes of their own. Two ways: a limit on the size of a process's files, which works
//! everywhere, and a small file system in a namespace, which is the real thing and which not every kernel lets us make.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A folder for one process, and how to take the room from it.
pub enum Room {
    /// By the size that its files may have.
    Limit(PathBuf),
    /// By filling the file system.
    Small(Small),
}

impl Room {
    /// The folder as the process sees it.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Limit(folder) => folder,
            Self::Small(small) => &small.folder,
        }
    }

    /// The folder as this process sees it.
    pub fn outside(&self) -> PathBuf {
        match self {
            Self::Limit(folder) => folder.clone(),
            Self::Small(small) => small.outside(),
        }
    }

    /// Put in front of the process's command line.
    pub fn enter(&self) -> Vec<String> {
        match self {
            Self::Limit(_) => survives_limit(),
            Self::Small(small) => small.enter(),
        }
    }

    /// From now on there is no room.
    pub fn fill(&self, pid: u32) -> Result<()> {
        match self {
            Self::Limit(folder) => limit(pid, Some(largest(folder)?)),
            Self::Small(small) => small.fill(),
        }
    }

    /// There is room again.
    pub fn free(&self, pid: u32) -> Result<()> {
        match self {
            Self::Limit(_) => limit(pid, None),
            Self::Small(small) => small.free(),
        }
    }
}

/// Put in front of a command line: going beyond the limit on a file's size is an error to the process, not its end.
fn survives_limit() -> Vec<String> {
    ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"].map(String::from).into()
}

/// No file of that process may grow beyond so many bytes; `None` lets them grow again.
fn limit(pid: u32, bytes: Option<u64>) -> Result<()> {
    let soft = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let status = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--fsize={soft}:unlimited")])
        .status()
        .context("prlimit of util-linux")?;
    ensure!(status.success(), "the limit of process {pid} cannot be set");
    Ok(())
}

/// The size of the largest file in a folder and below.
fn largest(folder: &Path) -> Result<u64> {
    let mut most = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let size =
            if entry.file_type()?.is_dir() { largest(&entry.path())? } else { entry.metadata()?.len() };
        most = most.max(size);
    }
    Ok(most)
}

/// A file system of some megabytes, in a namespace of its own.
pub struct Small {
    holder: Child,
    /// Where the processes in the namespace see it.
    pub folder: PathBuf,
}

impl Small {
    /// Makes one; `None`, and a word about it, where the kernel does not let us.
    pub fn make(folder: &Path, megabytes: u32) -> Result<Option<Self>> {
        let mount = format!("mount -t tmpfs -o size={megabytes}m none \"$1\" && echo ready && exec cat");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh"]).arg(folder);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        if line.trim() != "ready" {
            holder.wait()?;
            println!("NOT tried on a real full disk: this kernel lets us make no small file system");
            return Ok(None);
        }
        Ok(Some(Self { holder, folder: folder.to_owned() }))
    }

    /// Put in front of a command line: the process sees the small file system.
    pub fn enter(&self) -> Vec<String> {
        let pid = self.holder.id().to_string();
        ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", &pid].map(String::from).into()
    }

    /// Fills it to the last byte.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = std::fs::File::create(self.ballast())?;
        let mut size = 1 << 20;
        while size > 0 {
            match ballast.write(&vec![0; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes room again.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    /// The file system as this process sees it: by way of the one that holds it.
    pub fn outside(&self) -> PathBuf {
        let inside = self.folder.strip_prefix("/").unwrap_or(&self.folder);
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
    }

    fn ballast(&self) -> PathBuf {
        self.outside().join("ballast")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// Put in front of a command line: permissions bind the process, also where the test runs as root.
pub fn bound_by_permissions() -> Result<Vec<String>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(Vec::new());
    }
    let without = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"];
    Ok(without.map(String::from).into())
}

/// A folder of a test, which needs no disk where the system has files in memory.
pub fn scratch() -> std::io::Result<tempfile::TempDir> {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() }
}

/// Every file in a folder and below, with its content.
pub fn tree(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(tree(&path)?);
        } else if path.is_file() {
            // a server that was killed leaves its socket
            found.insert(path.clone(), std::fs::read(&path)?);
        }
    }
    Ok(found)
}
