//! What a screen knows of an import.

use serde::{Deserialize, Serialize};
use sync_protocol::CollectionId;
use sync_protocol::schema::Field;

use super::Row;

/// What to do with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// The file that it was made for: several tabs can look at files at once.
    pub file: u64,
    /// What a new collection is called.
    pub label: String,
    /// The collection to add to; `None` makes a new one.
    pub into: Option<CollectionId>,
    /// The column that holds the key; `None`: each row becomes a record of its own.
    pub key: Option<String>,
    /// The columns, in order. None: they are guessed anew, for the rest of the plan.
    pub columns: Vec<ImportColumn>,
    /// How a table of texts is read; `None` for a file that says so itself (JSON).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// What becomes of rows whose key is known or new.
    #[serde(default)]
    pub mode: ImportMode,
    /// Whether an empty cell takes the value away from a record that is there; else the value stays.
    #[serde(default)]
    pub clear: bool,
}

/// Which rows are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// Only those that no record has the key of.
    Add,
    /// Only those that a record has the key of.
    Update,
    /// All.
    #[default]
    Both,
}

/// How a table of texts is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What stands between two cells.
    pub delimiter: char,
    /// Which of the file's rows names the columns, from 1; rows before it are left out. 0: none does.
    pub heading: usize,
    /// How numbers are written; `None`: not known, what can be read in two ways is no number.
    pub numbers: Option<Numbers>,
    /// How dates are written apart from `2026-11-23`; `None`: not known, others are no dates.
    pub dates: Option<Dates>,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

/// How dates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dates {
    /// `23.11.2026`
    DayFirst,
    /// `11/23/2026`
    MonthFirst,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportColumn {
    /// Its heading in the file.
    pub heading: String,
    /// The field it becomes.
    pub field: Field,
    /// Whether it is imported.
    pub take: bool,
    /// Whether the collection has this field already: its type and its options count.
    #[serde(default)]
    pub known: bool,
    /// How many different texts it holds, where they are few for many rows: it could be a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few: Option<usize>,
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The plan, guessed or as given.
    pub plan: ImportPlan,
    /// Rows in the file.
    pub rows: usize,
    /// What becomes of them.
    pub counts: ImportCounts,
    /// The first rows as they would be saved.
    pub sample: Vec<Row>,
    /// Rows that would be refused: the first 100.
    pub refused: Vec<RefusedRow>,
    /// How many would be refused.
    pub refused_total: usize,
    /// Things worth knowing, such as numbers that become text.
    pub notes: Vec<String>,
    /// The first rows of the file as they stand, to choose the one that names the columns.
    #[serde(default)]
    pub start: Vec<String>,
}

/// What becomes of the rows of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// Become new records.
    pub new: usize,
    /// Change a record.
    pub change: usize,
    /// Say what is there already.
    pub same: usize,
    /// Are left out, as [`ImportMode`] wants it.
    pub passed: usize,
}

/// A row that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// Its place among the rows, from 1, without the heading.
    pub row: usize,
    /// The line of the file on which it begins; `None` where it has no lines of its own (JSON).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column at fault; empty for the row as a whole.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Where the rows are.
    pub collection: CollectionId,
    /// Rows saved on this device: new records and changes of others.
    pub saved: usize,
    /// What became of the rows.
    #[serde(default)]
    pub counts: ImportCounts,
    /// Rows refused: the first 100. All of them, with their cells, are in the answer to `RefusedRows`.
    pub refused: Vec<RefusedRow>,
    /// How many were refused.
    pub refused_total: usize,
    /// Whether it was stopped before the end.
    pub cancelled: bool,
}
