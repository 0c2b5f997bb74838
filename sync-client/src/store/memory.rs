//! A store in memory: for tests, simulations and programs that keep nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Page;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, Counter, Partition, Record, RecordId, RecordKey,
};

use super::{
    Batch, Decision, Loaded, LocalStore, Quarantined, ScanPosition, Scanned, StoreError, Usage, follow_memos,
};

/// What a [`MemoryStore`] is stored on: it outlives the store, so that a test can close a store and open it again.
/// Clones share the same contents.
#[derive(Clone, Default)]
pub struct MemoryDisk(Rc<RefCell<Disk>>);

/// A failure to come; see [`MemoryDisk::fail`].
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which commit fails: 1 is the next one.
    pub commit: u64,
    /// What the caller is told.
    pub error: StoreError,
    /// Whether the batch is stored all the same, as when the power is cut just before the answer.
    pub stored: bool,
}

#[derive(Default)]
struct Disk {
    open: bool,
    commits: u64,
    fault: Option<Fault>,
    loaded: Loaded,
    outbox: BTreeMap<Counter, Change>,
    conflicts: BTreeMap<ChangeId, Conflict>,
    quarantine: BTreeMap<Counter, Quarantined>,
    decisions: BTreeMap<ChangeId, Decision>,
    records: BTreeMap<CollectionId, BTreeMap<RecordKey, Record>>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a coming commit fail; replaces a failure planned before.
    pub fn fail(&self, fault: Fault) {
        self.0.borrow_mut().fault = Some(fault);
    }

    /// How many commits were asked for so far, failed ones included.
    pub fn commits(&self) -> u64 {
        self.0.borrow().commits
    }
}

/// A [`LocalStore`] in memory.
pub struct MemoryStore {
    disk: MemoryDisk,
}

impl MemoryStore {
    /// A new, empty store.
    pub fn new() -> Self {
        let disk = MemoryDisk::new();
        disk.0.borrow_mut().open = true;
        Self { disk }
    }

    /// Opens what is on a disk; [`StoreError::InUse`] while another store has it open.
    pub fn open(disk: &MemoryDisk) -> Result<Self, StoreError> {
        if std::mem::replace(&mut disk.0.borrow_mut().open, true) {
            return Err(StoreError::InUse);
        }
        Ok(Self { disk: disk.clone() })
    }

    /// What the store is stored on.
    pub fn disk(&self) -> &MemoryDisk {
        &self.disk
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.disk.0.borrow_mut().open = false;
    }
}

impl LocalStore for MemoryStore {
    async fn load(&self) -> Result<Loaded, StoreError> {
        let disk = self.disk.0.borrow();
        Ok(Loaded {
            outbox: disk.outbox.values().cloned().collect(),
            conflicts: disk.conflicts.values().cloned().collect(),
            quarantine: disk.quarantine.values().cloned().collect(),
            decisions: disk.decisions.values().cloned().collect(),
            ..disk.loaded.clone()
        })
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut disk = self.disk.0.borrow_mut();
        disk.commits += 1;
        match disk.take_fault() {
            None => disk.apply(batch),
            Some(fault) => {
                if fault.stored {
                    disk.apply(batch)?;
                }
                Err(fault.error)
            }
        }
    }

    async fn get(&self, ids: &[RecordId]) -> Result<Vec<Option<Record>>, StoreError> {
        let disk = self.disk.0.borrow();
        Ok(ids.iter().map(|id| disk.records.get(&id.collection)?.get(&id.key).cloned()).collect())
    }

    async fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = match from {
            None => Unbounded,
            Some(at) => Excluded(
                RecordKey::from_text(&at.0)
                    .ok_or_else(|| StoreError::Corrupt("not a position of this store".into()))?,
            ),
        };
        let disk = self.disk.0.borrow();
        let Some(records) = disk.records.get(collection) else { return Ok(Scanned::default()) };
        let mut rest = records.range((after, Unbounded)).map(|(_, record)| record).peekable();
        let records: Vec<Record> = rest.by_ref().take(limit.max(1)).cloned().collect();
        let last = records.last().filter(|_| rest.peek().is_some());
        let next = last.map(|record| ScanPosition(record.key.to_text()));
        Ok(Scanned { records, next })
    }

    async fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        let disk = self.disk.0.borrow();
        let mut sums = BTreeMap::<Partition, Checksums>::new();
        for (collection, records) in &disk.records {
            for record in records.values() {
                let id = RecordId::new(collection.clone(), record.key.clone());
                sums.entry(id.partition(disk.partitions()?)).or_default().add(&id, record.rev);
            }
        }
        Ok(sums)
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn usage(&self) -> Usage {
        Usage::default()
    }
}

