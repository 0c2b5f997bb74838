//! Conflicts: a change that met a newer one, kept whole with everything a person needs to decide.

use crate::Ordered;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::change::Outcome;
use crate::id::{ChangeId, FieldName, RecordId, Revision};
use crate::merge::{Meeting, Merged, Work, merge_field};
use crate::policy::Policy;
use crate::record::{Record, Stamp};
use crate::schema::Collection;
use crate::value::{Value, shallow, text_size};

/// A change that met a newer one on the same field, or a delete. Synced to every member like a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    /// The change that opened it names it; the incoming side is that change's replica.
    pub id: ChangeId,
    /// The record.
    pub record: RecordId,
    /// The sequence number that made the conflict what it is.
    pub rev: Revision,
    /// What met what.
    pub kind: ConflictKind,
    /// What the record is called, for people ([`crate::schema::Collection::title`]): lists need not read the record.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
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
    /// For an open one: that its last decision was taken back; `None` where there was none, or more came since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened: Option<Reopened>,
}

/// That a decision was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reopened {
    /// By whom and when.
    pub stamp: Stamp,
    /// The conflict's revision before that decision, where it was the same replica's: for that one nothing has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since: Option<Revision>,
}

/// What met what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sides {
    /// What the author of the incoming change saw.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub base: Value,
    /// What the record had at the verdict.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub current: Value,
    /// What the incoming change wanted.
    #[serde(default, deserialize_with = "shallow", skip_serializing_if = "Value::is_absent")]
    pub incoming: Value,
    /// Whether the two really differ here; false for a field that only the incoming side changed.
    pub clash: bool,
    /// Whether the author of the incoming change saw no record at all: a counter then has nothing to count from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inserted: bool,
    /// Who set `current`; `None`: as [`Conflict::current`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_by: Option<Stamp>,
    /// Who wanted `incoming`, and when; `None`: as [`Conflict::incoming`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming_by: Option<Stamp>,
}

/// How a conflict ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resolved {
    /// The resolving change; where nothing was left to ask, the change after which both sides came to the same.
    pub change: ChangeId,
    /// By whom and when.
    pub stamp: Stamp,
    /// The conflict's revision that its author saw; `None` where nobody decided, for nothing was left to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<Revision>,
    /// The decision.
    pub outcome: Outcome,
    /// What it did to the record: what is taken back when somebody opens the conflict again.
    #[serde(default, skip_serializing_if = "Effect::is_nothing")]
    pub effect: Effect,
}

/// What a resolution did to the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Effect {
    /// Whether the record came or went by it.
    #[serde(skip_serializing_if = "Life::is_same")]
    pub life: Life,
    /// The revision that it gave the record, or the new record beside it; `None` where it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<Revision>,
    /// The fields that it changed of a record that lived before and after.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldName, Changed>,
}

/// Whether a record came or went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It lived before and after, or neither.
    #[default]
    Same,
    /// It was not there, or deleted, and lives.
    Restored,
    /// It lived and is deleted.
    Deleted,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// The value before.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub before: Value,
    /// Who had set that.
    pub by: Stamp,
    /// The value after.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub after: Value,
}

impl Effect {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Life {
    fn is_same(&self) -> bool {
        *self == Self::Same
    }
}

impl Conflict {
    /// Whether somebody still has to decide.
    pub fn is_open(&self) -> bool {
        self.resolved.is_none()
    }

    /// Who set a field's current value; `None` where the record was not there at all.
    pub fn current_by(&self, field: &FieldName) -> Option<Stamp> {
        self.fields.get(field).and_then(|sides| sides.current_by).or(self.current)
    }

    /// Who wanted a field's incoming value.
    pub fn incoming_by(&self, field: &FieldName) -> Stamp {
        self.fields.get(field).and_then(|sides| sides.incoming_by).unwrap_or(self.incoming)
    }

