//! Rows of a file held to what the fields of their collection ask, before anything is saved.

use std::collections::BTreeSet;

use sync_protocol::record::per_field;
use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, Delta, Edit, Fields, RecordId, RecordKey};

use super::Fate;
use crate::replica::rules::{Held, Rules, written};

/// The collection whose fields ask it.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Its name.
    pub id: &'a CollectionId,
    /// What it is.
    pub collection: &'a Collection,
    /// Which of its records hold a value.
    pub holders: &'a dyn Fn(&Held) -> BTreeSet<RecordKey>,
}

/// Holds a row to it. `there`: the record of its key; `wanted`: what is saved of the row, which is given back with the
/// defaults of a new record.
///
/// # Errors
///
/// What it does not keep to.
pub fn hold(
    rules: &mut Rules,
    asking: Asking<'_>,
    (key, there): (&RecordKey, Option<&Fields>),
    fate: Fate,
    wanted: Fields,
) -> Result<Fields, String> {
    let (edit, fields) = match fate {
        Fate::New => {
            let fields = Rules::with_defaults(asking.collection, wanted);
            (Edit::Insert { fields: fields.clone() }, fields)
        }
        Fate::Change => {
            let patch = wanted.iter().map(|(name, incoming)| {
                let base = there.and_then(|there| there.get(name)).cloned().unwrap_or_default();
                (name.clone(), Delta { base, incoming: incoming.clone() })
            });
            (Edit::Patch { fields: per_field(patch) }, wanted)
        }
        Fate::Same | Fate::Passed => return Ok(wanted),
    };
    for (name, value) in &fields {
        let unique = asking.collection.fields.get(name).is_some_and(|field| field.details.unique);
        if let Some(text) = written(value).filter(|_| unique) {
            rules.learn((asking.id.clone(), name.clone(), text), asking.holders);
        }
    }
    let id = RecordId::new(asking.id.clone(), key.clone());
    match rules.hold_row(&id, asking.collection, there, &edit) {
        Ok(()) => Ok(fields),
        Err(failure) => Err(failure.message),
    }
}
