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
/// Suites that run at a time: most wait for a database, a network, a page or a clock, and each has addresses, folders and
/// displays of its own.
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

/// One half of a suite, to be run.
struct Job<'a> {
    title: String,
    name: &'a str,
    half: Half,
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

    /// These suites: what is below the screens of them, then the screens, then what cannot have others beside it. More than one
    /// go on two at a time, each with its words kept together.
    pub(super) fn suites(&mut self, names: &[String], env: &Environment) -> Result<()> {
        let (mut engines, mut screens, mut alone) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        for name in names {
            let halves = suite::halves(name)?;
            let both = halves.len() > 1;
            for half in halves {
                let title = if both { format!("{name}: {}", half.level()) } else { name.clone() };
                let kind = match &half {
                    _ if suite::wants_to_be_alone(name) => &mut alone,
                    Half::Engine(_) => &mut engines,
                    Half::Screens(_) => &mut screens,
                };
                kind.push_back(Job { title, name, half });
            }
        }
        if engines.len() > 1 {
            let names: Vec<&str> = engines.iter().map(|job| job.name).collect();
            self.run("suites, built", || suite::build(&names));
        }
        self.at_once("below the screens", engines, env);
        self.at_once("on the screens", screens, env);
        for Job { title, name, half } in alone {
            self.run(&title, || half.run(name, env, None));
        }
        Ok(())
    }

    fn at_once(&mut self, what: &str, jobs: VecDeque<Job<'_>>, env: &Environment) {
        if jobs.len() < 2 {
            for Job { title, name, half } in jobs {
                self.run(&title, || half.run(name, env, None));
            }
            return;
        }
        println!("\n== suites {what}, {AT_ONCE} at a time");
        let (start, before) = (Instant::now(), core_seconds());
        let left = Mutex::new(jobs);
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || {
            let mut rows = Vec::new();
            while let Some(Job { title, name, half }) = next() {
                rows.push(
                    self.step(&title, || said_together(&title, |file| half.run(name, env, Some(file)))),
                );
            }
            rows
        };
        let rows: Vec<Row> = thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        self.rows.extend(rows);
        self.rows.push(Row {
            name: format!("all {what}"),
            outcome: Ok(()),
            seconds: start.elapsed().as_secs_f64(),
            core_seconds: core_seconds().zip(before).map(|(after, before)| after - before),
        });
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
