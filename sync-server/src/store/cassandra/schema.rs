//! The keyspace and its tables: made and migrated by the program itself, one step per version.

use scylla::client::session::Session;
use scylla::serialize::row::SerializeRow;
use scylla::value::{CqlValue, Row};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::outcome::{in_doubt, is_not_there, unavailable};
use super::{CassandraOptions, rows};
use crate::store::StoreError;

/// The n-th entry takes a keyspace from version n to n + 1. Entries never change once released; new ones are added.
/// Each statement can run twice: a server that is killed in the middle leaves the rest to the next.
const MIGRATIONS: &[&[&str]] = &[
    &[
        "CREATE TABLE IF NOT EXISTS {keyspace}.partition_rows (
        workspace uuid, partition int, kind text, key text,
        step bigint static, head bigint static, checksums text static, body text,
        PRIMARY KEY ((workspace, partition), kind, key))
     WITH comment = 'All of a partition; every write is a batch with IF step = ?'",
        "CREATE TABLE IF NOT EXISTS {keyspace}.accounts (
        user uuid PRIMARY KEY, login text, name text, password_hash text)",
        "CREATE TABLE IF NOT EXISTS {keyspace}.logins (login text PRIMARY KEY, user uuid)",
        "CREATE TABLE IF NOT EXISTS {keyspace}.sessions (token_hash blob PRIMARY KEY, user uuid, expires bigint)",
        "CREATE TABLE IF NOT EXISTS {keyspace}.workspaces (id uuid PRIMARY KEY, name text, partitions int)",
        "CREATE TABLE IF NOT EXISTS {keyspace}.members (
        user uuid, workspace uuid, role text, PRIMARY KEY (user, workspace))",
        "CREATE TABLE IF NOT EXISTS {keyspace}.replicas (replica uuid PRIMARY KEY, user uuid)",
    ],
    &["CREATE TABLE IF NOT EXISTS {keyspace}.sessions_of (
        user uuid, token_hash blob, PRIMARY KEY (user, token_hash))
     WITH comment = 'Which sessions a user has, so that all can be ended'"],
    &[
        "ALTER TABLE {keyspace}.partition_rows ADD kept text static",
        "CREATE TABLE IF NOT EXISTS {keyspace}.notices (
        workspace uuid, partition int, head bigint, PRIMARY KEY (workspace, partition))
     WITH comment = 'How far other servers have brought each partition; plain writes with the head as their time'",
    ],
    &[
        "CREATE TABLE IF NOT EXISTS {keyspace}.mirrors (id uuid PRIMARY KEY, workspace uuid, body text)
     WITH comment = 'Which tables are mirrored; every write is conditional'",
        "CREATE TABLE IF NOT EXISTS {keyspace}.mirror_leases (id uuid PRIMARY KEY, server uuid)
     WITH comment = 'Which server works on a mirror; goes by itself'",
        "CREATE TABLE IF NOT EXISTS {keyspace}.mirror_status (id uuid PRIMARY KEY, body text)
     WITH comment = 'How a mirror stands, as its server tells it'",
        "CREATE TABLE IF NOT EXISTS {keyspace}.mirror_conflicts (
        keyspace_name text, table_name text, row_key text, conflict text, state text,
        base text, current text, incoming text, current_by text,
        incoming_by text, opened_at timestamp, settled_at timestamp, settled_by text,
        PRIMARY KEY ((keyspace_name, table_name), row_key, conflict))
     WITH comment = 'For programs that write to mirrored tables: what waits for a person, and what was decided'",
    ],
    &[
        "ALTER TABLE {keyspace}.sessions ADD device text",
        "ALTER TABLE {keyspace}.sessions ADD since bigint",
        "ALTER TABLE {keyspace}.sessions ADD seen bigint",
        // the database fills it with the members that there are
        "CREATE INDEX IF NOT EXISTS members_of_workspace ON {keyspace}.members (workspace)",
        "CREATE TABLE IF NOT EXISTS {keyspace}.invitations (
        token_hash blob PRIMARY KEY, id uuid, workspace uuid, role text, by_user uuid, expires bigint, uses int,
        joining set<uuid>)
     WITH comment = 'Links by which people join; every write is conditional'",
        "CREATE TABLE IF NOT EXISTS {keyspace}.invitations_of (
        workspace uuid, token_hash blob, PRIMARY KEY (workspace, token_hash))
     WITH comment = 'Which invitations a workspace has; grants nothing'",
    ],
];

/// How long a server that migrates may take before another takes over.
const LOCK: Duration = Duration::from_secs(60);
/// How long a server waits for another that migrates.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a new table may take until it can be read, and how often that is tried.
const SETTLES: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(200);

