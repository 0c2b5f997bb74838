//! What ran, how it went, how long it took, and how much of the time of the cores.

use super::suite::{self, Environment, Half};
use crate::sh;
use anyhow::{Context, Result, anyhow, ensure};
use std::{
    collections::VecDeque,
    env,
    fs::{self, File},
    io::{self, Write},
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// In minutes: after them a run begins nothing more, and ends with what it knows. Where somebody else would end it, with
/// less.
const TIME: &str = "MOORING_TEST_MINUTES";
/// Suites below the screens that run at a time: most wait for a database, a network or a clock, and each has addresses and
/// folders of its own.
const AT_ONCE: usize = 2;

pub(super) struct Table {
    rows: Vec<Row>,
    ends: Option<Instant>,
}

struct Row {
    name: String,
    outcome: Result<()>,
    seconds: f64,
    /// Of programs that ended within it.
    core_seconds: Option<f64>,
}

impl Table {
    /// An empty one, for a run that begins now.
    pub(super) fn begin() -> Result<Self> {
        let minutes = match env::var(TIME) {
            Ok(text) => {
                Some(text.parse::<u64>().with_context(|| format!("{TIME}={text}: a number of minutes"))?)
            }
            Err(_) => None,
        };
        let ends = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
        Ok(Self { rows: Vec::new(), ends })
    }

    pub(super) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let before = core_seconds();
        let mut row = self.step(name, step);
        row.core_seconds = core_seconds().zip(before).map(|(after, before)| after - before);
        self.rows.push(row);
    }

    fn step(&self, name: &str, step: impl FnOnce() -> Result<()>) -> Row {
        let start = Instant::now();
        let outcome = if self.ends.is_none_or(|ends| start < ends) {
            step()
        } else {
            Err(anyhow!("no time was left for it"))
        };
        if let Err(error) = &outcome {
            eprintln!("{name}: {error:#}");
        }
        Row { name: name.to_string(), outcome, seconds: start.elapsed().as_secs_f64(), core_seconds: None }
    }

    /// These suites: below the screens some at a time, each with its words kept together; then the screens, one after the
    /// other, for people's patience is measured there.
    pub(super) fn suites(&mut self, names: &[String], env: &Environment) -> Result<()> {
        let (mut engines, mut screens) = (VecDeque::new(), Vec::new());
        for name in names {
            let halves = suite::halves(name)?;
            let both = halves.len() > 1;
            for half in halves {
                let title = if both { format!("{name}: {}", half.level()) } else { name.clone() };
                match half {
                    Half::Engine(_) => engines.push_back((title, name, half)),
                    Half::Screens(_) => screens.push((title, name, half)),
                }
            }
        }
        if engines.len() > 1 {
            let names: Vec<&str> = engines.iter().map(|(_, name, _)| name.as_str()).collect();
            self.run("suites, built", || suite::build(&names));
            println!("\n== suites below the screens, {AT_ONCE} at a time");
            let rows = self.at_once(engines, env);
            self.rows.extend(rows);
        } else {
            screens.splice(0..0, engines);
        }
        for (title, name, half) in screens {
            self.run(&title, || half.run(name, env, None));
        }
        Ok(())
    }

    fn at_once(&self, engines: VecDeque<(String, &String, Half)>, env: &Environment) -> Vec<Row> {
        let left = Mutex::new(engines);
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || {
            let mut rows = Vec::new();
            while let Some((title, name, half)) = next() {
                rows.push(
                    self.step(&title, || said_together(&title, |file| half.run(name, env, Some(file)))),
                );
            }
            rows
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    pub(super) fn finish(self) -> Result<()> {
        println!();
        let mut failed = 0;
        for Row { name, outcome, seconds, core_seconds } in &self.rows {
            let (word, why) = match outcome {
                Ok(()) => ("ok", String::new()),
                Err(error) => {
                    failed += 1;
                    ("FAILED", error.to_string())
                }
            };
            let cores = core_seconds.map(|seconds| format!("{seconds:.0} s of cores")).unwrap_or_default();
            println!(
                "{name:<20} {word:<6} {seconds:>7.1} s  {cores:>16}  {}",
                why.lines().next().unwrap_or_default()
            );
        }
        ensure!(failed == 0, "{failed} of {} failed", self.rows.len());
        Ok(())
    }
}

/// What a step writes into the file that it gets, printed when it has ended: others speak meanwhile.
fn said_together(title: &str, step: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let folder = sh::target_dir().join("suites");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.log", title.replace(": ", "-")));
    sh::say(&format!("{title} runs, and writes {}", path.display()));
    let outcome = step(&File::create(&path)?);
    let mut out = io::stdout().lock();
    write!(out, "\n== {title}\n")?;
    out.write_all(&fs::read(&path)?)?;
    outcome
}

/// The time of cores that programs have taken which this one started and which ended, and those that they started (Linux).
fn core_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // after the name in brackets, which may hold anything: `cutime` and `cstime`, in hundredths (proc(5))
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let hundredths = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((hundredths(13)? + hundredths(14)?) / 100.0)
}
