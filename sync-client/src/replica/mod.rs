//! One replica in memory: a pure fold over the batches that its store has committed.
//!
//! Nothing here does I/O. A command or an answer becomes a [`Batch`]; the engine commits it to the store, and only
//! then [`Replica::absorb`] folds the same batch into memory. So memory never knows more than the disk, and "saved"
//! is said only of what is durable.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::checksum::Checksums;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, Counter, Cursor, Edit, Fields, Partition, Record, RecordId,
    ReplicaId, Revision, Schema, reserved,
};

use crate::limits;
use crate::store::{Batch, Decided, Decision, Loaded, Meta, Quarantined, Receipt, SnapshotState, Written};

pub mod bulk;
mod decisions;
mod edit;
mod feed;
mod history;
mod mirrors;
mod news;
pub mod notes;
pub mod people;
mod record;
mod renew;
pub mod retry;
pub mod review;
pub mod session;
pub mod view;

pub use edit::uuid_key;
pub use feed::{FeedError, unread};

/// A change that the server may not have judged yet, or whose outcome the feed has not brought yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The change.
    pub change: Change,
    /// What is known of its verdict. Kept in memory only: asked again after a restart.
    pub judged: Judged,
}

/// What is known of a pending change's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Nothing: it has to be sent.
    No,
    /// It has that sequence number: it leaves the outbox when the cursor passes it.
    At(Revision),
    /// It was judged earlier: its entry comes with a pull that began after this one and reaches the partition's end.
    Before {
        /// The number of the last pull that had begun.
        pull: u64,
        /// The server does not know whether it was this change that it judged.
        forgotten: bool,
    },
    /// It was refused because its number is another change's: it goes out under another one.
    Taken,
    /// It was called judged, and no entry came: that was another change. It goes out under another number.
    Another,
}

/// The state of one replica.
#[derive(Debug)]
pub struct Replica {
    meta: Meta,
    counter: Counter,
    /// Another replica has the same name.
    shared: bool,
    cursor: Cursor,
    snapshot: Option<SnapshotState>,
    checksums: BTreeMap<Partition, Checksums>,
    outbox: BTreeMap<Counter, Pending>,
    by_record: BTreeMap<RecordId, BTreeSet<Counter>>,
    conflicts: BTreeMap<ChangeId, Conflict>,
    quarantine: BTreeMap<Counter, Quarantined>,
    decisions: BTreeMap<ChangeId, Decision>,
    receipts: Vec<Receipt>,
    /// Base records of the reserved collections: schema, people, devices.
    reserved: BTreeMap<RecordId, Record>,
    schema: Schema,
}

impl Replica {
    /// A replica from what its store holds: everything but base records, and the base records of the reserved
    /// collections. `meta` is that of `loaded`, or the new one that was just stored.
    pub fn new(meta: Meta, loaded: Loaded, reserved: Vec<(CollectionId, Record)>) -> Self {
        let mut replica = Self {
            cursor: if loaded.cursor.0.is_empty() { Cursor::start(meta.partitions) } else { loaded.cursor },
            meta,
            counter: loaded.counter,
            shared: false,
            snapshot: loaded.snapshot,
            checksums: loaded.checksums,
            outbox: BTreeMap::new(),
            by_record: BTreeMap::new(),
            conflicts: loaded.conflicts.into_iter().map(|c| (c.id, c)).ordered_map(),
            quarantine: loaded.quarantine.into_iter().map(|q| (q.change.id.counter, q)).ordered_map(),
            decisions: loaded.decisions.into_iter().map(|d| (d.id, d)).ordered_map(),
            receipts: loaded.receipts,
            reserved: BTreeMap::new(),
            schema: Schema::default(),
        };
        for (collection, record) in reserved {
            replica.reserved.insert(RecordId::new(collection, record.key.clone()), record);
        }
        loaded.outbox.into_iter().for_each(|change| replica.enqueue(change));
        replica.refold_schema();
        replica
    }

