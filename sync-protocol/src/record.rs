//! Records as every store keeps them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::id::{FieldName, RecordKey, ReplicaId, Revision, Timestamp};
use crate::value::Value;

/// Named values; never contains [`Value::ABSENT`].
pub type Fields = BTreeMap<FieldName, Value>;

/// Who changed something, and when by that device's clock (never later than the server's).
/// The person and the device's name are in the reserved collection `_devices`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stamp {
    /// The replica that made the change.
    pub by: ReplicaId,
    /// When.
    pub at: Timestamp,
}

/// A record as of one revision. Which collection it is in is told by its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Record {
    /// Its key in the collection.
    pub key: RecordKey,
    /// The sequence number of the change that made it what it is.
    pub rev: Revision,
    /// The sequence number of its change before that, where its history goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Revision>,
    /// The revision before the last changes in a row of one replica; `None` where that is `prev`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since: Option<Revision>,
    /// The last change.
    pub stamp: Stamp,
    /// The change that created it, where that was not the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Stamp>,
    /// The last change of each field that was edited since the record was created.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub edits: BTreeMap<FieldName, Stamp>,
    /// The record beside which it was made, where a person kept both of two versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin_of: Option<RecordKey>,
    /// Whether the record is deleted: `fields` are then its last ones, kept for restoring until the horizon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The values.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<FieldName, Value>))]
    pub fields: Fields,
}

impl Record {
    /// Who last changed that field.
    pub fn field_stamp(&self, field: &FieldName) -> Stamp {
        self.edits.get(field).copied().or(self.created).unwrap_or(self.stamp)
    }

    /// The revision since which only that replica has changed the record, if there is one.
    pub fn alone_since(&self, replica: ReplicaId) -> Option<Revision> {
        (self.stamp.by == replica).then(|| self.alone_since.or(self.prev)).flatten()
    }

    /// The value of a field, [`Value::ABSENT`] where there is none.
    pub fn value(&self, field: &FieldName) -> &Value {
        value_of(&self.fields, field)
    }

    /// Bytes that the record takes as JSON, near enough for limits.
    pub fn size(&self) -> usize {
        let edits: usize = self.edits.keys().map(|name| name.as_str().len() + 80).sum();
        let twin = self.twin_of.as_ref().map_or(0, RecordKey::size);
        fields_size(&self.fields) + edits + self.key.size() + twin + 400
    }
}

/// Pairs as a map. What `collect` does is to sort first, which takes 4 KB of code for each kind of value; pairs per field
/// are few, and mostly in order.
pub fn per_field<V>(pairs: impl IntoIterator<Item = (FieldName, V)>) -> BTreeMap<FieldName, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}

/// The value of a field, [`Value::ABSENT`] where there is none.
pub fn value_of<'a>(fields: &'a Fields, field: &FieldName) -> &'a Value {
    fields.get(field).unwrap_or(&Value::ABSENT)
}

/// Sets a field, or removes it where the value is absent.
pub fn set_value(fields: &mut Fields, field: &FieldName, value: Value) {
    if value.is_absent() {
        fields.remove(field);
    } else {
        fields.insert(field.clone(), value);
    }
}

/// Bytes that the values take as JSON, near enough for limits.
pub fn fields_size(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + 4 + value.size()).sum()
}
