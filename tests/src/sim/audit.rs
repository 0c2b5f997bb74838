//! What is checked of a device with every batch that it stores.

use std::collections::{BTreeMap, BTreeSet};

use sync_client::status::Phase;
use sync_client::store::Batch;
use sync_protocol::{ChangeId, Conflict, Edit, Partition, Record, RecordId, Revision};

use super::checks::Invariant;
use super::device::{Device, is_own};
use super::disk::collections;
use super::model::Model;

/// Commits between two comparisons of everything that is stored.
const FULL_EVERY: u64 = 24;

impl Device {
    /// A change leaves only with its outcome.
    pub(super) fn check_leaving(&self, batch: &Batch) {
        let mut model = self.model.lock();
        for counter in &batch.settle {
            let Some(change) = self.promises.outbox.get(counter) else { continue };
            let partition = change.record.partition(self.partitions);
            let cursor = batch.cursor.as_ref().unwrap_or(self.replica.cursor()).get(partition);
            let stored = model.seq_of(change).is_some_and(|seq| seq <= cursor);
            // of a copy nobody may know whether it was sent: the person is asked
            let doubtful = model.copied.contains(&change.id.replica);
            let rejected = doubtful || model.rejected.contains(&change.id);
            let kept = batch.quarantine.iter().any(|q| q.change == *change);
            let silent = change.about().is_some() || is_own(change);
            model.checks.that(Invariant::OutboxOrder, stored || rejected && (kept || silent), || {
                format!("{} left the outbox without its outcome (cursor {cursor})", change.id)
            });
        }
        for counter in
            batch.settle.iter().filter(|c| !batch.quarantine.iter().any(|q| q.change.id.counter == **c))
        {
            let Some(change) = self.promises.outbox.get(counter).filter(|c| c.about().is_none()) else {
                continue;
            };
            let mut older = self.promises.outbox.range(..counter).map(|(_, older)| older);
            let left_behind = older.find(|older| {
                older.record == change.record
                    && older.about().is_none()
                    && !batch.settle.contains(&older.id.counter)
            });
            // it is in effect since before it was made here: what was made before it can only come after it
            let in_order = left_behind.is_none() || model.made_again.contains(&change.id);
            model.checks.that(Invariant::OutboxOrder, in_order, || {
                format!("{} left the outbox before {:?}", change.id, left_behind.map(|c| c.id))
            });
        }
        for counter in &batch.quarantine_gone {
            let Some(entry) = self.replica.quarantined(*counter) else { continue };
            let writes = matches!(&entry.change.edit, Edit::Resolve(r) if r.outcome.writes());
            let own = |c: &Conflict| c.resolved.as_ref().is_some_and(|r| r.stamp.by == self.replica.id());
            let by_itself = batch.conflicts.iter().any(|c| Some(c.id) == entry.change.about() && own(c));
            let fair = entry.change.about().is_some() && (!writes || by_itself);
            model.checks.that(Invariant::Conservation, fair, || {
                format!("the rejected {} is gone, and nobody threw it away", entry.change.id)
            });
        }
    }

    /// What the server says changes no pending edit.
    pub(super) fn check_memory(&self, batch: &Batch) {
        let held = self.promises.are_held_by(&self.replica);
        let mut model = self.model.lock();
        model.checks.that(Invariant::FeedNeverClobbers, held, || {
            let n = self.n;
            format!(
                "replica {n} holds other changes than it had promised after {} settled",
                batch.settle.len()
            )
        });
        let outbox = self.replica.outbox().count();
        let bounded = outbox <= sync_client::limits::OUTBOX_CHANGES
            && self.replica.decisions().count() <= sync_client::limits::DECISIONS;
        model.checks.that(Invariant::Bounded, bounded, || format!("{outbox} changes in the outbox"));
    }

    /// Who is told that everything is in sync has the outcome of all that was made here.
    pub(super) fn check_status(&self) {
        let in_sync = self.session.phase(&self.replica) == Phase::Idle
            && self.session.is_verified(&self.replica)
            && self.replica.unsent().next().is_none();
        if !in_sync {
            return;
        }
        let open = self.promises.outbox.values().find(|change| !is_own(change));
        let n = self.n;
        self.model.lock().checks.that(Invariant::StatusTrue, open.is_none(), || {
            format!("replica {n} says that it is in sync without the outcome of {:?}", open.map(|c| c.id))
        });
    }

