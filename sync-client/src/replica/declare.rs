//! Open collections: fields appear as they are written, typed by their values, in the step that writes them.

use std::borrow::Cow;

use sync_protocol::gate::check;
use sync_protocol::schema::{
    Field, Schema, check_schema_record, check_value, field_record, open_collection_record,
};
use sync_protocol::{
    Change, CollectionId, Edit, FieldName, FieldType, Fields, RecordId, RecordKey, Timestamp, Value,
    limits as wire, reserved,
};

use super::Replica;
use super::edit::{check_label, failure};
use super::write::{Want, schema_failure};
use crate::api::{Failure, Types};
use crate::store::Batch;
use crate::text;

/// The collections as a step sees them, with the fields that it declares.
pub(super) struct Shape<'r> {
    replica: &'r Replica,
    types: &'r Types,
    schema: Cow<'r, Schema>,
    /// Those that it declares or widens, each once.
    declared: Vec<(CollectionId, Field)>,
}

impl<'r> Shape<'r> {
    pub fn new(replica: &'r Replica, types: &'r Types) -> Self {
        Self { replica, types, schema: Cow::Borrowed(replica.schema()), declared: Vec::new() }
    }

    /// What a step makes of a definition holds for what comes after it.
    pub fn follow(&mut self, id: &RecordId, after: Option<&Fields>) {
        if matches!(id.collection.as_str(), reserved::COLLECTIONS | reserved::FIELDS) {
            self.schema.to_mut().apply(id, after);
        }
    }

    /// Whether the record's collection has that field.
    pub fn has(&self, id: &RecordId, name: &FieldName) -> bool {
        self.schema.collection(&id.collection).is_some_and(|collection| collection.fields.contains_key(name))
    }

    /// A value as its field holds it. In an open collection a field that is not there is made, and one that cannot hold the
    /// value becomes one that can; elsewhere the gate says what does not fit.
    pub fn fit(&mut self, id: &RecordId, name: &FieldName, value: Value) -> Result<Value, Failure> {
        let Some(collection) = self.schema.collection(&id.collection) else { return Ok(value) };
        let known = collection.fields.get(name);
        let value = known.map_or(FieldType::Json, |field| field.field_type).canonical(value);
        let fits = known.is_some_and(|field| check_value(field, &value).is_ok());
        if fits || !collection.open || value.is_absent() {
            return Ok(value);
        }
        let of_field = |(of, field, _): &&(_, _, _)| *of == id.collection && field == name;
        let told = self.types.iter().find(of_field).map(|(_, _, told)| *told);
        let (held, value) = typed(told, value);
        let field = match known {
            // a table that is kept in step has columns of the types that somebody chose
            Some(_) if self.replica.mirrors().contains_key(&id.collection) => return Ok(value),
            Some(field) => {
                let field_type = field.field_type.wider(held);
                let policy = field.policy.filter(|policy| policy.fits(field_type));
                Field { field_type, policy, ..field.clone() }
            }
            None if collection.fields.len() >= wire::FIELDS => {
                return Err(Failure::input(format!(
                    "A collection has at most {} fields. Keep what has more of them in one field, as an object.",
                    wire::FIELDS
                )));
            }
            None => Field {
                position: collection
                    .fields
                    .values()
                    .map(|field| field.position.saturating_add(1))
                    .max()
                    .unwrap_or(0),
                ..Field::new(name.clone(), label(name.to_key(), name.as_str()), held)
            },
        };
        if known != Some(&field) {
            let (record, fields) = field_record(&id.collection, &field);
            self.schema.to_mut().apply(&record, Some(&fields));
            self.declared.retain(|(of, field)| *of != id.collection || field.name != *name);
            self.declared.push((id.collection.clone(), field));
        }
        Ok(value)
    }

    /// Checks a change by the same rules as the server, so that most mistakes are told while the person is there.
    pub fn admit(&self, change: &Change) -> Result<(), Failure> {
        admit(change, &self.schema)
    }

    /// The changes that declare its new fields: they go before all others.
    pub fn declared(self, now: Timestamp) -> Result<Vec<Change>, Failure> {
        let mut changes = Vec::new();
        for (of, field) in &self.declared {
            changes.extend(self.replica.set_field(now, of, field)?.enqueue);
        }
        Ok(changes)
    }
}

/// Checks a change by the rules of the server.
pub(super) fn admit(change: &Change, schema: &Schema) -> Result<(), Failure> {
    check(change, schema).map_err(failure)?;
    if let (true, Edit::Insert { fields }) = (change.record.collection.is_reserved(), &change.edit) {
        check_schema_record(&change.record, fields).map_err(schema_failure)?;
    }
    Ok(())
}

/// What a new field holds, and its first value as it holds it: of the type that was told where the value is one, else of the
/// value's own.
fn typed(told: Option<FieldType>, value: Value) -> (FieldType, Value) {
    if let Some(told) = told {
        let canonical = told.canonical(value.clone());
        if told.check(&canonical, &[]).is_ok() {
            return (told, canonical);
        }
    }
    (FieldType::of_value(&value), value)
}

/// What people call what a program made: what the program calls it, where people can read that.
fn label(key: String, name: &str) -> String {
    let label = text::label(&key);
    if label.is_empty() || check_label(&label).is_err() { name.to_owned() } else { label }
}

impl Replica {
    /// A collection whose fields appear as they are written. An empty batch where there is one of that name.
    pub fn open_collection(&self, now: Timestamp, name: &CollectionId) -> Result<Batch, Failure> {
        if self.schema().collection(name).is_some_and(|_| !name.is_reserved()) {
            return Ok(Batch::default());
        }
        let (id, fields) = open_collection_record(name, &label(name.to_key(), name.as_str()));
        let base = self.reserved(&id);
        self.insert(now, id, base, fields)
    }

    /// A collection deleted; its records stay where they are, and nobody sees them.
    pub fn drop_collection(&self, now: Timestamp, name: &CollectionId) -> Result<Batch, Failure> {
        let id =
            RecordId::new(reserved::collection(reserved::COLLECTIONS), RecordKey::Text(name.as_str().into()));
        let base = self.reserved(&id);
        self.write_one(now, id, base, Want::Gone)
    }
}
