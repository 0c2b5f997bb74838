//! The store on Apache Cassandra: a partition is one Cassandra partition, a commit one conditional batch on it.
//!
//! Every write to `partition_rows` is such a step (`step.rs`); plain and conditional writes never mix there.

mod directory;
mod invitations;
mod mirrors;
mod notices;
mod outcome;
mod reading;
mod schema;
mod statements;
mod step;
mod tls;

use futures::stream::{self, StreamExt, TryStreamExt};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::QueryResult;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::CqlValue;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::limits::RECORD_BYTES;
use sync_protocol::{Cursor, Partition, Revision, WorkspaceId};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::{Commit, Committed, Head, Kept, Kind, PartitionId, PartitionStore, Read, Step, StoreError};
pub use mirrors::{ConflictRow, LEASE, MIRRORS, MirrorRow};
use notices::Notices;
use outcome::unavailable;
pub(crate) use reading::AnotherNode;
use statements::Statements;
use step::Taking;
pub use tls::{ClusterTls, ClusterTlsError};

/// Longest wait for an answer: above all of Cassandra's own time-outs (10 s at most), so that it is Cassandra who says
/// how a write ended.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(12);
/// How often each connection is asked for a sign of life, and how long one may fail to come before the node counts as gone:
/// above what a node's garbage collection takes, far below [`TIMEOUT`], or else each request that is sent to a node which
/// hangs would wait that long.
const ALIVE: Duration = Duration::from_secs(2);
const SILENT: Duration = Duration::from_secs(5);
/// Keys in one `IN`: a coordinator reads them one after the other.
const KEYS: usize = 100;
/// `IN`s of one `get` at a time.
const PARALLEL: usize = 4;
/// Rows of the first read of a range, before anything is known of their size, and how many times as many the next read may
/// take: the rows that follow small ones may be large.
const FIRST_ROWS: usize = 4;
const GROWTH: usize = 8;
/// Rows of one read at most.
const MOST_ROWS: usize = 256;
/// Bytes that all reads under way may bring, each counted as if all of its rows were of the largest size: half of what a
/// server of one GiB has.
const READ_BYTES: usize = 512 << 20;

/// The kind of a row that never expires and comes before all others of its partition. Cassandra looks for the first living row of
/// a partition wherever only static columns are asked for, in conditions, too: without this one it would go through
/// every expired row of the feed, and give up where there are many.
const FIRST: &str = "_head";
/// Bytes of a head: its checksums are most of it.
const HEAD_BYTES: usize = 64 << 10;

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct CassandraOptions {
    /// Some of its nodes, as `host:port`.
    pub nodes: Vec<String>,
    /// The keyspace; made if it is not there.
    pub keyspace: String,
    /// Replication of a new keyspace as CQL writes it; `None`: one copy on one node, else up to three per datacentre.
    pub replication: Option<String>,
    /// User and password, where the cluster asks for them.
    pub credentials: Option<(String, String)>,
    /// TLS to its nodes; `None`: plain connections.
    pub tls: Option<ClusterTls>,
    /// Agree within the local datacentre only. Never mix the two on one keyspace.
    pub local_serial: bool,
    /// Conditional batches in flight. More than this and a small cluster starts to time out instead of going faster.
    pub commits_in_flight: usize,
    /// Reads in flight.
    pub reads_in_flight: usize,
}

impl CassandraOptions {
    /// The defaults for a cluster that one of these nodes leads to.
    pub fn new(nodes: Vec<String>) -> Self {
        Self {
            nodes,
            keyspace: "mooring".into(),
            replication: None,
            credentials: None,
            tls: None,
            local_serial: false,
            commits_in_flight: 32,
            reads_in_flight: 128,
        }
    }

    pub(crate) fn serial(&self) -> SerialConsistency {
        if self.local_serial { SerialConsistency::LocalSerial } else { SerialConsistency::Serial }
    }

    pub(crate) fn quorum(&self) -> Consistency {
        if self.local_serial { Consistency::LocalQuorum } else { Consistency::Quorum }
    }
}

/// A name that can be a keyspace's, or why it cannot.
pub fn keyspace(name: &str) -> Result<String, String> {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts && rest && name.len() <= 48 {
        return Ok(name.into());
    }
    Err(format!(
        "“{name}” cannot be a keyspace: it starts with a letter a-z and has only a-z, 0-9 and _, at most 48"
    ))
}

/// A keyspace on a cluster.
#[derive(Debug)]
pub struct CassandraStore {
    database: Arc<Database>,
    options: CassandraOptions,
    commits: Semaphore,
    reads: Semaphore,
    /// In KiB.
    reading: Semaphore,
}

/// What tasks hold on to that outlive a request.
#[derive(Debug)]
struct Database {
    session: Session,
    statements: Statements,
    /// Prepared where there is anything to do with mirrors.
    mirrors: OnceCell<mirrors::MirrorStatements>,
    notices: Notices,
}

