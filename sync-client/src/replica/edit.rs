//! Commands of a person as batches: each mints changes with the values that the person saw.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::record::{per_field, value_of};
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::verdict::{Facts, judge};
use sync_protocol::{
    Beside, Change, ChangeId, CollectionId, Conflict, Counter, Edit, FieldName, Fields, Policy, Record,
    RecordId, RecordKey, Rejection, Resolution, Revision, Timestamp, Value, Verdict, limits as wire,
    reserved,
};

use super::Replica;
use super::declare::admit;
use super::feed::is_doubtful;
use super::outbox::is_held;
use super::write::Want;
use crate::api::{Failure, Seen};
use crate::limits;
use crate::store::{Batch, Quarantined};

impl Replica {
    /// A new record. `base` is the record of that id in the store, if any.
    pub fn insert(
        &self,
        now: Timestamp,
        id: RecordId,
        base: Option<&Record>,
        fields: Fields,
    ) -> Result<Batch, Failure> {
        self.write_one(now, id, base, Want::New(fields))
    }

    /// Some fields changed. An empty batch where nothing changes.
    pub fn edit(
        &self,
        now: Timestamp,
        id: RecordId,
        base: Option<&Record>,
        seen: BTreeMap<FieldName, Seen>,
    ) -> Result<Batch, Failure> {
        self.write_one(now, id, base, Want::Change(seen))
    }

    /// Many records at once, as an import has them: new ones, and values for records that are there, each on top of what
    /// the person sees of it. A record comes with what the store has of it.
    pub fn import(
        &self,
        now: Timestamp,
        records: Vec<(RecordId, Option<Record>, Fields)>,
    ) -> Result<Batch, Failure> {
        self.write_each(now, records.into_iter().map(|(id, base, fields)| (id, base, Want::Has(fields))))
    }

    /// Records deleted; those that are not there (any more) are passed over.
    pub fn delete(&self, now: Timestamp, records: Vec<(RecordId, Option<Record>)>) -> Result<Batch, Failure> {
        self.write_each(now, records.into_iter().map(|(id, base)| (id, base, Want::Gone)))
    }

    /// A conflict settled. `base` is its record in the store, if any.
    pub fn resolve(
        &self,
        now: Timestamp,
        resolution: Resolution,
        base: Option<&Record>,
    ) -> Result<Batch, Failure> {
        let conflict = self.conflict(resolution.conflict).ok_or_else(|| {
            Failure::input("This has been settled already; there is nothing left to decide.")
        })?;
        match self.refusal(now, conflict, &resolution, base) {
            // the choices are kept, and the person looks once more
            None | Some(Rejection::Moved | Rejection::Undecided { .. }) => {
                self.resolve_many(now, vec![(conflict.record.clone(), resolution)])
            }
            Some(reason) => Err(failure(reason)),
        }
    }

    /// Why the server would not take a decision, as far as this device knows.
    pub(super) fn refusal(
        &self,
        now: Timestamp,
        conflict: &Conflict,
        resolution: &Resolution,
        base: Option<&Record>,
    ) -> Option<Rejection> {
        let change = self.change(1, now, conflict.record.clone(), None, Edit::Resolve(resolution.clone()));
        let partitions = self.meta().partitions;
        let elsewhere = |twin: RecordId| twin.partition(partitions) != conflict.record.partition(partitions);
        let beside = Beside { twin_is_elsewhere: change.twin().is_some_and(elsewhere), ..Beside::default() };
        let seq = conflict.rev.max(base.map_or(Revision(0), |record| record.rev)).next();
        let schema = self.schema();
        let facts =
            Facts { schema, current: base, conflict: Some(conflict), open: &[conflict], beside, now, seq };
        match judge(&change, facts).verdict {
            Verdict::Rejected { reason, .. } => Some(reason),
            Verdict::Applied { .. }
            | Verdict::Merged { .. }
            | Verdict::Conflicted { .. }
            | Verdict::Duplicate { .. } => None,
        }
    }

    /// Conflicts settled, each with its record. Choices that an earlier try left in quarantine are replaced by them.
    pub(super) fn resolve_many(
        &self,
        now: Timestamp,
        resolutions: Vec<(RecordId, Resolution)>,
    ) -> Result<Batch, Failure> {
        let returned =
            resolutions.iter().flat_map(|(record, r)| self.for_review.returned(record, r.conflict));
        let gone: Vec<Counter> = returned.map(|q| q.change.id.counter).collect();
        let numbered = resolutions.into_iter().zip(1..);
        let changes = numbered.map(|((record, r), n)| self.change(n, now, record, None, Edit::Resolve(r)));
        let mut batch = self.batch(changes.collect::<Vec<_>>())?;
        batch.quarantine_gone = gone;
        Ok(batch)
    }

