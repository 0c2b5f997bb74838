//! A real Cassandra behind a proxy that forges what databases in trouble do: whatever a server is answered, each change
//! that a person saved is applied once, nobody is told a "no" that nobody said, and service goes on by itself.

#[path = "faults_cassandra/cases.rs"]
mod cases;

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cases::{By, Case};
use mooring_tests::on_a_local_set;
use mooring_tests::scene::{PATIENCE, Scene};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 24, 1);
const PEOPLE: usize = 2;

#[test]
fn each_change_is_applied_once_whatever_the_database_answers() {
    on_a_local_set(async {
        let mut scene = Scene::set(ADDRESS, PEOPLE, &cases::first_start()).await?;
        let only = std::env::var("CASE").unwrap_or_default();
        let cases: Vec<Case> = cases::all().into_iter().filter(|case| case.name.contains(&only)).collect();
        for case in &cases {
            let started = Instant::now();
            play(&mut scene, case).await.with_context(|| case.name)?;
            eprintln!("{:6.1} s  {}", started.elapsed().as_secs_f64(), case.name);
        }
        eprintln!("{} cases, {}", cases.len(), scene.end().await?);
        Ok(())
    });
}

async fn play(scene: &mut Scene, case: &Case) -> Result<()> {
    let before = scene.database.met();
    scene.database.set(&case.faults)?;
    let newcomer = match case.by {
        By::Members => None,
        By::Newcomer => Some(scene.newcomer().await?),
    };
    let wanted = case.faults.iter().map(|fault| fault.times).sum::<usize>();
    let started = Instant::now();
    // people work on until it has happened: what one commit had in store may not be read again before the next one
    loop {
        for (writer, member) in scene.pairs() {
            writer.write(member).await?;
        }
        scene.all_accepted().await?;
        let met = scene.database.met() - before;
        if met >= wanted {
            break;
        }
        ensure!(started.elapsed() < PATIENCE, "the faults met {met} frames, not {wanted}");
    }
    scene.all_is_right(newcomer.as_ref()).await
}