impl CassandraStore {
    /// Connects, and makes or migrates the tables.
    pub async fn connect(options: CassandraOptions) -> Result<Self, StoreError> {
        keyspace(&options.keyspace).map_err(StoreError::Unavailable)?;
        let profile = ExecutionProfile::builder()
            .consistency(options.quorum())
            .serial_consistency(Some(options.serial()))
            .request_timeout(Some(TIMEOUT))
            .retry_policy(Arc::new(FallthroughRetryPolicy))
            .speculative_execution_policy(None)
            .build();
        let session = session(&options, profile).await.map_err(StoreError::Unavailable)?;
        schema::prepare(&session, &options).await?;
        let statements = Statements::prepare(&session, &options).await?;
        let commits = Semaphore::new(options.commits_in_flight.max(1));
        let reads = Semaphore::new(options.reads_in_flight.max(1));
        let reading = Semaphore::new(READ_BYTES >> 10);
        let database =
            Arc::new(Database { session, statements, mirrors: OnceCell::new(), notices: Notices::default() });
        Ok(Self { database, options, commits, reads, reading })
    }

    /// Rows that are `bytes` at most.
    async fn read<T>(
        &self,
        statement: &PreparedStatement,
        bytes: usize,
        values: impl scylla::serialize::row::SerializeRow,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let weight = bytes.clamp(1 << 10, READ_BYTES) >> 10;
        let weight = u32::try_from(weight).expect("half a GiB in KiB");
        let _room = self.reading.acquire_many(weight).await.expect("nobody closes it");
        let _permit = permit(&self.reads).await;
        rows(self.database.session.execute_unpaged(statement, values).await)
    }
}

/// Connects; each request as the profile says, unless its statement says otherwise.
pub(crate) async fn session(
    options: &CassandraOptions,
    profile: ExecutionProfile,
) -> Result<Session, String> {
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.nodes)
        .keepalive_interval(ALIVE)
        .keepalive_timeout(SILENT)
        .default_execution_profile_handle(profile.into_handle());
    if let Some((user, password)) = &options.credentials {
        builder = builder.user(user, password);
    }
    if let Some(tls) = &options.tls {
        builder = builder.tls_context(Some(tls.config().map_err(|error| error.to_string())?));
    }
    // a port that takes connections and says nothing would be waited for without end
    let session = tokio::time::timeout(TIMEOUT, builder.build()).await;
    session.map_err(|_| format!("no word of CQL within {} s", TIMEOUT.as_secs()))?.map_err(|e| e.to_string())
}

async fn permit(semaphore: &Semaphore) -> SemaphorePermit<'_> {
    semaphore.acquire().await.expect("nobody closes it")
}

fn rows<T>(result: Result<QueryResult, ExecutionError>) -> Result<Vec<T>, StoreError>
where
    T: for<'f, 'm> DeserializeRow<'f, 'm>,
{
    let corrupt = |what: String| StoreError::Corrupt(format!("an answer of the database: {what}"));
    let result =
        result.map_err(|e| unavailable(&e))?.into_rows_result().map_err(|e| corrupt(e.to_string()))?;
    let rows = result.rows::<T>().map_err(|e| corrupt(e.to_string()))?;
    rows.collect::<Result<_, _>>().map_err(|e| corrupt(e.to_string()))
}

/// Whether a conditional statement was applied: the first column of its first row.
fn applied(result: Result<QueryResult, ExecutionError>) -> Result<bool, StoreError> {
    let rows: Vec<scylla::value::Row> = rows(result)?;
    match rows.first().and_then(|row| row.columns.first()) {
        Some(Some(CqlValue::Boolean(applied))) => Ok(*applied),
        _ => Err(StoreError::Corrupt("the database does not say whether it applied a condition".into())),
    }
}

fn number(n: u64) -> i64 {
    i64::try_from(n).expect("sequence numbers stay below 2^63")
}

/// Step, head, checksums, what is kept, and the kind of the row that they were found with.
type HeadRow = (Option<i64>, Option<i64>, Option<String>, Option<String>, Option<String>);

impl CassandraStore {
    /// Gives a partition of an older release its first row: see [`FIRST`].
    async fn put_first(&self, id: PartitionId) {
        let _permit = permit(&self.commits).await;
        let values = (id.workspace.0, i32::from(id.partition.0), FIRST);
        let put = self.database.session.execute_unpaged(&self.database.statements.put_first, values).await;
        if let Err(error) = put {
            tracing::debug!(%error, "a partition stays without its first row until it is loaded again");
        }
    }
}

