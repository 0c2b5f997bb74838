//! What the server's answers do to a replica: each becomes one batch.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::feed::EntryKind;
use sync_protocol::message::{End, PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::{Change, Conflict, Counter, Edit, Partition, Rejection, Resolved, Revision, Verdict};

use super::decisions::Decisions;
use super::{Judged, Pending, Replica};
use crate::store::{Batch, Meta, Quarantined, SnapshotState};

/// What a person reads of a change of which nobody knows whether it took effect: the device was away for so long that the
/// server has forgotten it, and was restored or copied meanwhile.
const DOUBTFUL: &str = "it is too long ago to tell whether this change was sent before; look at the record, then try again or discard it";

/// Whether nobody knows if that change took effect.
pub(super) fn is_doubtful(entry: &Quarantined) -> bool {
    matches!(&entry.reason, Rejection::Impossible { rule } if rule == DOUBTFUL)
}

/// An answer that breaks the protocol: nothing of it is used; the caller waits and asks again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Entries are missing, repeated or out of order.
    #[error("the server's answer skips from {at} to {got} in partition {partition}")]
    Gap {
        /// Where.
        partition: Partition,
        /// The last one stored.
        at: Revision,
        /// The next one received.
        got: Revision,
    },
    /// Another number of verdicts than of changes.
    #[error("the server answered {got} verdicts for {sent} changes")]
    Verdicts {
        /// Changes sent.
        sent: usize,
        /// Verdicts received.
        got: usize,
    },
    /// A cursor that does not fit the entries.
    #[error("the server's cursor does not fit its entries in partition {0}")]
    Cursor(Partition),
    /// A partition that the workspace does not have, or one that was not asked for.
    #[error("the server's answer is about partition {0}, which was not asked for")]
    Partition(Partition),
    /// A snapshot that ends before everything asked for was sent.
    #[error("the server's copy of the records ends before its end")]
    Unfinished,
}

