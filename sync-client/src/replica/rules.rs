//! What fields ask of the values that are given to them, held in every step of a person or a program: required, limits,
//! nothing twice. Taking back, bringing back and what comes from the server are not held to it.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::schema::{Broken, Collection, Field};
use sync_protocol::{CollectionId, Edit, FieldName, Fields, RecordId, RecordKey, Value};

use super::Replica;
use super::write::Want;
use crate::api::Failure;
use crate::limits;

/// A field's value in a collection.
pub type Held = (CollectionId, FieldName, String);

/// Which records hold the values that a step gives to fields of which none may be there twice.
pub type Holders = BTreeMap<Held, BTreeSet<RecordKey>>;

/// A value as one compares it with others; `None` for none.
pub fn written(value: &Value) -> Option<String> {
    let text = value.as_text().map_or_else(|| value.0.to_string(), |text| text.trim().to_owned());
    (!value.is_absent() && !text.is_empty()).then_some(text)
}

/// The rules as a step is held to them, edit by edit.
#[derive(Debug)]
pub struct Rules {
    holders: Holders,
    /// What was given by the step, with the place of the edit among all.
    given: Vec<(Held, usize)>,
}

impl Rules {
    /// `holders`: who holds what [`Replica::asked_about`] names.
    pub fn new(holders: Holders) -> Self {
        Self { holders, given: Vec::new() }
    }

    /// Who holds a value, unless that is known.
    pub fn learn(&mut self, held: Held, find: impl FnOnce(&Held) -> BTreeSet<RecordKey>) {
        self.holders.entry(held).or_insert_with_key(find);
    }

    /// Holds one of many rows to what fields ask: where it does not keep to that it is left out, and the others go on.
    ///
    /// # Errors
    ///
    /// What it does not keep to.
    pub fn hold_row(
        &mut self,
        id: &RecordId,
        collection: &Collection,
        there: Option<&Fields>,
        edit: &Edit,
    ) -> Result<(), Failure> {
        let known = self.given.len();
        let held = self
            .hold(0, id, collection, there, edit)
            .and_then(|()| self.end(|(_, name, _)| collection.fields.get(name), known));
        if held.is_err() {
            for (held, _) in self.given.drain(known..) {
                self.holders.entry(held).or_default().remove(&id.key);
            }
        }
        held
    }

    /// What a new record holds, with the defaults of what it says nothing of.
    pub fn with_defaults(collection: &Collection, mut fields: Fields) -> Fields {
        for field in collection.fields.values().filter(|field| !field.details.deleted) {
            let default = &field.details.default;
            if !default.is_absent()
                && !fields.contains_key(&field.name)
                && sync_protocol::schema::check_value(field, default).is_ok()
            {
                fields.insert(field.name.clone(), default.clone());
            }
        }
        fields
    }

    /// Holds one edit to what its fields ask. `there`: the record before it.
    pub(super) fn hold(
        &mut self,
        at: usize,
        id: &RecordId,
        collection: &Collection,
        there: Option<&Fields>,
        edit: &Edit,
    ) -> Result<(), Failure> {
        let before = |name: &FieldName| there.and_then(|there| there.get(name));
        match edit {
            Edit::Insert { fields } => {
                for field in collection.fields.values().filter(|field| !field.details.deleted) {
                    let value = fields.get(&field.name).unwrap_or(&Value::ABSENT);
                    keeps(field, value)?;
                    self.moved(at, id, field, None, value);
                }
            }
            Edit::Patch { fields } => {
                let touched = fields.iter().filter_map(|(name, delta)| {
                    let field = collection.fields.get(name).filter(|field| !field.details.deleted)?;
                    Some((field, &delta.incoming))
                });
                for (field, value) in touched {
                    keeps(field, value)?;
                    self.moved(at, id, field, before(&field.name), value);
                }
            }
            Edit::Delete { .. } => {
                for field in collection.fields.values() {
                    self.moved(at, id, field, before(&field.name), &Value::ABSENT);
                }
            }
            Edit::Resolve(_) | Edit::Reopen(_) => {}
        }
        Ok(())
    }

    fn moved(&mut self, at: usize, id: &RecordId, field: &Field, before: Option<&Value>, now: &Value) {
        if !field.details.unique {
            return;
        }
        let held = |text| (id.collection.clone(), field.name.clone(), text);
        if let Some(text) = before.and_then(written)
            && let Some(keys) = self.holders.get_mut(&held(text))
        {
            keys.remove(&id.key);
        }
        if let Some(text) = written(now) {
            self.holders.entry(held(text.clone())).or_default().insert(id.key.clone());
            self.given.push((held(text), at));
        }
    }

    /// Whether nothing of what was given is there twice once the whole step is done: two values can change places in it.
    pub(super) fn end<'f>(
        &self,
        field_of: impl Fn(&Held) -> Option<&'f Field>,
        from: usize,
    ) -> Result<(), Failure> {
        let twice = |held: &Held| self.holders.get(held).is_some_and(|keys| keys.len() > 1);
        let Some((held, at)) = self.given[from..].iter().find(|(held, _)| twice(held)) else { return Ok(()) };
        let taken = Broken::Taken(held.2.chars().take(limits::SAMPLE_CHARS).collect());
        let told =
            field_of(held).map_or_else(|| Failure::input(taken.to_string()), |field| failure(field, &taken));
        Err(Failure { op: Some(*at), ..told })
    }
}

impl Replica {
    /// The values that a step gives to fields of which none may be there twice.
    pub fn asked_about(&self, wants: &[(RecordId, Want)]) -> BTreeSet<Held> {
        let mut asked = BTreeSet::new();
        for (id, want) in wants {
            let Some(collection) = self.schema().collection(&id.collection) else { continue };
            let unique = collection.fields.values().filter(|f| f.details.unique && !f.details.deleted);
            for field in unique {
                let value = match want {
                    Want::New(fields) | Want::Has(fields) | Want::Exactly(fields) => {
                        fields.get(&field.name).or(Some(&field.details.default))
                    }
                    Want::Change(fields) => fields.get(&field.name).map(|seen| &seen.want),
                    Want::Gone => None,
                };
                let value = value.map(|value| field.field_type.canonical(value.clone()));
                if let Some(text) = value.as_ref().and_then(written) {
                    asked.insert((id.collection.clone(), field.name.clone(), text));
                }
            }
        }
        asked
    }
}

/// Whether a value keeps to what its field asks.
fn keeps(field: &Field, value: &Value) -> Result<(), Failure> {
    field.broken(value).map_or(Ok(()), |broken| Err(failure(field, &broken)))
}

/// What is told of a value that does not keep to what its field asks.
pub fn failure(field: &Field, broken: &Broken) -> Failure {
    Failure { field: Some(field.name.clone()), ..Failure::input(format!("{}: {broken}.", field.label)) }
}
