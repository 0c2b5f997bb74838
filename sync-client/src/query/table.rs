//! One collection in memory as the person sees it. It follows the delta of each batch, row by row.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, Fields, Partition, Record, RecordId, RecordKey};

use super::order::{Order, Wanted};
use crate::delta::{Delta, Move};
use crate::replica::Replica;
use crate::steps::step;
use crate::text::Collation;

/// The rows that a person sees.
pub(super) type Seen = BTreeMap<RecordKey, Fields>;

/// A collection.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) collection: CollectionId,
    /// The base with what is pending on top.
    seen: Seen,
    /// Records with pending changes.
    pending: BTreeSet<RecordKey>,
    /// What the base has of these.
    beneath: BTreeMap<RecordKey, Fields>,
    /// The last question's order.
    order: Option<Order>,
}

impl Table {
    /// A table of these base records.
    pub(super) fn new(
        collection: CollectionId,
        base: Seen,
        replica: &Replica,
        collation: &Collation,
    ) -> Self {
        let (pending, beneath) = (BTreeSet::new(), BTreeMap::new());
        let mut table = Self { collection, seen: base, pending, beneath, order: None };
        let waiting: Vec<&RecordId> = replica.pending_records_of(&table.collection).collect();
        for id in waiting {
            table.row(id, None, replica, collation);
        }
        table
    }

    /// The rows, in no order that a person knows.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What matches, in the order asked for.
    pub(super) fn order(&mut self, wanted: Wanted, definition: &Collection, collation: &Collation) -> &Order {
        let order = self.order.take().filter(|order| order.wanted == wanted);
        self.order.insert(order.unwrap_or_else(|| Order::of(wanted, definition, collation, &self.seen)))
    }

    /// Follows what the replica has followed.
    pub(super) fn follow(&mut self, delta: &Delta<'_>, replica: &Replica, collation: &Collation) {
        for moved in &delta.moves {
            match moved {
                Move::Cleared(partitions) => self.clear(partitions, replica, collation),
                // how values compare, and what a search reads of them, may be another
                Move::Schema => self.order = None,
                Move::Record(id, record) => {
                    let base = record.as_ref().map(Cow::as_ref);
                    self.row(id, Some(base), replica, collation);
                }
                Move::Queued(_)
                | Move::Settled(..)
                | Move::Opened { .. }
                | Move::Closed(..)
                | Move::Decided(_)
                | Move::Forgotten(..) => {
                    if let Some(id) = moved.record() {
                        self.row(id, None, replica, collation);
                    }
                }
                // they change no values
                Move::Rejected(_)
                | Move::SeenTo(..)
                | Move::Identity(_)
                | Move::Unread(_)
                | Move::Receipts(_)
                | Move::Head(_)
                | Move::Snapshot(_)
                | Move::Checksums(_) => {}
            }
        }
    }

    fn clear(&mut self, partitions: &[Partition], replica: &Replica, collation: &Collation) {
        self.order = None;
        let keys: Vec<RecordKey> = self.seen.keys().chain(self.beneath.keys()).cloned().collect();
        for key in keys {
            let id = RecordId::new(self.collection.clone(), key);
            if partitions.contains(&id.partition(replica.meta().partitions)) {
                self.row(&id, Some(None), replica, collation);
            }
        }
    }

    /// One record may be seen otherwise than before; `base` is what the store has of it, where that has changed.
    fn row(
        &mut self,
        id: &RecordId,
        base: Option<Option<&Record>>,
        replica: &Replica,
        collation: &Collation,
    ) {
        if id.collection != self.collection {
            return;
        }
        step();
        let key = &id.key;
        let before = self.seen.get(key);
        let known = if self.pending.contains(key) { self.beneath.get(key) } else { before };
        let base = match base {
            Some(record) => record.map(|record| &record.fields),
            None => known,
        };
        let base = base.cloned();
        let is_pending = replica.pending_of(id).next().is_some();
        let now = if is_pending { replica.view_of(id, base.clone()) } else { base.clone() };
        if before != now.as_ref() {
            // the order finds a row by what is seen of it
            let definition = replica.schema().collection(&self.collection);
            let order = self.order.take().zip(definition);
            let order = order.and_then(|(order, d)| order.without(d, collation, &self.seen, key));
            put(&mut self.seen, key, now);
            let order = order.zip(definition);
            self.order = order.and_then(|(order, d)| order.with(d, collation, &self.seen, key));
        }
        if is_pending {
            self.pending.insert(key.clone());
        } else {
            self.pending.remove(key);
        }
        put(&mut self.beneath, key, base.filter(|_| is_pending));
    }
}

fn put(rows: &mut BTreeMap<RecordKey, Fields>, key: &RecordKey, row: Option<Fields>) {
    match row {
        Some(row) => drop(rows.insert(key.clone(), row)),
        None => drop(rows.remove(key)),
    }
}
