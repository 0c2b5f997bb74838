//! The corpus of every fuzz target, replayed; and what comes of each input when a little of it is changed, always the
//! same. `./x fuzz` looks further.

use mooring_tests::fuzz::{TARGETS, Target};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Changed inputs per input of the corpus.
const CHANGED: u64 = 100;

fn replay(name: &str) {
    let target = Target::named(name).expect("a target");
    let mut files: Vec<_> = fs::read_dir(target.corpus())
        .expect("each target has a corpus")
        .map(|entry| entry.expect("a folder is read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus of {name} is empty");
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file is read")).collect();
    for (n, (file, input)) in files.iter().zip(&inputs).enumerate() {
        let told = |what: &str| format!("{name}: {} {what}", file.display());
        try_one(target, input, &told("as it is"));
        for seed in 0..CHANGED {
            let other = &inputs[(n + seed as usize + 1) % inputs.len()];
            try_one(target, &changed(input, other, seed), &told(&format!("changed by seed {seed}")));
        }
    }
}

fn try_one(target: Target, input: &[u8], told: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let kept = std::env::temp_dir().join(format!("mooring-fuzz-{}", target.name));
        let _ = fs::write(&kept, input);
        eprintln!("{told}; the input is in {}", kept.display());
        std::panic::resume_unwind(panic);
    }
}

/// One to four small changes: a byte becomes another, some go, come twice, or come from another input.
fn changed(input: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ input.len() as u64;
    let mut below = |bound: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) as usize % bound.max(1)
    };
    let mut bytes = input.to_vec();
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        let end = (at + 1 + below(24)).min(bytes.len());
        match below(5) {
            0 if at < bytes.len() => bytes[at] = below(256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let twice = bytes[at..end].to_vec();
                bytes.splice(at..at, twice);
            }
            3 => {
                let from = below(other.len());
                let piece = other[from..(from + 24).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => {
                let word =
                    ["0", "-1", "null", "\"\"", "[]", "{}", "9223372036854775808", "1e400", "\u{0}", "é"];
                bytes.splice(at..end, word[below(word.len())].bytes());
            }
        }
    }
    bytes
}

macro_rules! suites {
    ($($name:ident),+) => {
        $(#[test] fn $name() { replay(stringify!($name)); })+

        #[test]
        fn every_target_is_here() {
            let here = [$(stringify!($name)),+];
            assert!(TARGETS.iter().map(|target| target.name).eq(here));
        }
    };
}

suites!(wire, values, import, requests, answers, rows_of_devices, rows_of_servers);
