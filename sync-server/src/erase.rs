//! Takes a workspace away with all that is stored of it. What the app calls deleting puts it out of everybody's reach and leaves its
//! rows where they are, for whoever has a backup of the list of workspaces; this leaves nothing.

use sync_protocol::{Partition, WorkspaceId};

use crate::limits::MEMBERS_ALL;
use crate::partition::limits::{FORGOTTEN_STAYS, RANGE_BYTES, RANGE_ROWS};
use crate::store::{
    Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, Row, Step, Store, StoreError, feed_key,
};

/// Tries of one step while somebody else's goes before it, or the store does not say how it ended.
const TRIES: u32 = 20;

/// Takes a workspace away; how many rows went. Its members go first, so that nobody writes to it any more, and its name last:
/// where this was broken off, the same again goes on. `progress` hears how many partitions of how many are done.
///
/// # Errors
/// Where the store does not answer, or servers that run write so much that no step of this one gets through.
pub async fn workspace(
    store: &dyn Store,
    id: WorkspaceId,
    partitions: u16,
    progress: impl Fn(u16, u16),
) -> Result<u64, StoreError> {
    for (token_hash, _) in store.invitations_of(id).await? {
        store.end_invitation(&token_hash, id).await?;
    }
    for user in store.members_of(id, MEMBERS_ALL).await?.into_keys() {
        store.set_member(id, user, None).await?;
    }
    let mut rows = 0;
    for at in (0..partitions).map(Partition) {
        rows += partition(store, PartitionId { workspace: id, partition: at }).await?;
        progress(at.0 + 1, partitions);
    }
    store.remove_workspace(id).await?;
    Ok(rows)
}

/// Takes all rows of a partition away; how many went. It says that it has nothing from the first step on.
///
/// # Errors
/// As [`workspace`].
pub async fn partition(store: &dyn PartitionStore, id: PartitionId) -> Result<u64, StoreError> {
    let head = store.head(id, Read::Serial).await?;
    if head.step == Step(0) {
        return Ok(0);
    }
    let mut count = 0;
    for kind in Kind::ALL {
        // what lies below has expired, and is not gone through
        let mut after = (kind == Kind::Feed).then(|| feed_key(head.kept.floor.seq));
        loop {
            let found = store.range(id, kind, after.as_deref(), RANGE_ROWS, RANGE_BYTES, Read::Quorum).await;
            let found = match found {
                // of the feed nothing but expired rows is left
                Err(StoreError::Expired(_)) if kind == Kind::Feed => break,
                found => found?,
            };
            let Some((last, _)) = found.last() else { break };
            after = Some(last.clone());
            count += found.len() as u64;
            let gone = |(key, _)| Row { kind, key, body: "null".into(), ttl: Some(FORGOTTEN_STAYS) };
            // one step: rows that have hardly a body
            commit(store, id, found.into_iter().map(gone).collect()).await?;
        }
    }
    commit(store, id, Vec::new()).await?;
    Ok(count)
}

async fn commit(store: &dyn PartitionStore, id: PartitionId, rows: Vec<Row>) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let before = store.head(id, Read::Serial).await?.step;
        let head = Head { step: before.next(), ..Head::default() };
        let taken = store.commit(id, Commit { expected: before, head, rows: rows.clone() }).await?;
        if taken == Committed::Yes {
            return Ok(());
        }
    }
    Err(StoreError::Unavailable("servers write to this partition all the time; try again later".into()))
}
