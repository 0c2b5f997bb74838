//! The rule book: what becomes of a change. Both sides judge with [`judge`]; nothing else decides.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::change::{Change, Choice, Delta, Edit, Outcome, Resolution};
use crate::conflict::{Conflict, ConflictKind, Resolved, Sides};
use crate::feed::EntryKind;
use crate::id::{ChangeId, Counter, FieldName, Revision, Timestamp};
use crate::limits;
use crate::merge::{Meeting, Merged, merge};
use crate::policy::Policy;
use crate::record::{Fields, Record, Stamp, set_value, value_of};
use crate::schema::{Collection, Schema, check_schema_record, check_value};
use crate::value::Value;

/// What the server says of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Applied as it was.
    Applied {
        /// Its sequence number.
        seq: Revision,
    },
    /// Applied beside or merged with newer changes.
    Merged {
        /// Its sequence number.
        seq: Revision,
    },
    /// Kept whole as a conflict.
    Conflicted {
        /// Its sequence number.
        seq: Revision,
        /// The conflict that holds it.
        conflict: ChangeId,
    },
    /// Never acceptable as it is; nothing was changed.
    Rejected {
        /// Why.
        reason: Rejection,
        /// The same for people.
        message: String,
    },
    /// Judged before; no effect. Its outcome is in the feed.
    Duplicate,
}

/// Why a change can never be accepted as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Rejection {
    /// The collection does not exist (any more).
    #[error(
        "The collection “{collection}” does not exist. Restore it, or move this record to another collection."
    )]
    UnknownCollection {
        /// Its name.
        collection: String,
    },
    /// A field that the collection does not have.
    #[error("The field “{field}” does not exist in this collection. Add the field, or remove the value.")]
    UnknownField {
        /// Its name.
        field: FieldName,
    },
    /// A value that does not fit its field.
    #[error("The value of “{field}” does not fit: {rule}.")]
    Misfit {
        /// The field.
        field: FieldName,
        /// What fits.
        rule: String,
    },
    /// A key that cannot be used.
    #[error("This key cannot be used: {rule}.")]
    InvalidKey {
        /// What can.
        rule: String,
    },
    /// A schema record that makes no sense.
    #[error("This definition cannot be used: {rule}.")]
    InvalidSchema {
        /// Why.
        rule: String,
    },
    /// The record would be too large.
    #[error("The record would be too large: at most {limit} bytes and {} fields are kept.", limits::FIELDS)]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The person may not do this.
    #[error("You are not allowed to make this change. Ask an owner of the workspace.")]
    NotPermitted,
    /// An earlier change of the same record was rejected in the same push.
    #[error("This change builds on an earlier one that was refused. Repair that one first.")]
    FollowsRejected {
        /// The earlier one.
        counter: Counter,
    },
    /// A resolution of a conflict that is not known (any more).
    #[error(
        "There is nothing left to review here: it was settled long ago, or belongs to another workspace."
    )]
    NoSuchConflict,
    /// Somebody else was first.
    #[error("Somebody else has settled this already.")]
    AlreadyResolved {
        /// How, by whom, when.
        resolved: Resolved,
    },
    /// The record or the conflict changed since the author looked at it.
    #[error("The record has changed since you looked at it. Your choices are kept; look once more.")]
    Moved,
    /// A clashing field without a choice.
    #[error("The field “{field}” still needs a decision.")]
    Undecided {
        /// The field.
        field: FieldName,
    },
}

/// What the judge knows. All of it is as of the same sequence number of the record's partition.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The workspace's collections.
    pub schema: &'a Schema,
    /// The record as it stands; a deleted one as its tombstone, `None` where there never was one.
    pub current: Option<&'a Record>,
    /// The open conflict of this record and the change's replica; for a resolution, the conflict it names, open or not.
    pub conflict: Option<&'a Conflict>,
    /// The server's time: no stamp is later.
    pub now: Timestamp,
    /// The sequence number that the change gets if it is not rejected.
    pub seq: Revision,
}

