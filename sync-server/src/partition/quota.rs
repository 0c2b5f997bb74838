//! How much a workspace may keep, and the count of it that every head carries.
//!
//! Each partition counts for itself, in the step that changes what is counted, so that nothing can be counted twice or
//! missed. It may take [`QUOTA_SPREAD`] times its even share.

use std::time::Duration;
use sync_protocol::{Conflict, Edit, Entry, Record, Rejection, Timestamp, reserved};

use super::limits::{COLLECTIONS, CONFLICTS_PER_RECORD, MARK_ENTRIES, MARKS, QUOTA_SPREAD};
use crate::mirror::row::Shadow;
use crate::store::{Head, Kept, Mark};

/// What one workspace may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of its records, of what waits for review, and of the history up to the horizon.
    pub bytes: u64,
    /// Records.
    pub records: u64,
    /// Conflicts that wait for review.
    pub reviews: u64,
}

impl Default for Quotas {
    /// Ten times what a workspace of 16 partitions is made for, so that only what runs away meets it.
    fn default() -> Self {
        Self { bytes: 20 << 30, records: 5_000_000, reviews: 100_000 }
    }
}

/// What one partition may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    quotas: Quotas,
    share: Quotas,
}

impl Quotas {
    /// The room of each of so many partitions.
    pub(super) fn room(self, partitions: u16) -> Room {
        let share = |all: u64| match partitions {
            0 | 1 => all,
            n => (all / u64::from(n)).max(1).saturating_mul(QUOTA_SPREAD),
        };
        let Self { bytes, records, reviews } = self;
        let share = Self { bytes: share(bytes), records: share(records), reviews: share(reviews) };
        Room { quotas: self, share }
    }
}

impl Room {
    /// Why a change cannot be kept, whatever it meets. What makes room is taken twice as long: deletes, and decisions.
    pub(super) fn refusal(
        &self,
        head: &Head,
        collection: &str,
        edit: &Edit,
        is_new: bool,
    ) -> Option<Rejection> {
        let makes_room = matches!(edit, Edit::Delete { .. } | Edit::Resolve(_) | Edit::Reopen(_));
        let most = if makes_room { self.share.bytes.saturating_mul(2) } else { self.share.bytes };
        if total(&head.kept) >= most {
            return Some(full(&format!("{} MiB of records and history", self.quotas.bytes >> 20)));
        }
        if !is_new {
            return None;
        }
        if live(head, None) >= self.share.records {
            return Some(full(&format!("{} records", self.quotas.records)));
        }
        if collection == reserved::COLLECTIONS && live(head, Some(collection)) >= COLLECTIONS {
            let rule = format!("a workspace has at most {COLLECTIONS} collections: delete one first");
            return Some(Rejection::Impossible { rule });
        }
        None
    }

    /// Why no further conflict can be opened about a record that has so many.
    pub(super) fn refusal_of_review(&self, head: &Head, of_record: usize) -> Option<Rejection> {
        if of_record >= CONFLICTS_PER_RECORD {
            let rule = format!(
                "{CONFLICTS_PER_RECORD} edits of this record wait for review already: settle some of them, then try again"
            );
            return Some(Rejection::Impossible { rule });
        }
        (head.kept.open >= self.share.reviews).then(|| {
            let rule = format!(
                "the workspace has as many edits waiting for review as it may ({}): settle some of them, then try again",
                self.quotas.reviews
            );
            Rejection::Impossible { rule }
        })
    }
}

fn full(what: &str) -> Rejection {
    let rule = format!(
        "the workspace is full, it may keep {what}: delete what is not needed any more, or ask whoever runs the server for more room"
    );
    Rejection::Impossible { rule }
}

fn live(head: &Head, of: Option<&str>) -> u64 {
    let sums = head.checksums.0.iter().filter(|(name, _)| of.is_none_or(|of| name.as_str() == of));
    // of a head that another node has moved on from, records that came later may be taken out: such a group is never
    // committed, and its counts wrap
    let count = sums.fold(0_u64, |all, (_, sum)| all.wrapping_add(sum.count));
    count.cast_signed().max(0).cast_unsigned()
}

fn total(kept: &Kept) -> u64 {
    kept.bytes.saturating_add(kept.fed.saturating_sub(kept.floor.fed))
}

/// What a record counts in bytes: nothing where it is not there or deleted.
pub(super) fn weight(record: Option<&Record>) -> u64 {
    record.filter(|record| !record.deleted).map_or(0, |record| record.size() as u64)
}

/// What is remembered of a mirrored row counts in bytes: nothing where the row is not there.
pub(super) fn shadow_weight(shadow: &Shadow) -> u64 {
    if shadow.there { shadow.size() as u64 } else { 0 }
}

