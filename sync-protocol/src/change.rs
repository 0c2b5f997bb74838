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
        let mut said = format!("{}\n{}\n", self.record, self.at).into_bytes();
        match &self.edit {
            // what there is by the thousand is written as it is, without a tree of it
            Edit::Insert { fields } => {
                said.extend_from_slice(b"{\"fields\":");
                members(fields.iter(), &mut said, |value, said| sorted(&value.0, said));
                said.extend_from_slice(b",\"kind\":\"insert\"}");
            }
            Edit::Patch { fields } => {
                said.extend_from_slice(b"{\"fields\":");
                members(fields.iter(), &mut said, |delta, said| {
                    let sides = [("base", &delta.base), ("incoming", &delta.incoming)];
                    let sides = sides.into_iter().filter(|(_, value)| !value.is_absent());
                    members(sides, said, |value, said| sorted(&value.0, said));
                });
                said.extend_from_slice(b",\"kind\":\"patch\"}");
            }
            Edit::Delete { base } => {
                said.extend_from_slice(b"{\"base\":");
                members(base.iter(), &mut said, |value, said| sorted(&value.0, said));
                said.extend_from_slice(b",\"kind\":\"delete\"}");
            }
            // protocol types have text keys: they are always JSON
            other => sorted(&serde_json::to_value(other).unwrap_or_default(), &mut said),
        }
        Digest(xxhash_rust::xxh3::xxh3_64(&said) as u32)
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
fn sorted(json: &serde_json::Value, text: &mut Vec<u8>) {
    match json {
        serde_json::Value::Object(object) => {
            let object: BTreeMap<&String, &serde_json::Value> = object.iter().ordered_map();
            members(object.into_iter(), text, sorted);
        }
        serde_json::Value::Array(items) => {
            text.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(b',');
                }
                sorted(item, text);
            }
            text.push(b']');
        }
        plain => written(plain, text),
    }
}

/// An object of these members, which come in the order of their names.
fn members<'m, N: AsRef<str>, T>(
    all: impl Iterator<Item = (N, &'m T)>,
    text: &mut Vec<u8>,
    member: impl Fn(&T, &mut Vec<u8>),
) where
    T: 'm,
{
    text.push(b'{');
    for (n, (name, value)) in all.enumerate() {
        if n > 0 {
            text.push(b',');
        }
        written(name.as_ref(), text);
        text.push(b':');
        member(value, text);
    }
    text.push(b'}');
}

fn written<T: Serialize + ?Sized>(json: &T, text: &mut Vec<u8>) {
    serde_json::to_writer(text, json).expect("texts and plain values are JSON, and memory takes all of it");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CollectionId, Counter, ReplicaId};
    use serde_json::json;

    #[test]
    fn a_digest_is_that_of_the_edit_as_it_travels() {
        let text = json!({ "z": [1, { "b": "x\n\"", "a": null }], "a": 0.1, "_": -0.0, "é": true });
        let fields = || -> Fields {
            let values =
                [("b", json!("ü \u{1}")), ("a__", text.clone()), ("a", json!(1e300)), ("n", json!(-7))];
            values.into_iter().map(|(name, json)| (FieldName::from_label(name), Value(json))).collect()
        };
        let delta = |base, incoming| Delta { base: Value(base), incoming: Value(incoming) };
        let deltas = [("a", delta(json!(null), text.clone())), ("b", delta(json!([]), json!(null)))];
        let patch = deltas.into_iter().map(|(name, delta)| (FieldName::from_label(name), delta)).collect();
        let edits = [
            Edit::Insert { fields: fields() },
            Edit::Delete { base: fields() },
            Edit::Patch { fields: patch },
        ];
        for edit in edits {
            let record = RecordId::new(CollectionId::from_label("c"), RecordKey::Text("k\"/".into()));
            let id = ChangeId { replica: ReplicaId(uuid::Uuid::nil()), counter: Counter(1) };
            let change = Change { id, record, at: Timestamp(5), saw: None, edit };
            let mut said = format!("{}\n{}\n", change.record, change.at).into_bytes();
            sorted(&serde_json::to_value(&change.edit).expect("it is JSON"), &mut said);
            assert_eq!(change.digest().0, xxhash_rust::xxh3::xxh3_64(&said) as u32, "{:?}", change.edit);
        }
    }
}
