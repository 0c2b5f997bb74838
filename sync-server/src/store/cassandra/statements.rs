//! The prepared statements, each with its consistency.

use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency, Statement};

use super::{CassandraOptions, reading};
use crate::store::{Read, StoreError};

/// A read at both consistencies.
#[derive(Debug)]
pub(super) struct Reads {
    quorum: PreparedStatement,
    serial: PreparedStatement,
}

impl Reads {
    pub(super) fn at(&self, read: Read) -> &PreparedStatement {
        match read {
            Read::Quorum => &self.quorum,
            Read::Serial => &self.serial,
        }
    }
}

#[derive(Debug)]
pub(super) struct Statements {
    /// With the row that is first, or one of a replica: neither ever expires.
    pub(super) head: Reads,
    /// Of a partition without such rows.
    pub(super) any_head: Reads,
    pub(super) put_first: PreparedStatement,
    pub(super) get: PreparedStatement,
    pub(super) range: Reads,
    pub(super) range_after: Reads,
    /// The condition of a commit.
    pub(super) step: PreparedStatement,
    pub(super) put: PreparedStatement,
    /// All rows of a kind.
    pub(super) clear: PreparedStatement,
    pub(super) notice: PreparedStatement,
    pub(super) notices: PreparedStatement,
    pub(super) add_login: PreparedStatement,
    pub(super) login: Reads,
    pub(super) add_account: PreparedStatement,
    pub(super) drop_account: PreparedStatement,
    pub(super) account: PreparedStatement,
    pub(super) set_password: PreparedStatement,
    pub(super) set_name: PreparedStatement,
    pub(super) drop_login: PreparedStatement,
    pub(super) add_session: PreparedStatement,
    pub(super) session: PreparedStatement,
    pub(super) note_session: PreparedStatement,
    pub(super) name_session: PreparedStatement,
    pub(super) end_session: PreparedStatement,
    pub(super) add_session_of: PreparedStatement,
    pub(super) sessions_of: PreparedStatement,
    pub(super) end_session_of: PreparedStatement,
    pub(super) add_workspace: PreparedStatement,
    pub(super) workspace: PreparedStatement,
    pub(super) rename_workspace: PreparedStatement,
    pub(super) drop_workspace: PreparedStatement,
    pub(super) set_member: PreparedStatement,
    pub(super) add_member: PreparedStatement,
    pub(super) drop_member: PreparedStatement,
    pub(super) role: PreparedStatement,
    pub(super) workspaces: PreparedStatement,
    pub(super) members: PreparedStatement,
    pub(super) add_invitation: PreparedStatement,
    pub(super) add_invitation_of: PreparedStatement,
    pub(super) invitation: Reads,
    pub(super) invitations_of: PreparedStatement,
    pub(super) drop_invitation: PreparedStatement,
    pub(super) drop_invitation_of: PreparedStatement,
    pub(super) take_place: PreparedStatement,
    pub(super) place_is_filled: PreparedStatement,
    pub(super) claim: PreparedStatement,
    pub(super) owner: Reads,
}

