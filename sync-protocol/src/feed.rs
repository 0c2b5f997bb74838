//! The changes of a partition in order.

use serde::{Deserialize, Serialize};

use crate::conflict::Conflict;
use crate::id::{ChangeId, CollectionId, Revision};
use crate::record::Record;

/// One judged change with what it did. Sequence numbers are contiguous within a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its sequence number.
    pub seq: Revision,
    /// The change.
    pub change: ChangeId,
    /// What the server said of it.
    pub kind: EntryKind,
    /// The collection of `record`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// The record as it became; `None` where the change left it as it was. A deleted one comes without values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
    /// The revision of the live record that `record` replaces; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Revision>,
    /// The conflict that was opened, joined or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
}

/// What a change in the feed did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Applied as it was.
    Applied,
    /// Applied beside or merged with newer changes.
    Merged,
    /// Kept as a conflict.
    Conflicted,
    /// Closed a conflict.
    Resolved,
}