#[async_trait::async_trait]
impl PartitionStore for CassandraStore {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        let place = (id.workspace.0, i32::from(id.partition.0));
        let mut found: Vec<HeadRow> =
            self.read(self.database.statements.head.at(read), HEAD_BYTES, place).await?;
        if found.first().is_some_and(|(.., kind)| kind.as_deref() != Some(FIRST)) && read == Read::Serial {
            self.put_first(id).await;
        }
        if found.is_empty() {
            // nothing was ever committed here, or nothing that came from a replica
            let statement = self.database.statements.any_head.at(read);
            let any: Vec<(Option<i64>, Option<i64>, Option<String>, Option<String>)> =
                self.read(statement, HEAD_BYTES, place).await?;
            found.extend(any.into_iter().map(|(step, head, sums, kept)| (step, head, sums, kept, None)));
        }
        let Some((Some(step), Some(head), Some(checksums), kept, _)) = found.into_iter().next() else {
            return Ok(Head::default());
        };
        let corrupt = || StoreError::Corrupt(format!("head of partition {}", id.partition));
        Ok(Head {
            step: Step(u64::try_from(step).map_err(|_| corrupt())?),
            revision: Revision(u64::try_from(head).map_err(|_| corrupt())?),
            checksums: serde_json::from_str(&checksums).map_err(|_| corrupt())?,
            // a partition that was last written before there was such a count has none
            kept: kept
                .map_or(Ok(Kept::default()), |kept| serde_json::from_str(&kept).map_err(|_| corrupt()))?,
        })
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let chunks: Vec<Vec<String>> = keys.chunks(KEYS).map(<[String]>::to_vec).collect();
        let found: Vec<Vec<Option<String>>> = stream::iter(chunks)
            .map(|chunk| async move {
                let values = (id.workspace.0, i32::from(id.partition.0), kind.name(), &chunk);
                let bytes = chunk.len() * largest(kind);
                let found: Vec<(String, String)> =
                    self.read(&self.database.statements.get, bytes, values).await?;
                let found: std::collections::BTreeMap<String, String> = found.into_iter().collect();
                Ok::<_, StoreError>(chunk.iter().map(|key| found.get(key).cloned()).collect())
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        read: Read,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let (workspace, partition) = (id.workspace.0, i32::from(id.partition.0));
        let mut page: Vec<(String, String)> = Vec::new();
        let mut size = 0;
        let mut ask = if kind == Kind::Feed { 1 } else { FIRST_ROWS };
        // a few reads, each as many rows as the bytes allow by the average so far
        while page.len() < limit {
            ask = ask.min(limit - page.len()).min(MOST_ROWS);
            let most = ask * largest(kind);
            let count = i32::try_from(ask).unwrap_or(i32::MAX);
            let rows: Vec<(String, String)> = match page.last().map(|(key, _)| key.as_str()).or(after) {
                Some(key) => {
                    let statement = self.database.statements.range_after.at(read);
                    self.read(statement, most, (workspace, partition, kind.name(), key, count)).await?
                }
                None => {
                    let statement = self.database.statements.range.at(read);
                    self.read(statement, most, (workspace, partition, kind.name(), count)).await?
                }
            };
            let all = rows.len() < ask;
            for row in rows {
                if size >= bytes && !page.is_empty() {
                    return Ok(page);
                }
                size += row.1.len();
                page.push(row);
            }
            if all || size >= bytes {
                break;
            }
            let average = (size / page.len().max(1)).max(1);
            ask = ((bytes - size) / average + 1).min(GROWTH * ask);
        }
        Ok(page)
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        let mut step = Taking::new(self, id, commit.expected, &commit.head);
        for row in commit.rows {
            step.put(row);
        }
        step.take().await
    }

    async fn clear(&self, id: PartitionId, before: Step) -> Result<Committed, StoreError> {
        // one deletion for each kind and not for each row: a read in order passes over them at no price
        let mut step = Taking::new(self, id, before, &Head { step: before.next(), ..Head::default() });
        Kind::ALL.into_iter().for_each(|kind| step.clear(kind));
        step.take().await
    }

    fn tell(&self, id: PartitionId, head: Revision) {
        Notices::tell(&self.database, id, head);
    }

    async fn news(&self, workspace: WorkspaceId, partitions: u16) -> Result<Cursor, StoreError> {
        let bytes = usize::from(partitions) * 32;
        let told: Vec<(i32, i64)> =
            self.read(&self.database.statements.notices, bytes, (workspace.0,)).await?;
        let mut heads = Cursor::start(partitions);
        for (partition, head) in told {
            let partition = u16::try_from(partition).ok().filter(|partition| *partition < partitions);
            if let (Some(partition), Ok(head)) = (partition, u64::try_from(head)) {
                heads.advance(Partition(partition), Revision(head));
            }
        }
        Ok(heads)
    }
}

/// Bytes of the largest row of a kind.
fn largest(kind: Kind) -> usize {
    match kind {
        Kind::Record | Kind::Replica => RECORD_BYTES,
        // a group ends with the change that fills it
        Kind::Feed => 8 * RECORD_BYTES,
        Kind::Conflict => 3 * RECORD_BYTES,
        // what was agreed on, and what is on its way
        Kind::Shadow => 5 * RECORD_BYTES,
        Kind::Mirror => 1 << 10,
    }
}
