//! What one batch changes, row by row. It is made once, by [`Replica::lower`](crate::replica::Replica::lower), and followed by
//! all that keeps something in memory or tells screens: each matches every kind of move, so that a new one cannot be forgotten.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::checksum::Checksums;
use sync_protocol::message::Page;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, Counter, Cursor, Partition, Record, RecordId, RecordKey,
};

use crate::limits;
use crate::replica::notes::is_note;
use crate::store::{Decided, Decision, Memos, Meta, Quarantined, Receipt, SnapshotState};

/// The difference that a batch makes, in the order in which it is made.
#[derive(Debug, Default)]
pub struct Delta<'b> {
    /// What moved.
    pub moves: Vec<Move<'b>>,
}

/// One thing that a batch changes.
#[derive(Debug)]
pub enum Move<'b> {
    /// Who the replica is.
    Identity(&'b Meta),
    /// The base records of these partitions are forgotten; what comes instead follows.
    Cleared(&'b [Partition]),
    /// A page of base records that nobody looks at: it was not read.
    Unread(&'b Page),
    /// A base record; `None`: there is none any more.
    Record(RecordId, Option<Cow<'b, Record>>),
    /// A change waits to be sent.
    Queued(&'b Change),
    /// A change of that record has its outcome.
    Settled(Counter, Option<RecordId>),
    /// A conflict is open as it is here.
    Opened {
        /// The conflict.
        conflict: &'b Conflict,
        /// A person should hear of it: it has just come up, and not because they opened it again.
        news: bool,
    },
    /// A conflict of that record is no longer open.
    Closed(ChangeId, Option<RecordId>),
    /// A change was rejected.
    Rejected(&'b Quarantined),
    /// A rejected change of that record was seen to.
    SeenTo(Counter, Option<RecordId>),
    /// Something was decided.
    Decided(&'b Decision),
    /// A decision about that record is no longer kept.
    Forgotten(ChangeId, Option<RecordId>),
    /// The last commands that others asked for.
    Receipts(&'b [Receipt]),
    /// What programs keep on this device.
    Memos(&'b Memos),
    /// How far the feed is applied.
    Head(&'b Cursor),
    /// The snapshot under way.
    Snapshot(Option<&'b SnapshotState>),
    /// The checksums of partitions.
    Checksums(&'b BTreeMap<Partition, Checksums>),
    /// What defines collections and fields is among the records and changes that moved.
    Schema,
}

impl Delta<'_> {
    /// The collections in which a person may see something else than before.
    pub fn collections(&self) -> Vec<CollectionId> {
        let mut found = BTreeSet::new();
        for step in &self.moves {
            if let Some(collection) = step.collection()
                && !found.contains(collection)
            {
                found.insert(collection.clone());
            }
        }
        found.into_iter().collect()
    }

    /// The records, by collection, that may hold something else than before. An empty set: any of that collection; `all` names
    /// the collections of the workspace.
    pub fn touched(
        &self,
        all: impl Fn() -> Vec<CollectionId>,
    ) -> BTreeMap<CollectionId, BTreeSet<RecordKey>> {
        let mut touched = BTreeMap::<CollectionId, BTreeSet<RecordKey>>::new();
        for step in &self.moves {
            if let Some(id) = step.record().filter(|id| !id.collection.is_reserved()) {
                touched.entry(id.collection.clone()).or_default().insert(id.key.clone());
            }
        }
        for step in &self.moves {
            let whole = match step {
                Move::Cleared(_) => all(),
                Move::Unread(page) => vec![page.collection.clone()],
                _ => continue,
            };
            touched.extend(whole.into_iter().filter(|id| !id.is_reserved()).map(|id| (id, BTreeSet::new())));
        }
        for keys in touched.values_mut().filter(|keys| keys.len() > limits::TOUCHED) {
            keys.clear();
        }
        touched
    }

    /// Whether the lists of what needs review, or was decided, show something else than before.
    pub fn is_about_review(&self) -> bool {
        self.moves.iter().any(|step| match step {
            Move::Opened { .. }
            | Move::Closed(..)
            | Move::Rejected(_)
            | Move::SeenTo(..)
            | Move::Decided(_)
            | Move::Forgotten(..) => true,
            Move::Queued(change) => change.about().is_some() || is_note(&change.record.collection),
            Move::Record(..) | Move::Settled(..) | Move::Unread(_) => step.collection().is_some_and(is_note),
            Move::Identity(_)
            | Move::Cleared(_)
            | Move::Receipts(_)
            | Move::Memos(_)
            | Move::Head(_)
            | Move::Snapshot(_)
            | Move::Checksums(_)
            | Move::Schema => false,
        })
    }
}

impl Move<'_> {
    /// The record that may look otherwise than before.
    pub fn record(&self) -> Option<&RecordId> {
        match self {
            Move::Record(id, _) => Some(id),
            Move::Queued(change) => Some(&change.record),
            Move::Opened { conflict, .. } => Some(&conflict.record),
            Move::Rejected(entry) => Some(&entry.change.record),
            Move::Settled(_, id) | Move::Closed(_, id) | Move::SeenTo(_, id) | Move::Forgotten(_, id) => {
                id.as_ref()
            }
            Move::Decided(decision) => Some(decided_about(decision)),
            Move::Identity(_)
            | Move::Cleared(_)
            | Move::Unread(_)
            | Move::Receipts(_)
            | Move::Memos(_)
            | Move::Head(_)
            | Move::Snapshot(_)
            | Move::Checksums(_)
            | Move::Schema => None,
        }
    }

    fn collection(&self) -> Option<&CollectionId> {
        match self {
            Move::Unread(page) => Some(&page.collection),
            other => other.record().map(|id| &id.collection),
        }
    }
}

/// The record that a decision is about.
pub(crate) fn decided_about(decision: &Decision) -> &RecordId {
    match &decision.what {
        Decided::Settled(conflict) => &conflict.record,
        Decided::Merged(merge) => &merge.record,
    }
}
