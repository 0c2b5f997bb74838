//! The directory of mirrors: which there are, which server works on each, how it stands, and its conflicts as CQL programs
//! read them.
//!
//! What a mirror is, and who works on it, is only ever written conditionally. Its status and its conflicts are told plainly:
//! nothing stands on them.

use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlTimestamp, CqlValue, Row};
use std::time::Duration;
use sync_protocol::{Timestamp, WorkspaceId};
use uuid::Uuid;

use super::statements::Preparer;
use super::{
    CassandraOptions, CassandraStore, Database, applied, permit, rows, step::ttl_seconds, unavailable,
};
use crate::store::StoreError;

/// How long a server has a mirror without renewing that.
pub const LEASE: Duration = Duration::from_secs(15);

/// Mirrors of one keyspace: each is watched every half a second.
pub const MIRRORS: usize = 500;

/// Bytes of what is told of one mirror.
const BODY_BYTES: usize = 256 << 10;
const ROW_BYTES: usize = 4 << 10;

/// A mirror as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRow {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub workspace: WorkspaceId,
    /// JSON text.
    pub body: String,
}

/// A conflict as programs read it. The values are JSON objects by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// The table's keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// The record's key.
    pub row_key: String,
    /// Which conflict.
    pub conflict: String,
    /// What was there before; what the record holds; what was not taken in.
    pub sides: [String; 3],
    /// Whose the value is that the record holds; `None` where there was no record.
    pub current_by: Option<String>,
    /// Whose change waits, or waited.
    pub incoming_by: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was settled and by whom; `None`: it waits for a person.
    pub settled: Option<(Timestamp, String)>,
    /// Of two states of one conflict the one with the higher number holds.
    pub order: i64,
    /// How long it is kept; `None` for ever.
    pub ttl: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct MirrorStatements {
    all: PreparedStatement,
    one: PreparedStatement,
    add: PreparedStatement,
    set: PreparedStatement,
    drop: PreparedStatement,
    leases: PreparedStatement,
    take: PreparedStatement,
    renew: PreparedStatement,
    give: PreparedStatement,
    status: PreparedStatement,
    set_status: PreparedStatement,
    drop_status: PreparedStatement,
    conflict: PreparedStatement,
    conflicts: PreparedStatement,
    drop_conflict: PreparedStatement,
}

impl MirrorStatements {
    async fn prepare(database: &Database, options: &CassandraOptions) -> Result<Self, StoreError> {
        let p = Preparer::new(&database.session, options);
        Ok(Self {
            all: p.read("SELECT id, workspace, body FROM {k}.mirrors LIMIT ?").await?,
            one: p.serial("SELECT id, workspace, body FROM {k}.mirrors WHERE id = ?").await?,
            add: p
                .write("INSERT INTO {k}.mirrors (id, workspace, body) VALUES (?, ?, ?) IF NOT EXISTS")
                .await?,
            set: p.write("UPDATE {k}.mirrors SET body = ? WHERE id = ? IF body = ?").await?,
            drop: p.write("DELETE FROM {k}.mirrors WHERE id = ? IF EXISTS").await?,
            leases: p.read("SELECT id, server FROM {k}.mirror_leases LIMIT ?").await?,
            take: p
                .write("INSERT INTO {k}.mirror_leases (id, server) VALUES (?, ?) IF NOT EXISTS USING TTL ?")
                .await?,
            renew: p
                .write("UPDATE {k}.mirror_leases USING TTL ? SET server = ? WHERE id = ? IF server = ?")
                .await?,
            give: p.write("DELETE FROM {k}.mirror_leases WHERE id = ? IF server = ?").await?,
            status: p.read("SELECT body FROM {k}.mirror_status WHERE id = ?").await?,
            set_status: p.write("INSERT INTO {k}.mirror_status (id, body) VALUES (?, ?)").await?,
            drop_status: p.write("DELETE FROM {k}.mirror_status WHERE id = ?").await?,
            conflict: p
                .write(
                    "INSERT INTO {k}.mirror_conflicts (keyspace_name, table_name, row_key, conflict, state,
                     base, current, incoming, current_by, incoming_by, opened_at, settled_at, settled_by)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?",
                )
                .await?,
            conflicts: p
                .read(
                    "SELECT row_key, conflict, writetime(state) FROM {k}.mirror_conflicts
                     WHERE keyspace_name = ? AND table_name = ? LIMIT ?",
                )
                .await?,
            drop_conflict: p
                .write(
                    "DELETE FROM {k}.mirror_conflicts USING TIMESTAMP ?
                     WHERE keyspace_name = ? AND table_name = ? AND row_key = ? AND conflict = ?",
                )
                .await?,
        })
    }
}