    /// A key for the record that keeping both makes: free, and in the partition of the conflict's record, so that both
    /// are written in one step.
    pub fn twin_key(
        &self,
        now: Timestamp,
        random: [u8; 10],
        conflict: ChangeId,
    ) -> Result<RecordKey, Failure> {
        let conflict = self.conflict(conflict).ok_or_else(|| {
            Failure::input("This has been settled already; there is nothing left to decide.")
        })?;
        let partitions = self.meta().partitions;
        let [a, b, c, d, e, f, last @ ..] = random;
        let first = u32::from_be_bytes(last);
        let key = |n: u32| {
            let [g, h, i, j] = first.wrapping_add(n).to_be_bytes();
            uuid_key(now, [a, b, c, d, e, f, g, h, i, j])
        };
        let wanted = conflict.record.partition(partitions);
        let of = |key| RecordId::new(conflict.record.collection.clone(), key).partition(partitions);
        let mut fitting = (0..=u32::MAX).map(key).filter(|key| of(key.clone()) == wanted);
        Ok(fitting.next().expect("every partition has keys"))
    }

    /// Decisions taken back, judged or not. Those that are taken back already are passed over.
    pub fn take_back(&self, now: Timestamp, conflicts: &[ChangeId]) -> Result<Batch, Failure> {
        let mut changes = Vec::new();
        for id in conflicts {
            let Some((record, reopening)) = self.reopening(*id) else { continue };
            let n = changes.len() as u64 + 1;
            changes.push(self.change(n, now, record, None, Edit::Reopen(reopening)));
        }
        self.batch(changes)
    }

    /// What a collection does where edits meet.
    pub fn set_policy(
        &self,
        now: Timestamp,
        collection: &CollectionId,
        policy: Option<Policy>,
    ) -> Result<Batch, Failure> {
        let id = RecordId::new(
            reserved::collection(reserved::COLLECTIONS),
            RecordKey::Text(collection.as_str().into()),
        );
        let base = self.reserved(&id);
        let field = reserved::field("policy");
        let saw = self.view(&id, base).and_then(|f| f.get(&field).cloned()).unwrap_or_default();
        let want = policy.map_or(Value::ABSENT, |p| Value::from(p.name()));
        self.edit(now, id.clone(), base, per_field([(field, Seen { saw, want })]))
    }

