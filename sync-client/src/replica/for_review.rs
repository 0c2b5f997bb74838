//! What waits for a person: open conflicts and rejected changes. Found by record, and counted by collection, without looking
//! at the others.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::{ChangeId, CollectionId, Conflict, Counter, Edit, RecordId};

use super::of_collection;
use crate::steps::counted;
use crate::store::Quarantined;

/// Open conflicts and rejected changes.
#[derive(Debug, Default)]
pub(super) struct ForReview {
    conflicts: BTreeMap<ChangeId, Conflict>,
    rejected: BTreeMap<Counter, Quarantined>,
    by_record: BTreeMap<RecordId, OfRecord>,
    /// In how many records of each collection something waits.
    records: BTreeMap<CollectionId, usize>,
    /// Rejected decisions whose conflict is open.
    returned: usize,
}

/// What waits in one record.
#[derive(Debug, Default)]
struct OfRecord {
    conflicts: BTreeSet<ChangeId>,
    rejected: BTreeSet<Counter>,
}

impl ForReview {
    /// Open conflicts.
    pub(super) fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.values().inspect(counted)
    }

    pub(super) fn conflict(&self, id: ChangeId) -> Option<&Conflict> {
        self.conflicts.get(&id)
    }

    pub(super) fn conflict_count(&self) -> usize {
        self.conflicts.len()
    }

    /// Open conflicts of a record.
    pub(super) fn conflicts_of(&self, id: &RecordId) -> impl Iterator<Item = &Conflict> {
        let ids = self.by_record.get(id).into_iter().flat_map(|of| &of.conflicts);
        ids.map(|id| &self.conflicts[id]).inspect(counted)
    }

    /// Rejected changes, those among them that are shown with their conflict.
    pub(super) fn quarantine(&self) -> impl Iterator<Item = &Quarantined> {
        self.rejected.values().inspect(counted)
    }

    pub(super) fn quarantined(&self, counter: Counter) -> Option<&Quarantined> {
        self.rejected.get(&counter)
    }

    pub(super) fn quarantine_count(&self) -> usize {
        self.rejected.len()
    }

    /// Rejected changes of a record, oldest first.
    pub(super) fn quarantine_of(&self, id: &RecordId) -> impl Iterator<Item = &Quarantined> {
        let counters = self.by_record.get(id).into_iter().flat_map(|of| &of.rejected);
        counters.map(|counter| &self.rejected[counter]).inspect(counted)
    }

    /// Decisions about a conflict of a record that came back.
    pub(super) fn returned(&self, id: &RecordId, conflict: ChangeId) -> impl Iterator<Item = &Quarantined> {
        self.quarantine_of(id).filter(move |entry| decides(entry) == Some(conflict))
    }

    /// Whether a rejected change is shown with a conflict that is open, and not by itself.
    pub(super) fn is_returned(&self, entry: &Quarantined) -> bool {
        let conflict = decides(entry).and_then(|conflict| self.conflicts.get(&conflict));
        conflict.is_some_and(|conflict| conflict.record == entry.change.record)
    }

    /// How many rejected changes are shown by themselves.
    pub(super) fn rejected_count(&self) -> usize {
        self.rejected.len() - self.returned
    }

    /// The first rejected change of a record that later ones of it build on: they wait.
    pub(super) fn held_from(&self, id: &RecordId) -> Option<Counter> {
        self.quarantine_of(id).map(|entry| &entry.change).find(|c| c.about().is_none()).map(|c| c.id.counter)
    }

    /// Whether something waits in a record.
    pub(super) fn holds(&self, id: &RecordId) -> bool {
        self.by_record.contains_key(id)
    }

    /// Records of a collection in which something waits.
    pub(super) fn records_of(&self, collection: &CollectionId) -> impl Iterator<Item = &RecordId> {
        of_collection(&self.by_record, collection).inspect(counted)
    }

    /// How many these are.
    pub(super) fn record_count(&self, collection: &CollectionId) -> usize {
        self.records.get(collection).copied().unwrap_or_default()
    }

    /// A conflict is open as it is here.
    pub(super) fn open(&mut self, conflict: Conflict) {
        self.close(conflict.id);
        self.at(&conflict.record).conflicts.insert(conflict.id);
        self.returned += self.returned(&conflict.record, conflict.id).count();
        self.conflicts.insert(conflict.id, conflict);
    }

    /// A conflict is settled, or gone.
    pub(super) fn close(&mut self, id: ChangeId) {
        let Some(conflict) = self.conflicts.remove(&id) else { return };
        self.returned -= self.returned(&conflict.record, id).count();
        self.at(&conflict.record).conflicts.remove(&id);
        self.leave(&conflict.record);
    }

    /// A change was rejected.
    pub(super) fn reject(&mut self, entry: Quarantined) {
        let counter = entry.change.id.counter;
        self.see_to(counter);
        self.at(&entry.change.record).rejected.insert(counter);
        self.returned += usize::from(self.is_returned(&entry));
        self.rejected.insert(counter, entry);
    }

    /// A rejected change was seen to.
    pub(super) fn see_to(&mut self, counter: Counter) {
        let Some(entry) = self.rejected.remove(&counter) else { return };
        self.returned -= usize::from(self.is_returned(&entry));
        let record = entry.change.record;
        self.at(&record).rejected.remove(&counter);
        self.leave(&record);
    }

    fn at(&mut self, id: &RecordId) -> &mut OfRecord {
        if !self.by_record.contains_key(id) {
            *self.records.entry(id.collection.clone()).or_default() += 1;
        }
        self.by_record.entry(id.clone()).or_default()
    }

    fn leave(&mut self, id: &RecordId) {
        if self.by_record.get(id).is_some_and(|of| of.conflicts.is_empty() && of.rejected.is_empty()) {
            self.by_record.remove(id);
            if let Some(count) = self.records.get_mut(&id.collection) {
                *count -= 1;
            }
        }
    }
}

/// The conflict about which a change decides.
fn decides(entry: &Quarantined) -> Option<ChangeId> {
    match &entry.change.edit {
        Edit::Resolve(resolution) => Some(resolution.conflict),
        _ => None,
    }
}