    /// The cursor moves only with the data that it passes.
    pub(super) fn check_cursor(&self, batch: &Batch, before: &sync_protocol::Cursor) {
        let Some(cursor) = &batch.cursor else { return };
        if batch.snapshot.is_some() {
            return;
        }
        let brought: BTreeSet<(&sync_protocol::CollectionId, &sync_protocol::RecordKey, Revision)> =
            batch.records.iter().map(|(c, r)| (c, &r.key, r.rev)).collect();
        let mut model = self.model.lock();
        for (partition, now) in cursor.iter() {
            let from = before.get(partition);
            let passed = model.part(partition).feed.get(from.0 as usize..now.0 as usize);
            let whole = passed.is_some_and(|entries| {
                entries.iter().all(|entry| match (&entry.collection, &entry.record) {
                    (Some(collection), Some(record)) => {
                        brought.contains(&(collection, &record.key, record.rev))
                    }
                    _ => true,
                })
            });
            let n = self.n;
            model.checks.that(Invariant::CursorFollowsData, now >= from && whole, || {
                format!(
                    "replica {n} went from {from} to {now} in partition {partition} without all of the data"
                )
            });
        }
    }

    /// The base is the fold of the feed up to the cursor, and so are the open conflicts.
    pub fn check_base(&mut self, everything: bool) {
        self.commits += 1;
        let full = everything || self.commits.is_multiple_of(FULL_EVERY);
        let mut guard = self.model.lock();
        let model = &mut *guard;
        let mut open: BTreeMap<ChangeId, Revision> = BTreeMap::new();
        let mut comparable = BTreeSet::new();
        let mut touched = Vec::new();
        for (place, shadow) in self.shadows.iter_mut().enumerate() {
            let partition = Partition(place as u16);
            let cursor = self.replica.cursor().get(partition);
            shadow.follow(&model.parts[place].feed, cursor);
            let refetching = self.replica.snapshot().is_some_and(|s| s.partitions.contains(&partition));
            if refetching || cursor < self.floors[place] {
                continue;
            }
            comparable.insert(partition);
            open.extend(shadow.open());
            touched.extend(shadow.touched());
        }
        let found: BTreeMap<ChangeId, Revision> = self
            .replica
            .conflicts()
            .filter(|c| comparable.contains(&c.record.partition(self.partitions)))
            .map(|c| (c.id, c.rev))
            .collect();
        let n = self.n;
        model.checks.that(Invariant::ConflictKept, found == open, || {
            format!("replica {n} has the conflicts {found:?}, the feed leads to {open:?}")
        });
        for (id, stored) in touched.iter().zip(self.disk.get(&touched)) {
            let shadow = &self.shadows[usize::from(id.partition(self.partitions).0)];
            compare(model, n, id, stored.as_ref(), shadow.record(id));
        }
        if full {
            self.check_all_stored(model, &comparable);
        }
    }

    fn check_all_stored(&self, model: &mut Model, comparable: &BTreeSet<Partition>) {
        let mut stored: BTreeMap<RecordId, Record> = BTreeMap::new();
        for collection in collections() {
            for record in self.disk.scan(&collection) {
                let id = RecordId::new(collection.clone(), record.key.clone());
                if comparable.contains(&id.partition(self.partitions)) {
                    stored.insert(id, record);
                }
            }
        }
        for partition in comparable {
            for (id, record) in self.shadows[usize::from(partition.0)].records() {
                let found = stored.remove(id);
                compare(model, self.n, id, found.as_ref(), Some(record));
            }
        }
        let n = self.n;
        model.checks.that(Invariant::BaseIsPrefix, stored.is_empty(), || {
            format!("replica {n} holds {:?}, which the feed does not have", stored.keys().collect::<Vec<_>>())
        });
    }
}

fn compare(model: &mut Model, n: usize, id: &RecordId, stored: Option<&Record>, folded: Option<&Record>) {
    model.checks.that(Invariant::BaseIsPrefix, stored == folded, || {
        let show = |record: Option<&Record>| serde_json::json!(record).to_string();
        format!("replica {n} holds {id} as {}, the feed leads to {}", show(stored), show(folded))
    });
}
