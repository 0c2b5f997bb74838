//! Wakes waiting pulls: at once for commits of this node, and for those of other nodes by a look at what they have told of
//! while somebody waits. A store that only one process can write to is never looked at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use sync_protocol::{Cursor, Partition, Revision, WorkspaceId};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::limits::POLL;
use crate::store::{PartitionId, PartitionStore};

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<BTreeMap<WorkspaceId, Weak<Watched>>>);

/// One workspace that somebody waits for; gone with the last of them.
#[derive(Debug)]
pub(super) struct Watched {
    workspace: WorkspaceId,
    /// The newest heads known of all partitions.
    heads: watch::Sender<Cursor>,
    polled: AtomicBool,
}

impl Watch {
    /// Says that a partition has moved.
    pub(super) fn moved(&self, id: PartitionId, head: Revision) {
        let watched = self.map().get(&id.workspace).and_then(Weak::upgrade);
        if let Some(watched) = watched {
            watched.moved(id.partition, head);
        }
    }

    /// The workspace, shared by all who wait for it.
    pub(super) fn join(&self, workspace: WorkspaceId, partitions: u16) -> Arc<Watched> {
        let mut map = self.map();
        if let Some(watched) = map.get(&workspace).and_then(Weak::upgrade) {
            return watched;
        }
        map.retain(|_, watched| watched.strong_count() > 0);
        let heads = watch::Sender::new(Cursor::start(partitions));
        let watched = Arc::new(Watched { workspace, heads, polled: AtomicBool::new(false) });
        map.insert(workspace, Arc::downgrade(&watched));
        watched
    }

    fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkspaceId, Weak<Watched>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// What to wait on. Join before reading: whatever moves after that is noticed.
    pub(super) fn receiver(&self) -> watch::Receiver<Cursor> {
        self.heads.subscribe()
    }

    /// True for the first who asks: that one starts [`poll`].
    pub(super) fn needs_poll(&self) -> bool {
        !self.polled.swap(true, Ordering::Relaxed)
    }

    fn moved(&self, partition: Partition, head: Revision) {
        self.heads.send_if_modified(|heads| {
            let newer = head > heads.get(partition);
            heads.advance(partition, head);
            newer
        });
    }
}

/// Looks for what other processes have done until nobody waits any more; ends at once where there are none.
pub(super) async fn poll(store: Arc<dyn PartitionStore>, watched: Weak<Watched>, partitions: u16) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(workspace) = watched.upgrade().map(|watched| watched.workspace) else { return };
        // what cannot be read now is looked at in the next round; the waiting pulls end by themselves
        let heads = match store.news(workspace, partitions).await {
            Ok(Some(heads)) => heads,
            Ok(None) => return,
            Err(_) => continue,
        };
        let Some(watched) = watched.upgrade() else { return };
        heads.iter().for_each(|(partition, head)| watched.moved(partition, head));
    }
}
