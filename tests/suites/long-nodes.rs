//! Three real Cassandra nodes, five people who write without a pause, and one node after the other killed, started
//! again, and paused: what was acknowledged is there once, and service goes on with one node down.
//!
//! Takes three JVMs of 512 MB heap, 3 GB in all, and some minutes: `./x test long-nodes`, not part of a whole run.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::rows::Stored;
use mooring_tests::writer::{Writer, all_have, boats};
use mooring_tests::{Client, Server, on_a_local_set};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::{Consistency, Statement};
use sync_server::demo::WORKSPACE;
use tokio::task::JoinHandle;
use xtask::cassandra::{CommitLog, Node, Place, free_port};

/// Addresses of the suite's own, so that no other node on this machine is in the way.
const ADDRESSES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 25, 1), Ipv4Addr::new(127, 0, 25, 2), Ipv4Addr::new(127, 0, 25, 3)];
const PEOPLE: usize = 5;
/// Partitions of the sample workspace.
const PARTITIONS: i32 = 4;
/// Changes of each person that must be accepted before a node's trouble counts as lived through.
const ACCEPTED: u64 = 3;
/// Within this time they must be: no longer than one loses sight of a server that is restarted.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn service_goes_on_with_one_node_down_and_each_change_is_applied_once() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let mut cluster = Cluster::start(dir.path())?;
        let session = SessionBuilder::new().known_nodes(cluster.addresses().split(',')).build().await?;
        // a table that is made before they know each other is not on all of them
        all_there(&session).await?;
        let server = Server::start(&["--cassandra", &cluster.addresses()], 0)?;
        on_three(&session).await?;
        let crew = Crew::start(dir.path(), &server.url).await?;
        crew.goes_on("all nodes are there").await?;
        for n in 0..ADDRESSES.len() {
            cluster.nodes[n].take().context("a node")?.kill()?;
            crew.goes_on(&format!("node {} is killed", n + 1)).await?;
            // on another thread: people write on this one
            let place = cluster.places[n].clone();
            cluster.nodes[n] = Some(tokio::task::spawn_blocking(|| Node::start_at(place)).await??);
            all_there(&session).await?;
            crew.goes_on(&format!("node {} is back", n + 1)).await?;
            let node = cluster.nodes[n].as_ref().context("a node")?;
            node.pause()?;
            crew.goes_on(&format!("node {} is paused", n + 1)).await?;
            node.resume()?;
            all_there(&session).await?;
            crew.goes_on(&format!("node {} goes on", n + 1)).await?;
        }
        let (devices, writers) = crew.stop().await?;
        let reader = Client::start(&dir.path().join("reader"), "Reader")?;
        reader.join(&server.url).await?;
        let devices: Vec<&Client> = devices.iter().map(|device| &**device).chain([&reader]).collect();
        let writers: Vec<&Writer> = writers.iter().collect();
        all_have(&devices, &writers).await?;
        let stored = Stored::read(&session, WORKSPACE, PARTITIONS).await?;
        stored.has_once(&writers)?;
        eprintln!("{} commits, {} changes in the feed", stored.steps, stored.entries.len());
        Ok(())
    });
}

struct Cluster {
    places: Vec<Place>,
    /// `None` while it is down.
    nodes: Vec<Option<Node>>,
}

impl Cluster {
    fn start(dir: &Path) -> Result<Self> {
        let (port, storage_port) = (free_port(ADDRESSES[0])?, free_port(ADDRESSES[0])?);
        let place = |ip: Ipv4Addr| Place {
            dir: dir.join(ip.to_string()),
            ip,
            port,
            storage_port,
            seed: ADDRESSES[0],
            // a node that forgets what it called done is no longer part of the majority that has it
            commit_log: CommitLog::Batch,
        };
        let places: Vec<Place> = ADDRESSES.map(place).into();
        let nodes = places.iter().map(|place| Ok(Some(Node::start_at(place.clone())?)));
        Ok(Self { nodes: nodes.collect::<Result<_>>()?, places })
    }

