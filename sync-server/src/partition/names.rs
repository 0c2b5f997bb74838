//! What this node knows of the ids that replicas have used, over all partitions: each partition remembers its own, and an
//! id that is used again in another one would be two changes of one name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use sync_protocol::{Change, Counter, Digest, Partition, ReplicaId, WorkspaceId};

use super::limits::NAMES;

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
    ids: BTreeMap<Counter, (Partition, Digest)>,
    turn: u64,
}

impl Names {
    /// Of each of these changes of one replica, whether its id is free or its own; free ones are taken.
    pub(super) fn take(
        &self,
        workspace: WorkspaceId,
        replica: ReplicaId,
        settled: Counter,
        changes: &[(&Change, Partition)],
    ) -> Vec<bool> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { replicas, count, turn } = &mut *known;
        *turn += 1;
        let used = replicas.entry((workspace, replica)).or_default();
        used.turn = *turn;
        *count -= used.ids.len();
        // what is settled is never sent again, and each partition knows how far that is
        used.ids = used.ids.split_off(&settled.next());
        let own = changes.iter().map(|(change, partition)| {
            let this = (*partition, change.digest());
            *used.ids.entry(change.id.counter).or_insert(this) == this
        });
        let own = own.collect();
        *count += used.ids.len();
        while *count > NAMES && replicas.len() > 1 {
            let oldest = replicas.iter().min_by_key(|(_, used)| used.turn).map(|(name, _)| *name);
            let Some(gone) = oldest.and_then(|oldest| replicas.remove(&oldest)) else { break };
            *count -= gone.ids.len();
        }
        own
    }
}
