//! The long run of the simulation: `./x sim --seeds N --from S`, and the replay of one seed with `--trace`; all sequences
//! of the small model, `./x sim --exhaustive N`, and one of them, `./x sim --sequence "a.title b.sync"`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use mooring_tests::sim::STEPS;
use mooring_tests::sim::bugs::Bug;
use mooring_tests::sim::plan::Plan;
use mooring_tests::sim::search::{explain, lines, search, search_on_sled};
use mooring_tests::sim::small::every;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, unless: u64| -> Result<u64> {
        let Some(at) = args.iter().position(|arg| arg == name) else { return Ok(unless) };
        let text = args.get(at + 1).with_context(|| format!("{name} needs a number"))?;
        text.parse().with_context(|| format!("{name} {text} is not a number"))
    };
    let (seeds, from) = (number("--seeds", 1_000)?, number("--from", 1)?);
    let cores = std::thread::available_parallelism()?.get() as u64;
    let threads = number("--threads", cores)? as usize;
    let bug = args.iter().position(|arg| arg == "--bug").and_then(|at| args.get(at + 1));
    let bug =
        bug.map(|name| Bug::named(name).with_context(|| format!("there is no bug {name}"))).transpose()?;
    let on_sled = args.iter().any(|arg| arg == "--sled");
    let plan = |seed| if on_sled { Plan::of(seed, STEPS).on_sled() } else { Plan::of(seed, STEPS) };
    if let Some(at) = args.iter().position(|arg| arg == "--sequence") {
        let words = args.get(at + 1).context("--sequence needs actions, like \"a.title b.sync\"")?;
        let sequence =
            every::named(words).with_context(|| format!("{words}: there are {}", every::names()))?;
        println!("{}", every::explain(&sequence, bug));
        return Ok(ExitCode::SUCCESS);
    }
    // a run that panics is told like all else
    std::panic::set_hook(Box::new(|_| {}));
    if args.iter().any(|arg| arg == "--exhaustive") {
        let report = every::every(number("--exhaustive", 6)? as usize, threads, bug);
        println!("{report}");
        return Ok(if report.failed.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if args.iter().any(|arg| arg == "--trace") {
        (from..from + seeds).for_each(|seed| println!("{}", explain(&plan(seed), bug)));
        return Ok(ExitCode::SUCCESS);
    }
    if args.iter().any(|arg| arg == "--lines") {
        (from..from + seeds).for_each(|seed| println!("{}", lines(&plan(seed), bug)));
        return Ok(ExitCode::SUCCESS);
    }
    let report = match on_sled {
        true => search_on_sled(from..from + seeds, threads),
        false => search(from..from + seeds, threads, bug, bug.is_some()),
    };
    let sled = if on_sled { " --sled" } else { "" };
    println!("{report}");
    for (seed, broken) in &report.failed {
        println!("seed {seed}: {broken}\n  ./x sim --seeds 1 --from {seed}{sled} --trace");
    }
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
