//! The race of suite `mirror`, for a long time: programs with clocks that are off, people, and a server that is killed again and
//! again, in rounds of which each accounts for everything. Before that a program deletes 100,000 rows with one statement.
//!
//! `MINUTES=30 SEED=7 ./x test long-mirror`, not part of a whole run. What is written where follows from the seed and the number
//! of the round; what happens when does not.

#[path = "mirror/account.rs"]
mod account;
#[allow(dead_code, reason = "the scenarios of suite mirror use the rest")]
#[path = "mirror/outside.rs"]
mod outside;
#[path = "mirror/race.rs"]
mod race;
#[path = "mirror/range.rs"]
mod range;
#[allow(dead_code, reason = "suite conflicts uses the rest")]
#[path = "conflicts/stage.rs"]
mod stage;

use anyhow::{Context, Result};
use outside::Outside;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use xtask::cassandra::Node;

/// An address of its own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 43, 1);
/// How long people and programs write in one round.
const ROUND: Duration = Duration::from_mins(2);

#[test]
fn every_write_is_accounted_for() {
    mooring_tests::on_a_local_set(async {
        let minutes = number("MINUTES")?.unwrap_or(30);
        let seed = number("SEED")?.unwrap_or_else(|| u64::from(std::process::id()));
        let folder = tempfile::tempdir()?;
        let (address, _node) = Node::for_suite(folder.path(), ADDRESS)?;
        let outside = Outside::connect(&address).await?;
        range::delete(&address, &outside).await?;
        let (begun, mut rounds) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(60 * minutes) {
            rounds += 1;
            let round = race::race(&address, &outside, ROUND, seed.wrapping_add(1_000 * rounds));
            round.await.with_context(|| format!("round {rounds} of SEED={seed} ./x test long-mirror"))?;
        }
        println!("{rounds} rounds in {minutes} minutes");
        Ok(())
    });
}

fn number(name: &str) -> Result<Option<u64>> {
    let text = std::env::var(name).ok();
    text.map(|text| text.parse().with_context(|| format!("{name}={text} is no number"))).transpose()
}
