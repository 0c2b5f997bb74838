//! What was decided lately, as the feed tells it: kept so that lists and taking back work offline, and bounded.

use std::collections::BTreeMap;

use sync_protocol::feed::{Entry, EntryKind};
use sync_protocol::{ChangeId, Merge, Timestamp, reserved};

use crate::limits;
use crate::store::{Batch, Decided, Decision};

/// What a page of the feed changes; `None`: taken back.
#[derive(Default)]
pub(super) struct Decisions(BTreeMap<ChangeId, Option<Decision>>);

impl Decisions {
    pub(super) fn follow(&mut self, entry: &Entry) {
        if let Some(merge) = entry.merge.as_ref().filter(|merge| is_of_people(merge)) {
            let decision =
                Decision { id: entry.change, at: merge.incoming.at, what: Decided::Merged(merge.clone()) };
            self.0.insert(entry.change, Some(decision));
        }
        for conflict in entry.conflicts() {
            match (&conflict.resolved, entry.kind) {
                (Some(resolved), _) => {
                    let what = Decided::Settled(Box::new(conflict.clone()));
                    let decision = Decision { id: conflict.id, at: resolved.stamp.at, what };
                    self.0.insert(conflict.id, Some(decision));
                }
                (None, EntryKind::Reopened) => drop(self.0.insert(conflict.id, None)),
                (None, _) => {}
            }
        }
    }

    /// Puts it all into the batch, and what is then more than is kept out of the store.
    pub(super) fn into_batch(self, known: &BTreeMap<ChangeId, Decision>, batch: &mut Batch) {
        if self.0.is_empty() {
            return;
        }
        let mut kept: Vec<(Timestamp, ChangeId, usize)> = known
            .values()
            .filter(|decision| !self.0.contains_key(&decision.id))
            .chain(self.0.values().flatten())
            .map(|decision| (decision.at, decision.id, size(decision)))
            .collect();
        sync_protocol::sort_few(&mut kept, Ord::cmp);
        let mut bytes: usize = kept.iter().map(|(_, _, size)| size).sum();
        let mut count = kept.len();
        let mut gone = Vec::new();
        for (_, id, size) in kept {
            if count <= limits::DECISIONS && bytes <= limits::DECISION_BYTES {
                break;
            }
            (count, bytes) = (count - 1, bytes - size);
            gone.push(id);
        }
        for (id, decision) in self.0 {
            match decision {
                Some(decision) if !gone.contains(&id) => batch.decisions.push(decision),
                Some(_) => {}
                None => gone.push(id),
            }
        }
        batch.decisions_gone = gone;
    }
}

/// Whether people made what was merged. The names of devices, and what is noted of reviews, are nobody's work to look at.
fn is_of_people(merge: &Merge) -> bool {
    let collection = &merge.record.collection;
    !collection.is_reserved() || [reserved::COLLECTIONS, reserved::FIELDS].contains(&collection.as_str())
}

fn size(decision: &Decision) -> usize {
    match &decision.what {
        Decided::Settled(conflict) => conflict.size(),
        Decided::Merged(merge) => merge.size(),
    }
}
