//! Takes a workspace away with all that is stored of it. What the app calls deleting puts it out of everybody's reach and leaves its
//! rows where they are, for whoever has a backup of the list of workspaces; this leaves nothing.

pub mod person;

use sync_protocol::{Partition, WorkspaceId};

use crate::limits::MEMBERS_ALL;
use crate::store::{Committed, PartitionId, PartitionStore, Read, Step, Store, StoreError};

/// Tries of one step while somebody else's goes before it, or the store does not say how it ended.
const TRIES: u32 = 20;

/// Takes a workspace away. Its members go first, so that nobody writes to it any more, and its name last:
/// where this was broken off, the same again goes on. `progress` hears how many partitions of how many are done.
///
/// # Errors
/// Where the store does not answer, or servers that run write so much that no step of this one gets through.
pub async fn workspace(
    store: &dyn Store,
    id: WorkspaceId,
    partitions: u16,
    progress: impl Fn(u16, u16),
) -> Result<(), StoreError> {
    for (token_hash, _) in store.invitations_of(id).await? {
        store.end_invitation(&token_hash, id).await?;
    }
    for user in store.members_of(id, MEMBERS_ALL).await?.into_keys() {
        store.set_member(id, user, None).await?;
    }
    for at in (0..partitions).map(Partition) {
        partition(store, PartitionId { workspace: id, partition: at }).await?;
        progress(at.0 + 1, partitions);
    }
    store.remove_workspace(id).await
}

/// Takes all rows of a partition away. It says that it has nothing from the first moment on.
///
/// # Errors
/// As [`workspace`].
pub async fn partition(store: &dyn PartitionStore, id: PartitionId) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let before = store.head(id, Read::Serial).await?.step;
        if before == Step(0) || store.clear(id, before).await? == Committed::Yes {
            return Ok(());
        }
    }
    Err(StoreError::Unavailable("servers write to this partition all the time; try again later".into()))
}
