//! A replica that is not the only one of its name: restored from a backup, or copied with its device. It takes a new name,
//! and what it has not sent goes out under that one. Values and bases stay: they are judged like anybody's.

use std::collections::BTreeMap;

use sync_protocol::message::PullAnswer;
use sync_protocol::{Change, ChangeId, Counter, Edit, Entry, ReplicaId, reserved};

use super::{Judged, Pending, Replica};
use crate::store::{Batch, Meta};

impl Replica {
    /// The change in the outbox whose outcome an entry is.
    pub(super) fn own(&self, entry: &Entry) -> Option<Counter> {
        let pending = self.outbox.get(&entry.change.counter)?;
        let same = |change: &Change| entry.said.is_none_or(|said| said == change.digest());
        (pending.change.id == entry.change && same(&pending.change)).then_some(entry.change.counter)
    }

    /// Whether an answer shows that another replica has this one's name: it made changes that this one has not made.
    pub fn has_a_double(&self, answer: &PullAnswer) -> bool {
        answer.feeds.iter().flat_map(|feed| &feed.entries).any(|entry| {
            let ours = entry.change.replica == self.id();
            let made = self.own(entry).is_some() || !self.outbox.contains_key(&entry.change.counter);
            ours && (entry.change.counter > self.counter || !made)
        })
    }

    /// The replica under a new name: what the server has not judged is minted anew, in its order.
    pub fn renewed(&self, name: ReplicaId) -> Batch {
        let unsent = |p: &&Pending| p.judged == Judged::No && p.change.id.replica == self.id();
        let mut batch = Batch { meta: Some(Meta { replica: name, ..self.meta.clone() }), ..Batch::default() };
        let mut names: BTreeMap<ChangeId, ChangeId> = BTreeMap::new();
        for pending in self.outbox().filter(unsent) {
            let mut change = pending.change.clone();
            batch.settle.push(change.id.counter);
            if change.record.collection.as_str() == reserved::DEVICES {
                // the new one introduces itself
                continue;
            }
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
