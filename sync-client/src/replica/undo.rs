//! What takes a step back: new edits, only where the records still hold what the step made.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::record::{per_field, set_value, value_of};
use sync_protocol::{Delta, Edit, FieldName, Fields, Policy, RecordId, Value, sort_few};

use super::Replica;
use super::write::{Bases, Want};
use crate::api::{Kept, KeptWhy, Seen};

/// What takes a step back, and what stays as it is.
#[derive(Debug, Default)]
pub struct Undo {
    /// What shall become of records.
    pub wants: Vec<(RecordId, Want)>,
    kept: Vec<Kept>,
}

impl Undo {
    /// What stays as it is, because somebody has been there since: each record once.
    pub fn kept(&mut self) -> Vec<Kept> {
        let mut kept = std::mem::take(&mut self.kept);
        sort_few(&mut kept, |a, b| a.id.cmp(&b.id));
        kept.dedup_by(|again, first| {
            let same = again.id == first.id;
            if same {
                let new = again.fields.drain(..).filter(|name| !first.fields.contains(name));
                first.fields.extend(new.collect::<Vec<_>>());
            }
            same
        });
        kept
    }

    fn keep(&mut self, id: &RecordId, why: KeptWhy, fields: Vec<FieldName>) {
        self.kept.push(Kept { id: id.clone(), why, fields });
    }
}

impl Replica {
    /// What takes these edits of one step back, the last one first. `bases`: what the store has of their records.
    pub fn undo(&self, edits: &[(RecordId, Edit)], bases: &Bases) -> Undo {
        let mut undo = Undo::default();
        let mut seen: BTreeMap<RecordId, Option<Fields>> = BTreeMap::new();
        for (id, edit) in edits.iter().rev() {
            let there = seen.get_mut(id).map(std::mem::take).unwrap_or_else(|| self.view(id, bases.get(id)));
            let after = self.undo_one(&mut undo, id, edit, there);
            seen.insert(id.clone(), after);
        }
        // values are taken back into fields that are what they were
        let (definitions, records): (Vec<_>, Vec<_>) =
            undo.wants.into_iter().partition(|(id, _)| id.collection.is_reserved());
        undo.wants = definitions.into_iter().chain(records).collect();
        undo
    }

    /// Takes one edit back; the record as it is then.
    fn undo_one(&self, undo: &mut Undo, id: &RecordId, edit: &Edit, there: Option<Fields>) -> Option<Fields> {
        match (edit, there) {
            (Edit::Insert { .. }, None) => None,
            (Edit::Insert { fields: made }, Some(there)) => {
                let changed = self.differing_fields(id, made, &there);
                if changed.is_empty() {
                    undo.wants.push((id.clone(), Want::Gone));
                    return None;
                }
                undo.keep(id, KeptWhy::Changed, changed);
                Some(there)
            }
            (Edit::Patch { .. }, None) => {
                undo.keep(id, KeptWhy::Deleted, Vec::new());
                None
            }
            (Edit::Patch { fields }, Some(there)) => Some(self.undo_patch(undo, id, fields, there)),
            (Edit::Delete { base }, None) => {
                // a field that was deleted since is not there for anybody
                let collection = self.schema().collection(&id.collection);
                let known = |name: &FieldName| collection.is_none_or(|c| c.fields.contains_key(name));
                let fields = base.iter().filter(|(name, _)| known(name));
                let fields: Fields = per_field(fields.map(|(name, value)| (name.clone(), value.clone())));
                undo.wants.push((id.clone(), Want::New(fields.clone())));
                Some(fields)
            }
            (Edit::Delete { base }, Some(there)) => {
                if !self.differing_fields(id, base, &there).is_empty() {
                    undo.keep(id, KeptWhy::Added, Vec::new());
                }
                Some(there)
            }
            // decisions have a way back of their own
            (Edit::Resolve(_) | Edit::Reopen(_), there) => there,
        }
    }

    fn undo_patch(
        &self,
        undo: &mut Undo,
        id: &RecordId,
        made: &BTreeMap<FieldName, Delta>,
        mut there: Fields,
    ) -> Fields {
        let (mut back, mut changed) = (Vec::new(), Vec::new());
        for (name, delta) in made {
            let now = value_of(&there, name).clone();
            match self.before(id, name, delta, &now) {
                Some(want) if want == now => {}
                Some(want) => back.push((name.clone(), Seen { saw: now, want })),
                None => changed.push(name.clone()),
            }
        }
        back.iter().for_each(|(name, seen)| set_value(&mut there, name, seen.want.clone()));
        if !back.is_empty() {
            undo.wants.push((id.clone(), Want::Change(per_field(back))));
        }
        if !changed.is_empty() {
            undo.keep(id, KeptWhy::Changed, changed);
        }
        there
    }

    /// The value that takes an edit of a field back; `None` where the field holds something else by now. Of what people add to,
    /// what was added is taken off again, whatever others added since.
    fn before(&self, id: &RecordId, name: &FieldName, made: &Delta, now: &Value) -> Option<Value> {
        let collection = self.schema().collection(&id.collection)?;
        if collection.same(name, now, &made.incoming) || collection.same(name, now, &made.base) {
            return Some(made.base.clone());
        }
        if collection.policy(name) != Policy::Counter {
            return None;
        }
        let added = made.incoming.as_integer()?.checked_sub(made.base.as_integer()?)?;
        Some(Value::from(now.as_integer()?.checked_sub(added)?))
    }

    /// The fields in which two states of a record differ.
    fn differing_fields(&self, id: &RecordId, one: &Fields, other: &Fields) -> Vec<FieldName> {
        let collection = self.schema().collection(&id.collection);
        let same = |name: &FieldName| {
            let (one, other) = (value_of(one, name), value_of(other, name));
            collection.map_or(one == other, |collection| collection.same(name, one, other))
        };
        let names: BTreeSet<&FieldName> = one.keys().chain(other.keys()).ordered_set();
        names.into_iter().filter(|name| !same(name)).cloned().collect()
    }
}
