//! The changes of a partition in order.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::conflict::Conflict;
use crate::id::{ChangeId, CollectionId, Digest, FieldName, RecordId, Revision};
use crate::policy::Policy;
use crate::record::{Record, Stamp};
use crate::value::{Value, shallow, text_size};

/// One judged change with what it did. Sequence numbers are contiguous within a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// The conflict that was opened, joined, closed or opened again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Further conflicts that ended by it: what was wanted there is what the record is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<Conflict>,
    /// What a policy decided where the change met others; `None` where nothing met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Box<Merge>>,
    /// What the change said ([`crate::Change::digest`]): a replica knows its own by it. `None` in entries of servers
    /// that did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Digest>,
}

impl Entry {
    /// All conflicts that the change opened, joined, closed or opened again.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflict.iter().chain(&self.ended)
    }
}

/// What a policy decided without asking, with everything that a person needs to look at it and to decide otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Merge {
    /// The record.
    pub record: RecordId,
    /// What it is called, for people.
    pub title: String,
    /// Who made the incoming change, and when.
    pub incoming: Stamp,
    /// Whether the incoming change was a delete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete: bool,
    /// The fields in which it met others.
    pub fields: BTreeMap<FieldName, Met>,
}

/// Two edits of one field that met, and what the policy made of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Met {
    /// What the author of the incoming change saw.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub base: Value,
    /// What the record had.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub current: Value,
    /// Who had set that.
    pub current_by: Stamp,
    /// What the incoming change wanted.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub incoming: Value,
    /// What the field became.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub result: Value,
    /// The policy that decided.
    pub policy: Policy,
}

impl Merge {
    /// Bytes that it takes as JSON, near enough for limits.
    pub fn size(&self) -> usize {
        let met = |(name, m): (&FieldName, &Met)| {
            name.as_str().len() + 160 + m.base.size() + m.current.size() + m.incoming.size() + m.result.size()
        };
        300 + text_size(&self.title) + self.record.key.size() + self.fields.iter().map(met).sum::<usize>()
    }
}

/// What a change in the feed did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Opened a closed conflict again.
    Reopened,
}