impl CassandraStore {
    async fn mirror_statements(&self) -> Result<&MirrorStatements, StoreError> {
        let prepare = || MirrorStatements::prepare(&self.database, &self.options);
        self.database.mirrors.get_or_try_init(prepare).await
    }

    async fn written(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, StoreError> {
        let _permit = permit(&self.commits).await;
        self.database.session.execute_unpaged(statement, values).await.map_err(|error| unavailable(&error))
    }

    /// All mirrors of this keyspace.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn mirrors(&self) -> Result<Vec<MirrorRow>, StoreError> {
        let found: Vec<(Uuid, Option<Uuid>, Option<String>)> =
            self.read(&self.mirror_statements().await?.all, BODY_BYTES, (most(),)).await?;
        Ok(found.into_iter().filter_map(mirror_row).collect())
    }

    /// One mirror, after all changes of it that may still be under way.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn mirror(&self, id: Uuid) -> Result<Option<MirrorRow>, StoreError> {
        let found: Vec<(Uuid, Option<Uuid>, Option<String>)> =
            self.read(&self.mirror_statements().await?.one, BODY_BYTES, (id,)).await?;
        Ok(found.into_iter().find_map(mirror_row))
    }

    /// Adds a mirror; false if the id is taken.
    ///
    /// # Errors
    /// Nothing is known then.
    pub async fn add_mirror(&self, row: &MirrorRow) -> Result<bool, StoreError> {
        let statement = &self.mirror_statements().await?.add;
        applied_answer(self.written(statement, (row.id, row.workspace.0, &row.body)).await?)
    }

    /// Replaces what is stored of a mirror, if it still is `before`.
    ///
    /// # Errors
    /// Nothing is known then.
    pub async fn set_mirror(&self, id: Uuid, before: &str, body: &str) -> Result<bool, StoreError> {
        let statement = &self.mirror_statements().await?.set;
        applied_answer(self.written(statement, (body, id, before)).await?)
    }

    /// Takes a mirror, its lease and its status out of the directory.
    ///
    /// # Errors
    /// Some of it may be gone then; doing it again is right.
    pub async fn drop_mirror(&self, id: Uuid) -> Result<(), StoreError> {
        let statements = self.mirror_statements().await?;
        self.written(&statements.drop_status, (id,)).await?;
        self.written(&statements.drop, (id,)).await.map(drop)
    }

    /// Which server works on which mirror.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn mirror_leases(&self) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        let found: Vec<(Uuid, Option<Uuid>)> =
            self.read(&self.mirror_statements().await?.leases, ROW_BYTES, (most(),)).await?;
        Ok(found.into_iter().filter_map(|(id, server)| Some((id, server?))).collect())
    }

    /// Takes a mirror for [`LEASE`], if no server has it; whether this one has it now.
    ///
    /// # Errors
    /// Nothing is known then; what was taken goes by itself.
    pub async fn take_mirror(&self, id: Uuid, server: Uuid) -> Result<bool, StoreError> {
        let statement = &self.mirror_statements().await?.take;
        let answer = self.written(statement, (id, server, ttl_seconds(Some(LEASE)))).await?;
        // granted, or refused because of an earlier try of this server whose answer was lost
        let rows: Vec<Row> = rows(Ok(answer))?;
        let ours = [Some(CqlValue::Boolean(true)), Some(CqlValue::Uuid(server))];
        Ok(rows.iter().flat_map(|row| &row.columns).any(|column| ours.contains(column)))
    }

    /// Keeps a mirror for another [`LEASE`]; false where it was lost.
    ///
    /// # Errors
    /// Nothing is known then.
    pub async fn keep_mirror(&self, id: Uuid, server: Uuid) -> Result<bool, StoreError> {
        let statement = &self.mirror_statements().await?.renew;
        applied_answer(self.written(statement, (ttl_seconds(Some(LEASE)), server, id, server)).await?)
    }

    /// Gives a mirror back.
    ///
    /// # Errors
    /// It goes by itself then.
    pub async fn give_mirror(&self, id: Uuid, server: Uuid) -> Result<(), StoreError> {
        self.written(&self.mirror_statements().await?.give, (id, server)).await.map(drop)
    }

    /// How a mirror stands, as its server told it last.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn mirror_status(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        let found: Vec<(Option<String>,)> =
            self.read(&self.mirror_statements().await?.status, BODY_BYTES, (id,)).await?;
        Ok(found.into_iter().find_map(|(body,)| body))
    }

    /// Tells how a mirror stands.
    ///
    /// # Errors
    /// It may be told or not then.
    pub async fn set_mirror_status(&self, id: Uuid, body: &str) -> Result<(), StoreError> {
        self.written(&self.mirror_statements().await?.set_status, (id, body)).await.map(drop)
    }

    /// Tells programs of a conflict. Told twice, and in any order, it comes to the same.
    ///
    /// # Errors
    /// It may be told or not then.
    pub async fn put_mirror_conflict(&self, row: &ConflictRow) -> Result<(), StoreError> {
        let state = if row.settled.is_some() { "settled" } else { "open" };
        let [base, current, incoming] = &row.sides;
        let key = (row.keyspace.as_str(), row.table.as_str(), row.row_key.as_str(), row.conflict.as_str());
        let settled_at = row.settled.as_ref().map(|(at, _)| CqlTimestamp(at.0));
        let settled_by = row.settled.as_ref().map(|(_, by)| by.as_str());
        let values = (
            key.0,
            key.1,
            key.2,
            key.3,
            state,
            base.as_str(),
            current.as_str(),
            incoming.as_str(),
            row.current_by.as_deref(),
            row.incoming_by.as_str(),
            CqlTimestamp(row.opened_at.0),
            settled_at,
            settled_by,
            row.order,
            ttl_seconds(row.ttl),
        );
        self.written(&self.mirror_statements().await?.conflict, values).await.map(drop)
    }

    /// Takes away what programs were told about a table's reviews: some at a time; whether there is more.
    ///
    /// # Errors
    /// Some of it may be gone then; doing it again is right.
    pub async fn drop_mirror_conflicts(&self, keyspace: &str, table: &str) -> Result<bool, StoreError> {
        let statements = self.mirror_statements().await?;
        let values = (keyspace, table, most());
        let found: Vec<(String, String, Option<i64>)> =
            self.read(&statements.conflicts, ROW_BYTES, values).await?;
        for (row_key, conflict, written) in &found {
            // at just its time: what is told of a later mirror has a lower number perhaps
            let values = (written.unwrap_or(0), keyspace, table, row_key.as_str(), conflict.as_str());
            self.written(&statements.drop_conflict, values).await?;
        }
        Ok(found.len() >= MIRRORS)
    }
}

fn most() -> i32 {
    i32::try_from(MIRRORS).expect("a small number")
}

fn mirror_row((id, workspace, body): (Uuid, Option<Uuid>, Option<String>)) -> Option<MirrorRow> {
    Some(MirrorRow { id, workspace: WorkspaceId(workspace?), body: body? })
}

fn applied_answer(answer: QueryResult) -> Result<bool, StoreError> {
    applied(Ok(answer))
}
