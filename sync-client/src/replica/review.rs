//! What needs review: one place for the list, the badge, the marks and the pill.

use std::collections::BTreeMap;

use sync_protocol::{ChangeId, CollectionId, Conflict, Edit, Outcome, Record, RecordId, Value};

use super::Replica;
use crate::api::{ConflictInfo, Marks, RejectedInfo};
use crate::store::Quarantined;

impl Replica {
    /// Rejected changes that are shown as such: all but decisions whose conflict is still open, which are shown there.
    pub fn rejected(&self) -> impl Iterator<Item = &Quarantined> {
        self.quarantine.values().filter(
            |q| !matches!(&q.change.edit, Edit::Resolve(r) if self.conflicts.contains_key(&r.conflict)),
        )
    }

    /// Decisions about a conflict that came back.
    pub fn returned(&self, conflict: ChangeId) -> impl Iterator<Item = &Quarantined> {
        self.quarantine
            .values()
            .filter(move |q| matches!(&q.change.edit, Edit::Resolve(r) if r.conflict == conflict))
    }

    /// A decision about a conflict that the server has not judged.
    pub fn decided(&self, conflict: ChangeId) -> Option<&Outcome> {
        self.outbox.values().rev().find_map(|p| match &p.change.edit {
            Edit::Resolve(r) if r.conflict == conflict => Some(&r.outcome),
            _ => None,
        })
    }

    /// Open conflicts of a record, oldest first.
    pub fn conflicts_of(&self, id: &RecordId) -> Vec<&Conflict> {
        let mut found: Vec<&Conflict> = self.conflicts.values().filter(|c| c.record == *id).collect();
        found.sort_by_key(|c| (c.incoming.at, c.id));
        found
    }

    /// What is going on with each record of a collection; records that are not in it are clean.
    pub fn marks(&self, collection: &CollectionId) -> BTreeMap<RecordId, Marks> {
        let mut marks: BTreeMap<RecordId, Marks> = BTreeMap::new();
        for (id, counters) in self.by_record.iter().filter(|(id, _)| id.collection == *collection) {
            let unsent = counters.iter().any(|c| self.outbox[c].judged == super::Judged::No);
            if unsent {
                marks.entry(id.clone()).or_default().unsent = true;
            }
        }
        for conflict in self.conflicts.values().filter(|c| c.record.collection == *collection) {
            marks.entry(conflict.record.clone()).or_default().review = true;
        }
        for entry in self.rejected().filter(|q| q.change.record.collection == *collection) {
            marks.entry(entry.change.record.clone()).or_default().rejected = true;
        }
        marks
    }

    /// What is going on with one record.
    pub fn marks_of(&self, id: &RecordId) -> Marks {
        Marks {
            unsent: self
                .by_record
                .get(id)
                .is_some_and(|counters| counters.iter().any(|c| self.outbox[c].judged == super::Judged::No)),
            review: self.conflicts.values().any(|c| c.record == *id),
            rejected: self.rejected().any(|q| q.change.record == *id),
        }
    }

    /// A conflict with what a screen needs; `base` is its record in the store.
    pub fn conflict_info(&self, conflict: &Conflict, base: Option<&Record>) -> ConflictInfo {
        ConflictInfo {
            title: self.title(&conflict.record, base, conflict),
            incoming: self.author(conflict.incoming),
            current: base.map(|r| r.stamp).or(conflict.current).map(|stamp| self.author(stamp)),
            record: base.map(|r| r.fields.clone()),
            record_rev: base.map(|r| r.rev),
            pending: self.decided(conflict.id).cloned(),
            returned: self.returned(conflict.id).last().and_then(|q| match &q.change.edit {
                Edit::Resolve(r) => Some((r.outcome.clone(), q.reason.clone())),
                _ => None,
            }),
            conflict: conflict.clone(),
        }
    }

    fn title(&self, id: &RecordId, base: Option<&Record>, conflict: &Conflict) -> String {
        let collection = self.schema().collection(&id.collection);
        let first_text = collection.and_then(|c| {
            let fields = c.ordered();
            let name = &fields.iter().find(|f| f.field_type == sync_protocol::FieldType::Text)?.name;
            let value = base
                .map(|r| r.value(name).clone())
                .or(conflict.fields.get(name).map(|s| s.incoming.clone()))?;
            value.as_text().map(str::to_owned)
        });
        first_text.unwrap_or_else(|| id.key.to_string())
    }
}

/// A rejected change as a screen shows it.
pub fn rejected_info(entry: &Quarantined) -> RejectedInfo {
    let wanted = match &entry.change.edit {
        Edit::Insert { fields } => fields.clone(),
        Edit::Patch { fields } => {
            fields.iter().map(|(name, delta)| (name.clone(), delta.incoming.clone())).collect()
        }
        Edit::Delete { .. } | Edit::Resolve(_) | Edit::Reopen(_) => BTreeMap::<_, Value>::new(),
    };
    RejectedInfo {
        counter: entry.change.id.counter,
        id: entry.change.record.clone(),
        message: entry.reason.to_string(),
        reason: entry.reason.clone(),
        wanted,
        at: entry.change.at,
    }
}
