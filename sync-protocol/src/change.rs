//! Changes: what one replica did to one record.

use crate::Ordered;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::id::{ChangeId, Digest, FieldName, RecordId, RecordKey, Revision, Timestamp};
use crate::record::{Fields, fields_size};
use crate::value::Value;

/// One edit of one record by one replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Minted and stored by the replica before the change is sent.
    pub id: ChangeId,
    /// What is changed.
    pub record: RecordId,
    /// When, by the author's clock.
    pub at: Timestamp,
    /// The record's revision on the author's device, where it had one. Tells *merged* from *applied*; decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<Revision>,
    /// What was done, with the values that the author saw.
    pub edit: Edit,
}

/// What was done to the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Edit {
    /// A new record; its author saw none there.
    Insert {
        /// The values.
        #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<FieldName, Value>))]
        fields: Fields,
    },
    /// Some fields set or removed.
    Patch {
        /// Per touched field, the value seen and the value wanted.
        fields: BTreeMap<FieldName, Delta>,
    },
    /// The record deleted: touches all fields.
    Delete {
        /// The values that the author saw.
        #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<FieldName, Value>))]
        base: Fields,
    },
    /// An open conflict settled.
    Resolve(Resolution),
    /// A settled conflict opened again, and what its resolution did taken back.
    Reopen(Reopening),
}

/// The value that the author of a change saw, and the value wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delta {
    /// What was there.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub base: Value,
    /// What shall be there.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub incoming: Value,
}

/// How somebody settles a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resolution {
    /// The conflict, named by the change that opened it.
    pub conflict: ChangeId,
    /// The conflict's own revision that the author saw.
    pub saw_conflict: Revision,
    /// The live record's revision that the author saw; `None` where the record was deleted or never there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw_record: Option<Revision>,
    /// The decision.
    pub outcome: Outcome,
}

/// What a resolution decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The record lives. Every clashing field needs a choice; the others are merged as if the change arrived now.
    /// A record that had been deleted is restored with its last values first.
    Keep {
        /// Per field.
        choices: BTreeMap<FieldName, Choice>,
    },
    /// The record ends deleted.
    Delete,
    /// The record stays as it is, and the parked change becomes a record of its own beside it: the record's values
    /// with all incoming ones. Only where two edits met.
    KeepBoth {
        /// The key of the new record: free, and in the same partition.
        key: RecordKey,
    },
}

/// How somebody takes a resolution back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reopening {
    /// The conflict, named by the change that opened it.
    pub conflict: ChangeId,
    /// The resolution that is taken back.
    pub resolution: ChangeId,
    /// The key of the record that it made, where it kept both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<RecordKey>,
}

/// Which value a field ends with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "take", content = "value", rename_all = "snake_case", from = "ChoiceText")]
pub enum Choice {
    /// What the record has now.
    Current,
    /// What the conflicting change wanted.
    Incoming,
    /// Another value.
    Own(Value),
}

/// A choice as it is written: a value beside another choice than an own one says nothing.
#[derive(Deserialize)]
struct ChoiceText {
    take: Take,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Take {
    Current,
    Incoming,
    Own,
}

impl From<ChoiceText> for Choice {
    fn from(text: ChoiceText) -> Self {
        match text.take {
            Take::Current => Self::Current,
            Take::Incoming => Self::Incoming,
            Take::Own => Self::Own(text.value),
        }
    }
}

impl Change {
    /// Bytes that the change takes as JSON, near enough for limits.
    pub fn size(&self) -> usize {
        let body = match &self.edit {
            Edit::Insert { fields } => fields_size(fields),
            Edit::Patch { fields } => {
                fields.iter().map(|(n, d)| n.as_str().len() + 28 + d.base.size() + d.incoming.size()).sum()
            }
            Edit::Delete { base } => fields_size(base),
            Edit::Reopen(r) => 200 + r.twin.as_ref().map_or(0, RecordKey::size),
            Edit::Resolve(r) => 200 + r.outcome.size(),
        };
        body + self.record.key.size() + 260
    }

    /// What the change says: its record, its time and its edit, but not its id. The same on every side and in every
    /// version: members that an edit gets one day are no part of it.
    pub fn digest(&self) -> Digest {
        let mut said = format!("{}\n{}\n", self.record, self.at);
        // protocol types have text keys: they are always JSON
        sorted(&serde_json::to_value(&self.edit).unwrap_or_default(), &mut said);
        Digest(xxhash_rust::xxh3::xxh3_64(said.as_bytes()) as u32)
    }

    /// The conflict that the change is about, where it settles one or opens it again.
    pub fn about(&self) -> Option<ChangeId> {
        match &self.edit {
            Edit::Resolve(resolution) => Some(resolution.conflict),
            Edit::Reopen(reopening) => Some(reopening.conflict),
            Edit::Insert { .. } | Edit::Patch { .. } | Edit::Delete { .. } => None,
        }
    }

    /// The second record that the change is about: the one that keeping both makes, or that taking it back removes.
    pub fn twin(&self) -> Option<RecordId> {
        let key = match &self.edit {
            Edit::Resolve(Resolution { outcome: Outcome::KeepBoth { key }, .. }) => key,
            Edit::Reopen(Reopening { twin: Some(key), .. }) => key,
            _ => return None,
        };
        Some(RecordId::new(self.record.collection.clone(), key.clone()))
    }
}

/// JSON without blanks, the members of every object sorted by their names.
fn sorted(json: &serde_json::Value, text: &mut String) {
    let place = |text: &mut String, n| {
        if n > 0 {
            text.push(',');
        }
    };
    match json {
        serde_json::Value::Object(members) => {
            text.push('{');
            let members: BTreeMap<&String, &serde_json::Value> = members.iter().ordered_map();
            for (n, (name, member)) in members.into_iter().enumerate() {
                place(text, n);
                text.push_str(&serde_json::Value::from(name.as_str()).to_string());
                text.push(':');
                sorted(member, text);
            }
            text.push('}');
        }
        serde_json::Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                place(text, n);
                sorted(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

impl Choice {
    /// The value that was written for it, where it is another one.
    pub fn own(&self) -> Option<&Value> {
        match self {
            Self::Own(value) => Some(value),
            Self::Current | Self::Incoming => None,
        }
    }
}

impl Outcome {
    /// Whether values were written for it that are in neither side.
    pub fn writes(&self) -> bool {
        match self {
            Self::Keep { choices } => choices.values().any(|choice| choice.own().is_some()),
            Self::Delete | Self::KeepBoth { .. } => false,
        }
    }

    /// Bytes that the decision takes as JSON, near enough for limits.
    pub fn size(&self) -> usize {
        let choice = |(name, choice): (&FieldName, &Choice)| {
            name.as_str().len() + 32 + choice.own().map_or(0, Value::size)
        };
        match self {
            Self::Delete => 20,
            Self::KeepBoth { key } => 40 + key.size(),
            Self::Keep { choices } => 40 + choices.iter().map(choice).sum::<usize>(),
        }
    }
}
