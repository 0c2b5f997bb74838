//! What a server has before its store: it counts what is read, and remembers for the door who may do what.
//!
//! What it remembers is dropped at once by whatever this process writes; what other processes write takes hold once it is
//! [`REMEMBERED_FOR`] old. A store that no other process writes to is remembered as long as there is room.

use prometheus_client::metrics::counter::Counter;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use sync_protocol::message::Role;
use sync_protocol::{Cursor, ReplicaId, Revision, Timestamp, UserId, WorkspaceId};
use tracing::Instrument;

use super::clock::Clock;
use super::{
    Account, Commit, Committed, DirectoryStore, Head, InvitationRow, InvitationStore, Joined, Kind,
    PartitionId, PartitionStore, Read, SessionRow, Step, Store, StoreError, WorkspaceRow,
};
use crate::limits::{REMEMBERED, REMEMBERED_FOR};
use crate::recent::Recent;

/// See the module.
pub struct Front {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    reads: Counter,
    known: Arc<Known>,
}

/// What was read for the door.
#[derive(Default)]
struct Known {
    sessions: Memory<[u8; 32], SessionRow>,
    roles: Memory<(WorkspaceId, UserId), Role>,
    workspaces: Memory<WorkspaceId, WorkspaceRow>,
}

/// Rows of one kind that were there when they were read, with when that was begun.
struct Memory<K, V>(Mutex<Rows<K, V>>);

struct Rows<K, V> {
    rows: Recent<K, (V, Instant)>,
    /// What is written while a row is read makes what was read too old to keep.
    writes: u64,
}

impl<K: Ord + Clone, V: Clone> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Rows { rows: Recent::new(REMEMBERED), writes: 0 }))
    }
}

impl<K: Ord + Clone, V: Clone> Memory<K, V> {
    fn rows(&self) -> MutexGuard<'_, Rows<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row as it was when `is_fresh` still holds of that time; read where there is none.
    async fn get(
        &self,
        key: &K,
        now: Instant,
        is_fresh: impl Fn(Instant) -> bool,
        read: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<V>, StoreError> {
        let writes = {
            let mut rows = self.rows();
            if let Some((row, at)) = rows.rows.get(key)
                && is_fresh(*at)
            {
                return Ok(Some(row.clone()));
            }
            rows.writes
        };
        let found = read.await?;
        let mut rows = self.rows();
        if rows.writes == writes {
            match &found {
                Some(row) => rows.rows.insert(key.clone(), (row.clone(), now), 1),
                // what is not there may be asked for by anybody, under any name
                None => rows.rows.remove(key),
            }
        }
        Ok(found)
    }

    fn forget(&self, key: &K) {
        let mut rows = self.rows();
        rows.writes += 1;
        rows.rows.remove(key);
    }

    fn forget_where(&self, gone: impl Fn(&K, &V) -> bool) {
        let mut rows = self.rows();
        rows.writes += 1;
        let keys: Vec<K> =
            rows.rows.iter().filter(|(key, (row, _))| gone(key, row)).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| rows.rows.remove(key));
    }
}

impl Front {
    /// Before a store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, reads: Counter::default(), known: Arc::default() }
    }

    /// Reads of the store so far, for whoever counts.
    pub fn reads(&self) -> &Counter {
        &self.reads
    }

    /// The session of a token's hash, as it is or was a moment ago.
    ///
    /// # Errors
    /// The store's.
    pub async fn session_lately(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let (now, fresh) = self.lately();
        self.known.sessions.get(token_hash, now, fresh, self.session(token_hash)).await
    }

    /// A user's role in a workspace, as it is or was a moment ago.
    ///
    /// # Errors
    /// The store's.
    pub async fn role_lately(
        &self,
        workspace: WorkspaceId,
        user: UserId,
    ) -> Result<Option<Role>, StoreError> {
        let (now, fresh) = self.lately();
        self.known.roles.get(&(workspace, user), now, fresh, self.role(workspace, user)).await
    }

    /// One workspace, as it is or was a moment ago.
    ///
    /// # Errors
    /// The store's.
    pub async fn workspace_lately(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        let (now, fresh) = self.lately();
        self.known.workspaces.get(&id, now, fresh, self.workspace(id)).await
    }

    fn lately(&self) -> (Instant, impl Fn(Instant) -> bool + use<>) {
        let (now, shared) = (self.clock.instant(), self.store.is_shared());
        (now, move |at| !shared || now.saturating_duration_since(at) < REMEMBERED_FOR)
    }

    /// Does it and forgets then, also where nobody waits for it any more.
    async fn write<T: Send + 'static, F: Future<Output = Result<T, StoreError>> + Send + 'static>(
        &self,
        write: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
        forget: impl FnOnce(&Known) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, known) = (Arc::clone(&self.store), Arc::clone(&self.known));
        let task = async move {
            let done = write(store).await;
            forget(&known);
            done
        };
        let broken = |_| Err(StoreError::Unavailable("the write was broken off".into()));
        tokio::spawn(task.in_current_span()).await.unwrap_or_else(broken)
    }

    fn read(&self) -> &dyn Store {
        self.reads.inc();
        &*self.store
    }
}

