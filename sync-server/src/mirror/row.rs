//! A row of a mirrored table: as it was seen, and as it was last agreed on.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::{FieldName, Rejection, Revision, Timestamp, Value};

/// When Cassandra says that a cell was written: microseconds since 1970, set by whoever wrote it. Of two writes the later one
/// holds, wherever its clock was.
pub type WriteTime = i64;

/// One cell. In a row as it was read it holds a value; in a shadow it may hold none: what was written up to that time is gone.
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
    /// Grows with every step that stores it; 0 where there is none. A row that was read before the shadow became what it is
    /// says nothing about it.
    #[serde(rename = "n")]
    pub version: u64,
    /// Whether the row was there.
    #[serde(rename = "r")]
    pub there: bool,
    /// Its cells, and those that are known to be gone.
    #[serde(rename = "c", skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<FieldName, Cell>,
    /// Writes on their way, oldest first, each with a later time than the one before. They stay until something newer was seen
    /// in the cell: until then each can still arrive.
    #[serde(rename = "i", skip_serializing_if = "BTreeMap::is_empty")]
    pub intents: BTreeMap<FieldName, Vec<Intent>>,
    /// Whether the row's own deletion is on its way.
    #[serde(rename = "d", skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// The latest time with which the mirror ever deleted the row.
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    pub deleted: Option<WriteTime>,
    /// The time with which the row's marker was last written, until the row is seen.
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    pub inserting: Option<WriteTime>,
    /// What could not be taken in.
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<Refused>>,
}

/// How far the feed of a partition was carried to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Every change up to here has been.
    pub seq: Revision,
}

/// A difference that the judge refused: it is not tried again until the row or the collection is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub reason: Rejection,
    /// What was refused: a mark of the row and of the collection as they were.
    pub mark: String,
    /// When.
    pub at: Timestamp,
}

impl Shadow {
    /// A field's value as it was agreed on.
    pub fn value(&self, field: &FieldName) -> &Value {
        self.cells.get(field).map_or(&Value::ABSENT, |cell| &cell.value)
    }

    /// The cells that hold a value.
    pub fn held(&self) -> impl Iterator<Item = (&FieldName, &Cell)> {
        self.cells.iter().filter(|(_, cell)| !cell.value.is_absent())
    }

    /// Whether a row is what was agreed on, to the times: then there is nothing to reconcile on the table's side.
    pub fn is_of(&self, seen: Option<&SeenRow>) -> bool {
        let cells = |row: &SeenRow| {
            self.held().count() == row.cells.len()
                && self.held().all(|(name, held)| {
                    row.cells
                        .get(name)
                        .is_some_and(|cell| cell.written == held.written && cell.value == held.value)
                })
        };
        self.refused.is_none() && self.there == seen.is_some() && seen.is_none_or(cells)
    }

    /// The row as it was agreed on, where nothing is on its way to it and nothing of it goes by itself.
    pub fn as_row(&self) -> Option<SeenRow> {
        let still = self.there
            && self.intents.is_empty()
            && !self.deleting
            && self.inserting.is_none()
            && self.refused.is_none()
            && self.held().all(|(_, cell)| {
                cell.expires.is_none() && self.deleted.is_none_or(|deleted| deleted < cell.written)
            });
        still.then(|| self.row())
    }

    /// The row as it was agreed on, of which this is what was there.
    pub fn row(&self) -> SeenRow {
        SeenRow { cells: self.held().map(|(name, cell)| (name.clone(), cell.clone())).collect() }
    }

    /// When the latest of its cells was written.
    pub fn written(&self) -> Option<WriteTime> {
        self.held().map(|(_, cell)| cell.written).max()
    }

    /// Bytes that it takes as JSON, near enough for limits.
    pub fn size(&self) -> usize {
        let cells = self.cells.iter().map(|(name, cell)| name.as_str().len() + 60 + cell.value.size());
        let intents = self.intents.iter().map(|(name, list)| {
            name.as_str().len() + list.iter().map(|intent| 40 + intent.value.size()).sum::<usize>()
        });
        100 + cells.sum::<usize>() + intents.sum::<usize>() + self.refused.as_ref().map_or(0, |_| 400)
    }
}
