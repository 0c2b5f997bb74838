//! Several edits in one step, and taking a step back.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordId, RecordKey};

use super::Seen;

/// One of the edits that are saved together. Each sees what those before it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Adds a record. Refused where one of that key is there.
    Insert {
        /// Where.
        collection: CollectionId,
        /// Its key; `None` mints a UUIDv7.
        #[serde(default)]
        key: Option<RecordKey>,
        /// Its values.
        fields: Fields,
    },
    /// Changes fields of a record. Refused where there is none.
    Edit {
        /// Which.
        id: RecordId,
        /// Per touched field, what was seen and what is wanted.
        fields: BTreeMap<FieldName, Seen>,
    },
    /// Makes a record exactly this: adds it where there is none; else sets the fields that differ from what is there now, and
    /// removes those that are not given.
    Put {
        /// Which.
        id: RecordId,
        /// All of its values.
        fields: Fields,
    },
    /// Deletes a record; nothing where there is none.
    Delete {
        /// Which.
        id: RecordId,
    },
}

/// The types of fields that a step adds to an open collection, where their values do not say them: a point in time and bytes
/// are texts as JSON. What is not told is typed by its value.
pub type Types = BTreeMap<CollectionId, BTreeMap<FieldName, FieldType>>;

/// What undoing or redoing a step did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// What the step was called by whoever made it.
    pub label: Option<String>,
    /// The records that are back as they were, wholly or in part.
    pub ids: Vec<RecordId>,
    /// What was left as it is, record by record.
    pub left: Vec<Kept>,
    /// What can be undone and redone next.
    pub next: Undoable,
}

/// A record, or fields of it, that an undo left as it is: somebody has been there since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The record.
    pub id: RecordId,
    /// Why.
    pub why: KeptWhy,
}

/// Why an undo left something as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptWhy {
    /// These fields hold something else by now; the step's other fields are back.
    Changed {
        /// Which.
        fields: Vec<FieldName>,
    },
    /// The record has been deleted since.
    Deleted,
    /// The step had deleted the record, and one of that key has been added since.
    Added,
}

/// What a tab (or program) can undo and redo next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoable {
    /// Its last step; `None` where there is nothing to undo.
    pub undo: Option<StepInfo>,
    /// The step that it undid last; `None` where there is nothing to redo.
    pub redo: Option<StepInfo>,
}

/// A step as a screen names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// What it was called by whoever made it.
    pub label: Option<String>,
    /// Records that it added.
    pub added: usize,
    /// Records that it changed.
    pub changed: usize,
    /// Records that it deleted.
    pub deleted: usize,
}
