//! What the mirror's changes tell: each is found again in the looks that were on their way, and what it says is held against what
//! programs did.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_protocol::feed::EntryKind;
use sync_protocol::{
    Change, Conflict, ConflictKind, Entry, FieldName, Record, RecordId, Timestamp, Value, reserved,
};
use sync_server::mirror::decide::{Blocked, Facts, inward};
use sync_server::mirror::row::Shadow;
use sync_server::store::{Kind, Row};

use super::account::{Account, Said, text};
use super::{ASKED, COUNTED, columns, is_mirror, shadow_of};
use crate::sim::checks::Invariant;
use crate::sim::identity::said;
use crate::sim::model::{Model, Part};
use crate::sim::things;

/// Stands for all fields of a row.
const ROW: &str = "whole_row";

static NOTHING: Value = Value(serde_json::Value::Null);

/// A record before and after an entry.
struct Step<'a> {
    id: RecordId,
    before: Option<&'a Record>,
    after: &'a Record,
}

impl Step<'_> {
    fn was(&self, name: &FieldName) -> &Value {
        self.before.and_then(|record| record.fields.get(name)).unwrap_or(&NOTHING)
    }

    fn is(&self, name: &FieldName) -> &Value {
        let after = Some(self.after).filter(|record| !record.deleted);
        after.and_then(|record| record.fields.get(name)).unwrap_or(&NOTHING)
    }
}

impl Model {
    /// An entry is committed, and not folded yet: what of it is about the mirror.
    pub fn of_mirror(&mut self, place: usize, entry: &Arc<Entry>, now: Timestamp) {
        let Some(mut account) = self.mirror.take() else { return };
        let part = &self.parts[place];
        let own = is_mirror(entry.change.replica, place);
        if own {
            let change = account.change_of(part, entry, now);
            self.checks.that(Invariant::NoRevert, change.is_some(), || {
                format!("{} is the mirror's, and no look leads to it", entry.change)
            });
            if let Some(change) = change {
                self.permitted.insert(change.id);
                self.changes.entry(change.id).or_default().push(change);
            }
        }
        account.ticks += 1;
        let fault = account.follow(part, entry, own);
        if own {
            self.checks.that(Invariant::NoRevert, fault.is_none(), || {
                format!("{} of the mirror: {}", entry.change, fault.unwrap_or_default())
            });
        }
        self.mirror = Some(account);
    }

    /// What is stored of a mirror beside the records.
    pub fn agreed(&mut self, rows: &[Row]) {
        let Some(account) = &mut self.mirror else { return };
        for row in rows.iter().filter(|row| row.kind == Kind::Shadow) {
            match serde_json::from_str::<Shadow>(&row.body) {
                Ok(shadow) => {
                    account.asks(&row.key, &shadow);
                    account.shadows.insert(row.key.clone(), shadow);
                }
                Err(_) => {
                    account.shadows.remove(&row.key);
                }
            }
        }
    }
}

impl Account {
    /// The change whose entry it is: that of the look from which it follows.
    fn change_of(&self, part: &Part, entry: &Entry, now: Timestamp) -> Option<Change> {
        let collection = self.collection.as_ref()?;
        self.looks.values().flatten().find_map(|look| {
            let record = part.records.get(&look.record).map(Arc::as_ref);
            let open = part.conflicts.values().map(Arc::as_ref).filter(|conflict| {
                conflict.is_open()
                    && conflict.record == look.record
                    && conflict.id.replica == entry.change.replica
            });
            let blocked = Blocked::by(open, false);
            let (mapped, seen, wrote) = (&self.mapped, look.seen.as_ref(), look.wrote.as_ref());
            let read_at = look.read_at;
            let facts = Facts { mapped, collection, seen, wrote, read_at, record, blocked: &blocked, now };
            let agreed = self.shadows.get(&shadow_of(&look.record)).cloned().unwrap_or_default();
            // one that was not needed any more is forgotten after a while
            let agreed = if look.since == agreed.version { agreed } else { Shadow::default() };
            let (edit, at) = inward(facts, &agreed).edit.filter(|_| look.since == agreed.version)?;
            let saw = record.filter(|record| !record.deleted).map(|record| record.rev);
            let change = Change { id: entry.change, record: look.record.clone(), at, saw, edit };
            entry.said.is_some_and(|digest| digest.0 == said(&change)).then_some(change)
        })
    }

