//! What of a push goes before a change, and what that means for it.

use std::collections::BTreeMap;

use crate::change::Change;
use crate::id::RecordId;
use crate::verdict::{Rejection, Verdict};

/// The verdicts of a push so far, as far as they keep later changes of the same records from being judged: a record meets a
/// replica's changes in the order in which they were made, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Preceding(BTreeMap<RecordId, Verdict>);

impl Preceding {
    /// Takes note of a verdict.
    pub fn note(&mut self, change: &Change, verdict: &Verdict) {
        let later = match verdict {
            Verdict::Rejected { .. } => Rejection::FollowsRejected { counter: change.id.counter }.into(),
            // it may never have been judged and go out again: what was made after it goes after it, under another number as
            // well. A decision is nothing that edits build on.
            Verdict::Duplicate { forgotten: true } if change.about().is_none() => Verdict::taken(),
            Verdict::Duplicate { .. }
            | Verdict::Applied { .. }
            | Verdict::Merged { .. }
            | Verdict::Conflicted { .. } => return,
        };
        self.0.entry(change.record.clone()).or_insert(later);
    }

    /// What a change that was not judged before is told because of those before it.
    pub fn verdict(&self, change: &Change) -> Option<&Verdict> {
        self.0.get(&change.record)
    }
}
