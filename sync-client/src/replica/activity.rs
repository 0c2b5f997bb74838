//! What this device has sent and received lately: a bounded log, kept with the replica. An entry is a memo of its own, saved in
//! the step that it tells of; the newest takes the place of the oldest.

use std::collections::VecDeque;

use sync_protocol::feed::EntryKind;
use sync_protocol::message::{PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::{CollectionId, Counter, Timestamp, Verdict};

use super::Replica;
use crate::api::ActivityInfo;
use crate::limits::{ACTIVITY, ACTIVITY_COLLECTIONS};
use crate::store::{Batch, Memos};

/// What names of its memos begin with; names of programs do not.
pub(crate) const NAME: &str = "\u{1}activity.";

/// What is going on goes into one entry for so long, in milliseconds.
const GATHER_MS: i64 = 60_000;

/// The log, oldest first, each with the number of its memo.
#[derive(Debug, Default)]
pub(super) struct Activity {
    entries: VecDeque<(usize, ActivityInfo)>,
}

/// Whether a memo is of the log, and none of a program.
pub fn is_activity(name: &str) -> bool {
    name.starts_with(NAME)
}

impl Activity {
    /// What was kept. An entry that cannot be read is left out.
    pub(super) fn load(memos: &Memos) -> Self {
        let mut entries: Vec<(usize, ActivityInfo)> = memos.iter().filter_map(read).collect();
        sync_protocol::sort_few(&mut entries, |(_, a), (_, b)| a.at.cmp(&b.at));
        Self { entries: entries.into() }
    }

    /// A memo was stored.
    pub(super) fn follow(&mut self, memo: &(String, String)) {
        if let Some((slot, entry)) = read(memo) {
            self.entries.retain(|(other, _)| *other != slot);
            self.entries.push_back((slot, entry));
        }
    }

    /// The memo that keeps the newest entry, once this is added.
    fn with(&self, now: Timestamp, what: ActivityInfo) -> Option<(String, String)> {
        if what.total() == 0 {
            return None;
        }
        // a clock that was set back begins another entry
        let goes_on =
            |last: &ActivityInfo| last.sent == what.sent && (0..GATHER_MS).contains(&(now.0 - last.at.0));
        let begun = || ActivityInfo { at: now, sent: what.sent, ..ActivityInfo::default() };
        let (slot, mut entry) = match self.entries.back().filter(|(_, last)| goes_on(last)) {
            Some((slot, newest)) => (*slot, newest.clone()),
            // the oldest one gives way
            None if self.entries.len() >= ACTIVITY => {
                (self.entries.front().map_or(0, |(slot, _)| *slot), begun())
            }
            None => (
                (0..ACTIVITY).find(|slot| self.entries.iter().all(|(used, _)| used != slot)).unwrap_or(0),
                begun(),
            ),
        };
        entry.others += what.others;
        for (collection, n) in what.of {
            match entry.of.len() < ACTIVITY_COLLECTIONS || entry.of.contains_key(&collection) {
                true => *entry.of.entry(collection).or_default() += n,
                false => entry.others += n,
            }
        }
        entry.refused += what.refused;
        entry.merged += what.merged;
        entry.review += what.review;
        // numbers and names: nothing of it can fail to be written
        Some((format!("{NAME}{slot}"), serde_json::to_string(&entry).ok()?))
    }
}

/// A memo of the log.
fn read((name, text): &(String, String)) -> Option<(usize, ActivityInfo)> {
    let slot = name.strip_prefix(NAME)?.parse().ok()?;
    Some((slot, sync_protocol::json::read(text).ok()?))
}

fn count(what: &mut ActivityInfo, collection: &CollectionId, n: u64) {
    if !collection.is_reserved() {
        *what.of.entry(collection.clone()).or_default() += n;
    }
}

impl Replica {
    /// What was sent and received lately, newest first.
    pub fn activity(&self) -> Vec<ActivityInfo> {
        self.activity.entries.iter().rev().map(|(_, entry)| entry.clone()).collect()
    }

    /// How many memos the log takes.
    pub fn activity_count(&self) -> usize {
        self.activity.entries.len()
    }

    /// The answer to a push goes into the log, in the batch that it becomes.
    pub fn note_sent(&self, now: Timestamp, sent: &[Counter], answer: &PushAnswer, batch: &mut Batch) {
        let mut what = ActivityInfo { sent: true, ..ActivityInfo::default() };
        for (counter, verdict) in sent.iter().zip(&answer.verdicts) {
            let Some(change) =
                self.pending(*counter).filter(|change| !change.record.collection.is_reserved())
            else {
                continue;
            };
            count(&mut what, &change.record.collection, 1);
            match verdict {
                Verdict::Rejected { .. } => what.refused += 1,
                Verdict::Merged { .. } => what.merged += 1,
                Verdict::Conflicted { .. } => what.review += 1,
                Verdict::Applied { .. } | Verdict::Duplicate { .. } => {}
            }
        }
        batch.memos.extend(self.activity.with(now, what));
    }

    /// A page of the feed goes into the log, without this device's own changes.
    pub fn note_received(&self, now: Timestamp, answer: &PullAnswer, batch: &mut Batch) {
        let mut what = ActivityInfo::default();
        let own = self.id();
        for entry in
            answer.feeds.iter().flat_map(|feed| &feed.entries).filter(|entry| entry.change.replica != own)
        {
            let about = entry.collection.as_ref();
            let Some(collection) =
                about.or(entry.conflict.as_ref().map(|conflict| &conflict.record.collection))
            else {
                continue;
            };
            count(&mut what, collection, 1);
            if !collection.is_reserved() {
                what.merged += u64::from(entry.kind == EntryKind::Merged);
                what.review += u64::from(entry.kind == EntryKind::Conflicted);
            }
        }
        batch.memos.extend(self.activity.with(now, what));
    }

    /// A piece of a copy of the records goes into the log.
    pub fn note_copied(&self, now: Timestamp, answer: &SnapshotAnswer, batch: &mut Batch) {
        let mut what = ActivityInfo::default();
        for page in &answer.pages {
            count(&mut what, &page.collection, u64::from(page.count));
        }
        batch.memos.extend(self.activity.with(now, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(n: u64) -> ActivityInfo {
        let of = [(CollectionId::from_label("Boats"), n)].into();
        ActivityInfo { sent: true, of, ..ActivityInfo::default() }
    }

    fn followed(log: &mut Activity, at: i64, what: ActivityInfo) {
        if let Some(memo) = log.with(Timestamp(at), what) {
            log.follow(&memo);
        }
    }

    #[test]
    fn a_minute_of_work_is_one_entry_and_the_other_way_another() {
        let mut log = Activity::default();
        for at in [0, 10, GATHER_MS - 1] {
            followed(&mut log, at, sent(2));
        }
        followed(&mut log, GATHER_MS - 1, ActivityInfo { sent: false, ..sent(1) });
        followed(&mut log, GATHER_MS, sent(1));
        followed(&mut log, GATHER_MS, ActivityInfo { of: Default::default(), ..sent(0) });
        let totals: Vec<(bool, u64)> =
            log.entries.iter().map(|(_, entry)| (entry.sent, entry.total())).collect();
        assert_eq!(totals, [(true, 6), (false, 1), (true, 1)]);
    }

    #[test]
    fn the_log_is_bounded_and_read_back_as_it_was() {
        let (mut log, mut kept) = (Activity::default(), Memos::new());
        for n in 0..ACTIVITY as i64 + 30 {
            if let Some(memo) = log.with(Timestamp(n * GATHER_MS), sent(n as u64 + 1)) {
                log.follow(&memo);
                crate::store::follow_memos(&mut kept, &vec![memo]);
            }
        }
        assert_eq!((log.entries.len(), kept.len()), (ACTIVITY, ACTIVITY));
        assert_eq!(log.entries.front().map(|(_, oldest)| oldest.total()), Some(31));
        let again = Activity::load(&kept);
        assert_eq!(again.entries, log.entries);
    }

    #[test]
    fn an_entry_tells_only_so_many_collections_apart() {
        let mut log = Activity::default();
        for n in 0..ACTIVITY_COLLECTIONS + 5 {
            let of = [(CollectionId::from_label(&format!("c{n}")), 1)].into();
            followed(&mut log, 0, ActivityInfo { of, ..sent(0) });
        }
        let (_, entry) = &log.entries[0];
        assert_eq!(
            (entry.of.len(), entry.others, entry.total()),
            (ACTIVITY_COLLECTIONS, 5, ACTIVITY_COLLECTIONS as u64 + 5)
        );
    }
}