    /// Follows an entry; what is wrong with it where the mirror made it.
    fn follow(&mut self, part: &Part, entry: &Entry, own: bool) -> Option<String> {
        let mut fault = None;
        if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
            let id = RecordId::new(collection.clone(), record.key.clone());
            if collection.is_reserved() {
                let fields = Some(&record.fields).filter(|_| !record.deleted);
                if [reserved::COLLECTIONS, reserved::FIELDS].contains(&collection.as_str()) {
                    self.schema.apply(&id, fields);
                    // a node may not know yet that it is gone
                    let there = self.schema.collection(&things::collection()).cloned();
                    self.collection = there.or(self.collection.take());
                }
                return None;
            }
            let before = part.records.get(&id).map(Arc::as_ref).filter(|record| !record.deleted);
            let step = Step { id, before, after: record };
            fault = self.record(entry, &step, own);
        }
        for conflict in entry.conflicts() {
            let before = part.conflicts.get(&conflict.id).map(Arc::as_ref);
            let told = self.conflict(conflict, before, own);
            fault = fault.or(told);
        }
        if let Some(merge) = &entry.merge {
            for (name, met) in &merge.fields {
                self.knows(&merge.record, name, &met.incoming);
                self.knows(&merge.record, name, &met.current);
            }
        }
        fault
    }

    fn record(&mut self, entry: &Entry, step: &Step<'_>, own: bool) -> Option<String> {
        self.stands(&step.id);
        let mut fault = None;
        let tells = own && entry.kind != EntryKind::Resolved;
        if tells && step.after.deleted {
            fault = self.tells(&step.id, &FieldName::from_label(ROW), &NOTHING);
        }
        for name in columns().filter(|name| step.was(name) != step.is(name)) {
            let (was, is) = (step.was(&name), step.is(&name));
            self.knows(&step.id, &name, is);
            if tells && !step.after.deleted {
                fault = fault.or_else(|| self.tells(&step.id, &name, is));
            }
            if tells && ASKED.contains(&name.as_str()) && !was.is_absent() {
                fault = fault.or_else(|| self.could_see(&step.id, &name, was));
            }
            // what the mirror itself told did stand
            let since = if own { 0 } else { self.ticks };
            self.since.insert((step.id.clone(), name), since);
        }
        fault
    }

    /// The program whose value takes the place of another one has seen that, or could: it stood in the table since it is in the
    /// record, or when a look last saw the row.
    fn could_see(&self, id: &RecordId, name: &FieldName, was: &Value) -> Option<String> {
        let of = (id.clone(), name.clone());
        let since = self.since.get(&of).copied().unwrap_or(0);
        let agreed = self.last.get(&of).is_some_and(|last| *last == text(was));
        let stood = self.stood.get(&(of.0, of.1, text(was))).is_some_and(|stood| *stood >= since);
        (!stood && !agreed).then(|| format!("{name}={} of {id} goes, and never stood in the table", was.0))
    }

    fn conflict(&mut self, conflict: &Conflict, before: Option<&Conflict>, own: bool) -> Option<String> {
        let id = &conflict.record;
        for (name, sides) in &conflict.fields {
            [&sides.base, &sides.current, &sides.incoming]
                .into_iter()
                .for_each(|value| self.knows(id, name, value));
        }
        if !own || !conflict.is_open() {
            return None;
        }
        if conflict.kind == ConflictKind::DeleteEdit {
            return self.tells(id, &FieldName::from_label(ROW), &NOTHING);
        }
        let mapped: BTreeSet<FieldName> = columns().collect();
        let mut fault = None;
        for (name, sides) in conflict.fields.iter().filter(|(name, _)| mapped.contains(*name)) {
            let known = before.and_then(|before| before.fields.get(name));
            if known.is_none_or(|known| known.incoming != sides.incoming) {
                fault = fault.or(self.tells(id, name, &sides.incoming));
            }
        }
        fault
    }

    fn knows(&mut self, id: &RecordId, name: &FieldName, value: &Value) {
        if !value.is_absent() {
            self.known.insert((id.clone(), name.clone(), text(value)));
        }
    }

    /// The mirror tells a value: no more often than programs wrote it.
    fn tells(&mut self, id: &RecordId, name: &FieldName, value: &Value) -> Option<String> {
        let said: Said = (id.clone(), name.clone(), text(value));
        let told = self.told.entry(said.clone()).or_default();
        *told += 1;
        let told = *told;
        let all = |of: &FieldName| self.took.get(&(id.clone(), of.clone())).copied().unwrap_or(0);
        let most: u64 = match value.is_absent() {
            // a row goes with its last cell, whichever that is
            true if name.as_str() == ROW => columns().map(|name| all(&name)).sum(),
            true => all(name),
            false => self.wrote.get(&said).copied().unwrap_or(0),
        };
        (told > most && name.as_str() != COUNTED)
            .then(|| format!("{name}={} of {id} is told {told} times, programs did it {most} times", value.0))
    }
}
