//! Accounts, sessions, workspaces, members and owners of replicas.
//!
//! What must be unique (a login, a workspace's id, a replica's owner) is written with `IF NOT EXISTS` and nothing else. What
//! guards access (accounts, sessions, members) is written conditionally as well: a plain write takes its time from the
//! clock of the node that it goes through, and taking a right away would lose against an older grant of a node whose clock is
//! ahead. Plainly written are only lists that grant nothing.

use std::collections::BTreeMap;
use sync_protocol::message::Role;
use sync_protocol::{ReplicaId, Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

use super::step::ttl_seconds;
use super::{CassandraStore, applied, permit, unavailable};
use crate::store::clock::{Clock, SystemClock};
use crate::store::{Account, DirectoryStore, Read, SessionRow, StoreError, WorkspaceRow};
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use std::time::Duration;

impl CassandraStore {
    pub(super) async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), StoreError> {
        let _permit = permit(&self.commits).await;
        self.database.session.execute_unpaged(statement, values).await.map(drop).map_err(|e| unavailable(&e))
    }

    /// Whether the row is new. An error says nothing; asking again is safe.
    pub(super) async fn write_once(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<bool, StoreError> {
        let _permit = permit(&self.commits).await;
        applied(self.database.session.execute_unpaged(statement, values).await)
    }

    pub(super) async fn read_one<T>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'f, 'm> scylla::deserialize::row::DeserializeRow<'f, 'm>,
    {
        Ok(self.read(statement, ROW_BYTES, values).await?.into_iter().next())
    }
}

/// As it is stored: whose, until when, the device, since when, when last heard of.
type StoredSession = (Option<Uuid>, Option<i64>, Option<String>, Option<i64>, Option<i64>);

/// Reads of a list at the same time.
const AT_ONCE: usize = 16;

/// Seconds until then, as a row's time to live.
pub(super) fn ttl_until(expires: Timestamp) -> i32 {
    let left = expires.0.saturating_sub(SystemClock.now().0);
    ttl_seconds(Some(Duration::from_millis(u64::try_from(left).unwrap_or_default())))
}

/// Bytes of one row of these tables, and of a list of them, at most.
const ROW_BYTES: usize = 4 << 10;
pub(super) const LIST_BYTES: usize = 1 << 20;
/// Tries to set a role, or to take a place of an invitation.
pub(super) const ROUNDS: usize = 5;

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}

pub(super) fn role_from(name: &str) -> Result<Role, StoreError> {
    [Role::Reader, Role::Editor, Role::Owner]
        .into_iter()
        .find(|role| role_name(*role) == name)
        .ok_or_else(|| StoreError::Corrupt(format!("there is no role “{name}”")))
}

#[async_trait::async_trait]
impl DirectoryStore for CassandraStore {
    async fn add_account(&self, account: &Account) -> Result<bool, StoreError> {
        let Account { user, login, name, password_hash } = account;
        // the account first: a login never names one that is not there
        self.write_once(&self.database.statements.add_account, (user.0, login, name, password_hash)).await?;
        if self.write_once(&self.database.statements.add_login, (login, user.0)).await? {
            return Ok(true);
        }
        let owner: Option<(Uuid,)> =
            self.read_one(self.database.statements.login.at(Read::Serial), (login,)).await?;
        if owner == Some((user.0,)) {
            // an earlier try whose answer was lost
            return Ok(true);
        }
        self.write_once(&self.database.statements.drop_account, (user.0,)).await?;
        Ok(false)
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let found: Option<(Uuid,)> =
            self.read_one(self.database.statements.login.at(Read::Quorum), (login,)).await?;
        match found {
            Some((user,)) => self.account_of(UserId(user)).await,
            None => Ok(None),
        }
    }

