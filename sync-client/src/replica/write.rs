//! Edits of a person or a program as one batch: all of them or none, each on top of those before it.

use std::collections::BTreeMap;

use sync_protocol::record::{per_field, value_of};
use sync_protocol::schema::{Collection, check_schema_record};
use sync_protocol::{
    Change, Delta, Edit, FieldName, FieldType, Fields, Record, RecordId, Rejection, Timestamp, Value,
    reserved,
};

use super::declare::Shape;
use super::edit::{check_label, failure};
use super::rules::Rules;
use super::{Replica, view};
use crate::api::{Failure, FailureKind, Seen, Types};
use crate::store::Batch;

/// What shall become of a record.
#[derive(Clone, Debug)]
pub enum Want {
    /// It is added with these values.
    New(Fields),
    /// Some of its fields change, each from what was seen.
    Change(BTreeMap<FieldName, Seen>),
    /// It has these values; its other fields stay. Added where there is none.
    Has(Fields),
    /// It has these values and no others. Added where there is none.
    Exactly(Fields),
    /// It is deleted; nothing where there is none.
    Gone,
}

/// The records that the store has of those which a step names.
pub type Bases = BTreeMap<RecordId, Record>;

impl Replica {
    /// One batch of edits, checked by the same rules as the server's. `bases`: what the store has of their records.
    ///
    /// # Errors
    ///
    /// What is wrong, with the place of the edit at fault among all.
    pub fn write(
        &self,
        now: Timestamp,
        wants: Vec<(RecordId, Want)>,
        types: &Types,
        bases: &Bases,
    ) -> Result<Batch, Failure> {
        self.write_by(now, wants, types, bases, None)
    }

    /// The same, held to what fields ask of their values where there are rules.
    ///
    /// # Errors
    ///
    /// What is wrong, with the place of the edit at fault among all.
    pub fn write_by(
        &self,
        now: Timestamp,
        wants: Vec<(RecordId, Want)>,
        types: &Types,
        bases: &Bases,
        mut rules: Option<Rules>,
    ) -> Result<Batch, Failure> {
        let mut shape = Shape::new(self, types);
        let mut seen: BTreeMap<RecordId, Option<Fields>> = BTreeMap::new();
        let mut changes = Vec::new();
        for (at, (id, want)) in wants.into_iter().enumerate() {
            let at_fault = |failure| Failure { op: Some(at), ..failure };
            let base = bases.get(&id);
            let there = seen.get_mut(&id).map(std::mem::take).unwrap_or_else(|| self.view(&id, base));
            let ruled = self.schema().collection(&id.collection).filter(|_| !id.collection.is_reserved());
            let want = match ruled.filter(|_| rules.is_some()) {
                Some(collection) => with_defaults(collection, want),
                None => want,
            };
            let edit = edit(&mut shape, &id, there.as_ref(), want).map_err(at_fault)?;
            let Some(edit) = edit else {
                seen.insert(id, there);
                continue;
            };
            if let (Some(rules), Some(collection)) = (&mut rules, ruled) {
                rules.hold(at, &id, collection, there.as_ref(), &edit).map_err(at_fault)?;
            }
            // what is added saw no record
            let base = base.filter(|_| !matches!(edit, Edit::Insert { .. }));
            let change = self.change(1, now, id.clone(), base, edit);
            shape.admit(&change).map_err(at_fault)?;
            let after = view::fold(there, std::iter::once(&change), |_| None);
            if let Some(after) = &after {
                check_definition(&id, after).map_err(at_fault)?;
            }
            shape.follow(&id, after.as_ref());
            seen.insert(id, after);
            changes.push(change);
        }
        if let Some(rules) = rules {
            rules.end(|(of, name, _)| self.schema().collection(of)?.fields.get(name), 0)?;
        }
        let declared = shape.declared(now)?;
        self.room_for(declared.len() + changes.len())?;
        let enqueue: Vec<Change> = declared.into_iter().chain(changes).collect();
        Ok(Batch { enqueue: self.renumbered(enqueue), ..Batch::default() })
    }