    /// A new collection with its fields.
    pub fn new_collection(
        &self,
        now: Timestamp,
        name: &CollectionId,
        label: &str,
        fields: &[Field],
    ) -> Result<Batch, Failure> {
        check_label(label)?;
        if fields.len() > wire::FIELDS {
            return Err(Failure::input(format!(
                "A collection has at most {} fields. Make two of it.",
                wire::FIELDS
            )));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = fields.iter().find(|field| !names.insert(&field.name)) {
            let message = format!("Two fields have the name “{}”. Rename one of them.", twice.name);
            return Err(Failure { field: Some(twice.name.clone()), ..Failure::input(message) });
        }
        fields.iter().try_for_each(check_field)?;
        let records = std::iter::once(collection_record(name, label, None))
            .chain(fields.iter().map(|field| field_record(name, field)));
        let changes =
            records.zip(1..).map(|((id, fields), n)| self.change(n, now, id, None, Edit::Insert { fields }));
        self.batch(changes.collect::<Vec<_>>())
    }

    /// A field added, or its definition changed.
    pub fn set_field(
        &self,
        now: Timestamp,
        collection: &CollectionId,
        field: &Field,
    ) -> Result<Batch, Failure> {
        check_field(field)?;
        let known = self.schema().collection(collection).filter(|_| !collection.is_reserved());
        let known = known.ok_or_else(|| Failure::input("This collection does not exist (any more)."))?;
        if known.fields.len() >= wire::FIELDS && !known.fields.contains_key(&field.name) {
            return Err(Failure::input(format!("A collection has at most {} fields.", wire::FIELDS)));
        }
        let (id, wanted) = field_record(collection, field);
        let base = self.reserved(&id);
        let Some(seen) = self.view(&id, base) else {
            return self.insert(now, id, base, wanted);
        };
        // what a later version wrote beside them stays, and its type, where this one does not know it
        let own = |name: &&FieldName| match name.as_str() {
            "type" => false,
            _ => self.schema().collection(&id.collection).is_some_and(|own| own.fields.contains_key(*name)),
        };
        let names: BTreeSet<&FieldName> = seen.keys().filter(own).chain(wanted.keys()).ordered_set();
        let deltas = per_field(names.into_iter().map(|name| {
            let (saw, want) = (value_of(&seen, name).clone(), value_of(&wanted, name).clone());
            (name.clone(), Seen { saw, want })
        }));
        self.edit(now, id.clone(), base, deltas)
    }

    /// A name for a new collection that no other has: that of its label, so that two devices that make the same one offline
    /// mean the same; or, where a collection has it already, one of chance.
    pub fn free_name(&self, label: &str, random: [u8; 16]) -> CollectionId {
        let wanted = CollectionId::from_label(label);
        let free = |name: &CollectionId| self.schema().collection(name).is_none();
        if free(&wanted) { wanted } else { CollectionId::marked(label, &random) }
    }

    /// A rejected change sent again as a new one, so that its id stays unique, and after it what was built on it.
    pub fn retry(&self, now: Timestamp, counter: Counter) -> Result<Batch, Failure> {
        let Some(entry) = self.quarantined(counter) else { return Ok(Batch::default()) };
        let mut batch = Batch { quarantine_gone: vec![counter], ..Batch::default() };
        let mut again = vec![Change { at: now, ..entry.change.clone() }];
        if entry.change.about().is_none() {
            let follows = |c: &Change| is_held(c, Some(counter));
            for later in self.for_review.quarantine_of(&entry.change.record).filter(|q| follows(&q.change)) {
                batch.quarantine_gone.push(later.change.id.counter);
                again.push(later.change.clone());
            }
            self.renumber_held(entry, &mut batch, &mut again);
        }
        batch.enqueue = self.renumbered(again);
        Ok(batch)
    }

    /// A rejected change thrown away; what waited behind it is free, unless it waits behind another one, too.
    pub fn discard(&self, counter: Counter) -> Batch {
        let mut batch = Batch { quarantine_gone: vec![counter], ..Batch::default() };
        let Some(entry) = self.quarantined(counter) else { return batch };
        let record = &entry.change.record;
        let another = |q: &Quarantined| q.change.id.counter != counter && q.change.about().is_none();
        if entry.change.about().is_none() && !self.for_review.quarantine_of(record).any(another) {
            let mut again = Vec::new();
            self.renumber_held(entry, &mut batch, &mut again);
            batch.enqueue = self.renumbered(again);
        }
        batch
    }

    /// What `entry` held gets new numbers when it is set free: changes of other records may have overtaken it, and a server that
    /// has judged a higher number takes a lower one for a copy's. What followed an edit of which nobody knows whether it took
    /// effect may be in effect itself: it keeps its numbers, and the server tells.
    fn renumber_held(&self, entry: &Quarantined, batch: &mut Batch, again: &mut Vec<Change>) {
        let keeps = |change: &Change| is_doubtful(entry) && change.id.counter <= self.meta.copied;
        let held = self.pending_of(&entry.change.record).filter(|c| self.is_held(c) && !keeps(c));
        for change in held {
            batch.settle.push(change.id.counter);
            again.push(change.clone());
        }
    }

    pub(super) fn renumbered(&self, mut changes: Vec<Change>) -> Vec<Change> {
        for (change, n) in changes.iter_mut().zip(1..) {
            change.id = ChangeId { replica: self.id(), counter: Counter(self.counter.0 + n) };
        }
        changes
    }

    pub(super) fn change(
        &self,
        n: u64,
        now: Timestamp,
        record: RecordId,
        base: Option<&Record>,
        edit: Edit,
    ) -> Change {
        let id = ChangeId { replica: self.id(), counter: Counter(self.counter.0 + n) };
        Change { id, record, at: now, saw: base.map(|r| r.rev), edit }
    }

    /// Checks changes by the same rules as the server, so that most mistakes are told while the person is there.
    pub(super) fn batch(&self, changes: impl Into<Vec<Change>>) -> Result<Batch, Failure> {
        let enqueue: Vec<Change> = changes.into();
        self.room_for(enqueue.len())?;
        enqueue.iter().try_for_each(|change| admit(change, self.schema()))?;
        Ok(Batch { enqueue, ..Batch::default() })
    }

    /// Whether so many more changes can wait to be sent.
    pub(crate) fn room_for(&self, changes: usize) -> Result<(), Failure> {
        if self.outbox.len() + changes > limits::OUTBOX_CHANGES {
            return Err(Failure::input(format!(
                "This device holds {} unsent changes, the most it keeps. Connect to the network to send them, then go on.",
                self.outbox.len()
            )));
        }
        Ok(())
    }
}

fn check_field(field: &Field) -> Result<(), Failure> {
    check_label(&field.label).map_err(|failure| Failure { field: Some(field.name.clone()), ..failure })
}

/// A name that a person gives to a collection or a field.
pub(super) fn check_label(label: &str) -> Result<(), Failure> {
    if label.chars().count() > wire::LABEL_CHARS || label.chars().any(char::is_control) {
        return Err(Failure::input(format!(
            "A name has at most {} characters, in one line. Choose a shorter one.",
            wire::LABEL_CHARS
        )));
    }
    Ok(())
}

/// A rejection that was found on this device, in time for the person to mend it.
pub(crate) fn failure(reason: Rejection) -> Failure {
    let field = match &reason {
        Rejection::UnknownField { field }
        | Rejection::Misfit { field, .. }
        | Rejection::Undecided { field } => Some(field.clone()),
        _ => None,
    };
    Failure { field, ..Failure::input(reason.to_string()) }
}

/// The key of a record without a chosen one.
pub fn uuid_key(now: Timestamp, random: [u8; 10]) -> RecordKey {
    let uuid = uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &random).into_uuid();
    RecordKey::Text(uuid.to_string())
}
