//! Makes a failing run short: steps and rates are taken out as long as the same invariant breaks.

use super::bugs::Bug;
use super::checks::Invariant;
use super::plan::Plan;
use super::run::run;

/// Runs that shrinking may take.
const TRIES: usize = 2_000;

/// The shortest plan found that breaks the same invariant.
pub fn shrink(plan: &Plan, bug: Option<Bug>, invariant: Invariant) -> Plan {
    let mut tries = 0;
    let mut fails = |plan: &Plan| {
        tries += 1;
        tries <= TRIES && run(plan, bug, false).broken.is_some_and(|broken| broken.invariant == invariant)
    };
    let mut best = plan.clone();
    // first what makes it hard to read
    let calmer: [fn(&mut Plan); 8] = [
        |p| p.weather.drop = 0,
        |p| p.weather.duplicate = 0,
        |p| p.weather.ghost = 0,
        |p| p.weather.short = 0,
        |p| p.weather.store = 0,
        |p| p.weather.store_slow = 0,
        |p| p.weather.latency = 20,
        |p| p.weather.partitions = 1,
    ];
    for calm in calmer {
        let mut less = best.clone();
        calm(&mut less);
        if less != best && fails(&less) {
            best = less;
        }
    }
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < best.steps.len() {
            let mut less = best.clone();
            let end = (at + size).min(less.steps.len());
            // time goes on as before
            let passed: u64 = less.steps.drain(at..end).map(|step| step.after).sum();
            let mut moved = less.clone();
            if let Some(next) = moved.steps.get_mut(at) {
                next.after += passed;
            }
            if fails(&less) {
                best = less;
            } else if moved != less && fails(&moved) {
                best = moved;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    best
}
