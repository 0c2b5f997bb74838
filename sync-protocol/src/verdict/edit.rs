//! Inserts, patches and deletes: applied, merged, or kept for a person.

use crate::Ordered;
use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Judgement, Rejection};
use crate::change::Delta;
use crate::conflict::ConflictKind;
use crate::feed::{Merge, Met};
use crate::gate;
use crate::id::{FieldName, RecordId, Revision};
use crate::merge::{Meeting, Merged, merge_field};
use crate::policy::Policy;
use crate::record::{Fields, Record, Stamp, per_field, set_value, value_of};
use crate::schema::field_of;
use crate::value::{FieldType, Value};

impl Case<'_> {
    pub(super) fn edit(
        &self,
        deltas: &BTreeMap<FieldName, Delta>,
        insert: bool,
    ) -> Result<Judgement, Rejection> {
        let deltas = &self.wanted(deltas);
        let Some(live) = self.live() else {
            if insert {
                let mut fields = Fields::new();
                deltas.iter().for_each(|(name, delta)| set_value(&mut fields, name, delta.incoming.clone()));
                let record = self.next_record(fields, deltas.keys())?;
                return Ok(self.applied(Some(record), false));
            }
            return match (deltas.is_empty(), self.facts.current) {
                (false, _) => self.conflicted(ConflictKind::EditDelete, deltas, false),
                (true, Some(_)) => Ok(self.applied(None, false)),
                (true, None) => Err(Rejection::Impossible {
                    rule: "there is no such record, and nothing to change".into(),
                }),
            };
        };
        let outcomes: BTreeMap<&FieldName, Merged> = deltas
            .iter()
            .map(|(name, delta)| (name, self.merge_field(live, name, delta, insert)))
            .ordered_map();
        if outcomes.values().any(|merged| *merged == Merged::Clash) {
            return self.conflicted(ConflictKind::EditEdit, deltas, insert);
        }
        if self.builds_on_parked(live, deltas)
            && let Some(joined) = self.joining(ConflictKind::EditEdit, deltas, insert)
        {
            return joined;
        }
        let mut fields = live.fields.clone();
        let mut touched = Vec::new();
        let mut met = BTreeMap::new();
        for (name, outcome) in outcomes {
            if let Merged::Set(value) | Merged::Combined(value) = &outcome {
                set_value(&mut fields, name, value.clone());
                touched.push(name);
            }
            let delta = &deltas[name];
            if !self.collection.same(name, &delta.base, live.value(name)) {
                met.insert(name.clone(), self.met(live, name, delta, value_of(&fields, name)));
            }
        }
        let moved_on = Some(live.rev) != self.change.saw && live.stamp.by != self.change.id.replica;
        let merged = !met.is_empty() || moved_on;
        let record =
            if touched.is_empty() { None } else { Some(self.next_record(fields, touched.into_iter())?) };
        Ok(Judgement { merge: self.merge(live, met, self.stamp()), ..self.applied(record, merged) })
    }

    /// What is really wanted, each value as it is kept: a field that ends as its author saw it is not touched.
    fn wanted(&self, deltas: &BTreeMap<FieldName, Delta>) -> BTreeMap<FieldName, Delta> {
        let plain = |name, value| self.collection.plain(name, value).clone();
        let touched = deltas.iter().filter(|(name, d)| !self.collection.same(name, &d.base, &d.incoming));
        per_field(touched.map(|(name, d)| {
            let delta = Delta { base: plain(name, &d.base), incoming: plain(name, &d.incoming) };
            (name.clone(), delta)
        }))
    }

    pub(super) fn delete(&self, base: &Fields) -> Result<Judgement, Rejection> {
        let names: BTreeSet<&FieldName> =
            base.keys().chain(self.live().into_iter().flat_map(|live| live.fields.keys())).ordered_set();
        let gone = |name: &FieldName| Delta { base: value_of(base, name).clone(), incoming: Value::ABSENT };
        let Some(live) = self.live() else { return Ok(self.withdrawn(base, self.applied(None, false))) };
        let moved = |name: &&FieldName| !self.collection.same(name, value_of(base, name), live.value(name));
        if !names.iter().any(moved) {
            return Ok(self.withdrawn(base, self.applied(Some(self.tombstone(live)), false)));
        }
        let stands = match self.collection.policy {
            Some(Policy::First) => Some(true),
            Some(Policy::Last) => Some(live.stamp.at > self.stamp().at),
            _ => None,
        };
        let Some(stands) = stands else {
            let deltas = per_field(names.into_iter().map(|name| (name.clone(), gone(name))));
            return self.conflicted(ConflictKind::DeleteEdit, &deltas, false);
        };
        let met = per_field(names.into_iter().filter(moved).map(|name| {
            let result = if stands { live.value(name) } else { &Value::ABSENT };
            (name.clone(), self.met(live, name, &gone(name), result))
        }));
        let merge =
            self.merge(live, met, self.stamp()).map(|merge| Box::new(Merge { delete: true, ..*merge }));
        if stands {
            return Ok(Judgement { merge, ..self.applied(None, true) });
        }
        Ok(self.withdrawn(base, Judgement { merge, ..self.applied(Some(self.tombstone(live)), true) }))
    }

    pub(super) fn merge_field(
        &self,
        live: &Record,
        name: &FieldName,
        delta: &Delta,
        inserted: bool,
    ) -> Merged {
        let meeting = Meeting {
            base: &delta.base,
            current: live.value(name),
            incoming: &delta.incoming,
            current_at: live.field_stamp(name).at,
            incoming_at: self.stamp().at,
            inserted,
        };
        match merge_field(meeting, self.collection, name, &self.work) {
            Merged::Clash => self.wider(live, name, delta).unwrap_or(Merged::Clash),
            merged => merged,
        }
    }

    /// Where two programs declare one field of an open collection differently it holds what either holds, so that nobody's
    /// values are refused.
    fn wider(&self, live: &Record, name: &FieldName, delta: &Delta) -> Option<Merged> {
        let of = field_of(&self.change.record).filter(|_| name.as_str() == "type")?;
        self.facts.schema.collection(&of).filter(|collection| collection.open)?;
        let type_of = |value: &Value| FieldType::from_name(value.as_text()?);
        let both = type_of(live.value(name))?.wider(type_of(&delta.incoming)?);
        let value = Value::from(both.name());
        Some(if value == *live.value(name) { Merged::Keep } else { Merged::Combined(value) })
    }

    /// Whether edits of the field count where they arrive: sums and sets.
    pub(super) fn adds_up(&self, name: &FieldName) -> bool {
        matches!(self.collection.policy(name), Policy::Counter | Policy::Set)
    }

    pub(super) fn met(&self, record: &Record, name: &FieldName, delta: &Delta, result: &Value) -> Met {
        Met {
            base: delta.base.clone(),
            current: record.value(name).clone(),
            current_by: record.field_stamp(name),
            incoming: delta.incoming.clone(),
            result: result.clone(),
            policy: self.collection.policy(name),
        }
    }

    /// What policies decided, for people to look at: not where equal edits met and nobody's value gave way.
    pub(super) fn merge(
        &self,
        record: &Record,
        mut fields: BTreeMap<FieldName, Met>,
        incoming: Stamp,
    ) -> Option<Box<Merge>> {
        fields.retain(|name, met| {
            let same = |other| self.collection.same(name, &met.current, other);
            !same(&met.incoming) || !same(&met.result)
        });
        (!fields.is_empty()).then(|| {
            Box::new(Merge {
                record: self.change.record.clone(),
                title: self.title(&record.fields),
                incoming,
                delete: false,
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