#[async_trait::async_trait]
impl PartitionStore for Front {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        self.read().head(id, read).await
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.read().get(id, kind, keys).await
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
        self.read().range(id, kind, after, limit, bytes, read).await
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        self.store.commit(id, commit).await
    }

    async fn clear(&self, id: PartitionId, before: Step) -> Result<Committed, StoreError> {
        self.store.clear(id, before).await
    }

    fn tell(&self, id: PartitionId, head: Revision) {
        self.store.tell(id, head);
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    async fn news(&self, workspace: WorkspaceId, partitions: u16) -> Result<Cursor, StoreError> {
        self.read().news(workspace, partitions).await
    }
}

#[async_trait::async_trait]
impl DirectoryStore for Front {
    async fn add_account(&self, account: &Account) -> Result<bool, StoreError> {
        self.store.add_account(account).await
    }

    async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        self.read().account(login).await
    }

    async fn account_of(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.read().account_of(user).await
    }

    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        self.store.set_password(user, password_hash).await
    }

    async fn set_name(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        self.store.set_name(user, name).await
    }

    async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        self.store.remove_account(account).await
    }

    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError> {
        self.store.add_session(token_hash, session).await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        self.read().session(token_hash).await
    }

    async fn sessions_of(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<([u8; 32], SessionRow)>, StoreError> {
        self.read().sessions_of(user, limit).await
    }

    async fn note_session(
        &self,
        token_hash: &[u8; 32],
        device: Option<&str>,
        seen: Timestamp,
    ) -> Result<(), StoreError> {
        let (hash, device) = (*token_hash, device.map(str::to_owned));
        let write = move |store: Arc<dyn Store>| async move {
            store.note_session(&hash, device.as_deref(), seen).await
        };
        self.write(write, move |known| known.sessions.forget(&hash)).await
    }

    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let hash = *token_hash;
        let write = move |store: Arc<dyn Store>| async move { store.end_session(&hash).await };
        self.write(write, move |known| known.sessions.forget(&hash)).await
    }

    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError> {
        let write = move |store: Arc<dyn Store>| async move { store.end_sessions(user).await };
        self.write(write, move |known| known.sessions.forget_where(|_, row| row.user == user)).await
    }

    async fn add_workspace(&self, workspace: &WorkspaceRow) -> Result<bool, StoreError> {
        self.store.add_workspace(workspace).await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        self.read().workspace(id).await
    }

    async fn rename_workspace(&self, id: WorkspaceId, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let write = move |store: Arc<dyn Store>| async move { store.rename_workspace(id, &name).await };
        self.write(write, move |known| known.workspaces.forget(&id)).await
    }

    async fn remove_workspace(&self, id: WorkspaceId) -> Result<(), StoreError> {
        let write = move |store: Arc<dyn Store>| async move { store.remove_workspace(id).await };
        self.write(write, move |known| known.workspaces.forget(&id)).await
    }

    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError> {
        let write = move |store: Arc<dyn Store>| async move { store.set_member(workspace, user, role).await };
        self.write(write, move |known| known.roles.forget(&(workspace, user))).await
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError> {
        self.read().role(workspace, user).await
    }

    async fn workspaces_of(&self, user: UserId) -> Result<BTreeMap<WorkspaceId, Role>, StoreError> {
        self.read().workspaces_of(user).await
    }

    async fn members_of(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<BTreeMap<UserId, Role>, StoreError> {
        self.read().members_of(workspace, limit).await
    }

    async fn claim_replica(&self, replica: ReplicaId, user: UserId) -> Result<UserId, StoreError> {
        self.read().claim_replica(replica, user).await
    }
}

#[async_trait::async_trait]
impl InvitationStore for Front {
    async fn add_invitation(&self, token_hash: &[u8; 32], row: &InvitationRow) -> Result<(), StoreError> {
        self.store.add_invitation(token_hash, row).await
    }

    async fn invitation(&self, token_hash: &[u8; 32]) -> Result<Option<InvitationRow>, StoreError> {
        self.read().invitation(token_hash).await
    }

    async fn invitations_of(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<([u8; 32], InvitationRow)>, StoreError> {
        self.read().invitations_of(workspace).await
    }

    async fn end_invitation(&self, token_hash: &[u8; 32], workspace: WorkspaceId) -> Result<(), StoreError> {
        self.store.end_invitation(token_hash, workspace).await
    }

    async fn join(&self, token_hash: &[u8; 32], user: UserId, now: Timestamp) -> Result<Joined, StoreError> {
        let hash = *token_hash;
        let write = move |store: Arc<dyn Store>| async move { store.join(&hash, user, now).await };
        self.write(write, move |known| known.roles.forget_where(|(_, member), _| *member == user)).await
    }
}
