//! A real server as a child process, and its command line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail, ensure};

/// A server process; killed when dropped. An error in its log fails the test, unless the test has asked for it.
pub struct Server {
    child: Child,
    log: Log,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Server {
    /// Starts `mooring-server` (named by `MOORING_SERVER`) with its samples, and waits until it listens.
    pub fn start(store: &[&str], port: u16) -> Result<Self> {
        Self::run(Command::new(program()?).args(Self::line(port)).arg("--demo").args(store))
    }

    /// The same in the folder of a team of its own, without samples.
    pub fn of_team(data: &Path, port: u16) -> Result<Self> {
        Self::run(Command::new(program()?).args(Self::line(port)).arg("--data").arg(data))
    }

    /// The command line up to the store.
    pub fn line(port: u16) -> [String; 3] {
        ["serve".into(), "--listen".into(), format!("127.0.0.1:{port}")]
    }

    /// Starts a command that ends in a server, and waits until that listens.
    pub fn run(command: &mut Command) -> Result<Self> {
        // without the lines of the database's driver, as usual: to it a node that is away is an error
        command.env("MOORING_LOG", "warn,scylla=off").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = Log::of(child.stderr.take().context("stderr is piped")?);
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim().rsplit_once(' ') {
            Some((_, url)) => Ok(Self { child, log, url: url.to_owned() }),
            None => {
                child.wait()?;
                log.end();
                bail!("the server did not start: {}", log.lines().join("\n"))
            }
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> Result<u16> {
        Ok(self.url.rsplit_once(':').context("no port")?.1.parse()?)
    }

    /// Its process, for limits.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The errors in its log so far; from here on they are expected ones.
    pub fn errors(&self) -> Vec<String> {
        self.log.take_errors()
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // a server that is gone already is what is wanted
        drop(self.child.kill());
        drop(self.child.wait());
        self.log.end();
        if !std::thread::panicking() {
            assert_eq!(self.log.take_errors(), [""; 0], "the server wrote errors to its log");
        }
    }
}

/// The built `mooring-server`.
pub fn program() -> Result<PathBuf> {
    let named = std::env::var_os("MOORING_SERVER");
    Ok(named.context("run this suite through ./x test, or set MOORING_SERVER")?.into())
}

/// Runs a command of the server's command line on a folder that no server has open: what it prints.
pub fn administer(data: &Path, line: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(program()?);
    command.args(line).arg("--data").arg(data).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("stdin is piped")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{line:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What a process writes to standard error: shown, and kept.
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Reads it until the process ends.
    pub fn of(stderr: ChildStderr) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("{line}");
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { lines, reader: Mutex::new(Some(reader)) }
    }

    /// Waits for the rest of it, after the process has ended.
    pub fn end(&self) {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reader) = reader {
            drop(reader.join());
        }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines that ask a person to act; they are forgotten here.
    pub fn take_errors(&self) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extract_if(.., |line| line.contains(" ERROR ") || line.contains("panicked at")).collect()
    }
}
