//! Memory as a fold: a batch is lowered to its delta, and memory follows that.

use std::borrow::Cow;

use sync_protocol::{ChangeId, CollectionId, Edit, Partition, Record, RecordId, json};

use super::{Replica, is_schema};
use crate::delta::{Delta, Move, decided_about};
use crate::store::{Batch, Meta, follow_memos};

impl Replica {
    /// What a batch changes, before it is followed. Pages are read of reserved collections and of those that somebody looks at.
    pub fn lower<'b>(&self, batch: &'b Batch, looked_at: impl Fn(&CollectionId) -> bool) -> Delta<'b> {
        let mut moves = Vec::new();
        if let Some(meta) = &batch.meta {
            moves.push(Move::Identity(meta));
        }
        if !batch.clear.is_empty() {
            moves.push(Move::Cleared(&batch.clear));
        }
        for page in &batch.pages {
            if !page.collection.is_reserved() && !looked_at(&page.collection) {
                moves.push(Move::Unread(page));
                continue;
            }
            // the store takes the page as it is; one that cannot be read shows as a checksum mismatch and is refetched
            let records: Vec<Record> = json::read(page.records.get()).unwrap_or_default();
            for record in records {
                let id = RecordId::new(page.collection.clone(), record.key.clone());
                moves.push(Move::Record(id, Some(Cow::Owned(record))));
            }
        }
        for (collection, record) in &batch.records {
            let id = RecordId::new(collection.clone(), record.key.clone());
            moves.push(Move::Record(id, (!record.deleted).then_some(Cow::Borrowed(record))));
        }
        for change in &batch.enqueue {
            moves.push(Move::Queued(change));
        }
        for counter in &batch.settle {
            moves.push(Move::Settled(*counter, self.pending(*counter).map(|change| change.record.clone())));
        }
        // what a snapshot brings is not new: it was there before this device was; nor is what its person has opened again
        let reopened = self.reopened(batch);
        for conflict in &batch.conflicts {
            let known = self.conflict(conflict.id).is_some() || reopened.contains(&conflict.id);
            moves.push(if conflict.is_open() {
                Move::Opened { conflict, news: batch.snapshot.is_none() && !known }
            } else {
                Move::Closed(conflict.id, Some(conflict.record.clone()))
            });
        }
        for id in &batch.conflicts_gone {
            moves.push(Move::Closed(*id, self.conflict(*id).map(|conflict| conflict.record.clone())));
        }
        for entry in &batch.quarantine {
            moves.push(Move::Rejected(entry));
        }
        for counter in &batch.quarantine_gone {
            let record = self.quarantined(*counter).map(|entry| entry.change.record.clone());
            moves.push(Move::SeenTo(*counter, record));
        }
        for decision in &batch.decisions {
            moves.push(Move::Decided(decision));
        }
        for id in &batch.decisions_gone {
            moves.push(Move::Forgotten(*id, self.decisions.get(id).map(|d| decided_about(d).clone())));
        }
        if let Some(receipts) = &batch.receipts {
            moves.push(Move::Receipts(receipts));
        }
        if !batch.memos.is_empty() {
            moves.push(Move::Memos(&batch.memos));
        }
        if let Some(cursor) = &batch.cursor {
            moves.push(Move::Head(cursor));
        }
        if let Some(snapshot) = &batch.snapshot {
            moves.push(Move::Snapshot(snapshot.as_ref()));
        }
        if !batch.checksums.is_empty() {
            moves.push(Move::Checksums(&batch.checksums));
        }
        if moves.iter().any(moves_schema) {
            moves.push(Move::Schema);
        }
        Delta { moves }
    }

    /// The conflicts that this device's person had opened again, as a batch tells.
    fn reopened(&self, batch: &Batch) -> Vec<ChangeId> {
        let settled = batch.settle.iter().filter_map(|counter| self.pending(*counter));
        let reopened = settled.filter_map(|change| match &change.edit {
            Edit::Reopen(reopening) => Some(reopening.conflict),
            _ => None,
        });
        reopened.collect()
    }

    /// Folds a batch that the store has committed: [`Replica::lower`] and [`Replica::follow`] in one, for who looks at nothing.
    pub fn absorb(&mut self, batch: &Batch) {
        let delta = self.lower(batch, |_| false);
        self.follow(&delta);
    }

    /// Memory follows what the store has committed.
    pub fn follow(&mut self, delta: &Delta<'_>) {
        for step in &delta.moves {
            match step {
                Move::Identity(meta) => self.become_known_as(meta),
                Move::Cleared(partitions) => self.clear(partitions),
                Move::Unread(_) => {}
                Move::Record(id, record) => {
                    if id.collection.is_reserved() {
                        match record {
                            Some(record) => drop(self.reserved.insert(id.clone(), record.as_ref().clone())),
                            None => drop(self.reserved.remove(id)),
                        }
                    }
                }
                Move::Queued(change) => self.enqueue((*change).clone()),
                Move::Settled(counter, _) => {
                    self.counter = self.counter.max(*counter);
                    self.outbox.remove(*counter);
                }
                Move::Opened { conflict, .. } => self.for_review.open((*conflict).clone()),
                Move::Closed(id, _) => self.for_review.close(*id),
                Move::Rejected(entry) => {
                    self.for_review.reject((*entry).clone());
                    self.hold(&entry.change.record);
                }
                Move::SeenTo(counter, record) => {
                    self.for_review.see_to(*counter);
                    if let Some(record) = record {
                        self.hold(record);
                    }
                }
                Move::Decided(decision) => drop(self.decisions.insert(decision.id, (*decision).clone())),
                Move::Forgotten(id, _) => drop(self.decisions.remove(id)),
                Move::Receipts(receipts) => self.receipts = receipts.to_vec(),
                Move::Memos(became) => {
                    follow_memos(&mut self.memos, became);
                    became.iter().for_each(|memo| self.activity.follow(memo));
                }
                Move::Head(cursor) => self.cursor = (*cursor).clone(),
                Move::Snapshot(snapshot) => self.snapshot = snapshot.cloned(),
                Move::Checksums(moved) => {
                    self.checksums.extend(moved.iter().map(|(partition, sums)| (*partition, sums.clone())));
                }
                Move::Schema => self.refold_schema(),
            }
        }
    }

    fn become_known_as(&mut self, meta: &Meta) {
        self.shared &= meta.replica == self.meta.replica;
        self.meta = meta.clone();
    }

    fn clear(&mut self, partitions: &[Partition]) {
        // all reserved collections are in the first one
        if partitions.contains(&Partition(0)) {
            self.reserved.clear();
        }
        for partition in partitions {
            self.checksums.remove(partition);
        }
    }
}

/// Whether what defines collections and fields is in it.
fn moves_schema(step: &Move<'_>) -> bool {
    match step {
        Move::Cleared(partitions) => partitions.contains(&Partition(0)),
        Move::Record(id, _) | Move::Settled(_, Some(id)) => is_schema(&id.collection),
        Move::Queued(change) => is_schema(&change.record.collection),
        Move::Identity(_)
        | Move::Unread(_)
        | Move::Settled(_, None)
        | Move::Opened { .. }
        | Move::Closed(..)
        | Move::Rejected(_)
        | Move::SeenTo(..)
        | Move::Decided(_)
        | Move::Forgotten(..)
        | Move::Receipts(_)
        | Move::Memos(_)
        | Move::Head(_)
        | Move::Snapshot(_)
        | Move::Checksums(_)
        | Move::Schema => false,
    }
}
