//! Many seeds: run, counted, some of them twice; what fails is made short and told with the command that replays it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::STEPS;
use super::bugs::Bug;
use super::checks::{Broken, Invariant};
use super::plan::Plan;
use super::progress::Progress;
use super::run::{Outcome, run};
use super::shrink::shrink;

/// One seed in so many is run twice, and the two traces compared.
const TWICE: u64 = 20;

/// Failing seeds after which a search stops.
const ENOUGH: usize = 3;

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seeds run.
    pub seeds: u64,
    /// Steps played.
    pub steps: u64,
    /// Seeds run twice.
    pub twice: u64,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// Feed entries, conflicts, rejections.
    pub reached: [u64; 3],
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Checks by invariant.
    pub checks: BTreeMap<Invariant, u64>,
    /// Seeds that failed, with what broke.
    pub failed: BTreeMap<u64, Broken>,
    /// Real time.
    pub took: Duration,
    /// A hash over all traces.
    pub hash: u64,
}

impl Report {
    fn add(&mut self, seed: u64, steps: usize, outcome: Outcome) {
        self.seeds += 1;
        self.steps += steps as u64;
        self.virtual_ms += outcome.elapsed_ms;
        // in any order the same
        self.hash = self.hash.wrapping_add(outcome.hash);
        self.reached.iter_mut().zip(outcome.reached).for_each(|(sum, n)| *sum += n);
        for (kind, n) in outcome.faults.0 {
            *self.faults.entry(kind).or_default() += n;
        }
        for (invariant, n) in outcome.checks.made() {
            *self.checks.entry(*invariant).or_default() += n;
        }
        if let Some(broken) = outcome.broken {
            self.failed.insert(seed, broken);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [entries, conflicts, rejections] = self.reached;
        writeln!(f, "seeds      {}", self.seeds)?;
        writeln!(f, "steps      {}", self.steps)?;
        writeln!(f, "run twice  {}", self.twice)?;
        writeln!(f, "virtual    {} s", self.virtual_ms / 1_000)?;
        writeln!(f, "took       {:.1} s", self.took.as_secs_f64())?;
        writeln!(f, "traces     {:016x}", self.hash)?;
        writeln!(f, "reached    {entries} feed entries, {conflicts} conflicts, {rejections} rejections")?;
        writeln!(f, "faults injected")?;
        for (kind, n) in &self.faults {
            writeln!(f, "  {kind:<44} {n:>10}")?;
        }
        writeln!(f, "checks made")?;
        for (invariant, n) in &self.checks {
            writeln!(f, "  {:<44} {n:>10}", invariant.name())?;
        }
        write!(f, "failed     {}", self.failed.len())
    }
}

/// Runs seeds on so many threads; each run has one for itself.
pub fn search(seeds: std::ops::Range<u64>, threads: usize, bug: Option<Bug>, until_first: bool) -> Report {
    search_plans(seeds, threads, bug, until_first, |seed| Plan::of(seed, STEPS))
}

/// The same, with the server's store on sled.
pub fn search_on_sled(seeds: std::ops::Range<u64>, threads: usize) -> Report {
    search_plans(seeds, threads, None, false, |seed| Plan::of(seed, STEPS).on_sled())
}

fn search_plans(
    seeds: std::ops::Range<u64>,
    threads: usize,
    bug: Option<Bug>,
    until_first: bool,
    plan: impl Fn(u64) -> Plan + Sync,
) -> Report {
    let start = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let enough = AtomicBool::new(false);
    let report = Mutex::new(Report::default());
    let progress = Progress::new(seeds.end - seeds.start, "seeds");
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let plan = plan(seed);
            let mut outcome = run(&plan, bug, false);
            let twice = bug.is_none() && !plan.on_sled && seed.is_multiple_of(TWICE);
            if twice && outcome.broken.is_none() {
                let again = run(&plan, bug, false).hash;
                if again != outcome.hash {
                    let how = format!("traces {:016x} and {again:016x}", outcome.hash);
                    outcome.broken = Some(Broken { invariant: Invariant::Deterministic, how });
                }
            }
            let mut report = report.lock().expect("no run panics while it counts");
            report.twice += u64::from(twice);
            if twice {
                *report.checks.entry(Invariant::Deterministic).or_default() += 1;
            }
            report.add(seed, plan.steps.len(), outcome);
            if report.failed.len() >= if until_first { 1 } else { ENOUGH } {
                enough.store(true, Ordering::Relaxed);
            }
            progress.one();
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let mut report = report.into_inner().expect("no run panics while it counts");
    report.took = start.elapsed();
    report
}

/// A whole run, line by line, as it was.
pub fn lines(plan: &Plan, bug: Option<Bug>) -> String {
    let outcome = run(plan, bug, true);
    let how = outcome.broken.map_or_else(String::new, |broken| broken.to_string());
    format!("{}\nseed {seed}, {:?}\n{how}", outcome.lines.join("\n"), plan.weather, seed = plan.seed)
}

/// Everything about a failing seed that a person needs: the shortest run found, line by line.
pub fn explain(plan: &Plan, bug: Option<Bug>) -> String {
    let seed = plan.seed;
    let Some(broken) = run(plan, bug, false).broken else { return format!("seed {seed} holds") };
    let short = shrink(plan, bug, broken.invariant);
    let outcome = run(&short, bug, true);
    let lines = outcome.lines.join("\n");
    let how = outcome.broken.map_or_else(String::new, |broken| broken.to_string());
    format!(
        "{lines}\nseed {seed}, {} of {} steps, {:?}\n{how}",
        short.steps.len(),
        plan.steps.len(),
        short.weather
    )
}
