//! Whether anything was written to a table at all: each node counts, and asking costs nothing.
//!
//! What it does not count: cells that expire, TRUNCATE, and files that come from another node or a backup. Those are found by digests.

use scylla::deserialize::row::DeserializeRow;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::serialize::row::SerializeRow;
use scylla::statement::{Consistency, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use sync_protocol::Timestamp;
use uuid::Uuid;

use super::table::Table;
use super::{TableError, rows};

/// How long a node may take to say what it has at hand.
const AT_HAND: Duration = Duration::from_secs(3);

/// What the nodes have counted. Two of these that are equal, and of which no node was silent: nothing was written between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// By node.
    pub nodes: BTreeMap<Uuid, NodeCount>,
    /// Nodes that did not answer. What they may have taken is not known.
    pub silent: BTreeSet<Uuid>,
    /// What they did not tell because it may not be read by us, and what to do.
    pub refused: Option<String>,
}

/// What one node has counted since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeCount {
    /// Which start: the count begins anew with each.
    pub generation: i32,
    /// Writes to the table that this node has applied.
    pub writes: i64,
    /// The version of the schema that it has.
    pub schema: Uuid,
    /// When it last emptied the table, as TRUNCATE does: no count shows that.
    pub truncated: Option<Timestamp>,
}

impl WriteCounts {
    /// When the table was emptied last.
    pub fn truncated(&self) -> Option<Timestamp> {
        self.nodes.values().filter_map(|count| count.truncated).max()
    }
}

impl Table {
    /// Asks every node.
    pub async fn write_counts(&self) -> WriteCounts {
        let state = self.cluster.session.get_cluster_state();
        let nodes: Vec<Uuid> = state.get_nodes_info().iter().map(|node| node.host_id).collect();
        let asked = nodes.into_iter().map(|node| async move { (node, self.count_of(node).await) });
        let mut counts = WriteCounts::default();
        for (node, count) in futures::future::join_all(asked).await {
            match count {
                Ok(count) => drop(counts.nodes.insert(node, count)),
                Err(error) => {
                    tracing::debug!(%node, %error, "a node does not say what it has counted");
                    counts.refused = counts.refused.or_else(|| {
                        let grant = error.grant()?;
                        Some(format!(
                            "the counts of writes may not be read, so the whole table is looked at again and again: {grant}"
                        ))
                    });
                    counts.silent.insert(node);
                }
            }
        }
        counts
    }

    /// How many nodes apply each write to the table, as far as the driver knows.
    pub fn copies(&self) -> u64 {
        use scylla::cluster::metadata::Strategy;
        let state = self.cluster.session.get_cluster_state();
        let copies = match state.get_keyspace(&self.mapping().keyspace).map(|keyspace| &keyspace.strategy) {
            Some(Strategy::SimpleStrategy { replication_factor }) => *replication_factor,
            Some(Strategy::NetworkTopologyStrategy { datacenter_repfactors }) => {
                datacenter_repfactors.values().sum()
            }
            _ => 1,
        };
        copies as u64
    }

    async fn count_of(&self, node: Uuid) -> Result<NodeCount, TableError> {
        let query = "SELECT gossip_generation, schema_version, truncated_at FROM system.local";
        type Local = (Option<i32>, Option<Uuid>, Option<BTreeMap<Uuid, Vec<u8>>>);
        let local: Vec<Local> = self.ask_node(node, query, ()).await?;
        let query = "SELECT count FROM system_views.local_write_latency
            WHERE keyspace_name = ? AND table_name = ?";
        let place = (self.mapping().keyspace.as_str(), self.mapping().table.as_str());
        let writes: Vec<(i64,)> = self.ask_node(node, query, place).await?;
        let Some((Some(generation), Some(schema), truncated)) = local.into_iter().next() else {
            return Err(TableError::answer("a node does not say when it started"));
        };
        Ok(NodeCount {
            generation,
            schema,
            truncated: truncated.and_then(|all| all.get(&self.id()).and_then(|at| emptied(at))),
            // one that has not heard of the table yet
            writes: writes.first().map_or(0, |(writes,)| *writes),
        })
    }

    /// Asks that node for what only it knows.
    async fn ask_node<T>(
        &self,
        node: Uuid,
        query: &str,
        values: impl SerializeRow,
    ) -> Result<Vec<T>, TableError>
    where
        T: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let mut statement = Statement::new(query);
        statement.set_consistency(Consistency::One);
        statement.set_is_idempotent(true);
        statement.set_request_timeout(Some(AT_HAND));
        let only = SingleTargetLoadBalancingPolicy::new(NodeIdentifier::HostId(node), None);
        statement.set_load_balancing_policy(Some(only));
        rows(self.cluster.session.query_unpaged(statement, values).await?)
    }
}

/// When, in what a node notes about the last TRUNCATE of a table: a place in its commit log, then milliseconds.
fn emptied(noted: &[u8]) -> Option<Timestamp> {
    Some(Timestamp(i64::from_be_bytes(*noted.last_chunk()?)))
}
