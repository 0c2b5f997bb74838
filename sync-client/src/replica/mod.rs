//! One replica in memory: a pure fold over the batches that its store has committed.
//!
//! Nothing here does I/O. A command or an answer becomes a [`Batch`](crate::store::Batch); [`Replica::lower`] makes the delta of
//! it; the engine commits the batch to the store, and only then memory follows the delta ([`Replica::follow`]). So memory never
//! knows more than the disk, and "saved" is said only of what is durable.

use std::collections::BTreeMap;
use sync_protocol::Ordered;

use sync_protocol::checksum::Checksums;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, Counter, Cursor, Fields, Partition, Record, RecordId,
    RecordKey, ReplicaId, Revision, Schema, reserved,
};

use crate::limits;
use crate::store::{Decided, Decision, Loaded, Memos, Meta, Quarantined, Receipt, SnapshotState, Written};

pub(crate) mod activity;
pub mod bulk;
mod decisions;
mod declare;
mod edit;
mod feed;
mod fold;
mod for_review;
mod history;
mod local;
pub use local::LOCAL;
mod mirrors;
mod news;
pub mod notes;
mod outbox;
pub mod people;
mod record;
mod renew;
pub mod retry;
pub mod review;
pub mod rules;
pub mod session;
mod undo;
pub mod view;
pub mod write;

