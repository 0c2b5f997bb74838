//! What a screen knows of one record beside its values, and of what has just come up for review.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::{ChangeId, ConflictKind, FieldName, RecordId, Timestamp};

use super::{Author, Seen};

/// Which rows, by what is going on with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Records that wait for a person: changes that met, or that were refused. Also those that are not there (any more).
    Review,
}

/// A change of a record that the server has not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentInfo {
    /// When it was made.
    pub at: Timestamp,
    /// What was done.
    pub what: UnsentWhat,
    /// Per field, what was seen and what is wanted.
    pub fields: BTreeMap<FieldName, Seen>,
}

/// What an unsent change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsentWhat {
    /// Adds the record.
    Add,
    /// Changes fields of it.
    Edit,
    /// Deletes it.
    Delete,
    /// Settles a conflict about it.
    Decide,
    /// Takes such a decision back.
    TakeBack,
}

/// A conflict that has just come to this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReview {
    /// Names it.
    pub id: ChangeId,
    /// The record.
    pub record: RecordId,
    /// What the record's collection is called.
    pub collection: String,
    /// What met what.
    pub kind: ConflictKind,
    /// Who made the incoming side.
    pub incoming: Author,
}
