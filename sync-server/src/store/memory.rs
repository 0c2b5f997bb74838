//! A store in memory: for tests, the simulation and first looks. Nothing survives the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync_protocol::message::Role;
use sync_protocol::{ReplicaId, Timestamp, UserId, WorkspaceId};

use super::clock::{Clock, SystemClock, expiry};
use super::{
    Account, Commit, Committed, DirectoryStore, Head, InvitationRow, InvitationStore, Joined, Kind,
    PartitionId, PartitionStore, Read, SessionRow, Step, StoreError, WorkspaceRow,
};

/// Everything in maps behind one lock. Two engines on one `Arc` of it are two nodes on one cluster.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    partitions: BTreeMap<PartitionId, Slice>,
    accounts: BTreeMap<UserId, Account>,
    logins: BTreeMap<String, UserId>,
    sessions: BTreeMap<[u8; 32], SessionRow>,
    workspaces: BTreeMap<WorkspaceId, WorkspaceRow>,
    members: BTreeMap<(UserId, WorkspaceId), Role>,
    replicas: BTreeMap<ReplicaId, UserId>,
    invitations: BTreeMap<[u8; 32], InvitationRow>,
}

#[derive(Debug, Default)]
struct Slice {
    head: Head,
    rows: BTreeMap<(Kind, String), Kept>,
}

#[derive(Debug)]
struct Kept {
    body: String,
    expires: Option<Timestamp>,
}

impl Kept {
    fn alive(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|at| now < at)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store whose rows expire by that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl PartitionStore for MemoryStore {
    async fn head(&self, id: PartitionId, _read: Read) -> Result<Head, StoreError> {
        Ok(self.state().partitions.get(&id).map(|slice| slice.head.clone()).unwrap_or_default())
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let slice = state.partitions.get(&id);
        let body = |key: &String| {
            let kept = slice?.rows.get(&(kind, key.clone()))?;
            kept.alive(now).then(|| kept.body.clone())
        };
        Ok(keys.iter().map(body).collect())
    }

    async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        _read: Read,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let Some(slice) = state.partitions.get(&id) else { return Ok(Vec::new()) };
        let from = match after {
            Some(key) => Bound::Excluded((kind, key.to_owned())),
            None => Bound::Included((kind, String::new())),
        };
        let rows = slice.rows.range((from, Bound::Unbounded)).take_while(|((k, _), _)| *k == kind);
        let mut size = 0;
        Ok(rows
            .filter(|(_, kept)| kept.alive(now))
            .take(limit)
            .take_while(|(_, kept)| {
                let fits = size < bytes || size == 0;
                size += kept.body.len();
                fits
            })
            .map(|((_, key), kept)| (key.clone(), kept.body.clone()))
            .collect())
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        let slice = state.partitions.entry(id).or_default();
        if slice.head.step != commit.expected {
            return Ok(Committed::HeadMoved);
        }
        slice.head = commit.head;
        for row in commit.rows {
            let kept = Kept { body: row.body, expires: row.ttl.map(|ttl| expiry(now, ttl)) };
            slice.rows.insert((row.kind, row.key), kept);
        }
        Ok(Committed::Yes)
    }

    async fn clear(&self, id: PartitionId, before: Step) -> Result<Committed, StoreError> {
        let mut state = self.state();
        let slice = state.partitions.entry(id).or_default();
        if slice.head.step != before {
            return Ok(Committed::HeadMoved);
        }
        slice.head = Head { step: before.next(), ..Head::default() };
        slice.rows.clear();
        Ok(Committed::Yes)
    }
}

