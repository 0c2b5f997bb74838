//! One run of a plan.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::bugs::Bug;
use super::checks::{Broken, Checks, Invariant};
use super::ending;
use super::faults::Faults;
use super::plan::Plan;
use super::world::World;
use crate::log;

/// How a run ended.
pub struct Outcome {
    /// What broke, if something did.
    pub broken: Option<Broken>,
    /// The checks made.
    pub checks: Checks,
    /// The faults injected.
    pub faults: Faults,
    /// The hash of everything that happened.
    pub hash: u64,
    /// What happened, where it was asked for.
    pub lines: Vec<String>,
    /// Virtual time, in milliseconds.
    pub elapsed_ms: u64,
    /// Feed entries, conflicts among them, rejections.
    pub reached: [u64; 3],
}

/// Plays a plan from beginning to end.
pub fn run(plan: &Plan, bug: Option<Bug>, keep_trace: bool) -> Outcome {
    let errors = log::Errors::default();
    let played = log::watched(&errors, || catch_unwind(AssertUnwindSafe(|| play(plan, bug, keep_trace))));
    let mut outcome = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        failed(format!("a panic: {}", text.unwrap_or_default()))
    });
    if let (Some(error), None) = (errors.take().first(), &outcome.broken) {
        outcome.broken =
            Some(Broken { invariant: Invariant::Liveness, how: format!("an error in the log:{error}") });
    }
    outcome
}

fn failed(how: String) -> Outcome {
    Outcome {
        broken: Some(Broken { invariant: Invariant::Liveness, how }),
        checks: Checks::default(),
        faults: Faults::default(),
        hash: 0,
        lines: Vec::new(),
        elapsed_ms: 0,
        reached: [0; 3],
    }
}

fn play(plan: &Plan, bug: Option<Bug>, keep_trace: bool) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime =
        runtime.enable_time().start_paused(true).build().expect("a runtime without I/O needs nothing");
    runtime.block_on(async {
        let mut world = World::new(plan, bug, keep_trace).await;
        for (n, step) in plan.steps.iter().enumerate() {
            if world.broken().is_some() {
                break;
            }
            world.play(n, step).await;
        }
        if world.broken().is_none() {
            ending::end(&mut world).await;
        }
        outcome(world)
    })
}

fn outcome(world: World) -> Outcome {
    let elapsed_ms = world.time.elapsed_ms();
    let model = &mut *world.model.lock();
    let entries = model.parts.iter().map(|part| part.feed.len() as u64).sum();
    let conflicts = model.parts.iter().map(|part| part.conflicts.len() as u64).sum();
    let reached = [entries, conflicts, model.rejected.len() as u64];
    let trace = std::mem::replace(&mut model.trace, super::trace::Trace::new(false));
    Outcome {
        broken: model.checks.broken().cloned(),
        checks: std::mem::take(&mut model.checks),
        faults: std::mem::take(&mut model.faults),
        hash: trace.hash(),
        lines: trace.into_lines(),
        elapsed_ms,
        reached,
    }
}
