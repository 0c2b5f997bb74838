//! The deterministic simulation, as every submission runs it: seeds that once failed, 1,000 seeds in order, and a proof
//! for each planted bug that the checkers see it; and the small model: all sequences of five actions on one record.
//! `./x sim` runs more of the same, and replays one.

use mooring_tests::sim::STEPS;
use mooring_tests::sim::bugs::Bug;
use mooring_tests::sim::checks::Invariant;
use mooring_tests::sim::plan::Plan;
use mooring_tests::sim::run::run;
use mooring_tests::sim::search::{explain, search, search_on_sled};
use mooring_tests::sim::small::every::{every, explain as explain_sequence, words};

/// Seeds of the submission tier.
const SEEDS: u64 = 1_000;

/// Seeds that run on real sled.
const ON_SLED: u64 = 150;

/// Actions of the small model.
const ACTIONS: usize = 5;

/// Seeds that once failed, each with what it found: the first five mutations made on purpose in the product's code that few
/// other seeds find, the others defects.
const KEPT: [(u64, &str); 9] = [
    (36, "a commit that is half seen was taken for the end of the horizon"),
    (69, "a person's dealing with a rejected change was not stored strictly"),
    (71, "a wait went on for hours after the clock was set back"),
    (89, "a change left the outbox, and an older one of its record stayed"),
    (129, "a duplicate left the outbox with a pull that had begun before its verdict"),
    (
        7_302_820,
        "of a copy that came back late, a change was judged before an older one that the server had forgotten",
    ),
    (
        7_317_624,
        "the same, where the later one's number was another's: it went out again before the older one",
    ),
    (7_419_227, "an edit that a copy had sent went out anew behind a taken one, and counted twice"),
    (7_709_020, "what waited behind an edit that nobody knew of any more counted twice"),
];

/// Runs take the processor, not the disk.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn seeds_that_once_failed_hold() {
    for (seed, found) in KEPT {
        let outcome = run(&Plan::of(seed, STEPS), None, false);
        assert!(outcome.broken.is_none(), "seed {seed} ({found}): {:?}", outcome.broken);
    }
}

#[test]
fn whatever_happens_the_invariants_hold() {
    let report = search(1..SEEDS + 1, threads(), None, false);
    println!("{report}");
    let failed: Vec<String> = report
        .failed
        .iter()
        .map(|(seed, broken)| format!("seed {seed}: {broken}\n  ./x sim --seeds 1 --from {seed} --trace"))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((report.seeds, report.steps), (SEEDS, SEEDS * STEPS as u64));
    // a run that meets nothing proves nothing
    for invariant in Invariant::ALL {
        let checked = report.checks.get(&invariant).copied().unwrap_or_default();
        assert!(checked > 0, "{invariant} was never checked");
    }
    let [entries, conflicts, rejections] = report.reached;
    for (what, n, least) in
        [("entries", entries, 50), ("conflicts", conflicts, 3), ("rejections", rejections, 3)]
    {
        assert!(n >= least * SEEDS, "the runs hardly reach {what}: {n}");
    }
}

