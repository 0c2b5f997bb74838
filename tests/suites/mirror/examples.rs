//! What `docs/mirror.md` tells whoever writes a program: its blocks of code, run as they stand there, one after the other in one
//! Python, with what they print.
//!
//! A block's second word is its name. What stands in a block `text` of that name is what it prints.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PAGE: &str = include_str!("../../../docs/mirror.md");
/// The table of the examples.
pub const TABLE: &str = "shop.orders";
/// Apache Cassandra's driver for Python.
const DRIVER: (&str, &str) = ("cassandra-driver", "3.30.1");
/// Reads a block per line, as JSON, and tells what became of it.
const RUNS: &str = r#"
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    printed, error = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(json.loads(line), "docs/mirror.md", "exec"), names)
        except Exception:
            error = traceback.format_exc()
    print(json.dumps({"printed": printed.getvalue(), "error": error}), flush=True)
"#;

/// The blocks, and the program that they make together.
pub struct Examples {
    /// By kind and name, and whether it was run.
    blocks: BTreeMap<(&'static str, &'static str), (String, bool)>,
    python: Option<Python>,
}

struct Python {
    _process: Child,
    blocks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Ran {
    printed: String,
    error: Option<String>,
}

impl Examples {
    pub fn read() -> Result<Self> {
        let pinned = format!("pip install {}=={}", DRIVER.0, DRIVER.1);
        ensure!(PAGE.contains(&pinned), "docs/mirror.md does not say “{pinned}”");
        let mut blocks = BTreeMap::new();
        let mut open: Option<(&str, &str, String)> = None;
        for line in PAGE.lines() {
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (None, Some(words)) => {
                    let (kind, name) = words.split_once(' ').unwrap_or((words, ""));
                    ensure!(kind != "python" || !name.is_empty(), "a block in Python has no name");
                    open = Some((kind, name, String::new()));
                }
                (Some(_), Some(_)) => {
                    let (kind, name, text) = open.take().context("it is open")?;
                    let twice = !name.is_empty() && blocks.insert((kind, name), (text, false)).is_some();
                    ensure!(!twice, "two blocks {kind} {name}");
                }
                (Some((.., text)), None) => *text += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        Ok(Self { blocks, python: None })
    }

    /// A statement.
    pub fn sql(&mut self, name: &'_ str) -> Result<String> {
        self.take("sql", name).with_context(|| format!("docs/mirror.md has no statement {name}"))
    }

    /// Runs a block, and holds what it prints against what it says that it prints.
    pub async fn run(&mut self, name: &str, environment: &[(&'static str, String)]) -> Result<()> {
        let block = self.take("python", name);
        let block = block.with_context(|| format!("docs/mirror.md has no example {name}"))?;
        let prints = self.take("text", name).unwrap_or_default();
        if self.python.is_none() {
            self.python = Some(Python::start(environment)?);
        }
        let ran = self.python.as_mut().context("it was just started")?.run(&block).await?;
        if let Some(error) = ran.error {
            anyhow::bail!("example {name}: {error}");
        }
        ensure!(ran.printed == prints, "example {name} prints:\n{}and not:\n{prints}", ran.printed);
        Ok(())
    }

    /// Where one in Python was tried, no other one was left out.
    pub fn all_ran(&self) -> Result<()> {
        if self.python.is_none() {
            return Ok(());
        }
        let left = self.blocks.iter().filter(|((kind, _), (_, ran))| *kind != "sql" && !ran);
        let left = left.map(|(block, _)| block);
        let left: Vec<_> = left.collect();
        ensure!(left.is_empty(), "of docs/mirror.md these were not run: {left:?}");
        Ok(())
    }

    fn take(&mut self, kind: &str, name: &str) -> Option<String> {
        let mut found = self.blocks.iter_mut().filter(|(block, _)| **block == (kind, name));
        let (_, (text, ran)) = found.next()?;
        *ran = true;
        Some(text.clone())
    }
}

impl Python {
    fn start(environment: &[(&'static str, String)]) -> Result<Self> {
        let python = xtask::python::with(DRIVER.0, DRIVER.1)?.join("bin/python");
        let mut process = Command::new(python)
            .args(["-c", RUNS])
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let blocks = process.stdin.take().context("stdin is piped")?;
        let answers = BufReader::new(process.stdout.take().context("stdout is piped")?).lines();
        Ok(Self { _process: process, blocks, answers })
    }

    async fn run(&mut self, block: &str) -> Result<Ran> {
        self.blocks.write_all(format!("{}\n", serde_json::to_string(block)?).as_bytes()).await?;
        let answer = self.answers.next_line().await?.context("Python ended")?;
        Ok(serde_json::from_str(&answer)?)
    }
}