use activity::Activity;
pub use edit::uuid_key;
pub use feed::{FeedError, unread};
use for_review::ForReview;
use outbox::Outbox;

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
    outbox: Outbox,
    for_review: ForReview,
    decisions: BTreeMap<ChangeId, Decision>,
    receipts: Vec<Receipt>,
    memos: Memos,
    activity: Activity,
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
            outbox: Outbox::new(meta.partitions),
            meta,
            counter: loaded.counter,
            shared: false,
            snapshot: loaded.snapshot,
            checksums: loaded.checksums,
            for_review: ForReview::default(),
            decisions: loaded.decisions.into_iter().map(|d| (d.id, d)).ordered_map(),
            receipts: loaded.receipts,
            activity: Activity::load(&loaded.memos),
            memos: loaded.memos,
            reserved: BTreeMap::new(),
            schema: Schema::default(),
        };
        for (collection, record) in reserved {
            replica.reserved.insert(RecordId::new(collection, record.key.clone()), record);
        }
        loaded.conflicts.into_iter().for_each(|conflict| replica.for_review.open(conflict));
        loaded.quarantine.into_iter().for_each(|entry| replica.for_review.reject(entry));
        loaded.outbox.into_iter().for_each(|change| replica.enqueue(change));
        replica.refold_schema();
        replica
    }

    fn enqueue(&mut self, change: Change) {
        self.counter = self.counter.max(change.id.counter);
        let rejected = self.for_review.held_from(&change.record);
        self.outbox.add(change, rejected);
    }

    /// What of a record waits behind a rejected change follows what is rejected of it.
    fn hold(&mut self, record: &RecordId) {
        self.outbox.hold(record, self.for_review.held_from(record));
    }

    fn refold_schema(&mut self) {
        let mut schema = Schema::default();
        let in_schema = |id: &&RecordId| is_schema(&id.collection);
        for (id, record) in self.reserved.iter().filter(|(id, _)| in_schema(id)) {
            schema.apply(id, self.view(id, Some(record)).as_ref());
        }
        for name in [reserved::COLLECTIONS, reserved::FIELDS] {
            let pending = reserved::collection(name);
            for id in self.outbox.records_of(&pending).filter(|id| !self.reserved.contains_key(*id)) {
                schema.apply(id, self.view(id, None).as_ref());
            }
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
        self.outbox.iter()
    }

    /// How many these are.
    pub fn outbox_count(&self) -> usize {
        self.outbox.len()
    }

    /// A change in the outbox.
    pub fn pending(&self, counter: Counter) -> Option<&Change> {
        self.outbox.get(counter).map(|p| &p.change)
    }

    /// Records with changes in the outbox.
    pub fn pending_records(&self) -> impl Iterator<Item = &RecordId> {
        self.outbox.records()
    }

    /// Those of one collection.
    pub fn pending_records_of(&self, collection: &CollectionId) -> impl Iterator<Item = &RecordId> {
        self.outbox.records_of(collection)
    }

    /// The changes of a record in the outbox, oldest first.
    pub fn pending_of(&self, id: &RecordId) -> impl Iterator<Item = &Change> + Clone {
        self.outbox.of(id).map(|pending| &pending.change)
    }

    /// The changes that have to be sent, in their order. What builds on a rejected change waits for the person; a decision
    /// about a conflict builds on nothing.
    pub fn due(&self) -> impl Iterator<Item = &Change> {
        self.outbox.due()
    }

    /// How many these are.
    pub fn due_count(&self) -> usize {
        self.outbox.due_count()
    }

    /// Whether the server is only asked if it knows that one: if not, it takes another number.
    pub fn is_asked(&self, counter: Counter) -> bool {
        self.outbox.is_asked(counter)
    }

    /// Changes that a person made and the server has not judged. The replica's own records of people and devices
    /// do not count: nobody made them.
    pub fn unsent(&self) -> impl Iterator<Item = &Change> {
        self.outbox.unsent()
    }

    /// How many of them there are.
    pub fn unsent_count(&self) -> usize {
        self.outbox.unsent_count()
    }

    /// How many of them wait for a person.
    pub fn held_count(&self) -> usize {
        self.outbox.held_count()
    }

    /// Whether the server has judged changes whose outcome has not come yet.
    pub fn has_judged(&self) -> bool {
        self.outbox.has_judged()
    }

    /// Whether it has judged some of them earlier, so that their entries are in the feed already.
    pub fn has_judged_before(&self) -> bool {
        self.outbox.has_judged_before()
    }

    /// Whether a change in the outbox waits for a person: it builds on a rejected one of the same record.
    pub fn is_held(&self, change: &Change) -> bool {
        outbox::is_held(change, self.for_review.held_from(&change.record))
    }

    /// Open conflicts.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.for_review.conflicts()
    }

    /// How many these are.
    pub fn conflict_count(&self) -> usize {
        self.for_review.conflict_count()
    }

    /// An open conflict.
    pub fn conflict(&self, id: ChangeId) -> Option<&Conflict> {
        self.for_review.conflict(id)
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
        self.for_review.quarantine()
    }

    /// How many these are.
    pub fn quarantine_count(&self) -> usize {
        self.for_review.quarantine_count()
    }

    /// A rejected change.
    pub fn quarantined(&self, counter: Counter) -> Option<&Quarantined> {
        self.for_review.quarantined(counter)
    }

    /// The answer of a command that was done already, if it was.
    pub fn receipt(&self, request: &str) -> Option<&Written> {
        self.receipts.iter().find(|r| r.request == request).map(|r| &r.answer)
    }

    /// The commands that were done lately.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// The receipts with one more; the oldest go.
    pub fn receipts_with(&self, receipt: Receipt) -> Vec<Receipt> {
        let kept = self.receipts.len().saturating_sub(limits::RECEIPTS - 1);
        self.receipts[kept..].iter().cloned().chain([receipt]).collect()
    }

    /// What programs keep on this device.
    pub fn memos(&self) -> &Memos {
        &self.memos
    }

    /// A base record of a reserved collection.
    pub fn reserved(&self, id: &RecordId) -> Option<&Record> {
        self.reserved.get(id)
    }

    /// How many records a collection has as the person sees it, without reading them. Changes that insert or delete
    /// are counted as if nobody else had done the same meanwhile.
    pub fn count(&self, collection: &CollectionId) -> u64 {
        // while a snapshot comes, a partition's known count may be one of before, and what follows takes it below none
        let base = self.checksums.values().filter_map(|c| c.0.get(collection)).map(|c| c.count as i64);
        (base.sum::<i64>() + self.outbox.more(collection) as i64).max(0) as u64
    }

    /// The record as the person sees it: the base with this replica's pending changes on top.
    pub fn view(&self, id: &RecordId, base: Option<&Record>) -> Option<Fields> {
        self.view_of(id, base.map(|r| r.fields.clone()))
    }

    /// The same from the base's values alone.
    pub fn view_of(&self, id: &RecordId, base: Option<Fields>) -> Option<Fields> {
        view::fold(base, self.pending_of(id), |conflict| self.any_conflict(conflict))
    }
}

/// Whether records of the collection define collections and fields.
fn is_schema(collection: &CollectionId) -> bool {
    matches!(collection.as_str(), reserved::COLLECTIONS | reserved::FIELDS)
}

/// Of a map of all records, the keys of one collection's.
fn of_collection<'m, T>(
    all: &'m BTreeMap<RecordId, T>,
    collection: &CollectionId,
) -> impl Iterator<Item = &'m RecordId> + use<'m, T> {
    let of = collection.clone();
    let from = all.range(RecordId::new(collection.clone(), RecordKey::Int(i64::MIN))..);
    from.map(|(id, _)| id).take_while(move |id| id.collection == of)
}
