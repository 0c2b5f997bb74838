//! How a conflict ends, and how it opens again.

use crate::Ordered;
use std::collections::BTreeMap;

use super::{Case, Judgement, Rejection};
use crate::change::{Choice, Delta, Outcome, Reopening, Resolution};
use crate::conflict::{Changed, Conflict, ConflictKind, Effect, Life, Reopened, Resolved};
use crate::feed::Merge;
use crate::gate::check_field;
use crate::id::{FieldName, RecordKey, Revision};
use crate::limits;
use crate::merge::Merged;
use crate::record::{Record, set_value, value_of};

impl Case<'_> {
    pub(super) fn resolve(&self, resolution: &Resolution) -> Result<Judgement, Rejection> {
        let conflict = self.named(resolution.conflict)?;
        if let Some(resolved) = &conflict.resolved {
            return Err(Rejection::AlreadyResolved { resolved: Box::new(resolved.clone()) });
        }
        if self.has_moved(conflict, resolution) {
            return Err(Rejection::Moved);
        }
        // what was settled is told with the sides as they were then
        let conflict = &self.as_it_stands(conflict.clone());
        let (record, merge) = match &resolution.outcome {
            Outcome::Delete => (self.live().map(|live| self.tombstone(live)), None),
            Outcome::Keep { choices } => self.kept(conflict, choices)?,
            Outcome::KeepBoth { key } => (Some(self.twin(conflict, key)?), None),
        };
        let resolved = Resolved {
            change: self.change.id,
            stamp: self.stamp(),
            saw: Some(resolution.saw_conflict),
            outcome: resolution.outcome.clone(),
            effect: self.effect(record.as_ref()),
        };
        let closed =
            Conflict { rev: self.facts.seq, resolved: Some(resolved), reopened: None, ..conflict.clone() };
        // in a settled conflict all sides can be read; beside the largest ones a merge has no room
        let merge = merge.filter(|merge| merge.size() + closed.size() <= 2 * limits::CONFLICT_BYTES);
        Ok(Judgement { merge, conflict: Some(closed), ..self.applied(record, false) })
    }

    /// Whether somebody else has been there since the author looked. What the same replica did meanwhile was done on the
    /// same device before: its author saw it.
    fn has_moved(&self, conflict: &Conflict, resolution: &Resolution) -> bool {
        let by = self.change.id.replica;
        let own = |now: Revision, saw: Revision, alone_since: Option<Revision>| {
            saw == now || alone_since.is_some_and(|since| saw >= since)
        };
        let reopened = conflict.reopened.filter(|reopened| reopened.stamp.by == by);
        if !own(conflict.rev, resolution.saw_conflict, reopened.and_then(|r| r.alone_since)) {
            return true;
        }
        match (self.live(), resolution.saw_record) {
            (None, saw) => saw.is_some(),
            (Some(_), None) => true,
            (Some(live), Some(saw)) => !own(live.rev, saw, live.alone_since(by)),
        }
    }

    /// What a resolution did is taken back where nobody has been there since, and the conflict is open as before.
    pub(super) fn reopen(&self, reopening: &Reopening) -> Result<Judgement, Rejection> {
        let conflict = self.named(reopening.conflict)?;
        let impossible = |rule: &str| Rejection::Impossible { rule: rule.to_owned() };
        let resolved = conflict
            .resolved
            .as_ref()
            .filter(|resolved| resolved.change == reopening.resolution)
            .ok_or_else(|| impossible("this decision has been taken back already"))?;
        let twin = match &resolved.outcome {
            Outcome::KeepBoth { key } => Some(key),
            Outcome::Keep { .. } | Outcome::Delete => None,
        };
        if twin != reopening.twin.as_ref() {
            return Err(impossible("this decision was another one"));
        }
        let record = self.taken_back(&resolved.effect, twin.is_some())?;
        let own = record.as_ref().filter(|r| r.key == self.change.record.key).or(self.facts.current);
        let open = Conflict {
            rev: self.facts.seq,
            resolved: None,
            reopened: Some(Reopened {
                stamp: self.stamp(),
                alone_since: resolved.saw.filter(|_| resolved.stamp.by == self.change.id.replica),
            }),
            ..conflict.clone()
        };
        let mut open = Conflict { current: own.map(|r| r.stamp), record_rev: own.map(|r| r.rev), ..open };
        if !self.is_gone() {
            open = open.as_of(own, self.collection, &self.work);
            if open.asks_nothing(own.is_some_and(|r| !r.deleted), self.collection) {
                return Err(impossible("both versions are the same by now, so there is nothing to decide"));
            }
        }
        Ok(Judgement { conflict: Some(open), ..self.applied(record, false) })
    }

    fn named(&self, id: crate::id::ChangeId) -> Result<&Conflict, Rejection> {
        let named = self.facts.conflict.filter(|c| c.id == id && c.record == self.change.record);
        named.ok_or(Rejection::NoSuchConflict)
    }

    /// The record that a resolution leaves, `None` where it stays as it is; and what policies decided beside it.
    pub(super) fn kept(
        &self,
        conflict: &Conflict,
        choices: &BTreeMap<FieldName, Choice>,
    ) -> Result<(Option<Record>, Option<Box<Merge>>), Rejection> {
        if self.is_gone() {
            let stays = self.live().is_some() && choices.values().all(|choice| *choice == Choice::Current);
            return if stays { Ok((None, None)) } else { Err(self.unknown_collection()) };
        }
        let mut fields = self.facts.current.map(|r| r.fields.clone()).unwrap_or_default();
        let mut touched: Vec<&FieldName> = Vec::new();
        let mut met = BTreeMap::new();
        let names =
            conflict.fields.keys().chain(choices.keys().filter(|n| !conflict.fields.contains_key(*n)));
        for name in names {
            let sides = conflict.fields.get(name);
            let value = match (choices.get(name), sides) {
                (Some(Choice::Own(value)), _) => Some(value.clone()),
                (Some(Choice::Incoming), Some(sides)) => Some(sides.incoming.clone()),
                (Some(Choice::Current), _) | (Some(Choice::Incoming) | None, None) => None,
                (None, Some(sides)) => {
                    let value = match conflict.merged(name, self.facts.current, self.collection, &self.work) {
                        Merged::Keep => None,
                        Merged::Set(value) | Merged::Combined(value) => Some(value),
                        Merged::Clash => return Err(Rejection::Undecided { field: name.clone() }),
                    };
                    if let Some(record) = self.facts.current.filter(|record| {
                        conflict.kind != ConflictKind::DeleteEdit
                            && !self.collection.same(name, &sides.base, record.value(name))
                            && !self.collection.same(name, &sides.base, &sides.incoming)
                    }) {
                        let delta = Delta { base: sides.base.clone(), incoming: sides.incoming.clone() };
                        let result = value.as_ref().unwrap_or(record.value(name));
                        met.insert(name.clone(), self.met(record, name, &delta, result));
                    }
                    value
                }
            };
            let Some(value) = value else { continue };
            if *value_of(&fields, name) != value {
                // the schema may have moved since the change was parked
                check_field(self.collection, name, &value)?;
                set_value(&mut fields, name, value);
                touched.push(name);
            }
        }
        let merge = self.facts.current.and_then(|record| self.merge(record, met, conflict.incoming));
        if touched.is_empty() && self.live().is_some() {
            return Ok((None, merge));
        }
        let mut record = self.next_record(fields, touched.iter().copied())?;
        if let Some(gone) = self.facts.current.filter(|r| r.deleted) {
            // restored, not made anew: what it had keeps its authors
            record.created = gone.created;
            record.twin_of = gone.twin_of.clone();
            record.edits = gone.edits.clone();
            record.edits.extend(touched.into_iter().map(|name| (name.clone(), record.stamp)));
        }
        Ok((Some(self.checked(record)?), merge))
    }

    /// The parked change as a record of its own beside the one it met.
    fn twin(&self, conflict: &Conflict, key: &RecordKey) -> Result<Record, Rejection> {
        let impossible = |rule: &str| Err(Rejection::Impossible { rule: rule.to_owned() });
        if self.is_gone() {
            return Err(self.unknown_collection());
        }
        let (Some(live), ConflictKind::EditEdit) = (self.live(), conflict.kind) else {
            return impossible("both can be kept only where two edits of a record met");
        };
        if self.facts.beside.twin_is_elsewhere || *key == live.key {
            return impossible("the new record needs a key of the same partition");
        }
        if self.facts.beside.twin.is_some_and(|r| !r.deleted) {
            return impossible("another record has this key");
        }
        let stamp = self.stamp();
        let mut twin = Record {
            key: key.clone(),
            rev: self.facts.seq,
            prev: self.facts.beside.twin.map(|r| r.rev),
            alone_since: None,
            stamp,
            created: Some(stamp),
            twin_of: Some(live.key.clone()),
            ..live.clone()
        };
        // each value keeps its author
        twin.edits = live.fields.keys().map(|name| (name.clone(), live.field_stamp(name))).ordered_map();
        for (name, sides) in &conflict.fields {
            check_field(self.collection, name, &sides.incoming)?;
            set_value(&mut twin.fields, name, sides.incoming.clone());
            twin.edits.insert(name.clone(), conflict.incoming_by(name));
        }
        self.checked(twin)
    }

    pub(super) fn effect(&self, after: Option<&Record>) -> Effect {
        let Some(after) = after else { return Effect::default() };
        let rev = Some(after.rev);
        match self.live() {
            _ if after.key != self.change.record.key => Effect { rev, ..Effect::default() },
            None => Effect { life: Life::Restored, rev, ..Effect::default() },
            Some(_) if after.deleted => Effect { life: Life::Deleted, rev, ..Effect::default() },
            Some(before) => {
                let names = before.fields.keys().chain(after.fields.keys());
                let changed = names.filter(|name| before.value(name) != after.value(name)).map(|name| {
                    let changed = Changed {
                        before: before.value(name).clone(),
                        by: before.field_stamp(name),
                        after: after.value(name).clone(),
                    };
                    (name.clone(), changed)
                });
                Effect { life: Life::Same, rev, fields: changed.ordered_map() }
            }
        }
    }

    /// The record (or the twin) without what a resolution did; `None` where others have been there since, or nothing
    /// was done.
    fn taken_back(&self, effect: &Effect, kept_both: bool) -> Result<Option<Record>, Rejection> {
        if kept_both {
            let twin = self.facts.beside.twin.filter(|r| !r.deleted && Some(r.rev) == effect.rev);
            return Ok(twin.map(|twin| self.tombstone(twin)));
        }
        match (effect.life, self.facts.current) {
            (Life::Deleted, Some(gone)) if gone.deleted && Some(gone.rev) == effect.rev => {
                let back = Record {
                    rev: self.facts.seq,
                    prev: Some(gone.rev),
                    alone_since: gone.alone_since(self.change.id.replica),
                    stamp: self.stamp(),
                    deleted: false,
                    ..gone.clone()
                };
                self.checked(back).map(Some)
            }
            (Life::Restored, Some(live)) if !live.deleted && Some(live.rev) == effect.rev => {
                Ok(Some(self.tombstone(live)))
            }
            (Life::Same, Some(live)) if !live.deleted => self.values_back(live, &effect.fields),
            (Life::Same | Life::Restored | Life::Deleted, _) => Ok(None),
        }
    }

    /// Each field that still has the value of the resolution gets the one before, with its author.
    fn values_back(
        &self,
        live: &Record,
        changed: &BTreeMap<FieldName, Changed>,
    ) -> Result<Option<Record>, Rejection> {
        let mut fields = live.fields.clone();
        let mut authors = BTreeMap::new();
        for (name, changed) in changed.iter().filter(|(name, changed)| *live.value(name) == changed.after) {
            // the schema may have moved since; a field that is gone is left alone, in a collection that is gone all are kept
            if self.is_gone() || check_field(self.collection, name, &changed.before).is_ok() {
                set_value(&mut fields, name, changed.before.clone());
                authors.insert(name, changed.by);
            }
        }
        if authors.is_empty() {
            return Ok(None);
        }
        let mut record = self.next_record(fields, authors.keys().copied())?;
        record.edits.extend(authors.into_iter().map(|(name, by)| (name.clone(), by)));
        self.checked(record).map(Some)
    }
}