/// Brings the keyspace to this build's version. A newer one is refused and not touched.
pub(super) async fn prepare(session: &Session, options: &CassandraOptions) -> Result<(), StoreError> {
    let keyspace = &options.keyspace;
    let newest = MIGRATIONS.len();
    // each looked for by itself: the first start may have been broken off between the two, or the operator made the keyspace
    let keyspaces = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    if !exists(session, keyspaces, (keyspace,)).await? {
        let replication = match &options.replication {
            Some(replication) => replication.clone(),
            None => replication(session).await?,
        };
        run(session, &format!("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}"))
            .await?;
    }
    let what = format!("SELECT version FROM {keyspace}.schema_version WHERE what = 'tables'");
    // asked for as it is used: the database lists a table a moment before it can be read
    if session.query_unpaged(what, ()).await.as_ref().is_err_and(is_not_there) {
        // with an id that all servers know: those that make it at the same time make one and the same table. All others are made
        // under the lock that this one holds.
        let id = Uuid::from_u128(xxhash_rust::xxh3::xxh3_128(keyspace.as_bytes()));
        let table = format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.schema_version (what text PRIMARY KEY, version int, owner uuid) WITH ID = {id}"
        );
        run(session, &table).await?;
    }
    let me = Uuid::now_v7();
    let (give_up, settled) = (Instant::now() + PATIENCE, Instant::now() + SETTLES);
    loop {
        let version = match version(session, keyspace).await {
            // a table that another server has just made can be read a moment later
            Err(_) if Instant::now() < settled => {
                sleep(AGAIN).await;
                continue;
            }
            version => version?,
        };
        if version > newest {
            return Err(StoreError::Newer(format!(
                "keyspace {keyspace} is of version {version}, this build knows {newest}"
            )));
        }
        if version == newest {
            return Ok(());
        }
        if lock(session, keyspace, me).await? {
            for statement in MIGRATIONS[version] {
                migrate(session, &statement.replace("{keyspace}", keyspace)).await?;
            }
            set_version(session, keyspace, version + 1).await?;
            tracing::info!(keyspace, version = version + 1, "tables are ready");
            unlock(session, keyspace, me).await?;
        } else if Instant::now() > give_up {
            return Err(StoreError::Unavailable(format!(
                "another server has been preparing {keyspace} for too long"
            )));
        } else {
            sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn run(session: &Session, statement: &str) -> Result<(), StoreError> {
    session.query_unpaged(statement, ()).await.map(drop).map_err(|e| unavailable(&e))
}

/// A statement that may have run before: a column that is there is not added again.
async fn migrate(session: &Session, statement: &str) -> Result<(), StoreError> {
    let mut words = statement.split_whitespace();
    if let (Some("ALTER"), Some("TABLE"), Some(table), Some("ADD"), Some(column)) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
        && let Some((keyspace, table)) = table.split_once('.')
    {
        let columns = "SELECT column_name FROM system_schema.columns
             WHERE keyspace_name = ? AND table_name = ? AND column_name = ?";
        if exists(session, columns, (keyspace, table, column)).await? {
            return Ok(());
        }
    }
    run(session, statement).await
}

async fn exists(session: &Session, query: &str, values: impl SerializeRow) -> Result<bool, StoreError> {
    let found: Vec<(String,)> = rows(session.query_unpaged(query, values).await)?;
    Ok(!found.is_empty())
}

/// For a keyspace of which the operator says nothing: one copy on one node, else up to three per datacentre.
async fn replication(session: &Session) -> Result<String, StoreError> {
    let local: Vec<(String,)> =
        rows(session.query_unpaged("SELECT data_center FROM system.local", ()).await)?;
    let peers: Vec<(String,)> =
        rows(session.query_unpaged("SELECT data_center FROM system.peers", ()).await)?;
    if peers.is_empty() {
        return Ok("{'class': 'SimpleStrategy', 'replication_factor': 1}".into());
    }
    let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
    for (name,) in local.into_iter().chain(peers) {
        *nodes.entry(name).or_default() += 1;
    }
    let copies: Vec<String> = nodes
        .iter()
        .map(|(name, nodes)| format!("'{}': {}", name.replace('\'', "''"), nodes.min(&3)))
        .collect();
    Ok(format!("{{'class': 'NetworkTopologyStrategy', {}}}", copies.join(", ")))
}

async fn version(session: &Session, keyspace: &str) -> Result<usize, StoreError> {
    let query = format!("SELECT version FROM {keyspace}.schema_version WHERE what = 'tables'");
    let found: Vec<(Option<i32>,)> = rows(session.query_unpaged(query, ()).await)?;
    Ok(found.first().and_then(|(version,)| *version).map_or(0, |version| version.unsigned_abs() as usize))
}

async fn set_version(session: &Session, keyspace: &str, version: usize) -> Result<(), StoreError> {
    let update = format!("UPDATE {keyspace}.schema_version SET version = {version} WHERE what = 'tables'");
    run(session, &update).await
}

/// One server at a time changes tables: two that make the same table at once can leave nodes that disagree. True if it
/// is this one; where nobody knows, it is asked again.
async fn lock(session: &Session, keyspace: &str, me: Uuid) -> Result<bool, StoreError> {
    let insert = format!(
        "INSERT INTO {keyspace}.schema_version (what, owner) VALUES ('lock', ?) IF NOT EXISTS USING TTL {}",
        LOCK.as_secs()
    );
    let answer = session.query_unpaged(insert, (me,)).await;
    if answer.as_ref().is_err_and(in_doubt) {
        return Ok(false);
    }
    // granted, or refused because of an earlier try of this server whose answer was lost
    let rows: Vec<Row> = rows(answer)?;
    let ours = [Some(CqlValue::Boolean(true)), Some(CqlValue::Uuid(me))];
    Ok(rows.iter().flat_map(|row| &row.columns).any(|column| ours.contains(column)))
}

/// If nobody knows whether it is done, it is over when its time is.
async fn unlock(session: &Session, keyspace: &str, me: Uuid) -> Result<(), StoreError> {
    let delete = format!("DELETE FROM {keyspace}.schema_version WHERE what = 'lock' IF owner = ?");
    match session.query_unpaged(delete, (me,)).await {
        Err(error) if !in_doubt(&error) => Err(unavailable(&error)),
        _ => Ok(()),
    }
}