    /// Folds a batch that the store has committed.
    pub fn absorb(&mut self, batch: &Batch) {
        if let Some(meta) = &batch.meta {
            self.shared &= meta.replica == self.meta.replica;
            self.meta = meta.clone();
        }
        let mut schema_moved = false;
        if batch.clear.contains(&Partition(0)) {
            self.reserved.clear();
            schema_moved = true;
        }
        for partition in &batch.clear {
            self.checksums.remove(partition);
        }
        for page in batch.pages.iter().filter(|p| p.collection.is_reserved()) {
            // the store has taken the page; one that cannot be read shows as a checksum mismatch and is refetched
            let records: Vec<Record> = serde_json::from_str(page.records.get()).unwrap_or_default();
            for record in records {
                self.reserved.insert(RecordId::new(page.collection.clone(), record.key.clone()), record);
            }
            schema_moved |= is_schema(&page.collection);
        }
        for (collection, record) in batch.records.iter().filter(|(c, _)| c.is_reserved()) {
            let id = RecordId::new(collection.clone(), record.key.clone());
            if record.deleted {
                self.reserved.remove(&id);
            } else {
                self.reserved.insert(id, record.clone());
            }
            schema_moved |= is_schema(collection);
        }
        for change in &batch.enqueue {
            schema_moved |= is_schema(&change.record.collection);
            self.enqueue(change.clone());
        }
        for counter in &batch.settle {
            self.counter = self.counter.max(*counter);
            schema_moved |= self.settle(*counter);
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
        for entry in &batch.quarantine {
            self.quarantine.insert(entry.change.id.counter, entry.clone());
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
        if let Some(receipts) = &batch.receipts {
            self.receipts = receipts.clone();
        }
        if let Some(cursor) = &batch.cursor {
            self.cursor = cursor.clone();
        }
        if let Some(snapshot) = &batch.snapshot {
            self.snapshot = snapshot.clone();
        }
        for (partition, checksums) in &batch.checksums {
            self.checksums.insert(*partition, checksums.clone());
        }
        if schema_moved {
            self.refold_schema();
        }
    }

    fn enqueue(&mut self, change: Change) {
        let counter = change.id.counter;
        self.counter = self.counter.max(counter);
        self.by_record.entry(change.record.clone()).or_default().insert(counter);
        self.outbox.insert(counter, Pending { change, judged: Judged::No });
    }

    fn settle(&mut self, counter: Counter) -> bool {
        let Some(pending) = self.outbox.remove(&counter) else { return false };
        let record = pending.change.record;
        if let Some(counters) = self.by_record.get_mut(&record) {
            counters.remove(&counter);
            if counters.is_empty() {
                self.by_record.remove(&record);
            }
        }
        is_schema(&record.collection)
    }

    fn refold_schema(&mut self) {
        let mut schema = Schema::default();
        let in_schema = |id: &&RecordId| is_schema(&id.collection);
        for (id, record) in self.reserved.iter().filter(|(id, _)| in_schema(id)) {
            schema.apply(id, self.view(id, Some(record)).as_ref());
        }
        for id in self.by_record.keys().filter(|id| in_schema(id) && !self.reserved.contains_key(*id)) {
            schema.apply(id, self.view(id, None).as_ref());
        }
        self.schema = schema;
    }

    /// Who this replica is.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// This replica's id.
    pub fn id(&self) -> ReplicaId {
        self.meta.replica
    }

    /// The collections as the person sees them, unsent changes included.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How far the feed has been applied.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The snapshot under way, if one is.
    pub fn snapshot(&self) -> Option<&SnapshotState> {
        self.snapshot.as_ref()
    }

    /// The checksums at the cursor, of the partitions for which they are known.
    pub fn checksums(&self) -> &BTreeMap<Partition, Checksums> {
        &self.checksums
    }

    /// Every change without a stored outcome, in the order in which they were made.
    pub fn outbox(&self) -> impl Iterator<Item = &Pending> {
        self.outbox.values()
    }

    /// A change in the outbox.
    pub fn pending(&self, counter: Counter) -> Option<&Change> {
        self.outbox.get(&counter).map(|p| &p.change)
    }

    /// Records with changes in the outbox.
    pub fn pending_records(&self) -> impl Iterator<Item = &RecordId> {
        self.by_record.keys()
    }

    /// The changes of a record in the outbox, oldest first.
    pub fn pending_of(&self, id: &RecordId) -> impl Iterator<Item = &Change> + Clone {
        self.by_record.get(id).into_iter().flatten().map(|counter| &self.outbox[counter].change)
    }

    /// Changes that a person made and the server has not judged. The replica's own records of people and devices
    /// do not count: nobody made them.
    pub fn unsent(&self) -> impl Iterator<Item = &Change> {
        self.outbox
            .values()
            .filter(|p| p.judged == Judged::No && !people::is_own_record(&p.change))
            .map(|p| &p.change)
    }

    /// What is known of the changes that the server has judged and whose outcome has not come yet.
    pub fn judged(&self) -> impl Iterator<Item = Judged> {
        self.outbox.values().map(|p| p.judged).filter(|judged| *judged != Judged::No)
    }

    /// Whether a change in the outbox waits for a person: it builds on a rejected one of the same record.
    pub fn is_held(&self, change: &Change) -> bool {
        self.held_from().get(&change.record).is_some_and(|first| edit::builds_on(change, *first))
    }

    /// Records with rejected changes, each with the first of them: what came before was accepted, what came later waits.
    pub(crate) fn held_from(&self) -> BTreeMap<&RecordId, Counter> {
        let mut first = BTreeMap::new();
        for entry in self.quarantine.values().filter(|q| q.change.about().is_none()) {
            first.entry(&entry.change.record).or_insert(entry.change.id.counter);
        }
        first
    }

    /// Open conflicts.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.values()
    }

    /// An open conflict.
    pub fn conflict(&self, id: ChangeId) -> Option<&Conflict> {
        self.conflicts.get(&id)
    }

    /// What was decided lately.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.values()
    }

