//! What the server's store stands on: the store in memory, or real sled in a folder of its own, which both nodes share
//! and which is closed and opened again whenever a node starts again.

use std::sync::Arc;

use sync_server::store::clock::ManualClock;
use sync_server::store::memory::MemoryStore;
use sync_server::store::sled::SledStore;
use sync_server::store::{Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, StoreError};
use tempfile::TempDir;
use tokio::sync::RwLock;

use crate::disk::scratch;

/// One of the two.
pub enum Ground {
    /// The store in memory.
    Memory(MemoryStore),
    /// Real sled.
    Sled(OnSled),
}

/// Real sled in a folder that goes with it.
pub struct OnSled {
    /// Held by all who read; alone by who writes, or opens it again. `None` where that failed.
    open: RwLock<Option<SledStore>>,
    clock: Arc<ManualClock>,
    folder: TempDir,
}

impl Ground {
    /// Nothing is stored; rows expire by that clock.
    pub fn new(on_sled: bool, clock: Arc<ManualClock>) -> Self {
        if !on_sled {
            return Self::Memory(MemoryStore::new(clock));
        }
        let folder = scratch().expect("a folder for files of a test");
        let store =
            SledStore::open_with(folder.path(), clock.clone()).expect("an empty folder can be opened");
        Self::Sled(OnSled { open: RwLock::new(Some(store)), clock, folder })
    }

    /// Closes the files, once nobody works with them, and opens them again.
    pub async fn open_again(&self) -> Result<(), StoreError> {
        let Self::Sled(sled) = self else { return Ok(()) };
        let mut open = sled.open.write().await;
        *open = None;
        *open = Some(SledStore::open_with(sled.folder.path(), sled.clock.clone())?);
        Ok(())
    }
}

/// Asks the one or the other.
macro_rules! ask {
    ($ground:expr, $store:ident => $asked:expr) => {
        match $ground {
            Ground::Memory($store) => $asked.await,
            Ground::Sled(sled) => match &*sled.open.read().await {
                Some($store) => $asked.await,
                None => Err(not_open()),
            },
        }
    };
}

impl Ground {
    /// See [`PartitionStore::head`].
    pub async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        ask!(self, store => store.head(id, read))
    }

    /// See [`PartitionStore::get`].
    pub async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        ask!(self, store => store.get(id, kind, keys))
    }

    /// See [`PartitionStore::range`].
    pub async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        read: Read,
    ) -> Result<Vec<(String, String)>, StoreError> {
        ask!(self, store => store.range(id, kind, after, limit, bytes, read))
    }

    /// See [`PartitionStore::commit`]. What is taken is told before anybody can read it.
    pub async fn commit(
        &self,
        id: PartitionId,
        commit: Commit,
        tell: impl FnOnce(&Commit) + Send,
    ) -> Result<Committed, StoreError> {
        let outcome = |done: Result<Committed, StoreError>, commit: &Commit| {
            if done == Ok(Committed::Yes) {
                tell(commit);
            }
            done
        };
        match self {
            Self::Memory(store) => outcome(store.commit(id, commit.clone()).await, &commit),
            Self::Sled(sled) => {
                let open = sled.open.write().await;
                let store = open.as_ref().ok_or_else(not_open)?;
                outcome(store.commit(id, commit.clone()).await, &commit)
            }
        }
    }
}

fn not_open() -> StoreError {
    StoreError::Unavailable("it could not be opened again".into())
}
