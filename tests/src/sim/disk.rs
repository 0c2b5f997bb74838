//! A device's disk: the real store in memory, with power cuts. A batch is stored wholly or not at all; what need not be
//! strict may be lost from the end.

use std::rc::Rc;

use futures::FutureExt;
use sync_client::store::memory::MemoryStore;
use sync_client::store::{Batch, Loaded, LocalStore, StoreError};
use sync_protocol::{CollectionId, Record, RecordId, reserved};

use super::bugs::Bug;
use super::random::Random;
use super::things;

/// Why a commit did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The disk is full: nothing was stored.
    Full,
    /// The power was cut: nobody was told anything.
    PowerCut {
        /// Whether the batch had reached the disk.
        stored: bool,
    },
}

impl Failed {
    /// As faults are counted.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Full => "disk: full",
            Self::PowerCut { stored: true } => "disk: power cut after a commit",
            Self::PowerCut { stored: false } => "disk: power cut before a commit",
        }
    }
}

/// What is planned for one of the next commits.
#[derive(Clone, Copy, Debug)]
enum Planned {
    Full,
    Cut { stored: bool },
}

/// One disk.
pub struct Disk {
    live: MemoryStore,
    /// What the disk held when it was last started.
    checkpoint: MemoryStore,
    /// What was stored since.
    log: Vec<Rc<Batch>>,
    planned: Option<(u64, Planned)>,
    bug: Option<Bug>,
    random: Random,
}

impl Disk {
    /// An empty disk.
    pub fn new(random: Random, bug: Option<Bug>) -> Self {
        let (live, checkpoint) = (MemoryStore::new(), MemoryStore::new());
        Self { live, checkpoint, log: Vec::new(), planned: None, bug, random }
    }

    /// Another one with the same on it.
    pub fn another(&self) -> Self {
        let (live, checkpoint) = (copy(&self.live), copy(&self.live));
        let random = self.random.clone();
        Self { live, checkpoint, log: Vec::new(), planned: None, bug: self.bug, random }
    }

    /// Plans a power cut at one of the next commits.
    pub fn plan_cut(&mut self, commits: u64, stored: bool) {
        self.planned = Some((commits, Planned::Cut { stored }));
    }

    /// Plans that one of the next commits finds the disk full.
    pub fn plan_full(&mut self, commits: u64) {
        self.planned = Some((commits, Planned::Full));
    }

    /// Whether something is planned that has not come yet.
    pub fn awaits_failure(&self) -> bool {
        self.planned.is_some()
    }

    /// Forgets what was planned.
    pub fn heal(&mut self) {
        self.planned = None;
    }

    /// Stores a batch.
    pub fn commit(&mut self, batch: Rc<Batch>) -> Result<(), Failed> {
        let planned = match &mut self.planned {
            Some((0, _)) => self.planned.take().map(|(_, planned)| planned),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        let torn =
            self.bug == Some(Bug::CursorBeforeData) && batch.cursor.is_some() && !batch.records.is_empty();
        match planned {
            Some(Planned::Full) => return Err(Failed::Full),
            Some(Planned::Cut { .. }) if torn => {
                let cursor = Batch {
                    cursor: batch.cursor.clone(),
                    checksums: batch.checksums.clone(),
                    ..Batch::default()
                };
                self.store(Rc::new(cursor));
                return Err(Failed::PowerCut { stored: false });
            }
            Some(Planned::Cut { stored: false }) => return Err(Failed::PowerCut { stored: false }),
            _ => {}
        }
        self.store(batch);
        if planned.is_some() { Err(Failed::PowerCut { stored: true }) } else { Ok(()) }
    }

    fn store(&mut self, batch: Rc<Batch>) {
        now(self.live.commit(&batch));
        self.log.push(batch);
    }

    /// The power comes back: some of what need not be durable is lost, from the end.
    pub fn power_cut(&mut self) {
        let lost_by_mistake = self.bug == Some(Bug::SavedBeforeDurable);
        let strict = |batch: &Batch| batch.must_be_strict() && (!lost_by_mistake || batch.enqueue.is_empty());
        let durable = self.log.iter().rposition(|batch| strict(batch)).map_or(0, |at| at + 1);
        let torn = self.bug == Some(Bug::CursorBeforeData);
        let loose = (self.log.len() - durable) as u64;
        let kept = if torn { loose } else { self.random.below(loose + 1) } as usize;
        for batch in self.log.drain(..).take(durable + kept) {
            now(self.checkpoint.commit(&batch));
        }
        self.live = copy(&self.checkpoint);
    }

    /// The program ends and starts again; the disk keeps what it has.
    pub fn restart(&mut self) {
        self.log.clear();
        self.checkpoint = copy(&self.live);
    }

    /// Everything but the base records.
    pub fn load(&self) -> Loaded {
        now(self.live.load())
    }

    /// The live base records of a collection.
    pub fn scan(&self, collection: &CollectionId) -> Vec<Record> {
        scan(&self.live, collection)
    }

    /// Some base records.
    pub fn get(&self, ids: &[RecordId]) -> Vec<Option<Record>> {
        now(self.live.get(ids))
    }

    /// The store itself.
    pub fn store_in_use(&self) -> &MemoryStore {
        &self.live
    }
}

/// Every collection that a device may hold.
pub fn collections() -> impl Iterator<Item = CollectionId> {
    reserved::ALL.map(reserved::collection).into_iter().chain([things::collection()])
}

fn scan(store: &MemoryStore, collection: &CollectionId) -> Vec<Record> {
    now(store.scan(collection, None, usize::MAX)).records
}

fn copy(store: &MemoryStore) -> MemoryStore {
    let loaded = now(store.load());
    let mut batch = Batch { meta: loaded.meta, ..Batch::default() };
    for collection in collections() {
        batch.records.extend(scan(store, &collection).into_iter().map(|r| (collection.clone(), r)));
    }
    if loaded.outbox.last().is_none_or(|last| last.id.counter < loaded.counter) {
        batch.settle = vec![loaded.counter];
    }
    batch.enqueue = loaded.outbox;
    batch.conflicts = loaded.conflicts;
    batch.quarantine = loaded.quarantine;
    batch.decisions = loaded.decisions;
    batch.receipts = Some(loaded.receipts);
    batch.cursor = Some(loaded.cursor);
    batch.snapshot = Some(loaded.snapshot);
    batch.checksums = loaded.checksums;
    let copy = MemoryStore::new();
    now(copy.commit(&batch));
    copy
}

/// The store in memory answers at once, and fails only where a test asked it to.
pub fn now<T>(answer: impl Future<Output = Result<T, StoreError>>) -> T {
    answer.now_or_never().expect("nothing is waited for").expect("no failure was planned here")
}
