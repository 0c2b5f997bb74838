//! What shall be written to a row of a mirrored table.

use std::collections::BTreeMap;
use std::time::Duration;
use sync_protocol::{FieldName, Value};

use super::row::WriteTime;

/// Writes to one row. Each with a time of its own, just above what the mirror saw, so that whatever is newer than that holds
/// against it: they are read back, never believed. Writing the same twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Cells by field.
    pub cells: BTreeMap<FieldName, CellWrite>,
    /// The row itself.
    pub row: RowWrite,
}

/// A write to one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellWrite {
    /// The value; absent: the cell is deleted.
    pub value: Value,
    /// The time it is written with.
    pub at: WriteTime,
    /// The rest of the life of the cell that it replaces, where that goes by itself.
    pub ttl: Option<Duration>,
}

/// What becomes of the row itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowWrite {
    /// It is as it is.
    Keep,
    /// It is there also without a value.
    Insert {
        /// The time it is written with.
        at: WriteTime,
    },
    /// It is deleted; no cell is written.
    Delete {
        /// The time it is deleted with.
        at: WriteTime,
    },
}