/// What a conflict counts, by number and in bytes: nothing once it is settled.
pub(super) fn open_weight(conflict: Option<&Conflict>) -> (u64, u64) {
    conflict.filter(|conflict| conflict.is_open()).map_or((0, 0), |conflict| (1, conflict.size() as u64))
}

impl Kept {
    /// Counts a record that takes the place of one of that [`weight`].
    pub(super) fn record(&mut self, before: u64, after: Option<&Record>) {
        self.bytes = self.bytes.saturating_add(weight(after)).saturating_sub(before);
    }

    /// Counts a conflict that takes the place of one of that [`open_weight`].
    pub(super) fn conflict(&mut self, (less, less_bytes): (u64, u64), after: Option<&Conflict>) {
        let (more, more_bytes) = open_weight(after);
        self.open = self.open.saturating_add(more).saturating_sub(less);
        self.bytes = self.bytes.saturating_add(more_bytes).saturating_sub(less_bytes);
    }

    /// Counts an entry of the feed.
    pub(super) fn entry(&mut self, entry: &Entry) {
        self.fed = self.fed.saturating_add(super::feed::entry_size(entry) as u64);
    }

    /// The floor as of now. It follows from what is stored alone, also where nothing has been written for long.
    pub(super) fn floor(&self, now: Timestamp, horizon: Duration) -> Mark {
        let horizon = i64::try_from(horizon.as_millis()).unwrap_or(i64::MAX);
        let gone = |mark: &&Mark| mark.at.0.saturating_add(horizon) < now.0;
        self.marks
            .iter()
            .filter(gone)
            .max_by_key(|mark| mark.seq)
            .copied()
            .unwrap_or(self.floor)
            .max(self.floor)
    }

    /// Before the step that goes on behind `head`: moves the floor, and marks where the feed is every so often.
    pub(super) fn mark(&mut self, now: Timestamp, horizon: Duration, seq: sync_protocol::Revision) {
        self.floor = self.floor(now, horizon);
        let floor = self.floor.seq;
        self.marks.retain(|mark| mark.seq > floor);
        let spacing = self.marks.windows(2).map(|pair| pair[1].seq.0 - pair[0].seq.0).min();
        let last = self.marks.last().map_or(floor.0, |mark| mark.seq.0);
        if seq.0.saturating_sub(last) < spacing.unwrap_or(MARK_ENTRIES).max(MARK_ENTRIES) {
            return;
        }
        // a clock that went back: a mark says that everything before it was written before it
        let at = self.marks.last().map_or(now, |mark| mark.at.max(now));
        self.marks.push(Mark { at, seq, fed: self.fed });
        if self.marks.len() > MARKS {
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                !keep
            });
        }
    }
}

impl Mark {
    fn max(self, other: Self) -> Self {
        if other.seq > self.seq { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::Revision;

    const HORIZON: Duration = Duration::from_secs(3_600);

    /// Writes one entry every `every` ms for some horizons; the largest number of expired entries above the floor.
    fn worst(every: i64, entries: u64) -> (u64, usize) {
        let mut kept = Kept::default();
        let (mut worst, mut most) = (0, 0);
        for seq in 1..=entries {
            let now = Timestamp(seq as i64 * every);
            kept.mark(now, HORIZON, Revision(seq - 1));
            kept.fed += 10;
            most = most.max(kept.marks.len());
            let floor = kept.floor(now, HORIZON);
            // the entry `n` was written at n * every
            let expired = ((now.0 - HORIZON.as_millis() as i64) / every).max(0) as u64;
            assert!(floor.seq.0 <= expired, "the floor never passes what is still kept");
            assert_eq!(floor.fed, floor.seq.0 * 10);
            worst = worst.max(expired - floor.seq.0);
        }
        (worst, most)
    }

    #[test]
    fn the_floor_follows_the_horizon_closely_with_a_bounded_number_of_marks() {
        let (slow, _) = worst(10_000, 2_000);
        assert!(slow <= 2 * MARK_ENTRIES, "{slow}");
        let (fast, most) = worst(10, 1_500_000);
        assert!(most <= MARKS + 1, "{most} marks");
        assert!(fast <= 360_000 / (MARKS as u64 / 4), "{fast} of 360,000 that are kept");
    }

    #[test]
    fn the_floor_moves_without_a_write_and_not_with_a_clock_that_goes_back() {
        let mut kept = Kept::default();
        kept.mark(Timestamp(5_000), HORIZON, Revision(1_000));
        kept.mark(Timestamp(1_000), HORIZON, Revision(2_000));
        let later = |ms| kept.floor(Timestamp(ms + HORIZON.as_millis() as i64), HORIZON).seq;
        assert_eq!(
            later(1_001),
            Revision(0),
            "nothing is known to be gone: the second mark is as late as the first"
        );
        assert_eq!(later(5_001), Revision(2_000));
    }
}
