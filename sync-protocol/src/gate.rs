//! The gate: all that is checked of a change before anything else looks at it.
//!
//! Both sides call it: the server before it judges, a device before it saves. What passes here is readable in every
//! answer that can carry it, and fits every store: each value that a change carries is checked, also those that only say
//! what its author saw.

pub mod look;
pub mod text;

use crate::change::{Change, Choice, Edit, Outcome, Resolution};
use crate::id::{FieldName, RecordId, RecordKey};
use crate::limits;
use crate::record::{Fields, fields_size};
use crate::schema::{Collection, Schema, check_value, reserved};
use crate::value::{Misfit, Value, cells, deeper_than};
use crate::verdict::Rejection;

/// Whether the change could ever be accepted under this schema: [`form`], and what the schema says.
///
/// # Errors
///
/// Why the change can never be accepted as it is.
pub fn check<'a>(change: &Change, schema: &'a Schema) -> Result<&'a Collection, Rejection> {
    form(change)?;
    let collection = match schema.collection(&change.record.collection) {
        Some(collection) => collection,
        None if closes(change) => Collection::gone(),
        None => {
            return Err(Rejection::UnknownCollection { collection: change.record.collection.to_string() });
        }
    };
    written(change).try_for_each(|(name, value)| check_field(collection, name, value))?;
    Ok(collection)
}

/// Whether the change could be accepted under any schema: its keys, the depth, nodes and bytes of every value in it, and
/// what Mooring's own collections hold.
///
/// # Errors
///
/// Why the change can never be accepted as it is.
pub fn form(change: &Change) -> Result<(), Rejection> {
    key(&change.record.key)?;
    if let Some(twin) = change.twin() {
        key(&twin.key)?;
    }
    let fields = seen(change).count().max(written(change).count());
    let wanted: usize = written(change).map(|(name, value)| name.as_str().len() + 4 + value.size()).sum();
    if fields > limits::FIELDS || wanted > limits::RECORD_BYTES {
        return Err(Rejection::TooLarge { limit: limits::RECORD_BYTES });
    }
    if change.size() > limits::CHANGE_BYTES {
        return Err(Rejection::TooLarge { limit: limits::CHANGE_BYTES });
    }
    let values = || seen(change).chain(written(change));
    if let Some((name, _)) = values().find(|(_, value)| deeper_than(&value.0, limits::JSON_DEPTH)) {
        return Err(Rejection::Misfit { field: name.clone(), rule: Misfit::TooDeep.to_string() });
    }
    if values().map(|(_, value)| cells(&value.0)).sum::<usize>() > limits::CHANGE_CELLS {
        return Err(Rejection::TooLarge { limit: limits::RECORD_BYTES });
    }
    if change.record.collection.is_reserved() { own_collection(change) } else { Ok(()) }
}

fn key(key: &RecordKey) -> Result<(), Rejection> {
    key.check().map_err(|e| Rejection::InvalidKey { rule: e.0 })
}

/// The values that the change's author saw.
fn seen(change: &Change) -> Box<dyn Iterator<Item = (&FieldName, &Value)> + '_> {
    match &change.edit {
        Edit::Patch { fields } => Box::new(fields.iter().map(|(name, delta)| (name, &delta.base))),
        Edit::Delete { base } => Box::new(base.iter()),
        Edit::Insert { .. } | Edit::Resolve(_) | Edit::Reopen(_) => Box::new(std::iter::empty()),
    }
}

/// The values that the change's author wants.
fn written(change: &Change) -> Box<dyn Iterator<Item = (&FieldName, &Value)> + '_> {
    match &change.edit {
        Edit::Insert { fields } => Box::new(fields.iter()),
        Edit::Patch { fields } => Box::new(fields.iter().map(|(name, delta)| (name, &delta.incoming))),
        Edit::Resolve(Resolution { outcome: Outcome::Keep { choices }, .. }) => {
            Box::new(choices.iter().filter_map(|(name, choice)| Some((name, choice.own()?))))
        }
        Edit::Delete { .. } | Edit::Resolve(_) | Edit::Reopen(_) => Box::new(std::iter::empty()),
    }
}

/// What holds in Mooring's own collections beyond the types of their fields: they are on every device, and a key there
/// says whose a record is.
fn own_collection(change: &Change) -> Result<(), Rejection> {
    if let Edit::Resolve(Resolution { outcome: Outcome::KeepBoth { .. }, .. }) = &change.edit {
        // a second record would stand under a key that says something else
        return Err(Rejection::Impossible {
            rule: "of these records there is one each; choose one of the two".into(),
        });
    }
    let name = change.record.collection.as_str();
    for (field, value) in written(change) {
        let Some(text) = value.as_text() else { continue };
        let most = match (name, field.as_str()) {
            (reserved::COMMENTS, "text") | (reserved::MIRRORS, "reason") | (reserved::VIEWS, "query") => {
                limits::COMMENT_CHARS
            }
            (reserved::COLLECTIONS | reserved::FIELDS, "help") => limits::HELP_CHARS,
            // of a text field it is a text of that field
            (reserved::FIELDS, "default") => continue,
            _ => limits::LABEL_CHARS,
        };
        let lines = name == reserved::COMMENTS && field.as_str() == "text";
        if text.chars().count() > most || (!lines && text.chars().any(char::is_control)) {
            let rule = format!("at most {most} characters{}", if lines { "" } else { ", in one line" });
            return Err(Rejection::Misfit { field: field.clone(), rule });
        }
    }
    let bytes: usize = written(change).map(|(_, value)| value.size()).sum();
    if bytes > limits::RESERVED_BYTES {
        return Err(Rejection::TooLarge { limit: limits::RESERVED_BYTES });
    }
    Ok(())
}

/// Whether the change only ends a conflict (or opens one again) and writes no new value: possible also where the
/// collection was deleted, so that nothing waits for a decision that nobody can make.
fn closes(change: &Change) -> bool {
    match &change.edit {
        Edit::Reopen(_) | Edit::Resolve(Resolution { outcome: Outcome::Delete, .. }) => true,
        Edit::Resolve(Resolution { outcome: Outcome::Keep { choices }, .. }) => {
            choices.values().all(|choice| *choice == Choice::Current)
        }
        Edit::Resolve(Resolution { outcome: Outcome::KeepBoth { .. }, .. })
        | Edit::Insert { .. }
        | Edit::Patch { .. }
        | Edit::Delete { .. } => false,
    }
}

pub(crate) fn check_field(collection: &Collection, name: &FieldName, value: &Value) -> Result<(), Rejection> {
    let field = collection.fields.get(name).ok_or_else(|| Rejection::UnknownField { field: name.clone() })?;
    check_value(field, value).map_err(|m| Rejection::Misfit { field: name.clone(), rule: m.to_string() })
}

/// Whether a record, as it would become, is what a record may be.
///
/// # Errors
///
/// Why it is not.
pub(crate) fn record(id: &RecordId, fields: &Fields) -> Result<(), Rejection> {
    if fields_size(fields) > limits::RECORD_BYTES || fields.len() > limits::FIELDS {
        return Err(Rejection::TooLarge { limit: limits::RECORD_BYTES });
    }
    if id.collection.is_reserved() {
        crate::schema::check_schema_record(id, fields)
            .map_err(|rule| Rejection::InvalidSchema { rule: rule.into() })?;
    }
    Ok(())
}