impl Statements {
    pub(super) async fn prepare(session: &Session, options: &CassandraOptions) -> Result<Self, StoreError> {
        let p = Preparer::new(session, options);
        let range =
            "SELECT key, body FROM {k}.partition_rows WHERE workspace = ? AND partition = ? AND kind = ?";
        Ok(Self {
            head: p
                .reads(
                    "SELECT step, head, checksums, kept, kind FROM {k}.partition_rows
                     WHERE workspace = ? AND partition = ? AND kind IN ('_head', 'replica') LIMIT 1",
                )
                .await?,
            any_head: p
                .reads(
                    "SELECT DISTINCT step, head, checksums, kept FROM {k}.partition_rows
                     WHERE workspace = ? AND partition = ?",
                )
                .await?,
            put_first: p
                .write(
                    "INSERT INTO {k}.partition_rows (workspace, partition, kind, key, body)
                     VALUES (?, ?, ?, '', '{}') IF NOT EXISTS",
                )
                .await?,
            get: p.read(&format!("{range} AND key IN ?")).await?,
            range: p.reads(&format!("{range} LIMIT ?")).await?,
            range_after: p.reads(&format!("{range} AND key > ? LIMIT ?")).await?,
            step: p
                .write(
                    "UPDATE {k}.partition_rows SET step = ?, head = ?, checksums = ?, kept = ?
                     WHERE workspace = ? AND partition = ? IF step = ?",
                )
                .await?,
            put: p
                .write(
                    "INSERT INTO {k}.partition_rows (workspace, partition, kind, key, body)
                     VALUES (?, ?, ?, ?, ?) USING TTL ?",
                )
                .await?,
            clear: p
                .write("DELETE FROM {k}.partition_rows WHERE workspace = ? AND partition = ? AND kind = ?")
                .await?,
            // with the head as its time: it may be sent twice and late
            notice: p
                .write(
                    "INSERT INTO {k}.notices (workspace, partition, head) VALUES (?, ?, ?) USING TIMESTAMP ?",
                )
                .await?,
            notices: p.read("SELECT partition, head FROM {k}.notices WHERE workspace = ?").await?,
            add_login: p.write("INSERT INTO {k}.logins (login, user) VALUES (?, ?) IF NOT EXISTS").await?,
            login: p.reads("SELECT user FROM {k}.logins WHERE login = ?").await?,
            add_account: p
                .write(
                    "INSERT INTO {k}.accounts (user, login, name, password_hash) VALUES (?, ?, ?, ?)
                     IF NOT EXISTS",
                )
                .await?,
            drop_account: p.write("DELETE FROM {k}.accounts WHERE user = ? IF EXISTS").await?,
            account: p
                .read("SELECT user, login, name, password_hash FROM {k}.accounts WHERE user = ?")
                .await?,
            set_password: p
                .write("UPDATE {k}.accounts SET password_hash = ? WHERE user = ? IF EXISTS")
                .await?,
            set_name: p.write("UPDATE {k}.accounts SET name = ? WHERE user = ? IF EXISTS").await?,
            drop_login: p.write("DELETE FROM {k}.logins WHERE login = ? IF user = ?").await?,
            add_session: p
                .write(
                    "INSERT INTO {k}.sessions (token_hash, user, expires, device, since, seen)
                     VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?",
                )
                .await?,
            session: p
                .read("SELECT user, expires, device, since, seen FROM {k}.sessions WHERE token_hash = ?")
                .await?,
            // conditional: a session that ends meanwhile does not come back
            note_session: p
                .write("UPDATE {k}.sessions USING TTL ? SET seen = ? WHERE token_hash = ? IF EXISTS")
                .await?,
            name_session: p
                .write(
                    "UPDATE {k}.sessions USING TTL ? SET device = ?, seen = ? WHERE token_hash = ? IF EXISTS",
                )
                .await?,
            end_session: p.write("DELETE FROM {k}.sessions WHERE token_hash = ? IF EXISTS").await?,
            add_session_of: p
                .write("INSERT INTO {k}.sessions_of (user, token_hash) VALUES (?, ?) USING TTL ?")
                .await?,
            sessions_of: p.read("SELECT token_hash FROM {k}.sessions_of WHERE user = ?").await?,
            end_session_of: p.write("DELETE FROM {k}.sessions_of WHERE user = ? AND token_hash = ?").await?,
            add_workspace: p
                .write("INSERT INTO {k}.workspaces (id, name, partitions) VALUES (?, ?, ?) IF NOT EXISTS")
                .await?,
            workspace: p.read("SELECT name, partitions FROM {k}.workspaces WHERE id = ?").await?,
            rename_workspace: p.write("UPDATE {k}.workspaces SET name = ? WHERE id = ? IF EXISTS").await?,
            drop_workspace: p.write("DELETE FROM {k}.workspaces WHERE id = ? IF EXISTS").await?,
            // never plain: of two who set it at once the later one holds, whatever the clocks of the nodes say
            set_member: p
                .write("UPDATE {k}.members SET role = ? WHERE user = ? AND workspace = ? IF EXISTS")
                .await?,
            add_member: p
                .write("INSERT INTO {k}.members (user, workspace, role) VALUES (?, ?, ?) IF NOT EXISTS")
                .await?,
            drop_member: p
                .write("DELETE FROM {k}.members WHERE user = ? AND workspace = ? IF EXISTS")
                .await?,
            role: p.read("SELECT role FROM {k}.members WHERE user = ? AND workspace = ?").await?,
            workspaces: p.read("SELECT workspace, role FROM {k}.members WHERE user = ?").await?,
            members: p.read("SELECT user, role FROM {k}.members WHERE workspace = ? LIMIT ?").await?,
            add_invitation: p
                .write(
                    "INSERT INTO {k}.invitations (token_hash, id, workspace, role, by_user, expires, uses)
                     VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?",
                )
                .await?,
            add_invitation_of: p
                .write("INSERT INTO {k}.invitations_of (workspace, token_hash) VALUES (?, ?) USING TTL ?")
                .await?,
            invitation: p
                .reads(
                    "SELECT id, workspace, role, by_user, expires, uses, joining FROM {k}.invitations
                     WHERE token_hash = ?",
                )
                .await?,
            invitations_of: p.read("SELECT token_hash FROM {k}.invitations_of WHERE workspace = ?").await?,
            drop_invitation: p.write("DELETE FROM {k}.invitations WHERE token_hash = ? IF EXISTS").await?,
            drop_invitation_of: p
                .write("DELETE FROM {k}.invitations_of WHERE workspace = ? AND token_hash = ?")
                .await?,
            take_place: p
                .write(
                    "UPDATE {k}.invitations USING TTL ? SET uses = ?, joining = joining + ?
                     WHERE token_hash = ? IF uses = ? AND expires > ?",
                )
                .await?,
            place_is_filled: p
                .write(
                    "UPDATE {k}.invitations USING TTL ? SET joining = joining - ? WHERE token_hash = ?
                     IF EXISTS",
                )
                .await?,
            claim: p.write("INSERT INTO {k}.replicas (replica, user) VALUES (?, ?) IF NOT EXISTS").await?,
            owner: p.reads("SELECT user FROM {k}.replicas WHERE replica = ?").await?,
        })
    }
}

