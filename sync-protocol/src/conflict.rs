//! Conflicts: a change that met a newer one, kept whole with everything a person needs to decide.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::change::Outcome;
use crate::id::{ChangeId, FieldName, RecordId, Revision};
use crate::record::Stamp;
use crate::value::Value;

/// A change that met a newer one on the same field, or a delete. Synced to every member like a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The change that opened it names it; the incoming side is that change's replica.
    pub id: ChangeId,
    /// The record.
    pub record: RecordId,
    /// The sequence number that made the conflict what it is.
    pub rev: Revision,
    /// What met what.
    pub kind: ConflictKind,
    /// Every field that the parked changes touch.
    pub fields: BTreeMap<FieldName, Sides>,
    /// The newest parked change.
    pub incoming: Stamp,
    /// The change it met: the record's last one. `None` where the record was not there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Stamp>,
    /// The record's revision at the verdict. `None` where the record was not there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_rev: Option<Revision>,
    /// How it ended; `None` while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
}

/// What met what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// An edit (or a new record) met another edit of the same field.
    EditEdit,
    /// An edit arrived for a record that had been deleted.
    EditDelete,
    /// A delete arrived for a record that had been edited.
    DeleteEdit,
}

/// The three values of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// What the author of the incoming change saw.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub base: Value,
    /// What the record had at the verdict.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub current: Value,
    /// What the incoming change wanted.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub incoming: Value,
    /// Whether the two really differ here; false for a field that only the incoming side changed.
    pub clash: bool,
}

/// How a conflict ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The resolving change.
    pub change: ChangeId,
    /// By whom and when.
    pub stamp: Stamp,
    /// The decision.
    pub outcome: Outcome,
}

impl Conflict {
    /// Whether somebody still has to decide.
    pub fn is_open(&self) -> bool {
        self.resolved.is_none()
    }
}
