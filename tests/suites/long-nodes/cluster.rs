//! Three Cassandra nodes, and the links between them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mooring_tests::links::Links;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryResult;
use scylla::statement::{Consistency, Statement};
use xtask::cassandra::{CommitLog, Node, Place, free_port};

pub const NODES: usize = 3;
/// Addresses of the suite's own, so that no other node on this machine is in the way.
const ADDRESSES: [Ipv4Addr; NODES] =
    [Ipv4Addr::new(127, 0, 25, 1), Ipv4Addr::new(127, 0, 25, 2), Ipv4Addr::new(127, 0, 25, 3)];
/// By which the nodes know each other.
const NAMES: [Ipv4Addr; NODES] =
    [Ipv4Addr::new(127, 0, 26, 1), Ipv4Addr::new(127, 0, 26, 2), Ipv4Addr::new(127, 0, 26, 3)];
/// How long nodes may take to find, or to miss, each other.
const PATIENCE: Duration = Duration::from_secs(180);
/// So often in a row that each node was asked.
const EACH: usize = 12;

type Answer = Result<QueryResult, ExecutionError>;

pub struct Cluster {
    places: Vec<Place>,
    /// `None` while it is down.
    nodes: Vec<Option<Node>>,
    pub links: Links,
    /// Straight to the nodes, as the server's way is.
    pub session: Session,
}

impl Cluster {
    pub async fn start(dir: &Path) -> Result<Self> {
        let (port, storage_port) = (free_port(ADDRESSES[0])?, free_port(ADDRESSES[0])?);
        let links = Links::between(&NAMES, &ADDRESSES, storage_port).await?;
        let place = |(ip, name): (&Ipv4Addr, &Ipv4Addr)| Place {
            dir: dir.join(ip.to_string()),
            ip: *ip,
            port,
            storage_port,
            known_as: Some(*name),
            seed: NAMES[0],
            // a node that forgets what it called done is no longer part of the majority that has it
            commit_log: CommitLog::Batch,
            settings: String::new(),
        };
        let places: Vec<Place> = ADDRESSES.iter().zip(&NAMES).map(place).collect();
        let nodes = places.iter().map(|place| Ok(Some(Node::start_at(place.clone())?)));
        let nodes = nodes.collect::<Result<_>>()?;
        let session = SessionBuilder::new().known_nodes(addresses(&places)).build().await?;
        let cluster = Self { places, nodes, links, session };
        // a table that is made before they know each other is not on all of them
        cluster.all_know_all().await?;
        cluster.all_there().await?;
        Ok(cluster)
    }

    /// For a server.
    pub fn addresses(&self) -> String {
        addresses(&self.places).join(",")
    }

    pub fn node(&self, n: usize) -> Result<&Node> {
        self.nodes[n].as_ref().context("it is down")
    }

    pub fn kill(&mut self, n: usize) -> Result<()> {
        self.nodes[n].take().context("it is down")?.kill()?;
        Ok(())
    }

    pub async fn restart(&mut self, n: usize) -> Result<()> {
        // on another thread: people write on this one
        let place = self.places[n].clone();
        self.nodes[n] = Some(tokio::task::spawn_blocking(|| Node::start_at(place)).await??);
        self.all_there().await
    }

    /// The server has made its keyspace with three copies.
    pub async fn keeps_three_copies(&self) -> Result<()> {
        let query = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'mooring'";
        let rows = self.session.query_unpaged(query, ()).await?.into_rows_result()?;
        let (replication,) = rows.first_row::<(BTreeMap<String, String>,)>()?;
        ensure!(replication.values().any(|copies| copies == "3"), "{replication:?}");
        Ok(())
    }

    /// Waits until every node knows every other one.
    async fn all_know_all(&self) -> Result<()> {
        let others = |answer: Answer| {
            let rows = answer.ok().and_then(|answer| answer.into_rows_result().ok());
            rows.is_some_and(|rows| rows.rows_num() == NODES - 1)
        };
        let query = Statement::new("SELECT peer, rpc_address FROM system.peers");
        self.until("the nodes know each other", EACH, &query, others).await
    }

    /// Waits until every node answers for every other one again.
    pub async fn all_there(&self) -> Result<()> {
        self.until("the nodes find each other", EACH, &takes_all(), |answer| answer.is_ok()).await
    }

    /// Waits until a node does not even try to reach all: it calls one of them down.
    pub async fn one_is_missed(&self) -> Result<()> {
        let missed = |answer: Answer| {
            let Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _))) = answer else {
                return false;
            };
            matches!(error, DbError::Unavailable { .. })
        };
        self.until("one of the nodes is missed", 1, &takes_all(), missed).await
    }

    /// Asks, whichever node it is, until the answer is as wanted so many times in a row.
    async fn until(
        &self,
        what: &str,
        times: usize,
        query: &Statement,
        wanted: impl Fn(Answer) -> bool,
    ) -> Result<()> {
        let (started, mut in_a_row) = (Instant::now(), 0);
        while in_a_row < times {
            if wanted(self.session.query_unpaged(query.clone(), ()).await) {
                in_a_row += 1;
            } else {
                ensure!(started.elapsed() < PATIENCE, "waited in vain until {what}");
                in_a_row = 0;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }
}

/// A question that takes the answers of all nodes.
fn takes_all() -> Statement {
    // of Cassandra's own tables one that has three copies
    let mut query = Statement::new(
        "SELECT status FROM system_distributed.view_build_status WHERE keyspace_name = 'k' AND view_name = 'v'",
    );
    query.set_consistency(Consistency::All);
    query
}

fn addresses(places: &[Place]) -> Vec<String> {
    places.iter().map(|place| format!("{}:{}", place.ip, place.port)).collect()
}