/// A verdict with its effects, to be stored in one atomic step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the replica is told.
    pub verdict: Verdict,
    /// The record as it becomes; `None` where it stays.
    pub record: Option<Record>,
    /// The conflict as it becomes; `None` where it stays.
    pub conflict: Option<Conflict>,
}

impl Judgement {
    /// The kind of feed entry; `None` for a verdict that leaves no entry.
    pub fn entry_kind(&self) -> Option<EntryKind> {
        match &self.verdict {
            Verdict::Conflicted { .. } => Some(EntryKind::Conflicted),
            Verdict::Applied { .. } | Verdict::Merged { .. } if self.conflict.is_some() => {
                Some(EntryKind::Resolved)
            }
            Verdict::Applied { .. } => Some(EntryKind::Applied),
            Verdict::Merged { .. } => Some(EntryKind::Merged),
            Verdict::Rejected { .. } | Verdict::Duplicate => None,
        }
    }
}

impl From<Rejection> for Verdict {
    fn from(reason: Rejection) -> Self {
        Self::Rejected { message: reason.to_string(), reason }
    }
}

/// Judges one change by value, three ways (design, rule 2). It is applied whole, kept whole as a conflict, or rejected.
pub fn judge(change: &Change, facts: Facts<'_>) -> Judgement {
    let judged = check(change, facts.schema).and_then(|collection| match &change.edit {
        Edit::Insert { fields } => {
            let deltas = fields
                .iter()
                .map(|(name, value)| (name.clone(), Delta { base: Value::ABSENT, incoming: value.clone() }))
                .collect();
            Case { change, facts, collection }.edit(&deltas, true)
        }
        Edit::Patch { fields } => Case { change, facts, collection }.edit(fields, false),
        Edit::Delete { base } => Case { change, facts, collection }.delete(base),
        Edit::Resolve(resolution) => Case { change, facts, collection }.resolve(resolution),
    });
    judged.unwrap_or_else(|reason| Judgement { verdict: reason.into(), record: None, conflict: None })
}

/// Whether the change could ever be accepted under this schema. Replicas call it before they save an edit.
pub fn check<'a>(change: &Change, schema: &'a Schema) -> Result<&'a Collection, Rejection> {
    change.record.key.check().map_err(|e| Rejection::InvalidKey { rule: e.0 })?;
    let collection = schema
        .collection(&change.record.collection)
        .ok_or_else(|| Rejection::UnknownCollection { collection: change.record.collection.to_string() })?;
    if change.size() > limits::RECORD_BYTES {
        return Err(Rejection::TooLarge { limit: limits::RECORD_BYTES });
    }
    let check_field = |name: &FieldName, value: &Value| check_field(collection, name, value);
    match &change.edit {
        Edit::Insert { fields } => fields.iter().try_for_each(|(name, value)| check_field(name, value))?,
        Edit::Patch { fields } => {
            fields.iter().try_for_each(|(name, delta)| check_field(name, &delta.incoming))?
        }
        Edit::Delete { .. } => {}
        Edit::Resolve(Resolution { outcome: Outcome::Delete, .. }) => {}
        Edit::Resolve(Resolution { outcome: Outcome::Keep { choices }, .. }) => {
            choices.iter().try_for_each(|(name, choice)| match choice {
                Choice::Own(value) => check_field(name, value),
                Choice::Current | Choice::Incoming => Ok(()),
            })?;
        }
    }
    Ok(collection)
}

fn check_field(collection: &Collection, name: &FieldName, value: &Value) -> Result<(), Rejection> {
    let field = collection.fields.get(name).ok_or_else(|| Rejection::UnknownField { field: name.clone() })?;
    check_value(field, value).map_err(|m| Rejection::Misfit { field: name.clone(), rule: m.to_string() })
}

struct Case<'a> {
    change: &'a Change,
    facts: Facts<'a>,
    collection: &'a Collection,
}

