//! Where one replica keeps its copy of a workspace. One trait, one atomic batch per step, one conformance suite.

use crate::api::Undone;
use crate::replica::activity::is_activity;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Page;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, Counter, Cursor, Merge, Partition, Record, RecordId, Rejection,
    ReplicaId, Timestamp, UserId, WorkspaceId,
};

pub mod conformance;
#[cfg(target_arch = "wasm32")]
pub mod indexeddb;
pub mod memory;
#[cfg(not(target_arch = "wasm32"))]
pub mod profile;
#[cfg(not(target_arch = "wasm32"))]
pub mod sled;

/// Who this replica is and what it copies. Written once when the store is made, then with every minted counter range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Into how many partitions its records are sliced.
    pub partitions: u16,
    /// This replica.
    pub replica: ReplicaId,
    /// Whose it is: changes are never pushed as somebody else's.
    pub user: UserId,
    /// Changes up to this one may have their outcome in a snapshot, and no entry in the feed.
    #[serde(default, skip_serializing_if = "is_first")]
    pub copied: Counter,
}

fn is_first(counter: &Counter) -> bool {
    *counter == Counter::default()
}

/// A change that the server rejected, kept until a person repairs, retries or discards it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The change as it was made.
    pub change: Change,
    /// Why it was rejected.
    pub reason: Rejection,
}

/// What a person or a policy decided where edits met, kept for a while so that it can be looked at and taken back without
/// a network. A copy of what the feed brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The change that met others: it opened the conflict, or was merged.
    pub id: ChangeId,
    /// When it was decided, by the clock of whoever did: tells which ones are kept longest.
    pub at: Timestamp,
    /// What.
    pub what: Decided,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// A person settled a conflict.
    Settled(Box<Conflict>),
    /// A policy merged.
    Merged(Box<Merge>),
}

/// Small texts that a program keeps on this device beside its records, by name, in the order of names: a version, the next
/// number of a key. They are never sent. A list, for few are kept, and each kind of map needs code of its own.
pub type Memos = Vec<(String, String)>;

/// A command that was done, with its answer. Whoever asks again because the answer was lost with the one who did it
/// gets it from here: the command is not done twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Names the asking for good.
    pub request: String,
    /// What it was answered.
    pub answer: Written,
}

/// What a command that writes is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// Nothing more to say.
    Done,
    /// The new collection's name.
    Made(CollectionId),
    /// The records.
    Saved(Vec<RecordId>),
    /// What was taken back.
    Undone(Box<Undone>),
}

/// All that a replica holds in memory, read once when its store is opened. Base records are not among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// `None` for a new, empty store.
    pub meta: Option<Meta>,
    /// The highest counter ever enqueued or settled here; 0 if none. Never goes back, also when the outbox is empty.
    pub counter: Counter,
    /// How far the feed has been applied.
    pub cursor: Cursor,
    /// Partitions whose snapshot is not complete, with where it goes on; kept so that first sync resumes.
    pub snapshot: Option<SnapshotState>,
    /// The checksums at the cursor, followed entry by entry.
    pub checksums: BTreeMap<Partition, Checksums>,
    /// Changes without a stored outcome, in counter order.
    pub outbox: Vec<Change>,
    /// Open conflicts.
    pub conflicts: Vec<Conflict>,
    /// Rejected changes.
    pub quarantine: Vec<Quarantined>,
    /// What was decided lately.
    pub decisions: Vec<Decision>,
    /// The last commands that others asked for, oldest first.
    pub receipts: Vec<Receipt>,
    /// What programs keep on this device.
    pub memos: Memos,
}

/// What exists nowhere else, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Changes without a stored outcome.
    pub unsent: Vec<Change>,
    /// Rejected changes.
    pub rejected: Vec<Quarantined>,
    /// Rows that cannot be read, as they are stored.
    pub unread: Vec<String>,
}

/// A first sync (or a refetch) under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// Partitions still to be fetched or finished.
    pub partitions: Vec<Partition>,
    /// Where to go on; `None`: from the beginning.
    pub resume: Option<sync_protocol::message::SnapshotToken>,
    /// Conflicts that came so far of partitions that are not finished.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub conflicts: BTreeSet<ChangeId>,
}

/// Everything that one step changes. Stored wholly or not at all.
///
/// The parts are applied in the order of the fields: `clear` before `pages` before `records`.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The identity of a new store.
    pub meta: Option<Meta>,
    /// Forget all base records (pages and records) of these partitions first.
    pub clear: Vec<Partition>,
    /// Pages of a snapshot, stored as they came. They replace nothing: their partition was cleared.
    pub pages: Vec<Page>,
    /// Base records as the feed made them. A deleted one removes the record. Later ones win over earlier ones.
    pub records: Vec<(CollectionId, Record)>,
    /// New changes, in counter order, each counter higher than any before.
    pub enqueue: Vec<Change>,
    /// Changes whose outcome is stored with this batch: they leave the outbox.
    pub settle: Vec<Counter>,
    /// Conflicts as they became; one that is no longer open is removed.
    pub conflicts: Vec<Conflict>,
    /// Conflicts that a refetched partition no longer has.
    pub conflicts_gone: Vec<ChangeId>,
    /// Rejected changes to keep.
    pub quarantine: Vec<Quarantined>,
    /// Rejected changes that a person has dealt with.
    pub quarantine_gone: Vec<Counter>,
    /// What was decided; one of the same id is replaced.
    pub decisions: Vec<Decision>,
    /// Decisions that were taken back, or are kept no longer.
    pub decisions_gone: Vec<ChangeId>,
    /// All receipts from now on.
    pub receipts: Option<Vec<Receipt>>,
    /// Memos as they became, in any order; an empty text removes one.
    pub memos: Memos,
    /// The new cursor.
    pub cursor: Option<Cursor>,
    /// The new state of the snapshot: `Some(None)` when it is complete.
    pub snapshot: Option<Option<SnapshotState>>,
    /// The new checksums of the partitions that moved.
    pub checksums: BTreeMap<Partition, Checksums>,
}