    async fn account_of(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        let found: Option<(Uuid, String, String, String)> =
            self.read_one(&self.database.statements.account, (user.0,)).await?;
        Ok(found.map(|(user, login, name, password_hash)| Account {
            user: UserId(user),
            login,
            name,
            password_hash,
        }))
    }

    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        self.write_once(&self.database.statements.set_password, (password_hash, user.0)).await.map(drop)
    }

    async fn set_name(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        self.write_once(&self.database.statements.set_name, (name, user.0)).await.map(drop)
    }

    async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        // the login first: it never names an account that is not there
        self.write_once(&self.database.statements.drop_login, (&account.login, account.user.0)).await?;
        self.write_once(&self.database.statements.drop_account, (account.user.0,)).await.map(drop)
    }

    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        let (hash, ttl) = (token_hash.as_slice(), ttl_until(session.expires));
        // listed first: no session is ever open that `end_sessions` would not find
        self.write(&self.database.statements.add_session_of, (session.user.0, hash, ttl)).await?;
        let SessionRow { user, expires, device, since, seen } = session;
        let (since, seen) = (since.map(|at| at.0), seen.map(|at| at.0));
        let values = (hash, user.0, expires.0, device, since, seen, ttl);
        self.write_once(&self.database.statements.add_session, values).await.map(drop)
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let found: Option<StoredSession> =
            self.read_one(&self.database.statements.session, (token_hash.as_slice(),)).await?;
        // what was noted of a session may outlive it by a moment
        let Some((Some(user), Some(expires), device, since, seen)) = found else { return Ok(None) };
        let session = SessionRow {
            user: UserId(user),
            expires: Timestamp(expires),
            device: device.unwrap_or_default(),
            since: since.map(Timestamp),
            seen: seen.map(Timestamp),
        };
        Ok(Some(session).filter(|session| SystemClock.now() < session.expires))
    }

    async fn sessions_of(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<([u8; 32], SessionRow)>, StoreError> {
        let listed: Vec<(Vec<u8>,)> =
            self.read(&self.database.statements.sessions_of, LIST_BYTES, (user.0,)).await?;
        let hashes: Vec<[u8; 32]> =
            listed.iter().filter_map(|(hash,)| hash.as_slice().try_into().ok()).collect();
        let mut found = Vec::new();
        for some in hashes[..hashes.len().min(limit)].chunks(AT_ONCE) {
            let rows = futures::future::try_join_all(some.iter().map(|hash| self.session(hash))).await?;
            found.extend(some.iter().zip(rows).filter_map(|(hash, row)| Some((*hash, row?))));
        }
        Ok(found)
    }

    async fn note_session(
        &self,
        token_hash: &[u8; 32],
        device: Option<&str>,
        seen: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(session) = self.session(token_hash).await? else { return Ok(()) };
        let (ttl, hash) = (ttl_until(session.expires), token_hash.as_slice());
        let statements = &self.database.statements;
        match device {
            Some(device) => self.write_once(&statements.name_session, (ttl, device, seen.0, hash)).await,
            None => self.write_once(&statements.note_session, (ttl, seen.0, hash)).await,
        }
        .map(drop)
    }

    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let session = self.session(token_hash).await?;
        self.write_once(&self.database.statements.end_session, (token_hash.as_slice(),)).await?;
        match session {
            Some(row) => {
                self.write(&self.database.statements.end_session_of, (row.user.0, token_hash.as_slice()))
                    .await
            }
            None => Ok(()),
        }
    }

    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError> {
        let listed: Vec<(Vec<u8>,)> =
            self.read(&self.database.statements.sessions_of, LIST_BYTES, (user.0,)).await?;
        for (hash,) in &listed {
            self.write_once(&self.database.statements.end_session, (hash,)).await?;
            self.write(&self.database.statements.end_session_of, (user.0, hash)).await?;
        }
        Ok(listed.len())
    }

    async fn add_workspace(&self, workspace: &WorkspaceRow) -> Result<bool, StoreError> {
        let WorkspaceRow { id, name, partitions } = workspace;
        self.write_once(&self.database.statements.add_workspace, (id.0, name, i32::from(*partitions))).await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        let found: Option<(String, i32)> =
            self.read_one(&self.database.statements.workspace, (id.0,)).await?;
        let Some((name, partitions)) = found else { return Ok(None) };
        let partitions = u16::try_from(partitions)
            .map_err(|_| StoreError::Corrupt(format!("workspace {id} has {partitions} partitions")))?;
        Ok(Some(WorkspaceRow { id, name, partitions }))
    }

    async fn rename_workspace(&self, id: WorkspaceId, name: &str) -> Result<(), StoreError> {
        self.write_once(&self.database.statements.rename_workspace, (name, id.0)).await.map(drop)
    }

    async fn remove_workspace(&self, id: WorkspaceId) -> Result<(), StoreError> {
        self.write_once(&self.database.statements.drop_workspace, (id.0,)).await.map(drop)
    }

    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError> {
        let Some(role) = role else {
            let values = (user.0, workspace.0);
            return self.write_once(&self.database.statements.drop_member, values).await.map(drop);
        };
        let (set, add) = (&self.database.statements.set_member, &self.database.statements.add_member);
        // the one or the other holds; more than a few rounds only while somebody sets and takes it at the same time
        for _ in 0..ROUNDS {
            if self.write_once(set, (role_name(role), user.0, workspace.0)).await?
                || self.write_once(add, (user.0, workspace.0, role_name(role))).await?
            {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("this member's role is being changed by somebody else".into()))
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        let found: Option<(String,)> =
            self.read_one(&self.database.statements.role, (user.0, workspace.0)).await?;
        found.map(|(name,)| role_from(&name)).transpose()
    }

    async fn workspaces_of(&self, user: UserId) -> Result<BTreeMap<WorkspaceId, Role>, StoreError> {
        let found: Vec<(Uuid, String)> =
            self.read(&self.database.statements.workspaces, LIST_BYTES, (user.0,)).await?;
        found.into_iter().map(|(id, name)| Ok((WorkspaceId(id), role_from(&name)?))).collect()
    }

    async fn members_of(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<BTreeMap<UserId, Role>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let found: Vec<(Uuid, String)> =
            self.read(&self.database.statements.members, LIST_BYTES, (workspace.0, limit)).await?;
        found.into_iter().map(|(user, name)| Ok((UserId(user), role_from(&name)?))).collect()
    }

    async fn claim_replica(&self, replica: ReplicaId, user: UserId) -> Result<UserId, StoreError> {
        let found: Option<(Uuid,)> =
            self.read_one(self.database.statements.owner.at(Read::Quorum), (replica.0,)).await?;
        if let Some((owner,)) = found {
            return Ok(UserId(owner));
        }
        if self.write_once(&self.database.statements.claim, (replica.0, user.0)).await? {
            return Ok(user);
        }
        let found: Option<(Uuid,)> =
            self.read_one(self.database.statements.owner.at(Read::Serial), (replica.0,)).await?;
        found
            .map(|(owner,)| UserId(owner))
            .ok_or_else(|| StoreError::Unavailable("the owner of this replica is being decided".into()))
    }
}