impl Disk {
    fn take_fault(&mut self) -> Option<Fault> {
        let fault = self.fault.as_mut()?;
        fault.commit = fault.commit.saturating_sub(1);
        if fault.commit == 0 { self.fault.take() } else { None }
    }

    fn partitions(&self) -> Result<u16, StoreError> {
        let meta = self.loaded.meta.as_ref();
        Ok(meta.ok_or_else(|| StoreError::Corrupt("the store has no identity yet".into()))?.partitions)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        // what can fail comes first: a batch is stored wholly or not at all
        let pages = batch.pages.iter().map(unpack).collect::<Result<Vec<_>, _>>()?;
        if batch.meta.is_none() && !batch.clear.is_empty() {
            self.partitions()?;
        }
        if let Some(meta) = &batch.meta {
            self.loaded.meta = Some(meta.clone());
        }
        self.apply_base(batch, pages)?;
        self.apply_unsent(batch);
        if let Some(cursor) = &batch.cursor {
            self.loaded.cursor = cursor.clone();
        }
        if let Some(snapshot) = &batch.snapshot {
            self.loaded.snapshot = snapshot.clone();
        }
        self.loaded.checksums.extend(batch.checksums.clone());
        if let Some(receipts) = &batch.receipts {
            self.loaded.receipts = receipts.clone();
        }
        follow_memos(&mut self.loaded.memos, &batch.memos);
        Ok(())
    }

    fn apply_base(&mut self, batch: &Batch, pages: Vec<Vec<Record>>) -> Result<(), StoreError> {
        if !batch.clear.is_empty() {
            let count = self.partitions()?;
            for (collection, records) in &mut self.records {
                records.retain(|key, _| {
                    let id = RecordId::new(collection.clone(), key.clone());
                    !batch.clear.contains(&id.partition(count))
                });
            }
        }
        for (page, records) in batch.pages.iter().zip(pages) {
            let collection = self.records.entry(page.collection.clone()).or_default();
            collection.extend(records.into_iter().map(|r| (r.key.clone(), r)));
        }
        for (collection, record) in &batch.records {
            let collection = self.records.entry(collection.clone()).or_default();
            if record.deleted {
                collection.remove(&record.key);
            } else {
                collection.insert(record.key.clone(), record.clone());
            }
        }
        Ok(())
    }

    fn apply_unsent(&mut self, batch: &Batch) {
        for change in &batch.enqueue {
            self.loaded.counter = self.loaded.counter.max(change.id.counter);
            self.outbox.insert(change.id.counter, change.clone());
        }
        for counter in &batch.settle {
            self.loaded.counter = self.loaded.counter.max(*counter);
            self.outbox.remove(counter);
        }
        for conflict in &batch.conflicts {
            if conflict.is_open() {
                self.conflicts.insert(conflict.id, conflict.clone());
            } else {
                self.conflicts.remove(&conflict.id);
            }
        }
        for id in &batch.conflicts_gone {
            self.conflicts.remove(id);
        }
        for rejected in &batch.quarantine {
            self.quarantine.insert(rejected.change.id.counter, rejected.clone());
        }
        for counter in &batch.quarantine_gone {
            self.quarantine.remove(counter);
        }
        for decision in &batch.decisions {
            self.decisions.insert(decision.id, decision.clone());
        }
        for id in &batch.decisions_gone {
            self.decisions.remove(id);
        }
    }
}

fn unpack(page: &Page) -> Result<Vec<Record>, StoreError> {
    sync_protocol::json::read(page.records.get()).map_err(|e| StoreError::Corrupt(format!("a page: {e}")))
}