    /// The same for one record.
    pub(super) fn write_one(
        &self,
        now: Timestamp,
        id: RecordId,
        base: Option<&Record>,
        want: Want,
    ) -> Result<Batch, Failure> {
        self.write_each(now, std::iter::once((id, base.cloned(), want)))
    }

    /// The same for records that come with what the store has of them.
    pub(super) fn write_each(
        &self,
        now: Timestamp,
        records: impl Iterator<Item = (RecordId, Option<Record>, Want)>,
    ) -> Result<Batch, Failure> {
        let mut bases = Bases::new();
        let wants = records.map(|(id, base, want)| {
            bases.extend(base.map(|base| (id.clone(), base)));
            (id, want)
        });
        let wants = wants.collect();
        self.write(now, wants, &Types::new(), &bases)
    }
}

/// What has to be done for it; `None` where it is so already. `there` is the record as it is seen now.
fn edit(
    shape: &mut Shape<'_>,
    id: &RecordId,
    there: Option<&Fields>,
    want: Want,
) -> Result<Option<Edit>, Failure> {
    let deltas = match (want, there) {
        (Want::Gone, there) => return Ok(there.map(|there| Edit::Delete { base: there.clone() })),
        (Want::New(_), Some(_)) => {
            let message = format!("A record with the key “{}” is there already. Choose another key.", id.key);
            return Err(Failure::new(FailureKind::Exists, message));
        }
        (Want::New(fields) | Want::Has(fields) | Want::Exactly(fields), None) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_absent());
            let fitted = fields.map(|(name, value)| Ok((name.clone(), shape.fit(id, &name, value)?)));
            return Ok(Some(Edit::Insert {
                fields: per_field(fitted.collect::<Result<Vec<_>, Failure>>()?),
            }));
        }
        (Want::Change(_), None) => {
            return Err(Failure::input(
                "This record has been deleted meanwhile. Your input is still here: copy it, or add it as a new record.",
            ));
        }
        (Want::Change(seen), Some(_)) => seen,
        (Want::Has(fields), Some(there)) => onto(there, fields),
        (Want::Exactly(mut fields), Some(there)) => {
            for name in there.keys().filter(|name| shape.has(id, name)) {
                fields.entry(name.clone()).or_default();
            }
            onto(there, fields)
        }
    };
    let mut touched = Vec::new();
    for (name, Seen { saw, want }) in deltas {
        // nothing is taken away from a field that nobody has made
        if want.is_absent() && saw.is_absent() {
            continue;
        }
        let incoming = shape.fit(id, &name, want)?;
        if saw != incoming {
            touched.push((name, Delta { base: saw, incoming }));
        }
    }
    Ok((!touched.is_empty()).then(|| Edit::Patch { fields: per_field(touched) }))
}

/// A record that is added has the defaults of what is not said.
fn with_defaults(collection: &Collection, want: Want) -> Want {
    match want {
        Want::New(fields) => Want::New(Rules::with_defaults(collection, fields)),
        other => other,
    }
}

/// Whether a definition of a collection or a field is one, as it becomes. Of a type that only a later version knows the server
/// says what fits.
fn check_definition(id: &RecordId, fields: &Fields) -> Result<(), Failure> {
    let label = fields.get("label").and_then(Value::as_text).unwrap_or_default();
    match id.collection.as_str() {
        reserved::COLLECTIONS => {}
        reserved::FIELDS => {
            let known = fields.get("type").and_then(Value::as_text).and_then(FieldType::from_name);
            if known.is_none_or(|known| known == FieldType::Unknown) {
                return Ok(());
            }
        }
        _ => return Ok(()),
    }
    check_label(label)?;
    check_schema_record(id, fields).map_err(schema_failure)
}

/// Values on top of what is there.
fn onto(there: &Fields, wanted: Fields) -> BTreeMap<FieldName, Seen> {
    let seen = |(name, want): (FieldName, Value)| {
        let saw = value_of(there, &name).clone();
        (name, Seen { saw, want })
    };
    per_field(wanted.into_iter().map(seen))
}

/// Why a change of a reserved collection's record is none that may be made.
pub(super) fn schema_failure(rule: &str) -> Failure {
    failure(Rejection::InvalidSchema { rule: rule.into() })
}