/// Threads and files take part: what fails may need more than one try to fail again.
#[test]
fn whatever_happens_the_invariants_hold_on_real_sled() {
    let report = search_on_sled(1..ON_SLED + 1, threads());
    println!("{report}");
    let failed: Vec<String> = report
        .failed
        .iter()
        .map(|(seed, broken)| {
            format!("seed {seed}: {broken}\n  ./x sim --seeds 1 --from {seed} --sled --trace")
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(report.seeds, ON_SLED);
    assert!(
        report.faults.get("server: node died").is_some_and(|n| *n >= ON_SLED),
        "the files are hardly opened again"
    );
}

/// Two devices, one record, and all that can happen to it in five actions.
#[test]
fn whatever_happens_to_one_record_the_invariants_hold() {
    let report = every(ACTIONS, threads(), None);
    println!("{report}");
    assert!(report.failed.is_none(), "{report}");
    assert!(report.played.iter().all(|sequences| *sequences > 0));
}

#[test]
fn the_small_model_catches_planted_bugs_in_a_few_actions() {
    for (bug, actions, expected) in CAUGHT_SMALL {
        let report = every(actions, threads(), Some(bug));
        let Some((sequence, broken)) = &report.failed else { panic!("{bug:?} was not seen") };
        println!("{bug:?}: {}\n  {broken}", words(sequence));
        assert_eq!(sequence.len(), actions, "{bug:?}");
        assert!(expected.contains(&broken.invariant), "{bug:?} was caught by {}", broken.invariant);
        let told = explain_sequence(sequence, Some(bug));
        assert!(told.ends_with(&broken.to_string()), "{told}");
    }
}

#[test]
fn every_planted_bug_is_caught() {
    for (bug, expected) in CAUGHT_BY {
        let report = search(1..2_001, 1, Some(bug), true);
        let Some((seed, broken)) = report.failed.iter().next() else {
            panic!("{bug:?} was not seen in {} seeds", report.seeds);
        };
        println!("{bug:?}: {broken}\n  (seed {seed}, after {} seeds)", report.seeds);
        assert!(expected.contains(&broken.invariant), "{bug:?} was caught by {}", broken.invariant);
    }
    assert_eq!(CAUGHT_BY.map(|(bug, _)| bug), Bug::ALL);
}

#[test]
fn a_failing_seed_is_told_in_a_few_steps() {
    let bug = Some(Bug::ClockForOrder);
    let report = search(1..2_001, 1, bug, true);
    let (seed, _) = report.failed.iter().next().expect("it is seen, another test says");
    let told = explain(&Plan::of(*seed, STEPS), bug);
    let last: Vec<&str> = told.lines().rev().take(2).collect();
    println!("{told}");
    assert!(last[0].starts_with("cursor_follows_data"), "{told}");
    let steps: usize =
        last[1].split([',', ' ']).filter_map(|word| word.parse().ok()).nth(1).expect("how many steps");
    assert!(steps <= 40, "{steps} steps are more than a person reads");
}

/// By which invariants each bug may be caught.
const CAUGHT_BY: [(Bug, &[Invariant]); Bug::ALL.len()] = {
    use Invariant::*;
    [
        (Bug::CursorBeforeData, &[BaseIsPrefix]),
        (Bug::AckBeforeCommit, &[AckDurable]),
        (Bug::FieldIgnored, &[LinearRecord, NoFalseConflict, Identity]),
        (Bug::CounterNotStored, &[Once]),
        (Bug::ConflictRemovedByFeed, &[ConflictKept]),
        (Bug::ChecksumOutsideBatch, &[Convergence]),
        (Bug::UnknownRetriedAsNew, &[OutboxOrder]),
        (Bug::TombstoneDropped, &[LinearRecord, SidesTrue]),
        (Bug::OutboxLeftEarly, &[OutboxOrder]),
        (Bug::MergeLosesField, &[LinearRecord]),
        (Bug::GapSkipped, &[BaseIsPrefix, CursorFollowsData]),
        (Bug::ClockForOrder, &[BaseIsPrefix, CursorFollowsData]),
        (Bug::SavedBeforeDurable, &[SavedMeansDurable]),
        (Bug::UnknownIsRejected, &[UnknownIsNotNo]),
        (Bug::NumbersUsedAgain, &[Identity]),
        (Bug::WriteBelieved, &[NoRevert]),
        (Bug::ShadowOutsideBatch, &[NoRevert]),
        (Bug::WrittenNow, &[NoRevert]),
        (Bug::NullBound, &[NoRevert]),
        (Bug::AbsenceBelieved, &[NoRevert]),
        (Bug::ColumnOverlooked, &[ForeignWriteAccounted]),
        (Bug::UnsetForNull, &[MirrorConverges]),
    ]
};

/// Bugs that the small model catches, in how many actions, and by which invariants. Those that make the record in vain are
/// left out, and so is one that shows where the store of the server goes dark.
const CAUGHT_SMALL: [(Bug, usize, &[Invariant]); 8] = {
    use Invariant::*;
    [
        (Bug::CursorBeforeData, 4, &[BaseIsPrefix]),
        (Bug::FieldIgnored, 2, &[LinearRecord, NoFalseConflict, Identity]),
        (Bug::ConflictRemovedByFeed, 4, &[ConflictKept]),
        (Bug::UnknownRetriedAsNew, 2, &[OutboxOrder]),
        (Bug::TombstoneDropped, 3, &[LinearRecord, SidesTrue]),
        (Bug::MergeLosesField, 2, &[LinearRecord]),
        (Bug::ClockForOrder, 2, &[BaseIsPrefix, CursorFollowsData]),
        (Bug::SavedBeforeDurable, 3, &[SavedMeansDurable]),
    ]
};
