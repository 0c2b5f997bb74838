//! A collection and its rows, as a screen lists them.

use serde::{Deserialize, Serialize};
use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, FieldName, Fields, RecordKey};

use super::{MirrorNote, Only};

/// A collection with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionInfo {
    /// Its name.
    pub id: CollectionId,
    /// Its definition.
    #[serde(flatten)]
    pub collection: Collection,
    /// Number of records.
    pub records: u64,
    /// Number of records that need review.
    pub review: u64,
    /// The table that it is kept in step with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<MirrorNote>,
}

/// Some rows of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many match the search and the filter.
    pub matching: usize,
    /// How many there are.
    pub total: usize,
}

/// A record as the person sees it: the server's state with this device's unsent changes on top.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its key.
    pub key: RecordKey,
    /// Its values.
    pub fields: Fields,
    /// What is going on with it.
    #[serde(default, skip_serializing_if = "Marks::is_clean")]
    pub marks: Marks,
    /// Whether it is not there (any more) and is listed only because it needs review: the values are what is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// What is going on with a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// Has changes that the server has not judged.
    pub unsent: bool,
    /// Has an open conflict.
    pub review: bool,
    /// Has a rejected change.
    pub rejected: bool,
}

impl Marks {
    /// Whether nothing is going on.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsQuery {
    /// Of which collection.
    pub collection: CollectionId,
    /// Only rows that contain this text somewhere; letter case does not matter.
    #[serde(default)]
    pub search: String,
    /// Sort by this field; `None` by key.
    #[serde(default)]
    pub sort: Option<FieldName>,
    /// Largest first.
    #[serde(default)]
    pub descending: bool,
    /// Only rows with which this is going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// The first row.
    pub offset: usize,
    /// How many rows, at most 500.
    pub limit: usize,
}