#[async_trait::async_trait]
impl DirectoryStore for MemoryStore {
    async fn add_account(&self, account: &Account) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.logins.contains_key(&account.login) {
            return Ok(false);
        }
        state.logins.insert(account.login.clone(), account.user);
        state.accounts.insert(account.user, account.clone());
        Ok(true)
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let state = self.state();
        Ok(state.logins.get(login).and_then(|user| state.accounts.get(user)).cloned())
    }

    async fn account_of(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.state().accounts.get(&user).cloned())
    }

    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        if let Some(account) = self.state().accounts.get_mut(&user) {
            password_hash.clone_into(&mut account.password_hash);
        }
        Ok(())
    }

    async fn set_name(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        if let Some(account) = self.state().accounts.get_mut(&user) {
            name.clone_into(&mut account.name);
        }
        Ok(())
    }

    async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        let mut state = self.state();
        state.logins.remove(&account.login);
        state.accounts.remove(&account.user);
        Ok(())
    }

    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        state.sessions.retain(|_, s| now < s.expires);
        state.sessions.insert(*token_hash, session.clone());
        Ok(())
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let now = self.clock.now();
        Ok(self.state().sessions.get(token_hash).filter(|s| now < s.expires).cloned())
    }

    async fn sessions_of(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<([u8; 32], SessionRow)>, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let own = state.sessions.iter().filter(|(_, s)| s.user == user && now < s.expires);
        Ok(own.take(limit).map(|(hash, session)| (*hash, session.clone())).collect())
    }

    async fn note_session(
        &self,
        token_hash: &[u8; 32],
        device: Option<&str>,
        seen: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(session) = self.state().sessions.get_mut(token_hash) {
            if let Some(device) = device {
                device.clone_into(&mut session.device);
            }
            session.seen = Some(seen);
        }
        Ok(())
    }

    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        self.state().sessions.remove(token_hash);
        Ok(())
    }

    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut ended = 0;
        self.state().sessions.retain(|_, session| {
            let ends = session.user == user;
            ended += usize::from(ends && now < session.expires);
            !ends
        });
        Ok(ended)
    }

    async fn add_workspace(&self, workspace: &WorkspaceRow) -> Result<bool, StoreError> {
        let mut state = self.state();
        let free = !state.workspaces.contains_key(&workspace.id);
        if free {
            state.workspaces.insert(workspace.id, workspace.clone());
        }
        Ok(free)
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        Ok(self.state().workspaces.get(&id).cloned())
    }

    async fn rename_workspace(&self, id: WorkspaceId, name: &str) -> Result<(), StoreError> {
        if let Some(workspace) = self.state().workspaces.get_mut(&id) {
            name.clone_into(&mut workspace.name);
        }
        Ok(())
    }

    async fn remove_workspace(&self, id: WorkspaceId) -> Result<(), StoreError> {
        self.state().workspaces.remove(&id);
        Ok(())
    }

    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        match role {
            Some(role) => drop(state.members.insert((user, workspace), role)),
            None => drop(state.members.remove(&(user, workspace))),
        }
        Ok(())
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        Ok(self.state().members.get(&(user, workspace)).copied())
    }

    async fn workspaces_of(&self, user: UserId) -> Result<BTreeMap<WorkspaceId, Role>, StoreError> {
        let state = self.state();
        let own = state.members.iter().filter(|((member, _), _)| *member == user);
        Ok(own.map(|((_, workspace), role)| (*workspace, *role)).collect())
    }

    async fn members_of(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<BTreeMap<UserId, Role>, StoreError> {
        let state = self.state();
        let there = state.members.iter().filter(|((_, there), _)| *there == workspace);
        Ok(there.take(limit).map(|((user, _), role)| (*user, *role)).collect())
    }

    async fn claim_replica(&self, replica: ReplicaId, user: UserId) -> Result<UserId, StoreError> {
        Ok(*self.state().replicas.entry(replica).or_insert(user))
    }
}

#[async_trait::async_trait]
impl InvitationStore for MemoryStore {
    async fn add_invitation(&self, token_hash: &[u8; 32], row: &InvitationRow) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        state.invitations.retain(|_, invitation| now < invitation.expires);
        state.invitations.insert(*token_hash, row.clone());
        Ok(())
    }

    async fn invitation(&self, token_hash: &[u8; 32]) -> Result<Option<InvitationRow>, StoreError> {
        let now = self.clock.now();
        let found = self.state().invitations.get(token_hash).cloned();
        Ok(found.filter(|row| now < row.expires))
    }

    async fn invitations_of(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<([u8; 32], InvitationRow)>, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let there =
            state.invitations.iter().filter(|(_, row)| row.workspace == workspace && now < row.expires);
        Ok(there.map(|(hash, row)| (*hash, row.clone())).collect())
    }

    async fn end_invitation(&self, token_hash: &[u8; 32], _workspace: WorkspaceId) -> Result<(), StoreError> {
        self.state().invitations.remove(token_hash);
        Ok(())
    }

    async fn join(&self, token_hash: &[u8; 32], user: UserId, now: Timestamp) -> Result<Joined, StoreError> {
        let mut state = self.state();
        let Some(row) = state.invitations.get(token_hash).filter(|row| now < row.expires).cloned() else {
            return Ok(Joined::No);
        };
        if let Some(role) = state.members.get(&(user, row.workspace)) {
            return Ok(Joined::Before(*role));
        }
        let left = InvitationRow { uses: row.uses - 1, ..row.clone() };
        match left.uses {
            0 => state.invitations.remove(token_hash),
            _ => state.invitations.insert(*token_hash, left.clone()),
        };
        state.members.insert((user, row.workspace), row.role);
        Ok(Joined::Yes(left))
    }
}