pub(super) struct Preparer<'a> {
    session: &'a Session,
    options: &'a CassandraOptions,
    reading: ExecutionProfileHandle,
}

impl<'a> Preparer<'a> {
    pub(super) fn new(session: &'a Session, options: &'a CassandraOptions) -> Self {
        Self { session, options, reading: reading::profile() }
    }

    async fn prepare(&self, text: &str, consistency: Consistency) -> Result<PreparedStatement, StoreError> {
        let statement = Statement::new(text.replace("{k}", &self.options.keyspace));
        let mut prepared = self
            .session
            .prepare(statement)
            .await
            .map_err(|e| StoreError::Unavailable(format!("a statement was not accepted: {e}")))?;
        prepared.set_consistency(consistency);
        prepared.set_serial_consistency(Some(self.options.serial()));
        // the default, said once more: what writes is never sent twice
        prepared.set_is_idempotent(false);
        Ok(prepared)
    }

    pub(super) async fn write(&self, text: &str) -> Result<PreparedStatement, StoreError> {
        self.prepare(text, self.options.quorum()).await
    }

    pub(super) async fn read(&self, text: &str) -> Result<PreparedStatement, StoreError> {
        self.reading(text, self.options.quorum()).await
    }

    /// A read that also decides a conditional write in doubt.
    pub(super) async fn serial(&self, text: &str) -> Result<PreparedStatement, StoreError> {
        let consistency = match self.options.serial() {
            SerialConsistency::Serial => Consistency::Serial,
            SerialConsistency::LocalSerial => Consistency::LocalSerial,
        };
        self.reading(text, consistency).await
    }

    async fn reads(&self, text: &str) -> Result<Reads, StoreError> {
        Ok(Reads { quorum: self.read(text).await?, serial: self.serial(text).await? })
    }

    /// A read may be sent again, to another node.
    async fn reading(&self, text: &str, consistency: Consistency) -> Result<PreparedStatement, StoreError> {
        let mut prepared = self.prepare(text, consistency).await?;
        prepared.set_is_idempotent(true);
        prepared.set_execution_profile_handle(Some(self.reading.clone()));
        Ok(prepared)
    }
}