    fn addresses(&self) -> String {
        let addresses = self.places.iter().map(|place| format!("{}:{}", place.ip, place.port));
        addresses.collect::<Vec<_>>().join(",")
    }
}

/// The server has made its keyspace with three copies.
async fn on_three(session: &Session) -> Result<()> {
    let query = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'mooring'";
    let rows = session.query_unpaged(query, ()).await?.into_rows_result()?;
    let (replication,) = rows.first_row::<(std::collections::BTreeMap<String, String>,)>()?;
    ensure!(replication.values().any(|copies| copies == "3"), "{replication:?}");
    Ok(())
}

/// Waits until every node answers for every other one again: so often in a row that each was asked.
async fn all_there(session: &Session) -> Result<()> {
    // of Cassandra's own tables one that has three copies
    let mut query = Statement::new(
        "SELECT status FROM system_distributed.view_build_status WHERE keyspace_name = 'k' AND view_name = 'v'",
    );
    query.set_consistency(Consistency::All);
    let (started, mut in_a_row) = (Instant::now(), 0);
    while in_a_row < 12 {
        match session.query_unpaged(query.clone(), ()).await {
            Ok(_) => in_a_row += 1,
            Err(error) => {
                ensure!(started.elapsed() < 6 * PATIENCE, "the nodes do not find each other: {error}");
                in_a_row = 0;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Ok(())
}

/// People who write: one record and one count, and again once the server has accepted them.
struct Crew {
    people: Vec<Person>,
    stop: Rc<Cell<bool>>,
}

struct Person {
    device: Rc<Client>,
    accepted: Rc<Cell<u64>>,
    work: JoinHandle<Result<Writer>>,
}

impl Crew {
    async fn start(dir: &Path, url: &str) -> Result<Self> {
        let stop = Rc::new(Cell::new(false));
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            let name = format!("device {n}");
            let device = Rc::new(Client::start(&dir.join(&name), &name)?);
            device.join(url).await?;
            if n == 0 {
                boats(&device).await?;
            }
            device.synced().await?;
            people.push((n, device));
        }
        let people = people.into_iter().map(|(n, device)| {
            let accepted = Rc::new(Cell::new(0));
            let mut writer = Writer::new(1_000_000 * (1 + n as i64));
            let work = tokio::task::spawn_local({
                let (device, accepted, stop) = (device.clone(), accepted.clone(), stop.clone());
                async move {
                    while !stop.get() {
                        writer.write(&device).await?;
                        device.until("accepted", |status| status.pending == 0).await?;
                        accepted.set(accepted.get() + 1);
                    }
                    Ok(writer)
                }
            });
            Person { device, accepted, work }
        });
        Ok(Self { people: people.collect(), stop })
    }

    /// Waits until changes of each person were accepted, all of them made from here on.
    async fn goes_on(&self, when: &str) -> Result<()> {
        let started = Instant::now();
        // what was on its way when the trouble began does not count
        let wanted: Vec<u64> =
            self.people.iter().map(|person| person.accepted.get() + 1 + ACCEPTED).collect();
        let done = || self.people.iter().zip(&wanted).filter(|(p, w)| p.accepted.get() >= **w).count();
        while done() < PEOPLE {
            if let Some(person) = self.people.iter().position(|person| person.work.is_finished()) {
                bail!("{when}: person {person} had to stop");
            }
            ensure!(started.elapsed() < PATIENCE, "{when}: {} of {PEOPLE} people go on", done());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let accepted: u64 = self.people.iter().map(|person| person.accepted.get()).sum();
        eprintln!("{:6.1} s until all go on where {when} ({accepted})", started.elapsed().as_secs_f64());
        Ok(())
    }

    async fn stop(self) -> Result<(Vec<Rc<Client>>, Vec<Writer>)> {
        self.stop.set(true);
        let (mut devices, mut writers) = (Vec::new(), Vec::new());
        for person in self.people {
            writers.push(person.work.await??);
            devices.push(person.device);
        }
        Ok((devices, writers))
    }
}
