//! The conflict engine, end to end below the screens: embedded replicas on sled against a real server process, on sled
//! and on a real Apache Cassandra. The scenarios are tables in `conflicts/tables`; `SCENARIO=text` runs those whose
//! name contains it.

#[path = "conflicts/counts.rs"]
mod counts;
#[path = "conflicts/decide.rs"]
mod decide;
#[path = "conflicts/expect.rs"]
mod expect;
#[path = "conflicts/forge.rs"]
mod forge;
#[path = "conflicts/ledger.rs"]
mod ledger;
#[path = "conflicts/matrix.rs"]
mod matrix;
#[path = "conflicts/play.rs"]
mod play;
#[path = "conflicts/stage.rs"]
mod stage;
#[path = "conflicts/table.rs"]
mod table;

use anyhow::{Result, bail};
use futures::StreamExt;
use stage::{Kind, Stage};
use table::Scenario;

/// Scenarios at a time: enough that none waits for the disk of another.
const AT_ONCE: usize = 4;
/// The server's option for the scenarios in which what is old is no longer kept.
const SHORT_HORIZON: [&str; 2] = ["--horizon-seconds", "3"];
/// One of Ada's for each scenario.
const MANY_WORKSPACES: [&str; 2] = ["--workspaces-in-a-row", "10000"];

/// All tables that run side by side on one server.
fn common() -> Result<Vec<Scenario>> {
    let mut all = matrix::scenarios()?;
    for text in [
        include_str!("conflicts/tables/meetings.txt"),
        include_str!("conflicts/tables/policies.txt"),
        include_str!("conflicts/tables/schema.txt"),
        include_str!("conflicts/tables/settling.txt"),
        include_str!("conflicts/tables/undo.txt"),
        include_str!("conflicts/tables/bulk.txt"),
        include_str!("conflicts/tables/people.txt"),
        include_str!("conflicts/tables/history.txt"),
    ] {
        all.extend(table::read(text)?);
    }
    Ok(table::chosen(all))
}

async fn all_scenarios(kind: &Kind) -> Result<()> {
    let mut failed = Vec::new();
    let stage = Stage::set(kind, "common", &MANY_WORKSPACES).await?;
    let runs = common()?.into_iter().enumerate().map(|(place, scenario)| {
        let stage = &stage;
        async move { run(stage, &scenario, place).await }
    });
    let mut done: Vec<_> = futures::stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    // these kill the server: one after the other
    for (scenario, place) in
        table::chosen(table::read(include_str!("conflicts/tables/trouble.txt"))?).into_iter().zip(10_000..)
    {
        done.push(run(&stage, &scenario, place).await);
    }
    drop(stage);
    let late = table::chosen(table::read(include_str!("conflicts/tables/horizon.txt"))?);
    if !late.is_empty() {
        let stage = Stage::set(kind, "horizon", &SHORT_HORIZON).await?;
        for (scenario, place) in late.into_iter().zip(20_000..) {
            done.push(run(&stage, &scenario, place).await);
        }
    }
    let count = done.len();
    failed.extend(done.into_iter().flatten());
    println!("{count} scenarios, {} failed", failed.len());
    if !failed.is_empty() {
        bail!("{} of {count} scenarios failed:\n{}", failed.len(), failed.join("\n"));
    }
    Ok(())
}

/// Plays one; what went wrong, if something did.
async fn run(stage: &Stage, scenario: &Scenario, place: usize) -> Option<String> {
    table::told(scenario, play::play(stage, scenario, place)).await
}

fn on_a_local_set(test: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    if let Err(error) = local.block_on(&runtime, test) {
        panic!("{error:?}");
    }
}

#[test]
fn scenarios_on_sled() {
    on_a_local_set(all_scenarios(&Kind::Sled));
}

#[test]
fn scenarios_on_cassandra() {
    on_a_local_set(async {
        let folder = tempfile::tempdir()?;
        let (address, _node) = stage::cassandra(folder.path())?;
        all_scenarios(&Kind::Cassandra(address)).await
    });
}
