//! Collections and fields as they are changed: definitions are records, so what changes them are edits of those records.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::record::{per_field, value_of};
use sync_protocol::schema::{Collection, Field, field_record, full_collection_record};
use sync_protocol::{CollectionId, FieldName, Fields, Ordered, RecordId, RecordKey, Value};

use super::{Op, Seen};

/// A field as it shall be, with what becomes of the values that records hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reshape {
    /// Whose field.
    pub collection: CollectionId,
    /// The field as it was seen.
    pub saw: Field,
    /// The field as it shall be: another type, other options, other limits.
    pub want: Field,
    /// What options are called from now on that records hold under another name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub renamed: BTreeMap<String, String>,
    /// Whether it is only counted. Nothing is stored then.
    #[serde(default)]
    pub dry_run: bool,
}

/// What changing a field does, or would do, to the values of records as the person sees them, unsent edits included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshaped {
    /// Records that hold a value.
    pub filled: usize,
    /// Records that hold none.
    pub empty: usize,
    /// Records whose edits of this field wait on this device to be sent.
    pub unsent: usize,
    /// Values that are written otherwise afterwards.
    pub converted: usize,
    /// Values that the field cannot hold: they are emptied, and the history of their records keeps them.
    pub unfit: usize,
    /// Some of them.
    pub unfit_sample: Vec<Unfit>,
    /// Values that the field holds and that do not keep to what it asks. They stay.
    pub broken: usize,
    /// Some of them.
    pub broken_sample: Vec<Unfit>,
    /// Values that more than one record holds, where the field shall have none twice.
    pub twice: usize,
    /// The values as people read them, with how many records hold each; empty where there are too many to choose from.
    pub values: BTreeMap<String, usize>,
}

/// A value that a field cannot hold, or should not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfit {
    /// Of which record.
    pub key: RecordKey,
    /// What people call that.
    pub title: String,
    /// The value as people read it.
    pub shown: String,
    /// What is wrong with it.
    pub why: String,
}

/// The edit that makes a field's definition another; `None` where it is that already.
pub fn field_op(collection: &CollectionId, saw: &Field, want: &Field) -> Option<Op> {
    edit_of(field_record(collection, saw), field_record(collection, want))
}

/// The edit that makes what a collection says of itself another; `None` where it says so already.
pub fn collection_op(id: &CollectionId, saw: &Collection, want: &Collection) -> Option<Op> {
    edit_of(full_collection_record(id, saw), full_collection_record(id, want))
}

/// The edits that give a field another place among those that people see: only those that really move are touched.
pub fn place_ops(id: &CollectionId, collection: &Collection, name: &FieldName, at: usize) -> Vec<Op> {
    let mut order = collection.ordered();
    let Some(from) = order.iter().position(|field| field.name == *name) else { return Vec::new() };
    let moved = order.remove(from);
    order.insert(at.min(order.len()), moved);
    let placed = order.into_iter().zip(0..);
    let ops =
        placed.filter_map(|(field, position)| field_op(id, field, &Field { position, ..field.clone() }));
    ops.collect()
}

fn edit_of((id, saw): (RecordId, Fields), (_, want): (RecordId, Fields)) -> Option<Op> {
    let names: BTreeSet<&FieldName> = saw.keys().chain(want.keys()).ordered_set();
    let seen = names.into_iter().filter(|name| value_of(&saw, name) != value_of(&want, name)).map(|name| {
        let of = |fields: &Fields| -> Value { value_of(fields, name).clone() };
        (name.clone(), Seen { saw: of(&saw), want: of(&want) })
    });
    let fields = per_field(seen);
    (!fields.is_empty()).then_some(Op::Edit { id, fields })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::FieldType;

    fn field(name: &str, position: i64) -> Field {
        Field { position, ..Field::new(FieldName::from_label(name), name, FieldType::Text) }
    }

    #[test]
    fn only_what_differs_is_edited() {
        let (id, saw) = (CollectionId::from_label("Things"), field("a", 0));
        assert_eq!(field_op(&id, &saw, &saw), None);
        let want = Field { label: "B".into(), ..saw.clone() };
        let Some(Op::Edit { fields, .. }) = field_op(&id, &saw, &want) else { panic!("an edit") };
        let seen = Seen { saw: Value::from("a"), want: Value::from("B") };
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), [(FieldName::from_label("label"), seen)]);
    }

    #[test]
    fn a_field_moves_and_those_beside_it_make_room() {
        let id = CollectionId::from_label("Things");
        let fields = ["a", "b", "c", "d"].into_iter().zip(0..).map(|(name, at)| field(name, at));
        let collection = Collection {
            fields: fields.map(|field| (field.name.clone(), field)).collect(),
            ..Collection::default()
        };
        let ops = place_ops(&id, &collection, &FieldName::from_label("c"), 1);
        let touched: Vec<String> = ops
            .iter()
            .map(|op| match op {
                Op::Edit { id, .. } => id.key.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(touched, ["things.c", "things.b"]);
        assert!(place_ops(&id, &collection, &FieldName::from_label("d"), 99).is_empty());
    }
}
