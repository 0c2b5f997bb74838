//! The heart of the server: judges pushes, feeds pulls, serves snapshots, for any number of server processes on one store.
//!
//! A push is split by partition (`push`); each partition's changes are judged (`judge`) against what the node knows of
//! it (`cache`) and committed as one conditional step (`commit`); waiting pulls are woken (`room`). What a mirror saw of a
//! table's rows goes the same way (`looks`), and what the server writes itself (`own`).

mod answer;
mod audit;
mod cache;
mod case;
mod commit;
mod deleted;
mod feed;
mod figures;
mod history;
mod judge;
pub mod limits;
mod look;
mod looks;
mod mirrored;
mod names;
mod own;
mod pull;
mod push;
mod quota;
mod records;
mod room;
mod schema;
mod snapshot;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync_protocol::{Revision, WorkspaceId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::store::clock::{Clock, SystemClock};
use crate::store::{Head, PartitionId, PartitionStore, StoreError};
pub use answer::{Answer, Packed};
use commit::Lane;
pub use figures::Figures;
pub use mirrored::{Changed, Page};
use names::Names;
pub use quota::Quotas;
use room::Rooms;
use schema::Schemas;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the feed, tombstones and settled conflicts are kept.
    pub horizon: Duration,
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
    /// Spreads the pauses of servers that meet; any number, different per process.
    pub seed: u64,
    /// How much each workspace may keep.
    pub quotas: Quotas,
    /// What is counted.
    pub figures: Figures,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            horizon: Duration::from_hours(90 * 24),
            clock: Arc::new(SystemClock),
            seed: 0,
            quotas: Quotas::default(),
            figures: Figures::default(),
        }
    }
}

/// What an engine has in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Partitions that were written lately.
    pub partitions: usize,
    /// Bytes of them that are kept.
    pub cached: usize,
    /// Bytes of the changes that wait.
    pub queued: usize,
    /// Bytes that are kept for those who wait for news.
    pub room: usize,
}

/// Who pushes; the caller has checked the session and that the replica is this user's.
pub use sync_protocol::permit::Author;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The request breaks the protocol; the text says how.
    #[error("{0}")]
    BadRequest(String),
    /// Too much is waiting already; nothing was taken in. Send again later.
    #[error("too many changes are waiting; send again later")]
    Busy,
    /// The store failed. Some of the changes may have been judged; sending all of them again is right and safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One per server process. Cheap to clone; dropping the last clone ends its tasks where they stand.
#[derive(Clone, Debug)]
pub struct PartitionEngine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    lanes: Mutex<BTreeMap<PartitionId, Arc<Lane>>>,
    schemas: Schemas,
    names: Names,
    uses: AtomicU64,
    tasks: Mutex<JoinSet<()>>,
}

/// What the tasks hold on to.
struct Shared {
    store: Arc<dyn PartitionStore>,
    settings: Settings,
    rooms: Rooms,
    /// Bytes that all lanes have cached.
    cached: AtomicUsize,
    /// Bytes of the changes that wait in all lanes.
    queued: Arc<AtomicUsize>,
    /// Large groups judged at once: one per core, so that the rest of the server gets its share of each.
    judges: Semaphore,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Shared {
    fn reweigh(&self, old: usize, new: usize) {
        self.cached.fetch_add(new, Ordering::Relaxed);
        self.cached.fetch_sub(old, Ordering::Relaxed);
    }

    /// The number up to which nothing of a feed is kept any more.
    fn floor(&self, head: &Head) -> Revision {
        head.kept.floor(self.settings.clock.now(), self.settings.horizon).seq
    }
}

impl PartitionEngine {
    /// An engine on that store.
    pub fn new(store: Arc<dyn PartitionStore>, settings: Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shared = Arc::new(Shared {
            store,
            settings,
            rooms: Rooms::default(),
            cached: AtomicUsize::new(0),
            queued: Arc::default(),
            judges: Semaphore::new(cores),
        });
        let inner = Inner {
            shared,
            lanes: Mutex::default(),
            schemas: Schemas::default(),
            names: Names::default(),
            uses: AtomicU64::new(0),
            tasks: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What is counted.
    pub fn figures(&self) -> &Figures {
        &self.inner.shared.settings.figures
    }

    /// What is in memory just now.
    pub fn load(&self) -> Load {
        let shared = &self.inner.shared;
        Load {
            partitions: self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner).len(),
            cached: shared.cached.load(Ordering::Relaxed),
            queued: shared.queued.load(Ordering::Relaxed),
            room: shared.rooms.held(),
        }
    }

    /// Forgets what those who wait are told of a workspace: its rows were changed past the engine.
    pub fn forget(&self, workspace: WorkspaceId) {
        self.inner.shared.rooms.forget(workspace);
    }

    fn store(&self) -> &dyn PartitionStore {
        &*self.inner.shared.store
    }

    /// Runs until it ends by itself or the last clone of the engine is dropped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the partition engine failed; report this defect");
            }
        }
        tasks.spawn(task);
    }

    /// The lane of a partition. Where too much is cached, those not used for longest forget theirs.
    fn lane(&self, id: PartitionId) -> Arc<Lane> {
        let mut lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = &self.inner.shared.cached;
        if cached.load(Ordering::Relaxed) > limits::CACHE_BYTES {
            let mut by_use: Vec<(u64, PartitionId)> =
                lanes.iter().map(|(id, lane)| (lane.used(), *id)).collect();
            by_use.sort_unstable();
            for (_, old) in by_use {
                if cached.load(Ordering::Relaxed) <= limits::CACHE_BYTES / 4 * 3 {
                    break;
                }
                if let Some(freed) = lanes.get(&old).and_then(|lane| lane.forget()) {
                    self.inner.shared.reweigh(freed, 0);
                    lanes.remove(&old);
                }
            }
        }
        lanes.entry(id).or_insert_with(|| Arc::new(Lane::new(id))).clone()
    }

    fn tick(&self) -> u64 {
        self.inner.uses.fetch_add(1, Ordering::Relaxed)
    }
}
