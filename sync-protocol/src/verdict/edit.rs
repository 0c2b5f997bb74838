//! Inserts, patches and deletes: applied, merged, or kept for a person.

use std::collections::BTreeMap;

use super::{Case, Judgement, Rejection};
use crate::change::Delta;
use crate::conflict::ConflictKind;
use crate::feed::{Merge, Met};
use crate::gate;
use crate::id::{FieldName, RecordId, Revision, Timestamp};
use crate::merge::{Meeting, Merged, merge};
use crate::policy::Policy;
use crate::record::{Fields, Record, set_value, value_of};
use crate::value::Value;

impl Case<'_> {
    pub(super) fn edit(
        &self,
        deltas: &BTreeMap<FieldName, Delta>,
        insert: bool,
    ) -> Result<Judgement, Rejection> {
        let Some(live) = self.live() else {
            return if insert {
                let mut fields = Fields::new();
                deltas.iter().for_each(|(name, delta)| set_value(&mut fields, name, delta.incoming.clone()));
                let record = self.next_record(fields, deltas.keys())?;
                Ok(self.applied(Some(record), false))
            } else {
                Ok(self.conflicted(ConflictKind::EditDelete, deltas, &BTreeMap::new()))
            };
        };
        let outcomes: BTreeMap<&FieldName, Merged> =
            deltas.iter().map(|(name, delta)| (name, self.merge_field(live, name, delta))).collect();
        if outcomes.iter().any(|(name, m)| *m == Merged::Clash || self.joins(live, name, &deltas[*name])) {
            return Ok(self.conflicted(ConflictKind::EditEdit, deltas, &outcomes));
        }
        let mut fields = live.fields.clone();
        let mut touched = Vec::new();
        let mut met = BTreeMap::new();
        for (name, outcome) in outcomes {
            if let Merged::Set(value) | Merged::Combined(value) = &outcome {
                set_value(&mut fields, name, value.clone());
                touched.push(name);
            }
            if !matches!(outcome, Merged::Set(_)) && deltas[name].base != *live.value(name) {
                met.insert(name.clone(), self.met(live, name, &deltas[name], value_of(&fields, name)));
            }
        }
        let moved_on = Some(live.rev) != self.change.saw && live.stamp.by != self.change.id.replica;
        let merged = !met.is_empty() || moved_on;
        // equal edits met, but nobody's value gave way: there is nothing to look at
        met.retain(|_, met| met.current != met.incoming || met.result != met.current);
        let record =
            if touched.is_empty() { None } else { Some(self.next_record(fields, touched.into_iter())?) };
        Ok(Judgement { merge: self.merge(live, met, false), ..self.applied(record, merged) })
    }

    pub(super) fn delete(&self, base: &Fields) -> Result<Judgement, Rejection> {
        let Some(live) = self.live() else { return Ok(self.applied(None, false)) };
        if live.fields == *base {
            return Ok(self.applied(Some(self.tombstone(live)), false));
        }
        let stands = match self.collection.policy {
            Some(Policy::First) => Some(true),
            Some(Policy::Last) => Some(live.stamp.at > self.stamp().at),
            _ => None,
        };
        let names = || base.keys().chain(live.fields.keys());
        let gone = |name: &FieldName| Delta { base: value_of(base, name).clone(), incoming: Value::ABSENT };
        let Some(stands) = stands else {
            let deltas: BTreeMap<FieldName, Delta> = names().map(|name| (name.clone(), gone(name))).collect();
            return Ok(self.conflicted(ConflictKind::DeleteEdit, &deltas, &BTreeMap::new()));
        };
        let met = names()
            .filter(|name| value_of(base, name) != live.value(name))
            .map(|name| {
                let result = if stands { live.value(name) } else { &Value::ABSENT };
                (name.clone(), self.met(live, name, &gone(name), result))
            })
            .collect();
        let record = (!stands).then(|| self.tombstone(live));
        Ok(Judgement { merge: self.merge(live, met, true), ..self.applied(record, true) })
    }

    pub(super) fn merge_field(&self, live: &Record, name: &FieldName, delta: &Delta) -> Merged {
        self.meet(live, name, &delta.base, &delta.incoming, self.stamp().at)
    }

    pub(super) fn meet(
        &self,
        live: &Record,
        name: &FieldName,
        base: &Value,
        incoming: &Value,
        at: Timestamp,
    ) -> Merged {
        let current_at = live.field_stamp(name).at;
        let meeting = Meeting { base, current: live.value(name), incoming, current_at, incoming_at: at };
        merge(meeting, self.collection.policy(name), &self.work)
    }

    /// Whether edits of the field count where they arrive: sums and sets.
    pub(super) fn adds_up(&self, name: &FieldName) -> bool {
        matches!(self.collection.policy(name), Policy::Counter | Policy::Set)
    }

    fn met(&self, live: &Record, name: &FieldName, delta: &Delta, result: &Value) -> Met {
        Met {
            base: delta.base.clone(),
            current: live.value(name).clone(),
            current_by: live.field_stamp(name),
            incoming: delta.incoming.clone(),
            result: result.clone(),
            policy: self.collection.policy(name),
        }
    }

    fn merge(&self, live: &Record, fields: BTreeMap<FieldName, Met>, delete: bool) -> Option<Box<Merge>> {
        (!fields.is_empty()).then(|| {
            Box::new(Merge {
                record: self.change.record.clone(),
                title: self.title(&live.fields),
                incoming: self.stamp(),
                delete,
                fields,
            })
        })
    }

    /// The record with new values: on the live one, or a new one where there is none.
    pub(super) fn next_record<'n>(
        &self,
        fields: Fields,
        touched: impl Iterator<Item = &'n FieldName>,
    ) -> Result<Record, Rejection> {
        let stamp = self.stamp();
        let mut record = Record {
            key: self.change.record.key.clone(),
            rev: self.facts.seq,
            prev: self.facts.current.map(|r| r.rev),
            alone_since: self.alone_since(),
            stamp,
            created: None,
            edits: BTreeMap::new(),
            twin_of: None,
            deleted: false,
            fields,
        };
        if let Some(live) = self.live() {
            record.created = Some(live.created.unwrap_or(live.stamp));
            record.twin_of = live.twin_of.clone();
            record.edits = live.edits.clone();
            record.edits.extend(touched.map(|name| (name.clone(), stamp)));
        }
        self.checked(record)
    }

    /// Where the change follows others of its replica: the revision before the first of them.
    fn alone_since(&self) -> Option<Revision> {
        self.facts.current.and_then(|record| record.alone_since(self.change.id.replica))
    }

    /// The record, unless it is more than a record may be.
    pub(super) fn checked(&self, record: Record) -> Result<Record, Rejection> {
        let id = RecordId::new(self.change.record.collection.clone(), record.key.clone());
        gate::record(&id, &record.fields)?;
        Ok(record)
    }

    pub(super) fn tombstone(&self, live: &Record) -> Record {
        Record {
            rev: self.facts.seq,
            prev: Some(live.rev),
            alone_since: live.alone_since(self.change.id.replica),
            stamp: self.stamp(),
            created: Some(live.created.unwrap_or(live.stamp)),
            deleted: true,
            ..live.clone()
        }
    }
}
