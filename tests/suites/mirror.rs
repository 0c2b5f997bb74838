//! Mirrored tables, end to end below the screens: embedded replicas on sled, a real server process, the command line, and a real
//! Apache Cassandra on which other programs write plain CQL. The scenarios are tables in `mirror/tables`; `SCENARIO=text` runs
//! those whose name contains it, `SCENARIO=race` the race alone.

#[path = "mirror/account.rs"]
mod account;
#[path = "mirror/examples.rs"]
mod examples;
#[path = "mirror/expect.rs"]
mod expect;
#[path = "mirror/nodes.rs"]
mod nodes;
#[path = "mirror/outside.rs"]
mod outside;
#[path = "mirror/play.rs"]
mod play;
#[path = "mirror/race.rs"]
mod race;
#[allow(dead_code, reason = "suite conflicts uses the rest")]
#[path = "conflicts/stage.rs"]
mod stage;
#[path = "conflicts/table.rs"]
mod table;

use anyhow::{Result, bail};
use futures::StreamExt;
use outside::Outside;
use stage::{Kind, Stage};
use std::net::Ipv4Addr;
use std::time::Duration;
use table::Scenario;
use xtask::cassandra::Node;

/// An address of the suite's own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 42, 1);
/// Scenarios at a time: most of their time they wait for a mirror to look.
const AT_ONCE: usize = 8;
/// A workspace of Ada's for each scenario; she may say which rows were touched.
const OPTIONS: [&str; 4] = ["--workspaces-in-a-row", "10000", "--mirror-keyspaces", outside::KEYSPACE];

/// How long the race of a full run lasts.
const RACE: Duration = Duration::from_secs(30);

#[test]
fn tables_of_other_programs_and_collections_are_in_step() {
    mooring_tests::on_a_local_set(async {
        let folder = tempfile::tempdir()?;
        let mut done = Vec::new();
        let (all, kills) = (common()?, table::read(include_str!("mirror/tables/kills.txt"))?);
        let (all, kills) = (table::chosen(all), table::chosen(kills));
        let races = std::env::var("SCENARIO").map_or(true, |text| text == "race");
        if races || !all.is_empty() || !kills.is_empty() {
            let (address, _node) = Node::for_suite(&folder.path().join("common"), ADDRESS)?;
            let outside = Outside::connect(&address).await?;
            done.extend(scenarios(&address, &outside, all, kills).await?);
            if races {
                race::race(&address, &outside, RACE, outside::micros().unsigned_abs()).await?;
            }
        }
        let own = table::chosen(table::read(include_str!("mirror/tables/nodes.txt"))?);
        if !own.is_empty() {
            done.extend(nodes::scenarios(&folder.path().join("own"), &own, &OPTIONS).await?);
        }
        let count = done.len();
        let failed: Vec<String> = done.into_iter().flatten().collect();
        println!("{count} scenarios, {} failed", failed.len());
        if !failed.is_empty() {
            bail!("{} of {count} scenarios failed:\n{}", failed.len(), failed.join("\n"));
        }
        Ok(())
    });
}

/// Those that share a node and a server.
fn common() -> Result<Vec<Scenario>> {
    let mut all = Vec::new();
    for text in [
        include_str!("mirror/tables/examples.txt"),
        include_str!("mirror/tables/meetings.txt"),
        include_str!("mirror/tables/definitions.txt"),
        include_str!("mirror/tables/times.txt"),
        include_str!("mirror/tables/shapes.txt"),
    ] {
        all.extend(table::read(text)?);
    }
    Ok(all)
}

/// What went wrong of each, if something did.
async fn scenarios(
    address: &str,
    outside: &Outside,
    all: Vec<Scenario>,
    kills: Vec<Scenario>,
) -> Result<Vec<Option<String>>> {
    let stage = Stage::set(&Kind::Cassandra(address.to_owned()), "mirror", &OPTIONS).await?;
    let scene = play::Scene { stage: &stage, outside, node: None };
    let runs = all.into_iter().enumerate().map(|(place, scenario)| {
        let scene = &scene;
        async move { run(scene, &scenario, place).await }
    });
    let mut done: Vec<_> = futures::stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    // these kill the server: one after the other
    for (scenario, place) in kills.iter().zip(10_000..) {
        done.push(run(&scene, scenario, place).await);
    }
    Ok(done)
}

/// Plays one; what went wrong, if something did.
async fn run(scene: &play::Scene<'_>, scenario: &Scenario, place: usize) -> Option<String> {
    table::told(scenario, play::play(scene, scenario, place)).await
}
