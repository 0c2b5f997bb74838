//! What a conflict holds: changes of one replica that met others, as one. A value that waits there is replaced only by an
//! edit that was made on top of it; any other edit that cannot be applied opens a conflict of its own.

use crate::Ordered;
use std::collections::BTreeMap;

use super::{Case, Judgement, Rejection, Verdict};
use crate::change::{Choice, Delta, Outcome};
use crate::conflict::{Conflict, ConflictKind, Effect, Resolved, Sides};
use crate::id::FieldName;
use crate::limits;
use crate::merge::{Meeting, Merged, merge};
use crate::record::{Fields, Record, set_value, value_of};
use crate::value::Value;

/// What becomes of parked values with another change of their replica.
struct Joined {
    conflict: Conflict,
    /// Whether the change was made on top of a parked value.
    on_top: bool,
}

impl<'a> Case<'a> {
    /// The open conflicts of the change's replica, the newest first.
    fn parked(&self) -> impl Iterator<Item = &'a Conflict> {
        let mut own: Vec<&Conflict> = self
            .facts
            .open
            .iter()
            .copied()
            .filter(|c| c.is_open() && c.id.replica == self.change.id.replica)
            .collect();
        crate::sort_few(&mut own, |a, b| b.id.cmp(&a.id));
        own.into_iter()
    }

    /// Whether the value was made on top of a parked one.
    fn is_on_top(&self, name: &FieldName, parked: &Sides, base: &Value) -> bool {
        self.collection.same(name, &parked.incoming, base)
    }

    /// Whether this edit was made on top of a parked value of the same replica, not of the record: it belongs to that
    /// conflict also where its value clashes with nothing. Sums and sets count where they arrive.
    pub(super) fn builds_on_parked(&self, live: &Record, deltas: &BTreeMap<FieldName, Delta>) -> bool {
        let parked = || self.parked().filter(|c| c.kind != ConflictKind::DeleteEdit);
        deltas.iter().any(|(name, delta)| {
            !self.collection.same(name, &delta.base, live.value(name))
                && !self.adds_up(name)
                && parked().filter_map(|c| c.fields.get(name)).any(|s| self.is_on_top(name, s, &delta.base))
        })
    }

    /// Parks the change, in an open conflict that it was made on top of, or in one of its own. `kind` says what it met;
    /// `inserted`: its author saw no record.
    pub(super) fn conflicted(
        &self,
        kind: ConflictKind,
        deltas: &BTreeMap<FieldName, Delta>,
        inserted: bool,
    ) -> Result<Judgement, Rejection> {
        if let Some(joined) = self.joining(kind, deltas, inserted) {
            return joined;
        }
        let sides = |delta: &Delta| Sides {
            base: delta.base.clone(),
            current: Value::ABSENT,
            incoming: delta.incoming.clone(),
            clash: true,
            inserted,
            current_by: None,
            incoming_by: None,
        };
        let conflict = Conflict {
            id: self.change.id,
            record: self.change.record.clone(),
            rev: self.facts.seq,
            kind,
            title: String::new(),
            fields: deltas.iter().map(|(name, delta)| (name.clone(), sides(delta))).ordered_map(),
            incoming: self.stamp(),
            current: None,
            record_rev: None,
            resolved: None,
            reopened: None,
        };
        Ok(self.kept_for_review(self.as_it_stands(conflict)))
    }

    /// What becomes of the change in an open conflict of its replica; `None` where none takes it in.
    pub(super) fn joining(
        &self,
        kind: ConflictKind,
        deltas: &BTreeMap<FieldName, Delta>,
        inserted: bool,
    ) -> Option<Result<Judgement, Rejection>> {
        let mut joined: Vec<Joined> =
            self.parked().filter_map(|open| self.joined(open, kind, deltas, inserted)).collect();
        let best = joined.iter().position(|j| j.on_top).or((!joined.is_empty()).then_some(0))?;
        let conflict = joined.swap_remove(best).conflict;
        let lives = self.live().is_some();
        Some(match conflict.kind {
            _ if conflict.asks_nothing(lives, self.collection) => Ok(Judgement {
                conflict: Some(self.ended_as(conflict, stays_as_it_is)),
                ..self.applied(None, lives)
            }),
            ConflictKind::EditEdit if !conflict.fields.values().any(|sides| sides.clash) => {
                self.released(conflict)
            }
            _ => Ok(self.kept_for_review(conflict)),
        })
    }

    fn kept_for_review(&self, conflict: Conflict) -> Judgement {
        let verdict = Verdict::Conflicted { seq: self.facts.seq, conflict: conflict.id };
        let conflict =
            Conflict { rev: self.facts.seq, title: self.title(&self.named_by(&conflict)), ..conflict };
        Judgement { verdict, record: None, conflict: Some(conflict), ended: Vec::new(), merge: None }
    }

    /// The conflict with what it holds of the record as it stands.
    pub(super) fn as_it_stands(&self, conflict: Conflict) -> Conflict {
        // of a collection that is gone no rule is known: what was told stays
        if self.is_gone() {
            conflict
        } else {
            conflict.as_of(self.facts.current, self.collection, &self.work)
        }
    }

    /// The open conflict with this change in it; `None` where the change would replace a value that waits there without
    /// having been made on top of it, or would make it more than a conflict may be. A parked delete takes in no edit: what
    /// it would remove was not edited.
    fn joined(
        &self,
        open: &Conflict,
        kind: ConflictKind,
        deltas: &BTreeMap<FieldName, Delta>,
        inserted: bool,
    ) -> Option<Joined> {
        let (deletes, deleted) = (kind == ConflictKind::DeleteEdit, open.kind == ConflictKind::DeleteEdit);
        if deleted && !deletes {
            return None;
        }
        let incoming = self.stamp();
        let mut conflict = Conflict { kind, incoming, reopened: None, ..open.clone() };
        for sides in conflict.fields.values_mut() {
            // what was parked before keeps its own time
            sides.incoming_by = sides.incoming_by.or(Some(open.incoming)).filter(|by| *by != incoming);
        }
        let mut on_top = deleted;
        for (name, parked) in &mut conflict.fields {
            let Some(delta) = deltas.get(name) else {
                if deletes && !parked.incoming.is_absent() {
                    return None; // a delete by somebody who did not see this value
                }
                on_top |= deletes;
                continue;
            };
            let over = self.is_on_top(name, parked, &delta.base);
            if deleted {
                parked.base = delta.base.clone(); // the same wish, by what its author sees now
            } else if over {
                parked.incoming = delta.incoming.clone();
                on_top = true;
            } else if self.adds_up(name) && !deletes && !parked.inserted {
                parked.incoming = self.added(name, parked, delta);
            } else if !self.collection.same(name, &parked.incoming, &delta.incoming) {
                return None;
            }
            parked.incoming_by = None;
        }
        for (name, delta) in deltas {
            let new = || Sides {
                base: delta.base.clone(),
                current: Value::ABSENT,
                incoming: delta.incoming.clone(),
                clash: true,
                inserted,
                current_by: None,
                incoming_by: None,
            };
            conflict.fields.entry(name.clone()).or_insert_with(new);
        }
        let conflict = self.as_it_stands(conflict);
        (conflict.size() <= limits::CONFLICT_BYTES).then_some(Joined { conflict, on_top })
    }

    /// A parked sum or set and one made after it, as one.
    fn added(&self, name: &FieldName, parked: &Sides, delta: &Delta) -> Value {
        let meeting = Meeting {
            base: &delta.base,
            current: &parked.incoming,
            incoming: &delta.incoming,
            current_at: self.stamp().at,
            incoming_at: self.stamp().at,
            inserted: false,
        };
        match merge(meeting, self.collection.policy(name), &self.work) {
            Merged::Combined(sum) | Merged::Set(sum) => sum,
            Merged::Keep => parked.incoming.clone(),
            Merged::Clash => delta.incoming.clone(),
        }
    }

    /// A later edit took back all that clashed: what is left is applied, as if it had arrived as one.
    fn released(&self, conflict: Conflict) -> Result<Judgement, Rejection> {
        let nothing_chosen = BTreeMap::new();
        let (record, merge) = self.kept(&conflict, &nothing_chosen)?;
        let effect = self.effect(record.as_ref());
        let mut ended = self.ended_as(conflict, |_| Outcome::Keep { choices: BTreeMap::new() });
        if let Some(resolved) = &mut ended.resolved {
            resolved.effect = effect;
        }
        Ok(Judgement { conflict: Some(ended), merge, ..self.applied(record, true) })
    }

    /// The values by which a person knows the record: its own, or the parked ones where it has none.
    fn named_by(&self, conflict: &Conflict) -> Fields {
        if let Some(record) = self.facts.current {
            return record.fields.clone();
        }
        let mut fields = Fields::new();
        conflict.fields.iter().for_each(|(name, sides)| set_value(&mut fields, name, sides.incoming.clone()));
        fields
    }

    /// A delete by somebody who saw their own parked edits takes these back: nobody wants them any more.
    pub(super) fn withdrawn(&self, base: &Fields, mut judged: Judgement) -> Judgement {
        let seen = |c: &&Conflict| {
            c.kind != ConflictKind::DeleteEdit
                && c.fields.iter().all(|(name, s)| self.is_on_top(name, s, value_of(base, name)))
        };
        // they end with the record as it is then: deleted
        let left = judged.record.as_ref().filter(|_| !self.is_gone());
        let now = |c: &Conflict| match left {
            Some(left) => c.as_of(Some(left), self.collection, &self.work),
            None => self.as_it_stands(c.clone()),
        };
        let gone: Vec<Conflict> =
            self.parked().filter(seen).map(|c| self.ended_as(now(c), |_| Outcome::Delete)).collect();
        judged.ended.extend(gone);
        judged
    }

    /// Ends the open conflicts about which nothing is left to ask once the change has taken effect, as many as the entry has
    /// room for; the first of them is its conflict, where it has none of its own.
    pub(super) fn ending(&self, mut judged: Judgement) -> Judgement {
        let own = judged.record.as_ref().filter(|record| record.key == self.change.record.key);
        if let Some(record) = own.filter(|_| !self.is_gone()) {
            let known: Vec<_> = judged.conflict.iter().chain(&judged.ended).map(|c| c.id).collect();
            for open in self.facts.open.iter().filter(|c| c.is_open() && !known.contains(&c.id)) {
                let now = open.as_of(Some(record), self.collection, &self.work);
                if now.asks_nothing(!record.deleted, self.collection) {
                    judged.ended.push(self.ended_as(now, stays_as_it_is));
                }
            }
        }
        let mut bytes = judged.conflict.as_ref().map_or(0, Conflict::size);
        judged.ended.retain(|conflict| {
            bytes += conflict.size();
            bytes <= limits::CONFLICT_BYTES
        });
        if judged.conflict.is_none() && !judged.ended.is_empty() {
            judged.conflict = Some(judged.ended.remove(0));
        }
        judged
    }

    /// The conflict, ended by this change without anybody's decision.
    fn ended_as(&self, conflict: Conflict, outcome: impl Fn(&Conflict) -> Outcome) -> Conflict {
        let resolved = Resolved {
            change: self.change.id,
            stamp: self.stamp(),
            saw: None,
            outcome: outcome(&conflict),
            effect: Effect::default(),
        };
        Conflict { rev: self.facts.seq, resolved: Some(resolved), reopened: None, ..conflict }
    }
}

/// The record stays as it is, live or deleted: it is what was wanted.
fn stays_as_it_is(conflict: &Conflict) -> Outcome {
    match conflict.kind {
        ConflictKind::EditEdit => Outcome::Keep {
            choices: conflict.fields.keys().map(|name| (name.clone(), Choice::Current)).ordered_map(),
        },
        ConflictKind::EditDelete | ConflictKind::DeleteEdit => Outcome::Delete,
    }
}
