//! Every sequence, the short ones first: so the first that fails is as short as one can be.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::action::{Action, is_first_of_its_likes};
use super::pair::Start;
use tokio::runtime::Runtime;

use crate::log;
use crate::sim::bugs::Bug;
use crate::sim::checks::{Broken, Checks, Invariant};
use crate::sim::progress::Progress;

/// What all sequences came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Sequences played to the end, by their length.
    pub played: Vec<u64>,
    /// Sequences that are left out, because their last action did nothing: a shorter one is the same.
    pub idle: u64,
    /// Sequences that are only gone on with, because a cut of the power has not come yet.
    pub open: u64,
    /// Checks by invariant.
    pub checks: BTreeMap<Invariant, u64>,
    /// The first sequence that failed, with what broke.
    pub failed: Option<(Vec<Action>, Broken)>,
    /// Real time.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (played, length) in self.played.iter().zip(0..) {
            writeln!(f, "{length} actions  {played:>10} sequences")?;
        }
        writeln!(f, "in all     {:>10} sequences", self.played.iter().sum::<u64>())?;
        writeln!(f, "besides    {:>10} in which the last action does nothing", self.idle)?;
        writeln!(f, "besides    {:>10} in which a cut of the power has not come yet", self.open)?;
        writeln!(f, "took       {:.1} s", self.took.as_secs_f64())?;
        writeln!(f, "checks made")?;
        for (invariant, n) in &self.checks {
            writeln!(f, "  {:<44} {n:>10}", invariant.name())?;
        }
        match &self.failed {
            Some((sequence, broken)) => {
                let words = words(sequence);
                write!(f, "failed: {words}\n{broken}\n  ./x sim --sequence \"{words}\"")
            }
            None => write!(f, "failed              0"),
        }
    }
}

/// A sequence as a person types it.
pub fn words(sequence: &[Action]) -> String {
    sequence.iter().map(Action::to_string).collect::<Vec<_>>().join(" ")
}

/// All actions as a person types them.
pub fn names() -> String {
    words(&Action::all().collect::<Vec<_>>())
}

/// The sequence of what a person typed.
pub fn named(words: &str) -> Option<Vec<Action>> {
    words.split_whitespace().map(Action::named).collect()
}

/// How far a sequence came.
#[derive(Clone, Copy, PartialEq)]
enum Came {
    /// Its last action did nothing.
    Idle,
    /// A cut of the power has not come yet.
    Open,
    ToTheEnd,
}

/// How one sequence ended.
struct Played {
    came: Came,
    checks: Checks,
    lines: Vec<String>,
}

/// Plays all sequences up to that length on so many threads; stops at the first that fails.
pub fn every(most: usize, threads: usize, bug: Option<Bug>) -> Report {
    let start = Instant::now();
    let mut report = Report::default();
    let mut level = vec![Vec::new()];
    for length in 0..=most {
        let progress = Progress::new(level.len() as u64, format!("sequences of {length}"));
        let found = play_all(&level, threads, bug, &progress);
        report.played.push(found.played.len() as u64);
        report.idle += found.idle;
        report.open += found.open.len() as u64;
        for (invariant, n) in found.checks {
            *report.checks.entry(invariant).or_default() += n;
        }
        report.failed = found.failed;
        if report.failed.is_some() || length == most {
            break;
        }
        let goes_on = found.played.iter().chain(&found.open);
        level = goes_on.flat_map(|at| longer(&level[*at])).collect();
    }
    report.took = start.elapsed();
    report
}

/// The sequences with one action more.
fn longer(sequence: &[Action]) -> Vec<Vec<Action>> {
    let next = Action::all().filter(|next| is_first_of_its_likes(sequence, *next));
    next.map(|next| sequence.iter().copied().chain([next]).collect()).collect()
}

/// What threads find together.
#[derive(Default)]
struct Found {
    played: Vec<usize>,
    open: Vec<usize>,
    idle: u64,
    checks: BTreeMap<Invariant, u64>,
    failed: Option<(Vec<Action>, Broken)>,
}

/// Plays sequences of one length.
fn play_all(level: &[Vec<Action>], threads: usize, bug: Option<Bug>, progress: &Progress) -> Found {
    let found = Mutex::new(Found::default());
    let next = AtomicUsize::new(0);
    let work = || {
        let start = begin(bug);
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(sequence) = level.get(at)
        {
            let played = play(&start, sequence, false);
            found.lock().expect("nobody panics while it counts").add(at, sequence, played);
            progress.one();
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    found.into_inner().expect("nobody panics while it counts")
}

impl Found {
    fn add(&mut self, at: usize, sequence: &[Action], played: Played) {
        match played.came {
            Came::Idle => self.idle += 1,
            Came::Open => self.open.push(at),
            Came::ToTheEnd => self.played.push(at),
        }
        for (invariant, n) in played.checks.made() {
            *self.checks.entry(*invariant).or_default() += n;
        }
        // whichever thread comes first: the first in order is told
        if let Some(broken) = played.checks.broken()
            && self.failed.as_ref().is_none_or(|(first, _)| sequence < first.as_slice())
        {
            self.failed = Some((sequence.to_vec(), broken.clone()));
        }
    }
}

/// A sequence line by line, with what broke.
pub fn explain(sequence: &[Action], bug: Option<Bug>) -> String {
    let played = play(&begin(bug), sequence, true);
    let how = played.checks.broken().map_or_else(|| "holds".to_owned(), Broken::to_string);
    format!("{}\n{how}", played.lines.join("\n"))
}

/// Time stands still but where somebody waits.
fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime without I/O needs nothing")
}

fn begin(bug: Option<Bug>) -> Start {
    runtime().block_on(Start::new(bug))
}

fn play(start: &Start, sequence: &[Action], keep_trace: bool) -> Played {
    let errors = log::Errors::default();
    let played = log::watched(&errors, || {
        catch_unwind(AssertUnwindSafe(|| runtime().block_on(play_once(start, sequence, keep_trace))))
    });
    let mut played = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let mut checks = Checks::default();
        checks.that(Invariant::Liveness, false, || format!("a panic: {}", text.unwrap_or_default()));
        Played { came: Came::ToTheEnd, checks, lines: Vec::new() }
    });
    if let Some(error) = errors.take().first() {
        played.checks.that(Invariant::Liveness, false, || format!("an error in the log:{error}"));
    }
    played
}

async fn play_once(start: &Start, sequence: &[Action], keep_trace: bool) -> Played {
    let mut pair = start.pair(keep_trace).await;
    let mut moved = true;
    for action in sequence {
        moved = pair.play(*action).await;
    }
    let came = match moved {
        false => Came::Idle,
        true if pair.awaits_cut() => Came::Open,
        true => Came::ToTheEnd,
    };
    if came == Came::ToTheEnd {
        pair.end().await;
    }
    Played { came, checks: pair.checks(), lines: pair.lines() }
}
