//! The embedded store: sled in one folder, one process at a time.
//!
//! A commit goes to an fsynced `journal` first and then, as one batch, to sled, so that a crash shows all of it or none
//! and nothing is ever shown that a crash could take back. Every row carries a checksum. When the disk fails, `keeper`
//! closes everything and opens it again as soon as it can.

mod directory;
mod disk;
mod invitations;
mod journal;
mod keeper;
mod rows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use super::clock::{Clock, SystemClock};
use super::{Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, Step, StoreError};
use disk::{Disk, from_io};
use keeper::Keeper;
use rows::{decode, prefix, row_key};

/// How often expired rows are looked for while nothing is written, how long each time, and how many rows at a time.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const SWEEP_TIME: Duration = Duration::from_millis(10);
const SWEEP_SLICE: usize = 16;

/// Rows that are read by the thread that asks for them: the few of one change.
const GLANCE: usize = 8;

/// Rows that one step takes away where a partition is cleared.
const CLEARED: usize = 10_000;

/// Partitions that share a lock: enough that two busy ones seldom meet.
const STRIPES: usize = 64;

/// A sled database in a folder.
#[derive(Debug)]
pub struct SledStore {
    files: Arc<Keeper>,
    /// A partition is read as it was before a commit or as it is after it.
    stripes: Vec<Arc<RwLock<()>>>,
    directory: Arc<RwLock<()>>,
}

impl SledStore {
    /// Opens the store in this folder, or makes one. Waits on the disk: call it before serving.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, Arc::new(SystemClock))
    }

    /// The same, with rows that expire by that clock.
    pub fn open_with(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let files = Arc::new(Keeper::open(folder, clock)?);
        sweep(&files);
        Ok(Self { files, stripes: (0..STRIPES).map(|_| Arc::default()).collect(), directory: Arc::default() })
    }

    /// Cancelled once the store is beyond help in this process: its files failed, and could not be opened again. All that was
    /// promised is on the disk; a process that is started anew finds it.
    pub fn beyond_help(&self) -> CancellationToken {
        self.files.beyond_help()
    }

    fn stripe(&self, id: PartitionId) -> &Arc<RwLock<()>> {
        let hash = xxhash_rust::xxh3::xxh3_64(&prefix(id)) as usize;
        &self.stripes[hash % self.stripes.len()]
    }

    async fn read<T: Send + 'static>(
        &self,
        stripe: &Arc<RwLock<()>>,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(stripe.clone().read_owned().await, work).await
    }

    /// The same for a few rows by their keys: sled has them in memory as a rule, and reading them takes less than handing the work
    /// to another thread, of which a small request would need a dozen.
    async fn glance<T: Send + 'static>(
        &self,
        stripe: &Arc<RwLock<()>>,
        work: impl Fn(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let guard = stripe.clone().read_owned().await;
        match self.files.at_once(&work) {
            Some(done) => done,
            None => self.blocking(guard, work).await,
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        stripe: &Arc<RwLock<()>>,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(stripe.clone().write_owned().await, work).await
    }

    /// The guard goes along: the work ends under the lock even when nobody waits for it any more.
    async fn blocking<G: Send + 'static, T: Send + 'static>(
        &self,
        guard: G,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || {
            let _guard = guard;
            files.with(work)
        })
        .await
        .unwrap_or_else(|e| Err(StoreError::Corrupt(format!("the store broke off: {e}"))))
    }
}

#[async_trait::async_trait]
impl PartitionStore for SledStore {
    async fn head(&self, id: PartitionId, _read: Read) -> Result<Head, StoreError> {
        self.glance(self.stripe(id), move |disk| disk.head(id)).await
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| row_key(id, kind, key)).collect();
        let is_few = keys.len() <= GLANCE;
        let work = move |disk: &Disk| {
            let now = disk.clock.now();
            let body = |key: &Vec<u8>| match disk.rows.get(key).map_err(|e| disk.refused(e))? {
                Some(value) => decode(key, &value, now),
                None => Ok(None),
            };
            keys.iter().map(body).collect()
        };
        if is_few { self.glance(self.stripe(id), work).await } else { self.read(self.stripe(id), work).await }
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
        let start = row_key(id, kind, after.unwrap_or_default());
        let after = after.is_some();
        self.read(self.stripe(id), move |disk| disk.range(&start, after, limit, bytes)).await
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        self.write(self.stripe(id), move |disk| {
            if disk.head(id)?.step != commit.expected {
                return Ok(Committed::HeadMoved);
            }
            let committed = disk.put(disk.writes(id, commit))?;
            disk.sweep();
            Ok(committed)
        })
        .await
    }

    async fn clear(&self, id: PartitionId, before: Step) -> Result<Committed, StoreError> {
        let head = Head { step: before.next(), ..Head::default() };
        let empty =
            self.commit(id, Commit { expected: before, head: head.clone(), rows: Vec::new() }).await?;
        if empty != Committed::Yes {
            return Ok(empty);
        }
        // others have their turn between the steps, which are bounded in memory
        loop {
            let head = head.clone();
            let taken = move |disk: &Disk| {
                if disk.head(id)?.step != head.step {
                    return Ok((Committed::HeadMoved, 0));
                }
                let rows = disk.first_rows(id, CLEARED)?;
                let count = rows.len();
                Ok((if count == 0 { Committed::Yes } else { disk.put(rows)? }, count))
            };
            let (ended, count) = self.write(self.stripe(id), taken).await?;
            if ended != Committed::Yes || count == 0 {
                return Ok(ended);
            }
        }
    }
}

/// Takes expired rows away also where nothing is written, a slice of time per second, for as long as the store is open.
fn sweep(files: &Arc<Keeper>) {
    let files = Arc::downgrade(files);
    let swept = std::thread::Builder::new().name("sweep".into()).spawn(move || {
        loop {
            std::thread::sleep(SWEEP_EVERY);
            let Some(files) = files.upgrade() else { return };
            let until = std::time::Instant::now() + SWEEP_TIME;
            // a failed disk is not this thread's to mend
            while files.with_sound(|disk| disk.sweep_some(SWEEP_SLICE)).unwrap_or(false)
                && std::time::Instant::now() < until
            {}
        }
    });
    if let Err(error) = swept {
        tracing::warn!(%error, "expired rows leave only with commits");
    }
}

fn from_sled(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            StoreError::InUse(error.to_string())
        }
        sled::Error::Io(error) => from_io(error),
        sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) => {
            StoreError::Corrupt(error.to_string())
        }
        sled::Error::CollectionNotFound(_) | sled::Error::Unsupported(_) => {
            StoreError::Corrupt(error.to_string())
        }
    }
}
