//! What a device has promised its person, kept beside it: every change that was said to be saved, and where it must be.

use std::collections::{BTreeMap, BTreeSet};

use sync_client::replica::Replica;
use sync_client::store::Batch;
use sync_protocol::{Change, Counter};

/// The promises of one device.
#[derive(Clone, Default)]
pub struct Promises {
    /// Every change that was said to be saved.
    pub acked: BTreeMap<Counter, Change>,
    /// Changes that live on under another number.
    pub again: BTreeMap<Counter, Counter>,
    /// What a person threw away or replaced.
    pub discarded: BTreeSet<Counter>,
    /// What must be in the outbox.
    pub outbox: BTreeMap<Counter, Change>,
    /// What must be in quarantine.
    pub quarantine: BTreeSet<Counter>,
}

impl Promises {
    /// What a batch makes of them once it is stored.
    pub fn follow(&mut self, batch: &Batch) {
        for change in &batch.enqueue {
            self.outbox.insert(change.id.counter, change.clone());
        }
        for counter in &batch.settle {
            self.outbox.remove(counter);
        }
        for entry in &batch.quarantine {
            self.quarantine.insert(entry.change.id.counter);
        }
        for counter in &batch.quarantine_gone {
            self.quarantine.remove(counter);
        }
    }

    /// Whether a replica holds just what was promised.
    pub fn are_held_by(&self, replica: &Replica) -> bool {
        self.outbox.values().eq(replica.outbox().map(|p| &p.change))
            && self.quarantine.iter().copied().eq(replica.quarantine().map(|q| q.change.id.counter))
    }

    /// What becomes of changes that leave with an act of the person: for each its new number, or none where it is thrown
    /// away.
    pub fn moved(
        replica: &Replica,
        batch: &Batch,
        thrown_away: &[Counter],
    ) -> Vec<(Counter, Option<Counter>)> {
        let mut new: Vec<&Change> = batch.enqueue.iter().collect();
        let mut moved = Vec::new();
        for counter in batch.quarantine_gone.iter().chain(&batch.settle) {
            let pending = replica.pending(*counter);
            if thrown_away.contains(counter) {
                moved.push((*counter, None));
                continue;
            }
            let Some(old) = pending.or_else(|| replica.quarantined(*counter).map(|q| &q.change)) else {
                continue;
            };
            let at = new.iter().position(|c| c.record == old.record && c.edit == old.edit);
            moved.push((*counter, at.map(|at| new.remove(at).id.counter)));
        }
        moved
    }
}
