//! A row of a mirrored table: as it was seen, and as it was last agreed on.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::{FieldName, Revision, Timestamp, Value};

/// When Cassandra says that a cell was written: microseconds since 1970, set by whoever wrote it. Of two writes the later one
/// holds, wherever its clock was.
pub type WriteTime = i64;

/// One cell that holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The value, in the form of its field.
    #[serde(rename = "v")]
    pub value: Value,
    /// When it was written.
    #[serde(rename = "w")]
    pub written: WriteTime,
    /// When it goes by itself, where it has a time to live.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A row as it was read: its mapped cells by field, without those that are null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRow {
    /// The cells.
    pub cells: BTreeMap<FieldName, Cell>,
}

/// A write of the mirror that it has not seen in the table yet: made or about to be made, perhaps by a server that was killed in
/// between. What is found with this value and this time is the mirror's own, and no edit of another program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The value; absent where the cell is deleted.
    #[serde(rename = "v", default, skip_serializing_if = "Value::is_absent")]
    pub value: Value,
    /// The time it is written with.
    #[serde(rename = "w")]
    pub written: WriteTime,
}

/// What record and row last agreed on: the values that the mirror saw when it made its last change, the base of its next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shadow {
    /// Whether the row was there.
    #[serde(rename = "r")]
    pub there: bool,
    /// Its cells.
    #[serde(rename = "c", skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<FieldName, Cell>,
    /// Writes on their way, oldest first.
    #[serde(rename = "i", skip_serializing_if = "BTreeMap::is_empty")]
    pub intents: BTreeMap<FieldName, Vec<Intent>>,
    /// The row's own deletion on its way, with its time.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    pub deleting: Option<WriteTime>,
    /// The record's revision when both were last compared.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
}
