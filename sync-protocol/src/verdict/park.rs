//! What a conflict holds: the changes of one replica that met others, as one.

use std::collections::BTreeMap;

use super::{Case, Judgement, Verdict};
use crate::change::Delta;
use crate::conflict::{Conflict, ConflictKind, Sides};
use crate::id::FieldName;
use crate::merge::{Meeting, Merged, merge};
use crate::record::{Fields, Record, Stamp, set_value};
use crate::value::Value;

impl Case<'_> {
    /// The parked values that this change may build on.
    fn parked(&self) -> Option<&Conflict> {
        self.facts.conflict.filter(|c| c.is_open())
    }

    /// Whether this edit was made on top of a parked value of the same replica, not of the record: it belongs to that
    /// conflict also where its value clashes with nothing. Sums and sets count where they arrive.
    pub(super) fn joins(&self, live: &Record, name: &FieldName, delta: &Delta) -> bool {
        let on_parked =
            self.parked().and_then(|c| c.fields.get(name)).is_some_and(|s| s.incoming == delta.base);
        on_parked && delta.base != *live.value(name) && delta.base != delta.incoming && !self.adds_up(name)
    }

    /// Parks the change; a conflict of the same record and replica that is still open takes it in.
    /// `outcomes`: what becomes of each field of an edit that met a living record.
    pub(super) fn conflicted(
        &self,
        kind: ConflictKind,
        deltas: &BTreeMap<FieldName, Delta>,
        outcomes: &BTreeMap<&FieldName, Merged>,
    ) -> Judgement {
        let open = self.parked();
        let incoming = self.stamp();
        let mut fields = open.map(|c| c.fields.clone()).unwrap_or_default();
        if let Some(open) = open {
            // what was parked before keeps its own time
            for sides in fields.values_mut() {
                sides.incoming_by = sides.incoming_by.or(Some(open.incoming)).filter(|by| *by != incoming);
            }
        }
        for (name, delta) in deltas {
            let (base, wanted, clash) = match fields.get(name) {
                None => (
                    delta.base.clone(),
                    delta.incoming.clone(),
                    self.clashes(kind, name, delta, outcomes.get(name)),
                ),
                // what the author first saw stays the base: later edits were made on top of the parked ones
                Some(parked) => {
                    let whole = self.joined(name, parked, delta);
                    let (met, known) = if delta.base == parked.incoming {
                        (&whole, None)
                    } else {
                        (delta, outcomes.get(name))
                    };
                    let clash = parked.clash || self.clashes(kind, name, met, known);
                    (whole.base, whole.incoming, clash)
                }
            };
            let (current, current_by) = self.current_side(name, self.facts.current);
            let sides = Sides { base, current, incoming: wanted, clash, current_by, incoming_by: None };
            fields.insert(name.clone(), sides);
        }
        let conflict = Conflict {
            id: open.map_or(self.change.id, |c| c.id),
            record: self.change.record.clone(),
            rev: self.facts.seq,
            kind,
            title: self.title(&self.named_by(&fields)),
            fields,
            incoming,
            current: self.facts.current.map(|r| r.stamp),
            record_rev: self.facts.current.map(|r| r.rev),
            resolved: None,
            reopened: None,
        };
        let verdict = Verdict::Conflicted { seq: self.facts.seq, conflict: conflict.id };
        Judgement { verdict, record: None, conflict: Some(conflict), merge: None }
    }

    /// The current value of a field in a record, and who set it where that was not the record's last change.
    pub(super) fn current_side(&self, name: &FieldName, record: Option<&Record>) -> (Value, Option<Stamp>) {
        match record {
            Some(live) if !live.deleted => {
                let by = live.field_stamp(name);
                (live.value(name).clone(), (by != live.stamp).then_some(by))
            }
            Some(_) | None => (Value::ABSENT, None),
        }
    }

    /// The values by which a person knows the record: its own, or the parked ones where it has none.
    fn named_by(&self, parked: &BTreeMap<FieldName, Sides>) -> Fields {
        if let Some(record) = self.facts.current {
            return record.fields.clone();
        }
        let mut fields = Fields::new();
        parked.iter().for_each(|(name, sides)| set_value(&mut fields, name, sides.incoming.clone()));
        fields
    }

    /// A parked edit and one made after it, as one.
    fn joined(&self, name: &FieldName, parked: &Sides, delta: &Delta) -> Delta {
        let meeting = Meeting {
            base: &delta.base,
            current: &parked.incoming,
            incoming: &delta.incoming,
            current_at: self.stamp().at,
            incoming_at: self.stamp().at,
        };
        let incoming = match merge(meeting, self.collection.policy(name), &self.work) {
            Merged::Combined(sum) if self.adds_up(name) => sum,
            Merged::Keep if self.adds_up(name) => parked.incoming.clone(),
            _ => delta.incoming.clone(),
        };
        Delta { base: parked.base.clone(), incoming }
    }

    /// `known`: what becomes of the field, where that was told before.
    fn clashes(&self, kind: ConflictKind, name: &FieldName, delta: &Delta, known: Option<&Merged>) -> bool {
        match (kind, self.live()) {
            (ConflictKind::EditEdit, Some(live)) => match known {
                Some(known) => *known == Merged::Clash,
                None => self.merge_field(live, name, delta) == Merged::Clash,
            },
            (ConflictKind::DeleteEdit, Some(live)) => delta.base != *live.value(name),
            _ => true,
        }
    }
}
