//! The keyspace and its tables: made and migrated by the program itself, one step per version.

use scylla::client::session::Session;
use scylla::value::{CqlValue, Row};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::outcome::{in_doubt, unavailable};
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
];

/// How long a server that migrates may take before another takes over.
const LOCK: Duration = Duration::from_secs(60);
/// How long a server waits for another that migrates.
const PATIENCE: Duration = Duration::from_secs(180);

/// Brings the keyspace to this build's version. A newer one is refused and not touched.
pub(super) async fn prepare(session: &Session, options: &CassandraOptions) -> Result<(), StoreError> {
    let keyspace = &options.keyspace;
    let newest = MIGRATIONS.len();
    if !exists(session, keyspace).await? {
        let replication = match &options.replication {
            Some(replication) => replication.clone(),
            None => replication(session).await?,
        };
        run(session, &format!("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}"))
            .await?;
        let table = format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.schema_version (what text PRIMARY KEY, version int, owner uuid)"
        );
        run(session, &table).await?;
    }
    let me = Uuid::now_v7();
    let give_up = Instant::now() + PATIENCE;
    loop {
        let version = version(session, keyspace).await?;
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
                run(session, &statement.replace("{keyspace}", keyspace)).await?;
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

async fn exists(session: &Session, keyspace: &str) -> Result<bool, StoreError> {
    let query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'schema_version'";
    let found: Vec<(String,)> = rows(session.query_unpaged(query, (keyspace,)).await)?;
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
