//! What a screen knows of an import.

use serde::{Deserialize, Serialize};
use sync_protocol::CollectionId;
use sync_protocol::schema::Field;

use super::Row;

/// What to do with the columns of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// The file that it was made for: several tabs can look at files at once.
    pub file: u64,
    /// What the collection is called.
    pub label: String,
    /// The collection to add to; `None` makes a new one.
    pub into: Option<CollectionId>,
    /// The column that holds the key; `None` numbers the rows from 1.
    pub key: Option<String>,
    /// The columns, in order.
    pub columns: Vec<ImportColumn>,
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
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The plan, guessed or as given.
    pub plan: ImportPlan,
    /// Rows in the file.
    pub rows: usize,
    /// The first rows as they would be saved.
    pub sample: Vec<Row>,
    /// Rows that would be refused: the first 100.
    pub refused: Vec<RefusedRow>,
    /// How many would be refused.
    pub refused_total: usize,
    /// Things worth knowing, such as numbers that become text.
    pub notes: Vec<String>,
}

/// A row that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// Its place in the file, from 1, without the heading.
    pub row: usize,
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
    /// Rows saved on this device.
    pub saved: usize,
    /// Rows refused: the first 100.
    pub refused: Vec<RefusedRow>,
    /// How many were refused.
    pub refused_total: usize,
    /// Whether it was stopped before the end.
    pub cancelled: bool,
}
