//! What this process knows of the ids that replicas have used, over all partitions: each partition remembers its own, and an
//! id that is used again in another one would be two changes of one name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use sync_protocol::message::Push;
use sync_protocol::{Counter, Partition, ReplicaId, WorkspaceId};

use super::limits::{NAMES, NAMES_OF_ONE};

#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    replicas: BTreeMap<(WorkspaceId, ReplicaId), Used>,
    /// Ids of all of them.
    count: usize,
    turn: u64,
}

#[derive(Debug, Default)]
struct Used {
    ids: BTreeMap<Counter, Partition>,
    turn: u64,
}

impl Names {
    /// Takes the ids of a push, and gives those that were used in another partition before.
    pub(super) fn used_elsewhere(
        &self,
        workspace: WorkspaceId,
        push: &Push,
        partitions: u16,
    ) -> BTreeSet<Counter> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { replicas, count, turn } = &mut *known;
        *turn += 1;
        let used = replicas.entry((workspace, push.replica)).or_default();
        used.turn = *turn;
        *count -= used.ids.len();
        // what is settled is never sent again
        used.ids = used.ids.split_off(&push.settled.next());
        let elsewhere = push.changes.iter().filter_map(|change| {
            let (counter, here) = (change.id.counter, change.record.partition(partitions));
            (*used.ids.entry(counter).or_insert(here) != here).then_some(counter)
        });
        let elsewhere = elsewhere.collect();
        while used.ids.len() > NAMES_OF_ONE {
            used.ids.pop_first();
        }
        *count += used.ids.len();
        while *count > NAMES {
            let oldest = replicas.iter().min_by_key(|(_, used)| used.turn).map(|(name, _)| *name);
            let Some(gone) = oldest.and_then(|oldest| replicas.remove(&oldest)) else { break };
            *count -= gone.ids.len();
        }
        elsewhere
    }
}
