//! A replica that is not the only one of its name: restored from a backup, or copied with its folder. It takes a new name;
//! what was refused only because of its number goes out under that one. Values and bases stay: they are judged like anybody's.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::Ordered;

use sync_protocol::message::{PullAnswer, PushAnswer};
use sync_protocol::{
    Change, ChangeId, Counter, Edit, Entry, Partition, RecordId, ReplicaId, Verdict, reserved,
};

use super::{Judged, Pending, Replica};
use crate::store::{Batch, Meta};

/// Of how many numbers a program that starts leaves out some.
const LEAP: u64 = 1 << 32;

impl Replica {
    /// A program that starts goes on from a number of chance: two copies of one folder, or one that was set back, then use
    /// none twice, in no partition, even before they hear of each other.
    pub fn leap(&mut self, random: u64) {
        self.counter = Counter(self.counter.0.saturating_add(random % LEAP));
    }

    /// The change in the outbox whose outcome an entry is.
    pub(super) fn own(&self, entry: &Entry) -> Option<Counter> {
        let change = &self.outbox.get(entry.change.counter)?.change;
        let same = change.id == entry.change && entry.said.is_none_or(|said| said == change.digest());
        same.then_some(entry.change.counter)
    }

    /// Notes what a stored answer of the feed shows: entries under this name that are of no change made here; and changes
    /// that were called duplicates and have no entry.
    pub fn note_pulled(&mut self, pull: u64, answer: &PullAnswer) {
        for entry in answer.feeds.iter().flat_map(|feed| &feed.entries) {
            // one that is an own change's has left the outbox with it
            let other = self.outbox.get(entry.change.counter).is_some_and(|p| p.change.id == entry.change);
            self.shared |=
                entry.change.replica == self.id() && (entry.change.counter > self.counter || other);
        }
        let ended: BTreeSet<Partition> = answer.ends.iter().map(|end| end.partition).ordered_set();
        let copied = self.meta.copied;
        let another = |Pending { change, judged }: &Pending| match judged {
            Judged::Before { pull: before, .. } if pull > *before && change.id.counter > copied => {
                Some(change.id.counter)
            }
            _ => None,
        };
        let earlier = ended.into_iter().flat_map(|partition| self.outbox.judged_before(partition));
        for counter in earlier.filter_map(another).collect::<Vec<_>>() {
            tracing::debug!(%counter, "called a duplicate, and not in the feed");
            self.outbox.judge(counter, Judged::Another);
        }
    }

    /// The changes of a push of which not the change was refused but its number, and what was refused after one of them in
    /// its record, or asked for because it follows one: it goes after it as before.
    pub(super) fn taken_by(&self, sent: &[Counter], answer: &PushAnswer) -> BTreeSet<Counter> {
        let mut records: BTreeSet<&RecordId> = BTreeSet::new();
        let mut counters = BTreeSet::new();
        for (counter, verdict) in sent.iter().zip(&answer.verdicts) {
            let (Some(pending), Verdict::Rejected { taken, .. }) = (self.outbox.get(*counter), verdict)
            else {
                continue;
            };
            if *taken || records.contains(&pending.change.record) || self.outbox.is_asked(*counter) {
                records.insert(&pending.change.record);
                counters.insert(*counter);
            }
        }
        counters
    }

    /// Whether there is something to do about this replica's name.
    pub fn must_renew(&self) -> bool {
        self.shared || self.outbox.again().next().is_some()
    }

    /// The replica under a new name, `name` unless it took one before: changes whose number was another one's are minted
    /// anew, in their order. All others keep their id until the server has told their outcome: a copy of them may be on its
    /// way, or in effect. What follows one of those in its record is asked for first ([`Replica::is_asked`]).
    pub fn renewed(&self, name: ReplicaId) -> Batch {
        let anew: Vec<&Change> = self.outbox.again().map(|pending| &pending.change).collect();
        let used = |change: &&Change| change.id.replica == self.id();
        let name = if self.shared || anew.iter().any(used) { name } else { self.id() };
        let mut batch = Batch { meta: Some(Meta { replica: name, ..self.meta.clone() }), ..Batch::default() };
        let mut names: BTreeMap<ChangeId, ChangeId> = BTreeMap::new();
        for change in anew {
            batch.settle.push(change.id.counter);
            if change.record.collection.as_str() == reserved::DEVICES {
                // the new one introduces itself
                continue;
            }
            let mut change = change.clone();
            let counter = Counter(self.counter.0 + batch.enqueue.len() as u64 + 1);
            let id = ChangeId { replica: name, counter };
            names.insert(change.id, id);
            change.id = id;
            if let Edit::Reopen(reopening) = &mut change.edit {
                // what is taken back may wait itself
                reopening.resolution = *names.get(&reopening.resolution).unwrap_or(&reopening.resolution);
            }
            batch.enqueue.push(change);
        }
        batch
    }
}