impl Batch {
    /// Whether the batch holds something that exists nowhere else: it must survive a power cut once committed.
    /// The rest is a copy of the server's data and can be fetched again.
    pub fn must_be_strict(&self) -> bool {
        self.meta.is_some()
            || !self.enqueue.is_empty()
            || !self.settle.is_empty()
            || !self.conflicts.is_empty()
            || !self.quarantine.is_empty()
            || !self.quarantine_gone.is_empty()
            || self.receipts.is_some()
            // the log of what went to and fro tells people; what it tells of is on the server
            || self.memos.iter().any(|(name, _)| !is_activity(name))
    }
}

/// Memos once some of them became these.
pub(crate) fn follow_memos(memos: &mut Memos, became: &Memos) {
    for (name, text) in became {
        let place = memos.binary_search_by(|(known, _)| known.cmp(name));
        match (place, text.is_empty()) {
            (Ok(at), true) => drop(memos.remove(at)),
            (Ok(at), false) => memos[at].1.clone_from(text),
            (Err(_), true) => {}
            (Err(at), false) => memos.insert(at, (name.clone(), text.clone())),
        }
    }
}

/// Where a scan goes on; opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanPosition(pub String);

/// Some records of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Live base records; the order is the store's own, stable within one scan.
    pub records: Vec<Record>,
    /// Where to go on; `None` when there is no more.
    pub next: Option<ScanPosition>,
}

/// The local store of one replica.
///
/// Implementations: [`memory`], sled (native), IndexedDB (browser). Not `Send`: a replica lives on one thread.
/// A store is opened by one owner at a time; a second owner gets [`StoreError::InUse`].
#[allow(async_fn_in_trait, reason = "replicas live on one thread; no Send bound is wanted")]
pub trait LocalStore {
    /// Everything but the base records.
    async fn load(&self) -> Result<Loaded, StoreError>;

    /// Reads what can be read of what exists nowhere else, also where [`LocalStore::load`] finds damage.
    async fn salvage(&self) -> Result<Salvaged, StoreError> {
        let Loaded { outbox, quarantine, .. } = self.load().await?;
        Ok(Salvaged { unsent: outbox, rejected: quarantine, unread: Vec::new() })
    }

    /// Stores a batch wholly or not at all. When it returns `Ok`, a batch that [`Batch::must_be_strict`] is durable.
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// The live base records of these ids, in the same order; `None` where there is none.
    async fn get(&self, ids: &[RecordId]) -> Result<Vec<Option<Record>>, StoreError>;

    /// Live base records of a collection, about `limit` at a time (at least one if any are left).
    async fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError>;

    /// The checksums of what is really stored, computed by reading it all.
    async fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError>;

    /// Tidies up when there is nothing else to do, one bounded step; true while there is more to do.
    async fn tidy(&self) -> Result<bool, StoreError>;

    /// Bytes used and available, where the platform tells.
    async fn usage(&self) -> Usage;

    /// Goes on after a failure that left the store unusable, if that is possible by now. Costs nothing while all is well.
    async fn mend(&self) -> Result<Mended, StoreError> {
        Ok(Mended::Nothing)
    }

    /// Whether the records were found damaged and set aside, and are fetched again.
    fn rebuilt(&self) -> Rebuilt {
        Rebuilt::No
    }
}

/// What became of what is unsent when the records were found damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rebuilt {
    /// There was no damage.
    No,
    /// All of it is here.
    Whole,
    /// The copy of it was damaged, too: what could be read is here.
    InPart,
}

/// What [`LocalStore::mend`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// There was nothing to do.
    Nothing,
    /// It was opened again: what it holds has to be loaded anew.
    Anew,
}

/// How full the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes used.
    pub used: Option<u64>,
    /// Bytes that may be used.
    pub quota: Option<u64>,
    /// Whether the platform promised not to evict the store.
    pub persisted: Option<bool>,
}

/// Why a store did not do what it was asked, sorted by what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was stored; free space, then try again.
    #[error("This device's storage is full. Nothing was saved. Free some space, then try again.")]
    Full,
    /// What is stored may be read and not written; nothing was changed.
    #[error(
        "Mooring may not write where it keeps its records on this device ({0}). Nothing was saved. Give it the right to write there, then try again."
    )]
    ReadOnly(String),
    /// Another tab or process has the store open.
    #[error(
        "These records are open in another tab or program on this device. Close it there, then try again."
    )]
    InUse,
    /// The store was written by a newer version; nothing was touched.
    #[error(
        "The records on this device were saved by a newer version of Mooring ({found}; this one knows {known}). Update Mooring; nothing was changed."
    )]
    TooNew {
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// What is stored cannot be read; nothing was touched.
    #[error("The records on this device cannot be read ({0}). Nothing was changed.")]
    Corrupt(String),
    /// The store stopped answering (handle lost, tab frozen, disk gone); open it again.
    #[error("This device's storage stopped answering ({0}). Nothing was saved.")]
    Gone(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::activity::NAME;

    #[test]
    fn the_log_of_what_went_to_and_fro_waits_for_no_disk_and_a_programs_memo_does() {
        let with = |name: &str| Batch { memos: vec![(name.into(), "text".into())], ..Batch::default() };
        assert!(!with(&format!("{NAME}1")).must_be_strict());
        assert!(with("version").must_be_strict());
    }
}
