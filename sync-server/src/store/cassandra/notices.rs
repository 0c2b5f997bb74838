//! What server processes tell each other: the newest head of each partition that one of them has moved.
//!
//! Plain writes to a table of its own, with the head as their timestamp: of any two the higher head wins, whatever the
//! clocks of the nodes say. Nothing stands on them but how soon a waiting pull is woken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use sync_protocol::Revision;

use super::{Database, number};
use crate::store::PartitionId;

/// Tries of one notice: the next commit of the partition brings a newer one, and each pull begins with the heads.
const TRIES: u32 = 3;

/// Partitions of which others are being told, with the newest head. One task each.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<BTreeMap<PartitionId, Revision>>);

impl Notices {
    /// Tells it soon, together with what comes until then.
    pub(super) fn tell(database: &Arc<Database>, id: PartitionId, head: Revision) {
        let before = database.notices.map().insert(id, head);
        if before.is_none() {
            tokio::spawn(send(Arc::clone(database), id));
        }
    }

    fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<PartitionId, Revision>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(database: Arc<Database>, id: PartitionId) {
    let mut told = None;
    loop {
        let head = {
            let mut map = database.notices.map();
            match map.get(&id) {
                Some(head) if told != Some(*head) => *head,
                Some(_) | None => {
                    map.remove(&id);
                    return;
                }
            }
        };
        told = Some(head);
        let values = (id.workspace.0, i32::from(id.partition.0), number(head.0), number(head.0));
        for attempt in 1..=TRIES {
            match database.session.execute_unpaged(&database.statements.notice, values).await {
                Ok(_) => break,
                Err(error) => tracing::debug!(%error, attempt, "a notice to other servers is lost"),
            }
        }
    }
}