    /// What becomes of a parked field that nobody chooses about: the same as if its change arrived now. `record` is the
    /// record as it stands, a deleted one with its last values where they are known. Nothing of a parked delete is taken
    /// without a decision.
    pub fn merged(
        &self,
        name: &FieldName,
        record: Option<&Record>,
        collection: &Collection,
        work: &Work,
    ) -> Merged {
        let Some(sides) = self.fields.get(name).filter(|_| self.kind != ConflictKind::DeleteEdit) else {
            return Merged::Keep;
        };
        let Some(record) = record else { return Merged::Set(sides.incoming.clone()) };
        let meeting = Meeting {
            base: &sides.base,
            current: record.value(name),
            incoming: &sides.incoming,
            current_at: record.field_stamp(name).at,
            incoming_at: self.incoming_by(name).at,
            inserted: sides.inserted,
        };
        merge_field(meeting, collection, name, work)
    }

    /// The conflict with the sides, persons, times and kind as they are with this record.
    pub fn as_of(&self, record: Option<&Record>, collection: &Collection, work: &Work) -> Self {
        let live = record.filter(|record| !record.deleted);
        let mut now = Self {
            kind: match (self.kind, live) {
                (ConflictKind::DeleteEdit, _) => ConflictKind::DeleteEdit,
                (ConflictKind::EditEdit | ConflictKind::EditDelete, Some(_)) => ConflictKind::EditEdit,
                (ConflictKind::EditEdit | ConflictKind::EditDelete, None) => ConflictKind::EditDelete,
            },
            current: record.map(|record| record.stamp),
            record_rev: record.map(|record| record.rev),
            ..self.clone()
        };
        let asks = |name: &FieldName, sides: &Sides| match (now.kind, live) {
            (ConflictKind::EditEdit, Some(_)) => now.merged(name, live, collection, work) == Merged::Clash,
            (ConflictKind::DeleteEdit, Some(live)) => !collection.same(name, &sides.base, live.value(name)),
            _ => !collection.same(name, &sides.base, &sides.incoming),
        };
        let clashing: BTreeSet<FieldName> = now
            .fields
            .iter()
            .filter(|(name, sides)| asks(name, sides))
            .map(|(name, _)| name.clone())
            .ordered_set();
        for (name, sides) in &mut now.fields {
            sides.clash = clashing.contains(name);
            sides.current = live.map_or(Value::ABSENT, |live| live.value(name).clone());
            sides.current_by = live.map(|live| live.field_stamp(name)).filter(|by| Some(*by) != now.current);
        }
        now
    }

    /// Whether the record would be the same whatever is decided: what was wanted is there, or was taken back. The sides are
    /// those of the record as it stands ([`Conflict::as_of`]); `lives`: whether it is there.
    pub fn asks_nothing(&self, lives: bool, collection: &Collection) -> bool {
        let agree = |(name, sides): (&FieldName, &Sides)| {
            let adds = collection.policy(name) == Policy::Counter && !sides.inserted;
            collection.same(name, &sides.base, &sides.incoming)
                || !adds && !sides.clash && collection.same(name, &sides.current, &sides.incoming)
        };
        match self.kind {
            ConflictKind::EditEdit => self.fields.iter().all(agree),
            ConflictKind::EditDelete => {
                self.fields.iter().all(|(name, s)| collection.same(name, &s.base, &s.incoming))
            }
            ConflictKind::DeleteEdit => !lives,
        }
    }

    /// Bytes that the conflict takes as JSON, near enough for limits.
    pub fn size(&self) -> usize {
        let sides = |(name, s): (&FieldName, &Sides)| {
            name.as_str().len() + 240 + s.base.size() + s.current.size() + s.incoming.size()
        };
        let settled = self.resolved.as_ref().map_or(0, |resolved| {
            let changed = |(name, c): (&FieldName, &Changed)| {
                name.as_str().len() + 128 + c.before.size() + c.after.size()
            };
            300 + resolved.outcome.size() + resolved.effect.fields.iter().map(changed).sum::<usize>()
        });
        600 + text_size(&self.title)
            + self.record.key.size()
            + self.fields.iter().map(sides).sum::<usize>()
            + settled
    }
}
