//! The tables of scenarios as they are written, and how they are read.
//!
//! A scenario begins with `== its name`. A line is an act (`A set 1 n=2`: device A, that is Ada's) or an expectation
//! (`values 1 n=2`). `with` names the devices, `policy` the collection's. What each word means is told in `play.rs` and
//! `expect.rs`.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;
use sync_protocol::{FieldName, Fields, Value};

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub with: Vec<String>,
    pub policy: Option<String>,
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    pub number: usize,
    pub text: String,
    pub words: Vec<String>,
}

/// Reads a table.
pub fn read(text: &str) -> Result<Vec<Scenario>> {
    let mut all: Vec<Scenario> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("== ") {
            ensure!(all.iter().all(|s| s.name != name), "two scenarios are called “{name}”");
            let with = vec!["A".to_owned(), "B".to_owned()];
            all.push(Scenario { name: name.to_owned(), with, policy: None, lines: Vec::new() });
            continue;
        }
        let Some(scenario) = all.last_mut() else { bail!("line {number}: no scenario has begun") };
        let words = words(line);
        match words[0].as_str() {
            "with" => scenario.with = words[1..].to_vec(),
            "policy" if words.len() == 2 => scenario.policy = Some(words[1].clone()),
            _ => scenario.lines.push(Line { number, text: line.to_owned(), words }),
        }
    }
    Ok(all)
}

/// Cut at blanks that are in no quotes and no brackets.
fn words(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut quoted, mut escaped, mut depth) = (false, false, 0);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ' ' if !quoted && depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().expect("begins with one").push(c);
    }
    all.retain(|word| !word.is_empty());
    all
}

/// `name=value`, the value as JSON.
pub fn pair(word: &str) -> Result<(&str, Json)> {
    let Some((name, value)) = word.split_once('=') else { bail!("“{word}” is not name=value") };
    Ok((name, json(value)?))
}

pub fn json(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|e| anyhow::anyhow!("“{text}” is no JSON: {e}"))
}

/// `field=value` words.
pub fn fields(words: &[&str]) -> Result<Fields> {
    let mut all = Fields::new();
    for word in words {
        let (name, value) = pair(word)?;
        all.insert(FieldName::new(name)?, Value(value));
    }
    Ok(all)
}

/// Those whose name contains `SCENARIO`; all, if that is not set.
pub fn chosen(mut all: Vec<Scenario>) -> Vec<Scenario> {
    if let Ok(text) = std::env::var("SCENARIO") {
        all.retain(|scenario| scenario.name.contains(&text));
    }
    all
}

/// Waits for the end of one that is played, and prints it; what went wrong, if something did.
pub async fn told(scenario: &Scenario, played: impl Future<Output = Result<()>>) -> Option<String> {
    let start = Instant::now();
    let result = played.await.with_context(|| scenario.name.clone());
    let seconds = start.elapsed().as_secs_f64();
    match result {
        Ok(()) => {
            println!("ok     {seconds:>5.1} s  {}", scenario.name);
            None
        }
        Err(error) => {
            println!("FAILED {seconds:>5.1} s  {error:#}");
            Some(format!("- {error:#}"))
        }
    }
}