impl Case<'_> {
    fn live(&self) -> Option<&Record> {
        self.facts.current.filter(|r| !r.deleted)
    }

    fn stamp(&self) -> Stamp {
        Stamp { by: self.change.id.replica, at: self.change.at.min(self.facts.now) }
    }

    fn edit(&self, deltas: &BTreeMap<FieldName, Delta>, insert: bool) -> Result<Judgement, Rejection> {
        let Some(live) = self.live() else {
            return if insert {
                let mut fields = Fields::new();
                deltas.iter().for_each(|(name, delta)| set_value(&mut fields, name, delta.incoming.clone()));
                let record = self.next_record(fields, deltas.keys())?;
                Ok(self.applied(Some(record), false))
            } else {
                Ok(self.conflicted(ConflictKind::EditDelete, deltas))
            };
        };
        let outcomes: BTreeMap<&FieldName, Merged> =
            deltas.iter().map(|(name, delta)| (name, self.merge_field(live, name, delta))).collect();
        if outcomes.iter().any(|(name, m)| *m == Merged::Clash || self.joins(live, name, &deltas[*name])) {
            return Ok(self.conflicted(ConflictKind::EditEdit, deltas));
        }
        let mut fields = live.fields.clone();
        let mut touched = Vec::new();
        let mut combined = false;
        for (name, outcome) in outcomes {
            if let Merged::Set(value) | Merged::Combined(value) = &outcome {
                set_value(&mut fields, name, value.clone());
                touched.push(name);
            }
            combined |= !matches!(outcome, Merged::Set(_)) && deltas[name].base != *live.value(name);
        }
        let moved_on = Some(live.rev) != self.change.saw && live.stamp.by != self.change.id.replica;
        let merged = combined || moved_on;
        let record =
            if touched.is_empty() { None } else { Some(self.next_record(fields, touched.into_iter())?) };
        Ok(self.applied(record, merged))
    }

    fn merge_field(&self, live: &Record, name: &FieldName, delta: &Delta) -> Merged {
        self.meet(live, name, &delta.base, &delta.incoming, self.stamp().at)
    }

    fn meet(&self, live: &Record, name: &FieldName, base: &Value, incoming: &Value, at: Timestamp) -> Merged {
        let current_at = live.field_stamp(name).at;
        let meeting = Meeting { base, current: live.value(name), incoming, current_at, incoming_at: at };
        merge(meeting, self.collection.policy(name))
    }

    /// The parked values that this change may build on.
    fn parked(&self) -> Option<&Conflict> {
        self.facts.conflict.filter(|c| c.is_open())
    }

    /// Whether this edit was made on top of a parked value of the same replica, not of the record: it belongs to that
    /// conflict also where its value clashes with nothing. Sums and sets count where they arrive.
    fn joins(&self, live: &Record, name: &FieldName, delta: &Delta) -> bool {
        let on_parked =
            self.parked().and_then(|c| c.fields.get(name)).is_some_and(|s| s.incoming == delta.base);
        on_parked && delta.base != *live.value(name) && delta.base != delta.incoming && !self.adds_up(name)
    }

    fn adds_up(&self, name: &FieldName) -> bool {
        matches!(self.collection.policy(name), Policy::Counter | Policy::Set)
    }

    fn delete(&self, base: &Fields) -> Result<Judgement, Rejection> {
        let Some(live) = self.live() else { return Ok(self.applied(None, false)) };
        if live.fields == *base {
            return Ok(self.applied(Some(self.tombstone(live)), false));
        }
        match self.collection.policy {
            Some(Policy::First) => return Ok(self.applied(None, true)),
            Some(Policy::Last) if live.stamp.at > self.stamp().at => return Ok(self.applied(None, true)),
            Some(Policy::Last) => return Ok(self.applied(Some(self.tombstone(live)), true)),
            _ => {}
        }
        let names = base.keys().chain(live.fields.keys());
        let deltas: BTreeMap<FieldName, Delta> = names
            .map(|name| (name.clone(), Delta { base: value_of(base, name).clone(), incoming: Value::ABSENT }))
            .collect();
        Ok(self.conflicted(ConflictKind::DeleteEdit, &deltas))
    }

    fn resolve(&self, resolution: &Resolution) -> Result<Judgement, Rejection> {
        let conflict = self
            .facts
            .conflict
            .filter(|c| c.id == resolution.conflict && c.record == self.change.record)
            .ok_or(Rejection::NoSuchConflict)?;
        if let Some(resolved) = &conflict.resolved {
            return Err(Rejection::AlreadyResolved { resolved: resolved.clone() });
        }
        let now_at = self.live().map(|r| r.rev);
        if resolution.saw_conflict != conflict.rev || resolution.saw_record != now_at {
            return Err(Rejection::Moved);
        }
        let record = match &resolution.outcome {
            Outcome::Delete => self.live().map(|live| self.tombstone(live)),
            Outcome::Keep { choices } => self.kept(conflict, choices)?,
        };
        let closed = Conflict {
            rev: self.facts.seq,
            resolved: Some(Resolved {
                change: self.change.id,
                stamp: self.stamp(),
                outcome: resolution.outcome.clone(),
            }),
            ..conflict.clone()
        };
        let verdict = Verdict::Applied { seq: self.facts.seq };
        Ok(Judgement { verdict, record, conflict: Some(closed) })
    }

    /// The record that a resolution leaves; `None` where it stays as it is.
    fn kept(
        &self,
        conflict: &Conflict,
        choices: &BTreeMap<FieldName, Choice>,
    ) -> Result<Option<Record>, Rejection> {
        let mut fields = self.facts.current.map(|r| r.fields.clone()).unwrap_or_default();
        let mut touched: Vec<&FieldName> = Vec::new();
        let names =
            conflict.fields.keys().chain(choices.keys().filter(|n| !conflict.fields.contains_key(*n)));
        for name in names {
            let sides = conflict.fields.get(name);
            let value = match (choices.get(name), sides) {
                (Some(Choice::Own(value)), _) => value.clone(),
                (Some(Choice::Incoming), Some(sides)) => sides.incoming.clone(),
                (Some(Choice::Current), _) | (Some(Choice::Incoming), None) => continue,
                (None, _) if conflict.kind == ConflictKind::DeleteEdit => continue,
                (None, Some(sides)) => match self.undecided(conflict, name, sides) {
                    Merged::Keep => continue,
                    Merged::Set(value) | Merged::Combined(value) => value,
                    Merged::Clash => return Err(Rejection::Undecided { field: name.clone() }),
                },
                (None, None) => continue,
            };
            if *value_of(&fields, name) != value {
                // the schema may have moved since the change was parked
                check_field(self.collection, name, &value)?;
                set_value(&mut fields, name, value);
                touched.push(name);
            }
        }
        if touched.is_empty() && self.live().is_some() {
            return Ok(None);
        }
        self.next_record(fields, touched.into_iter()).map(Some)
    }

    /// What becomes of a parked value that nobody chose about: the same as if it arrived now.
    fn undecided(&self, conflict: &Conflict, name: &FieldName, sides: &Sides) -> Merged {
        if sides.clash && conflict.kind == ConflictKind::EditEdit {
            return Merged::Clash;
        }
        match self.live() {
            Some(live) => self.meet(live, name, &sides.base, &sides.incoming, conflict.incoming.at),
            None => Merged::Set(sides.incoming.clone()),
        }
    }

    /// The record with new values: on the live one, on its tombstone, or from nothing.
    fn next_record<'n>(
        &self,
        fields: Fields,
        touched: impl Iterator<Item = &'n FieldName>,
    ) -> Result<Record, Rejection> {
        let stamp = self.stamp();
        let mut record = Record {
            key: self.change.record.key.clone(),
            rev: self.facts.seq,
            prev: self.facts.current.map(|r| r.rev),
            stamp,
            created: None,
            edits: BTreeMap::new(),
            deleted: false,
            fields,
        };
        if let Some(live) = self.live() {
            record.created = Some(live.created.unwrap_or(live.stamp));
            record.edits = live.edits.clone();
            record.edits.extend(touched.map(|name| (name.clone(), stamp)));
        }
        if record.size() > limits::RECORD_BYTES || record.fields.len() > limits::FIELDS {
            return Err(Rejection::TooLarge { limit: limits::RECORD_BYTES });
        }
        if self.change.record.collection.is_reserved() {
            check_schema_record(&self.change.record, &record.fields)
                .map_err(|rule| Rejection::InvalidSchema { rule: rule.into() })?;
        }
        Ok(record)
    }

    fn tombstone(&self, live: &Record) -> Record {
        Record {
            key: live.key.clone(),
            rev: self.facts.seq,
            prev: Some(live.rev),
            stamp: self.stamp(),
            created: Some(live.created.unwrap_or(live.stamp)),
            edits: live.edits.clone(),
            deleted: true,
            fields: live.fields.clone(),
        }
    }

    fn applied(&self, record: Option<Record>, merged: bool) -> Judgement {
        let seq = self.facts.seq;
        let verdict = if merged { Verdict::Merged { seq } } else { Verdict::Applied { seq } };
        Judgement { verdict, record, conflict: None }
    }

    /// Parks the change; a conflict of the same record and replica that is still open takes it in.
    fn conflicted(&self, kind: ConflictKind, deltas: &BTreeMap<FieldName, Delta>) -> Judgement {
        let open = self.parked();
        let mut fields = open.map(|c| c.fields.clone()).unwrap_or_default();
        for (name, delta) in deltas {
            let current = self.live().map_or(Value::ABSENT, |r| r.value(name).clone());
            let sides = match fields.get(name) {
                None => Sides {
                    clash: self.clashes(kind, name, delta),
                    base: delta.base.clone(),
                    current,
                    incoming: delta.incoming.clone(),
                },
                // what the author first saw stays the base: later edits were made on top of the parked ones
                Some(parked) => {
                    let whole = self.joined(name, parked, delta);
                    let met = if delta.base == parked.incoming { &whole } else { delta };
                    let clash = parked.clash || self.clashes(kind, name, met);
                    Sides { clash, base: whole.base, current, incoming: whole.incoming }
                }
            };
            fields.insert(name.clone(), sides);
        }
        let conflict = Conflict {
            id: open.map_or(self.change.id, |c| c.id),
            record: self.change.record.clone(),
            rev: self.facts.seq,
            kind,
            fields,
            incoming: self.stamp(),
            current: self.facts.current.map(|r| r.stamp),
            record_rev: self.facts.current.map(|r| r.rev),
            resolved: None,
        };
        let verdict = Verdict::Conflicted { seq: self.facts.seq, conflict: conflict.id };
        Judgement { verdict, record: None, conflict: Some(conflict) }
    }

    /// A parked edit and one made after it, as one.
    fn joined(&self, name: &FieldName, parked: &Sides, delta: &Delta) -> Delta {
        let meeting = Meeting {
            base: &delta.base,
            current: &parked.incoming,
            incoming: &delta.incoming,
            current_at: self.stamp().at,
            incoming_at: self.stamp().at,
        };
        let incoming = match merge(meeting, self.collection.policy(name)) {
            Merged::Combined(sum) if self.adds_up(name) => sum,
            Merged::Keep if self.adds_up(name) => parked.incoming.clone(),
            _ => delta.incoming.clone(),
        };
        Delta { base: parked.base.clone(), incoming }
    }

    fn clashes(&self, kind: ConflictKind, name: &FieldName, delta: &Delta) -> bool {
        match (kind, self.live()) {
            (ConflictKind::EditEdit, Some(live)) => self.merge_field(live, name, delta) == Merged::Clash,
            (ConflictKind::DeleteEdit, Some(live)) => delta.base != *live.value(name),
            _ => true,
        }
    }
}
