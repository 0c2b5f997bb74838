//! Three real Cassandra nodes and five people who write without a pause: one node after the other is killed, started
//! again, paused, and cut off from the others, and in the end each from each. What was acknowledged is there once, and
//! service goes on as long as two nodes reach each other.
//!
//! Takes three JVMs of 512 MB heap, 3 GB in all, and some minutes: `./x test long-nodes`, not part of a whole run.

#[path = "long-nodes/cluster.rs"]
mod cluster;
#[path = "long-nodes/crew.rs"]
mod crew;

use anyhow::Result;
use cluster::{Cluster, NODES};
use crew::Crew;
use mooring_tests::rows::Stored;
use mooring_tests::writer::{Writer, all_have};
use mooring_tests::{Client, Server, on_a_local_set};
use sync_server::demo::WORKSPACE;

/// Partitions of the sample workspace.
const PARTITIONS: i32 = 4;

#[test]
fn service_goes_on_with_one_node_in_trouble_and_each_change_is_applied_once() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let mut cluster = Cluster::start(dir.path()).await?;
        let server = Server::start(&["--cassandra", &cluster.addresses()], 0)?;
        cluster.keeps_three_copies().await?;
        let crew = Crew::start(dir.path(), &server.url).await?;
        crew.goes_on("all nodes are there").await?;
        for n in 0..NODES {
            killed_and_paused(&mut cluster, &crew, n).await?;
            cut_off(&cluster, &crew, n).await?;
        }
        all_cut_off(&cluster, &crew).await?;
        let (devices, writers) = crew.stop().await?;
        let reader = Client::start(&dir.path().join("reader"), "Reader")?;
        reader.join(&server.url).await?;
        let devices: Vec<&Client> = devices.iter().map(|device| &**device).chain([&reader]).collect();
        let writers: Vec<&Writer> = writers.iter().collect();
        all_have(&devices, &writers).await?;
        let stored = Stored::read(&cluster.session, WORKSPACE, PARTITIONS).await?;
        stored.has_once(&writers)?;
        eprintln!("{} commits, {} changes in the feed", stored.steps, stored.entries.len());
        Ok(())
    });
}

async fn killed_and_paused(cluster: &mut Cluster, crew: &Crew, n: usize) -> Result<()> {
    let node = n + 1;
    cluster.kill(n)?;
    crew.goes_on(&format!("node {node} is killed")).await?;
    cluster.restart(n).await?;
    crew.goes_on(&format!("node {node} is back")).await?;
    cluster.node(n)?.pause()?;
    crew.goes_on(&format!("node {node} is paused")).await?;
    cluster.node(n)?.resume()?;
    cluster.all_there().await?;
    crew.goes_on(&format!("node {node} goes on")).await
}

/// The server reaches all three nodes all the time, and one of them can do nothing for it.
async fn cut_off(cluster: &Cluster, crew: &Crew, n: usize) -> Result<()> {
    let node = n + 1;
    let others = || (0..NODES).filter(move |other| *other != n);
    let out = || others().map(move |other| (n, other));
    let into = || others().map(move |other| (other, n));
    cluster.links.lose(out().chain(into()));
    crew.goes_on(&format!("node {node} is cut off")).await?;
    cluster.one_is_missed().await?;
    crew.goes_on(&format!("node {node} is cut off, and the others know it")).await?;
    cluster.links.heal();
    crew.goes_on(&format!("node {node} is linked again")).await?;
    cluster.all_there().await?;
    cluster.links.lose(out());
    crew.goes_on(&format!("node {node} is not heard")).await?;
    cluster.one_is_missed().await?;
    crew.goes_on(&format!("node {node} is not heard, and the others know it")).await?;
    cluster.links.heal();
    crew.goes_on(&format!("node {node} is heard again")).await?;
    cluster.all_there().await?;
    cluster.links.lose(into());
    crew.goes_on(&format!("node {node} does not hear")).await?;
    cluster.links.heal();
    crew.goes_on(&format!("node {node} hears again")).await?;
    cluster.all_there().await
}

/// No two nodes reach each other: there is no majority anywhere.
async fn all_cut_off(cluster: &Cluster, crew: &Crew) -> Result<()> {
    cluster
        .links
        .lose((0..NODES).flat_map(|from| (0..NODES).map(move |to| (from, to)).filter(|(a, b)| a != b)));
    crew.stands_still().await?;
    cluster.links.heal();
    crew.goes_on("all nodes are linked again").await?;
    cluster.all_there().await
}
