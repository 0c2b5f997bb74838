//! What a screen knows of one record, and of what has just come up for review.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::message::DeletedPlace;
use sync_protocol::{
    ChangeId, ConflictKind, FieldName, Fields, RecordId, RecordKey, Revision, Timestamp, Value,
};

use super::{ConflictInfo, Marks, RejectedInfo, Seen};

/// Everything about a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordInfo {
    /// Which.
    pub id: RecordId,
    /// The values as the person sees them; `None` where there is no such record (any more).
    pub fields: Option<Fields>,
    /// What is going on with it.
    pub marks: Marks,
    /// Its revision on the server; `None` where the server has none.
    pub rev: Option<Revision>,
    /// The last change on the server: who and when.
    pub changed: Option<Author>,
    /// The record beside which it was made, where somebody kept both of two versions.
    pub twin_of: Option<RecordKey>,
    /// The records that were made beside this one in the same way, as far as this device knows.
    pub twins: Vec<RecordKey>,
    /// Its changes that the server has not judged, oldest first.
    pub unsent: Vec<UnsentInfo>,
    /// Per field, who set (or cleared) its value; the server's state.
    pub authors: BTreeMap<FieldName, Author>,
    /// Its open conflicts.
    pub conflicts: Vec<ConflictInfo>,
    /// Its rejected changes.
    pub rejected: Vec<RejectedInfo>,
}

/// A person and a device, by the names that people know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The person; empty where unknown.
    pub person: String,
    /// The device; empty where unknown.
    pub device: String,
    /// `browser`, `desktop`, `embedded`, `mirror`; empty where unknown.
    pub channel: String,
    /// Whether it is this very device.
    pub here: bool,
    /// When, by that device's clock.
    pub at: Timestamp,
}

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

/// Deleted records of a collection, a piece at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedPage {
    /// The records.
    pub records: Vec<DeletedInfo>,
    /// Where to go on; `None` when there are no more. That needs the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DeletedPlace>,
}

/// A deleted record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedInfo {
    /// Its key.
    pub key: RecordKey,
    /// What it is called, for people.
    pub title: String,
    /// Its last values.
    pub fields: Fields,
    /// Who deleted it, and when.
    pub by: Author,
    /// Whether the server has not judged that yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsent: bool,
}

/// Values of a field that more than one record holds, the first thousand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// The values.
    pub values: Vec<Duplicate>,
    /// Whether there are more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// A value that more than one record holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The value, as the first of them writes it.
    pub value: Value,
    /// The first of them.
    pub records: Vec<Holder>,
    /// How many more there are.
    #[serde(default)]
    pub more: usize,
}

/// A record that holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its key.
    pub key: RecordKey,
    /// What tells it from the others: what people call it, unless that is the value.
    pub title: String,
}