    /// A conflict that was settled lately.
    pub fn settled(&self, id: ChangeId) -> Option<&Conflict> {
        match &self.decisions.get(&id)?.what {
            Decided::Settled(conflict) => Some(conflict),
            Decided::Merged(_) => None,
        }
    }

    /// Rejected changes.
    pub fn quarantine(&self) -> impl Iterator<Item = &Quarantined> {
        self.quarantine.values()
    }

    /// A rejected change.
    pub fn quarantined(&self, counter: Counter) -> Option<&Quarantined> {
        self.quarantine.get(&counter)
    }

    /// The answer of a command that was done already, if it was.
    pub fn receipt(&self, request: &str) -> Option<&Written> {
        self.receipts.iter().find(|r| r.request == request).map(|r| &r.answer)
    }

    /// The receipts with one more; the oldest go.
    pub fn receipts_with(&self, receipt: Receipt) -> Vec<Receipt> {
        let kept = self.receipts.len().saturating_sub(limits::RECEIPTS - 1);
        self.receipts[kept..].iter().cloned().chain([receipt]).collect()
    }

    /// A base record of a reserved collection.
    pub fn reserved(&self, id: &RecordId) -> Option<&Record> {
        self.reserved.get(id)
    }

    /// How many records a collection has as the person sees it, without reading them. Changes that insert or delete
    /// are counted as if nobody else had done the same meanwhile.
    pub fn count(&self, collection: &CollectionId) -> u64 {
        let base: u64 = self.checksums.values().filter_map(|c| c.0.get(collection)).map(|c| c.count).sum();
        let mut count = i128::from(base);
        for (_, counters) in self.by_record.iter().filter(|(id, _)| id.collection == *collection) {
            let edit = |counter: Option<&Counter>| counter.map(|c| &self.outbox[c].change.edit);
            let born_here = matches!(edit(counters.first()), Some(Edit::Insert { .. }));
            let gone = matches!(edit(counters.last()), Some(Edit::Delete { .. }));
            count += i128::from(born_here && !gone) - i128::from(gone && !born_here);
        }
        count.max(0) as u64
    }

    /// The record as the person sees it: the base with this replica's pending changes on top.
    pub fn view(&self, id: &RecordId, base: Option<&Record>) -> Option<Fields> {
        self.view_of(id, base.map(|r| r.fields.clone()))
    }

    /// The same from the base's values alone.
    pub fn view_of(&self, id: &RecordId, base: Option<Fields>) -> Option<Fields> {
        view::fold(base, self.pending_of(id), |conflict| {
            self.conflicts.get(&conflict).or_else(|| self.settled(conflict))
        })
    }
}

/// Whether records of the collection define collections and fields.
fn is_schema(collection: &CollectionId) -> bool {
    matches!(collection.as_str(), reserved::COLLECTIONS | reserved::FIELDS)
}