impl Replica {
    /// A page of the feed. `pull` is the number of the pull that this answers; see [`Judged::Before`].
    pub fn pulled(&self, pull: u64, answer: &PullAnswer) -> Result<Batch, FeedError> {
        let mut batch = Batch::default();
        let mut cursor = self.cursor.clone();
        let mut settled = BTreeSet::new();
        let mut decided = Decisions::default();
        let named = answer.feeds.iter().map(|f| f.partition).chain(answer.expired.iter().copied());
        for partition in named {
            if partition.0 >= self.meta.partitions {
                return Err(FeedError::Partition(partition));
            }
        }
        for feed in &answer.feeds {
            let mut checksums = self.checksums.get(&feed.partition).cloned();
            for entry in &feed.entries {
                let at = cursor.get(feed.partition);
                if entry.seq != at.next() {
                    return Err(FeedError::Gap { partition: feed.partition, at, got: entry.seq });
                }
                cursor.advance(feed.partition, entry.seq);
                if let Some(checksums) = &mut checksums {
                    checksums.apply(entry);
                }
                if let Some(own) = self.own(entry) {
                    settled.extend(self.up_to(own));
                }
                if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
                    batch.records.push((collection.clone(), record.clone()));
                }
                decided.follow(entry);
                for conflict in entry.conflicts() {
                    batch.conflicts.push(conflict.clone());
                    if let Some(resolved) = &conflict.resolved {
                        self.supersede(conflict, resolved, &mut batch);
                    }
                    if entry.kind == EntryKind::Reopened {
                        // somebody else was first to take it back: what was wanted is done
                        batch.quarantine_gone.extend(self.refused_reopenings(conflict));
                    }
                }
            }
            if let Some(checksums) = checksums {
                batch.checksums.insert(feed.partition, checksums);
            }
        }
        // an entry that cannot be read is not stepped over either: its partition is fetched as it is now
        let unread = unread(answer);
        for (partition, at) in cursor.iter() {
            // never step over what was not received: the server's cursor may only say what the entries say
            if answer.cursor.get(partition) != at && !unread.contains(&partition) {
                return Err(FeedError::Cursor(partition));
            }
        }
        for (counter, certain) in self.passed(&cursor, pull, &answer.ends) {
            if certain {
                settled.extend(self.up_to(counter));
            } else {
                settled.insert(counter);
                batch.quarantine.extend(self.doubtful(counter));
            }
        }
        batch.settle = settled.into_iter().collect();
        decided.into_batch(&self.decisions, &mut batch);
        if cursor != self.cursor {
            batch.cursor = Some(cursor);
        }
        let again: Vec<Partition> = answer.expired.iter().copied().chain(unread).collect();
        if !again.is_empty() {
            self.refetch_into(&mut batch, &again);
        }
        Ok(batch)
    }

    /// Changes whose outcome the replica has without having met their feed entry: a snapshot brought it. With each,
    /// whether that is certain.
    fn passed(&self, cursor: &sync_protocol::Cursor, pull: u64, ends: &[End]) -> Vec<(Counter, bool)> {
        let at_end = |Pending { change, judged }: &Pending| match judged {
            Judged::Before { pull: before, forgotten } => {
                let passed = pull > *before && change.id.counter <= self.meta.copied;
                passed.then_some((change.id.counter, !forgotten))
            }
            Judged::No | Judged::At(_) | Judged::Taken | Judged::Another => None,
        };
        let ended: BTreeSet<Partition> = ends.iter().map(|end| end.partition).ordered_set();
        let earlier = ended.into_iter().flat_map(|partition| self.outbox.judged_before(partition));
        self.outbox.passed(cursor).map(|counter| (counter, true)).chain(earlier.filter_map(at_end)).collect()
    }

    /// A change of which nobody knows whether it took effect, for the person to look at.
    fn doubtful(&self, counter: Counter) -> Option<Quarantined> {
        let change = self.pending(counter).filter(|change| !super::people::is_own_record(change))?.clone();
        Some(Quarantined { change, reason: Rejection::Impossible { rule: DOUBTFUL.into() } })
    }

    /// The verdicts of a push: rejected changes go to quarantine. What was accepted is only noted (by
    /// [`Replica::note_verdicts`], once this batch is stored): its outcome comes with the feed, in order.
    pub fn pushed(&self, sent: &[Counter], answer: &PushAnswer) -> Result<Batch, FeedError> {
        if sent.len() != answer.verdicts.len() {
            return Err(FeedError::Verdicts { sent: sent.len(), got: answer.verdicts.len() });
        }
        let mut batch = Batch::default();
        let mut settled = BTreeSet::new();
        let taken = self.taken_by(sent, answer);
        for (counter, verdict) in sent.iter().zip(&answer.verdicts).filter(|(c, _)| !taken.contains(c)) {
            let Some(pending) = self.outbox.get(*counter) else { continue };
            match verdict {
                Verdict::Rejected { reason, .. } => {
                    settled.insert(*counter);
                    if !super::people::is_own_record(&pending.change) && !self.is_moot(&pending.change) {
                        let change = pending.change.clone();
                        let reason = first_reason(&change, reason, sent, answer).clone();
                        batch.quarantine.push(Quarantined { change, reason });
                    }
                }
                Verdict::Applied { seq } | Verdict::Merged { seq } | Verdict::Conflicted { seq, .. } => {
                    let partition = pending.change.record.partition(self.meta.partitions);
                    if self.cursor.get(partition) >= *seq {
                        settled.extend(self.up_to(*counter));
                    }
                }
                Verdict::Duplicate { .. } => {}
            }
        }
        batch.settle = settled.into_iter().collect();
        Ok(batch)
    }

    /// Whether nobody needs to hear that the change was rejected: a decision that the person has taken back meanwhile,
    /// or taking back one that never took effect.
    fn is_moot(&self, change: &Change) -> bool {
        match &change.edit {
            Edit::Resolve(_) => {
                self.pending_of(&change.record).any(|c| super::view::takes_back(c, change.id))
            }
            Edit::Reopen(reopening) => self.conflict(reopening.conflict).is_some(),
            Edit::Insert { .. } | Edit::Patch { .. } | Edit::Delete { .. } => false,
        }
    }

    /// Notes what was accepted, so that it is not sent again. `pull`: the number of the last pull that has begun.
    pub fn note_verdicts(&mut self, sent: &[Counter], answer: &PushAnswer, pull: u64) {
        let taken = self.taken_by(sent, answer);
        for (counter, verdict) in sent.iter().zip(&answer.verdicts) {
            let judged = match verdict {
                Verdict::Applied { seq } | Verdict::Merged { seq } | Verdict::Conflicted { seq, .. } => {
                    Judged::At(*seq)
                }
                Verdict::Duplicate { forgotten } => Judged::Before { pull, forgotten: *forgotten },
                Verdict::Rejected { .. } if taken.contains(counter) => Judged::Taken,
                Verdict::Rejected { .. } => continue,
            };
            self.outbox.judge(*counter, judged);
        }
    }

    /// A change that was accepted, with those of its record that are older and whose outcome a snapshot may have brought:
    /// the server accepts none that follows a rejected or unknown one, so it is in the base as well. Left in the outbox, they
    /// would cover it: an insert its own delete. A decision tells nothing about edits that wait.
    fn up_to(&self, accepted: Counter) -> Vec<Counter> {
        let Some(pending) = self.outbox.get(accepted) else { return Vec::new() };
        let mut all = vec![accepted];
        if pending.change.about().is_none() {
            all.extend(self.outbox.of_up_to(&pending.change.record, accepted.min(self.meta.copied)));
        }
        all
    }

    /// Starts a snapshot of these partitions: their base is forgotten when the first page arrives.
    pub fn refetch(&self, partitions: &[Partition]) -> Batch {
        let mut batch = Batch::default();
        self.refetch_into(&mut batch, partitions);
        batch
    }

    fn refetch_into(&self, batch: &mut Batch, partitions: &[Partition]) {
        let mut all: BTreeSet<Partition> = partitions.iter().copied().ordered_set();
        all.extend(self.snapshot.iter().flat_map(|s| &s.partitions));
        batch.snapshot =
            Some(Some(SnapshotState { partitions: all.into_iter().collect(), ..SnapshotState::default() }));
    }

    /// One answer of a snapshot. The first one clears what it replaces.
    pub fn snapshotted(&self, answer: SnapshotAnswer) -> Result<Batch, FeedError> {
        let state = self.snapshot.clone().unwrap_or_default();
        let of = |conflict: &Conflict| conflict.record.partition(self.meta.partitions);
        let named = answer.finished.iter().map(|(p, _)| *p);
        let named =
            named.chain(answer.pages.iter().map(|p| p.partition)).chain(answer.conflicts.iter().map(of));
        for partition in named {
            if !state.partitions.contains(&partition) {
                return Err(FeedError::Partition(partition));
            }
        }
        let mut batch = Batch::default();
        if state.resume.is_none() {
            batch.clear = state.partitions.clone();
        }
        let mut left = state.partitions.clone();
        let mut cursor = self.cursor.clone();
        for (partition, revision) in &answer.finished {
            left.retain(|p| p != partition);
            // the snapshot is as of this number: the feed goes on from there, also where the cursor had been further
            cursor.0[usize::from(partition.0)] = *revision;
        }
        let mut came = state.conflicts;
        came.extend(answer.conflicts.iter().map(|c| c.id));
        // only the end of a partition tells which conflicts it does not have any more
        if !answer.finished.is_empty() {
            let finished = |c: &&Conflict| state.partitions.contains(&of(c)) && !left.contains(&of(c));
            let gone = self.conflicts().filter(finished).filter(|c| !came.contains(&c.id));
            batch.conflicts_gone = gone.map(|c| c.id).collect();
            let all = self.conflicts().chain(&answer.conflicts);
            came = all.filter(|c| left.contains(&of(c)) && came.contains(&c.id)).map(|c| c.id).ordered_set();
        }
        if let Some(last) = self.outbox.last().filter(|last| *last > self.meta.copied) {
            batch.meta = Some(Meta { copied: last, ..self.meta.clone() });
        }
        batch.pages = answer.pages;
        batch.conflicts = answer.conflicts;
        batch.cursor = Some(cursor);
        batch.snapshot = Some(match (left.is_empty(), answer.next) {
            (true, _) => None,
            (false, None) => return Err(FeedError::Unfinished),
            (false, resume) => Some(SnapshotState { partitions: left, resume, conflicts: came }),
        });
        Ok(batch)
    }

    /// Partitions whose checksums differ from the server's; only those that are known and at the same number count.
    pub fn differing(&self, ends: &[End]) -> Vec<Partition> {
        ends.iter()
            .filter(|end| self.cursor.get(end.partition) == end.head)
            .filter(|end| self.checksums.get(&end.partition).is_some_and(|mine| *mine != end.checksums))
            .map(|end| end.partition)
            .collect()
    }

    /// Checksums of what is really stored, as a batch that makes them the known ones.
    pub fn scanned(&self, mut found: BTreeMap<Partition, sync_protocol::checksum::Checksums>) -> Batch {
        let checksums = (0..self.meta.partitions)
            .map(Partition)
            .map(|p| (p, found.remove(&p).unwrap_or_default()))
            .ordered_map();
        Batch { checksums, ..Batch::default() }
    }

    fn refused_reopenings(&self, conflict: &Conflict) -> impl Iterator<Item = Counter> {
        let id = conflict.id;
        let about = move |q: &&Quarantined| matches!(&q.change.edit, Edit::Reopen(r) if r.conflict == id);
        self.for_review.quarantine_of(&conflict.record).filter(about).map(|q| q.change.id.counter)
    }

    /// Decisions that came back go when their conflict is closed. Where somebody else closed it, a value that was written
    /// for one is kept, and its author is told by whom and how.
    fn supersede(&self, conflict: &Conflict, resolved: &Resolved, batch: &mut Batch) {
        let own = resolved.stamp.by == self.id();
        let came_back = |q: &&Quarantined| matches!(q.reason, Rejection::Moved | Rejection::Undecided { .. });
        for entry in self.returned(conflict).filter(came_back) {
            let Edit::Resolve(resolution) = &entry.change.edit else { continue };
            if own || !resolution.outcome.writes() {
                batch.quarantine_gone.push(entry.change.id.counter);
            } else {
                let reason = Rejection::AlreadyResolved { resolved: Box::new(resolved.clone()) };
                batch.quarantine.push(Quarantined { change: entry.change.clone(), reason });
            }
        }
    }
}

/// The partitions of which an answer has an entry that this version cannot read.
pub fn unread(answer: &PullAnswer) -> Vec<Partition> {
    answer.feeds.iter().filter(|feed| feed.unread).map(|feed| feed.partition).collect()
}

/// Why a change was rejected. A decision builds on nothing: where it only follows another one in the same push (one that
/// was taken back on this device before), the record has moved for both, and that is what there is to tell.
fn first_reason<'a>(
    change: &Change,
    reason: &'a Rejection,
    sent: &[Counter],
    answer: &'a PushAnswer,
) -> &'a Rejection {
    let Rejection::FollowsRejected { counter } = reason else { return reason };
    if change.about().is_none() {
        return reason;
    }
    let first = sent.iter().position(|sent| sent == counter).and_then(|at| answer.verdicts.get(at));
    match first {
        Some(Verdict::Rejected {
            reason: first @ (Rejection::Moved | Rejection::AlreadyResolved { .. }),
            ..
        }) => first,
        _ => reason,
    }
}
