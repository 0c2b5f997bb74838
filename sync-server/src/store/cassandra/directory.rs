//! Accounts, sessions, workspaces, members and owners of replicas.
//!
//! What must be unique (a login, a workspace's id, a replica's owner) is written with `IF NOT EXISTS` and nothing else.

use std::collections::BTreeMap;
use sync_protocol::message::Role;
use sync_protocol::{ReplicaId, Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

use super::{CassandraStore, applied, permit, ttl_seconds, unavailable};
use crate::store::clock::{Clock, SystemClock};
use crate::store::{Account, DirectoryStore, Read, SessionRow, StoreError, WorkspaceRow};
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use std::time::Duration;

impl CassandraStore {
    async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), StoreError> {
        let _permit = permit(&self.commits).await;
        self.session.execute_unpaged(statement, values).await.map(drop).map_err(|e| unavailable(&e))
    }

    /// Whether the row is new. An error says nothing; asking again is safe.
    async fn write_once(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<bool, StoreError> {
        let _permit = permit(&self.commits).await;
        applied(self.session.execute_unpaged(statement, values).await)
    }

    async fn read_one<T>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'f, 'm> scylla::deserialize::row::DeserializeRow<'f, 'm>,
    {
        Ok(self.read(statement, values).await?.into_iter().next())
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}

fn role_from(name: &str) -> Result<Role, StoreError> {
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
        self.write(&self.statements.add_account, (user.0, login, name, password_hash)).await?;
        if self.write_once(&self.statements.add_login, (login, user.0)).await? {
            return Ok(true);
        }
        let owner: Option<(Uuid,)> = self.read_one(self.statements.login.at(Read::Serial), (login,)).await?;
        if owner == Some((user.0,)) {
            // an earlier try whose answer was lost
            return Ok(true);
        }
        self.write(&self.statements.drop_account, (user.0,)).await?;
        Ok(false)
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let found: Option<(Uuid,)> = self.read_one(self.statements.login.at(Read::Quorum), (login,)).await?;
        match found {
            Some((user,)) => self.account_of(UserId(user)).await,
            None => Ok(None),
        }
    }

    async fn account_of(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        let found: Option<(Uuid, String, String, String)> =
            self.read_one(&self.statements.account, (user.0,)).await?;
        Ok(found.map(|(user, login, name, password_hash)| Account {
            user: UserId(user),
            login,
            name,
            password_hash,
        }))
    }

    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        if self.account_of(user).await?.is_none() {
            return Ok(());
        }
        self.write(&self.statements.set_password, (password_hash, user.0)).await
    }

    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        let left = session.expires.0.saturating_sub(SystemClock.now().0);
        let ttl = Duration::from_millis(u64::try_from(left).unwrap_or_default());
        let (hash, ttl) = (token_hash.as_slice(), ttl_seconds(Some(ttl)));
        // listed first: no session is ever open that `end_sessions` would not find
        self.write(&self.statements.add_session_of, (session.user.0, hash, ttl)).await?;
        let values = (hash, session.user.0, session.expires.0, ttl);
        self.write(&self.statements.add_session, values).await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let found: Option<(Uuid, i64)> =
            self.read_one(&self.statements.session, (token_hash.as_slice(),)).await?;
        let session =
            found.map(|(user, expires)| SessionRow { user: UserId(user), expires: Timestamp(expires) });
        Ok(session.filter(|session| SystemClock.now() < session.expires))
    }

    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let session = self.session(token_hash).await?;
        self.write(&self.statements.end_session, (token_hash.as_slice(),)).await?;
        match session {
            Some(row) => {
                self.write(&self.statements.end_session_of, (row.user.0, token_hash.as_slice())).await
            }
            None => Ok(()),
        }
    }

    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError> {
        let listed: Vec<(Vec<u8>,)> = self.read(&self.statements.sessions_of, (user.0,)).await?;
        for (hash,) in &listed {
            self.write(&self.statements.end_session, (hash,)).await?;
            self.write(&self.statements.end_session_of, (user.0, hash)).await?;
        }
        Ok(listed.len())
    }

    async fn add_workspace(&self, workspace: &WorkspaceRow) -> Result<bool, StoreError> {
        let WorkspaceRow { id, name, partitions } = workspace;
        self.write_once(&self.statements.add_workspace, (id.0, name, i32::from(*partitions))).await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        let found: Option<(String, i32)> = self.read_one(&self.statements.workspace, (id.0,)).await?;
        let Some((name, partitions)) = found else { return Ok(None) };
        let partitions = u16::try_from(partitions)
            .map_err(|_| StoreError::Corrupt(format!("workspace {id} has {partitions} partitions")))?;
        Ok(Some(WorkspaceRow { id, name, partitions }))
    }

    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError> {
        match role {
            Some(role) => {
                self.write(&self.statements.set_member, (user.0, workspace.0, role_name(role))).await
            }
            None => self.write(&self.statements.drop_member, (user.0, workspace.0)).await,
        }
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        let found: Option<(String,)> = self.read_one(&self.statements.role, (user.0, workspace.0)).await?;
        found.map(|(name,)| role_from(&name)).transpose()
    }

    async fn workspaces_of(&self, user: UserId) -> Result<BTreeMap<WorkspaceId, Role>, StoreError> {
        let found: Vec<(Uuid, String)> = self.read(&self.statements.workspaces, (user.0,)).await?;
        found.into_iter().map(|(id, name)| Ok((WorkspaceId(id), role_from(&name)?))).collect()
    }

    async fn claim_replica(&self, replica: ReplicaId, user: UserId) -> Result<UserId, StoreError> {
        let found: Option<(Uuid,)> =
            self.read_one(self.statements.owner.at(Read::Quorum), (replica.0,)).await?;
        if let Some((owner,)) = found {
            return Ok(UserId(owner));
        }
        if self.write_once(&self.statements.claim, (replica.0, user.0)).await? {
            return Ok(user);
        }
        let found: Option<(Uuid,)> =
            self.read_one(self.statements.owner.at(Read::Serial), (replica.0,)).await?;
        found
            .map(|(owner,)| UserId(owner))
            .ok_or_else(|| StoreError::Unavailable("the owner of this replica is being decided".into()))
    }
}
