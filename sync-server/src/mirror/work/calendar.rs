//! When values expire: nothing counts that, so their rows are looked at then.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::{RecordKey, Timestamp};

/// Rows that are remembered: some MiB of keys.
const MOST: usize = 100_000;
/// The database counts in whole seconds, and its clock is not this one.
const LATER: i64 = 1_500;

/// Rows by when their first value expires. Of too many the later ones are forgotten; the time of the first of those is kept, and
/// all rows are looked at then.
#[derive(Debug, Default)]
pub struct Calendar {
    days: BTreeMap<Timestamp, BTreeSet<RecordKey>>,
    rows: usize,
    forgotten: Option<Timestamp>,
}

impl Calendar {
    /// A row's first value expires then.
    pub fn note(&mut self, at: Timestamp, key: &RecordKey) {
        let at = Timestamp(at.0 + LATER);
        if self.forgotten.is_some_and(|forgotten| at >= forgotten) {
            return;
        }
        self.rows += usize::from(self.days.entry(at).or_default().insert(key.clone()));
        while self.rows > MOST {
            let Some((at, rows)) = self.days.pop_last() else { return };
            self.rows -= rows.len();
            self.forgotten = Some(at);
        }
    }

    /// The rows that are due, some at a time.
    pub fn due(&mut self, now: Timestamp) -> Vec<RecordKey> {
        let mut due = Vec::new();
        while due.len() < 1_000
            && let Some(first) = self.days.first_entry().filter(|first| *first.key() <= now)
        {
            due.extend(first.remove());
        }
        self.rows = self.rows.saturating_sub(due.len());
        due
    }

    /// Whether something is due that was forgotten: all rows are to be looked at. Told once.
    pub fn has_forgotten(&mut self, now: Timestamp) -> bool {
        self.forgotten.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_the_later_ones_are_forgotten_and_their_time_is_not() {
        let mut calendar = Calendar::default();
        for n in 0..MOST as i64 + 10 {
            calendar.note(Timestamp(n), &RecordKey::Int(n));
        }
        assert_eq!(calendar.due(Timestamp(LATER)), [RecordKey::Int(0)]);
        assert!(!calendar.has_forgotten(Timestamp(LATER)));
        assert!(calendar.has_forgotten(Timestamp(MOST as i64 + LATER)));
        assert!(!calendar.has_forgotten(Timestamp(MOST as i64 + LATER)));
    }
}
