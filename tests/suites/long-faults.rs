//! What `faults_cassandra` does case by case, at random and for a long time: some faults at once, drawn from a seed,
//! while people write and now and then somebody is new. After each round all must be right.
//!
//! `SEED=7 MINUTES=30 ./x test long-faults`, not part of a whole run. Each round depends on the seed and its number
//! alone: `ROUND=12` begins with the twelfth. The plan is the same each time, what happens when is not.

#[path = "long-faults/plan.rs"]
mod plan;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use mooring_tests::database::At;
use mooring_tests::scene::Scene;
use mooring_tests::writer::Writer;
use mooring_tests::{Client, on_a_local_set};
use plan::Round;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 27, 1);
const PEOPLE: usize = 4;
/// Most changes of a person in a round: what all wrote since the first round is read again after each one.
const CHANGES: usize = 5;

#[test]
fn each_change_is_applied_once_whatever_befalls_the_database() {
    on_a_local_set(async {
        let seed = number("SEED")?.unwrap_or_else(|| u64::from(std::process::id()));
        let minutes = number("MINUTES")?.unwrap_or(30);
        let first = number("ROUND")?.unwrap_or(1);
        eprintln!("SEED={seed} MINUTES={minutes} ROUND={first} ./x test long-faults");
        let mut scene = Scene::set(ADDRESS, PEOPLE, &plan::first_start(seed)).await?;
        let (started, mut rounds, mut met) = (Instant::now(), 0, BTreeMap::<At, usize>::new());
        while started.elapsed() < Duration::from_secs(60 * minutes) {
            let number = first + rounds;
            let round = Round::draw(seed, number);
            let before = scene.database.met();
            let begun = Instant::now();
            play(&mut scene, &round).await.with_context(|| {
                format!("{round:#?}\nSEED={seed} ROUND={number} MINUTES=1 ./x test long-faults")
            })?;
            rounds += 1;
            for fault in &round.faults {
                *met.entry(fault.at).or_default() += fault.times;
            }
            eprintln!(
                "{:6.1} s  round {number}: {} faults planned at {} places, {} met{}",
                begun.elapsed().as_secs_f64(),
                round.faults.iter().map(|fault| fault.times).sum::<usize>(),
                round.faults.len(),
                scene.database.met() - before,
                if round.newcomer { ", somebody new" } else { "" },
            );
        }
        eprintln!("planned: {met:?}");
        scene.writers.iter_mut().for_each(Writer::doubt);
        eprintln!("{rounds} rounds, {}", scene.end().await?);
        Ok(())
    });
}

/// A number from the environment.
fn number(name: &str) -> Result<Option<u64>> {
    let text = std::env::var(name).ok();
    text.map(|text| text.parse().with_context(|| format!("{name}={text}"))).transpose()
}

async fn play(scene: &mut Scene, round: &Round) -> Result<()> {
    scene.database.set(&round.faults)?;
    let until = Instant::now() + round.time;
    let newcomer = match round.newcomer {
        true => Some(scene.newcomer().await?),
        false => None,
    };
    try_join_all(scene.pairs().map(|(writer, device)| write(writer, device, until))).await?;
    tokio::time::sleep_until(until.into()).await;
    scene.database.set(&[])?;
    scene.all_accepted().await?;
    scene.all_is_right(newcomer.as_ref()).await?;
    // the members' devices have told that they have these; all is asked for again in the end
    scene.writers.iter_mut().for_each(Writer::proven);
    Ok(())
}

/// Writes, and again once that is accepted, or without waiting any longer: what waits is sent together.
async fn write(writer: &mut Writer, device: &Client, until: Instant) -> Result<()> {
    const PATIENCE: Duration = Duration::from_millis(500);
    for _ in 0..CHANGES {
        writer.write(device).await?;
        let accepted = device.until("accepted", |status| status.pending == 0);
        match tokio::time::timeout(PATIENCE, accepted).await {
            Ok(accepted) => drop(accepted?),
            Err(_) if Instant::now() < until => {}
            Err(_) => break,
        }
    }
    Ok(())
}
