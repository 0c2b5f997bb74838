//! The rule book: what becomes of a change. Both sides judge with [`judge`]; nothing else decides.

use crate::Ordered;
use serde::{Deserialize, Serialize};

use crate::change::{Change, Delta, Edit};
use crate::conflict::{Conflict, Resolved};
use crate::feed::{EntryKind, Merge};
use crate::gate::check;
use crate::id::{ChangeId, Counter, FieldName, Revision, Timestamp};
use crate::limits;
use crate::merge::Work;
use crate::record::{Fields, Record, Stamp};
use crate::schema::{Collection, Schema};
use crate::value::Value;

mod edit;
mod park;
mod settle;

/// What the server says of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
        /// Not the change was refused, but its id: it was used before for something else, by a copy of the replica or by
        /// what the replica was before it was restored; or later changes have overtaken it. It was not judged, and never
        /// is under this id: the replica takes a new one and sends it, and what builds on it, under that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        taken: bool,
    },
    /// A change of this id was judged before; no effect. Its outcome is in the feed.
    Duplicate {
        /// The server no longer knows what that change said: it may have been another one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forgotten: bool,
    },
}

/// What a change is told whose id was used for another one. In a reason that every version reads.
const ID_TAKEN: &str = "another copy of this device's records has used the same number for something else; try again, and it is sent under a new one";

impl Verdict {
    /// That the change's id was used for another change.
    pub fn taken() -> Self {
        let reason = Rejection::Impossible { rule: ID_TAKEN.into() };
        Self::Rejected { message: reason.to_string(), reason, taken: true }
    }
}

/// Why a change can never be accepted as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
        resolved: Box<Resolved>,
    },
    /// The record or the conflict changed since the author looked at it.
    #[error("The record has changed since you looked at it. Your choices are kept; look once more.")]
    Moved,
    /// A decision that cannot be made here.
    #[error("This cannot be done here: {rule}.")]
    Impossible {
        /// Why.
        rule: String,
    },
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
    /// For a resolution, or what takes one back: the conflict that it names, open or not.
    pub conflict: Option<&'a Conflict>,
    /// Open conflicts of the record, of the change's replica and of others, that one included where it is open. Of those
    /// that are not told, none is joined, and none ends by itself.
    pub open: &'a [&'a Conflict],
    /// What is known beside the record, for the few changes that ask for it.
    pub beside: Beside<'a>,
    /// The server's time: no stamp is later.
    pub now: Timestamp,
    /// The sequence number that the change gets if it is not rejected.
    pub seq: Revision,
}

/// What the judge knows beside a record and its conflict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The record of [`Change::twin`], as [`Facts::current`].
    pub twin: Option<&'a Record>,
    /// Whether that record is of another partition: it cannot be written in the same step.
    pub twin_is_elsewhere: bool,
}

/// A verdict with its effects, to be stored in one atomic step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the replica is told.
    pub verdict: Verdict,
    /// The record as it becomes; `None` where it stays. Its key tells whether it is the change's own or its twin.
    pub record: Option<Record>,
    /// The conflict as it becomes; `None` where it stays.
    pub conflict: Option<Conflict>,
    /// Others that ended by it: what was wanted there is what the record is now, so nothing is left to ask.
    pub ended: Vec<Conflict>,
    /// What a policy decided; `None` where nothing met.
    pub merge: Option<Box<Merge>>,
}

impl Judgement {
    /// The kind of feed entry; `None` for a verdict that leaves no entry.
    pub fn entry_kind(&self) -> Option<EntryKind> {
        match &self.verdict {
            Verdict::Conflicted { .. } => Some(EntryKind::Conflicted),
            Verdict::Applied { .. } | Verdict::Merged { .. } => Some(match &self.conflict {
                Some(conflict) if conflict.is_open() => EntryKind::Reopened,
                Some(_) => EntryKind::Resolved,
                None if matches!(self.verdict, Verdict::Merged { .. }) => EntryKind::Merged,
                None => EntryKind::Applied,
            }),
            Verdict::Rejected { .. } | Verdict::Duplicate { .. } => None,
        }
    }
}

impl From<Rejection> for Verdict {
    fn from(reason: Rejection) -> Self {
        Self::Rejected { message: reason.to_string(), reason, taken: false }
    }
}

/// Judges one change by value, three ways (design, rule 2). It is applied whole, kept whole as a conflict, or rejected.
pub fn judge(change: &Change, facts: Facts<'_>) -> Judgement {
    let case = |collection| Case { change, facts, collection, work: Work::default() };
    let judged = check(change, facts.schema).map(case).and_then(|case| {
        let judged = match &change.edit {
            Edit::Insert { fields } => {
                let deltas = fields
                    .iter()
                    .map(|(name, value)| {
                        (name.clone(), Delta { base: Value::ABSENT, incoming: value.clone() })
                    })
                    .ordered_map();
                case.edit(&deltas, true)
            }
            Edit::Patch { fields } => case.edit(fields, false),
            Edit::Delete { base } => case.delete(base),
            Edit::Resolve(resolution) => case.resolve(resolution),
            Edit::Reopen(reopening) => case.reopen(reopening),
        }?;
        Ok(case.ending(judged))
    });
    judged.unwrap_or_else(|reason| Judgement {
        verdict: reason.into(),
        record: None,
        conflict: None,
        ended: Vec::new(),
        merge: None,
    })
}

/// One change before the judge. Its methods are the rules: `edit` what becomes of inserts, patches and deletes, `park`
/// what a conflict holds, `settle` how one ends and opens again.
struct Case<'a> {
    change: &'a Change,
    facts: Facts<'a>,
    collection: &'a Collection,
    /// What merging its texts may still take.
    work: Work,
}

impl<'a> Case<'a> {
    fn live(&self) -> Option<&'a Record> {
        self.facts.current.filter(|r| !r.deleted)
    }

    /// Whether the collection was deleted.
    fn is_gone(&self) -> bool {
        self.facts.schema.collection(&self.change.record.collection).is_none()
    }

    fn unknown_collection(&self) -> Rejection {
        Rejection::UnknownCollection { collection: self.change.record.collection.to_string() }
    }

    fn stamp(&self) -> Stamp {
        Stamp { by: self.change.id.replica, at: self.change.at.min(self.facts.now) }
    }

    fn title(&self, fields: &Fields) -> String {
        self.collection.title(&self.change.record.key, fields)
    }

    fn applied(&self, record: Option<Record>, merged: bool) -> Judgement {
        let seq = self.facts.seq;
        let verdict = if merged { Verdict::Merged { seq } } else { Verdict::Applied { seq } };
        Judgement { verdict, record, conflict: None, ended: Vec::new(), merge: None }
    }
}
