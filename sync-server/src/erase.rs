//! Takes a workspace away with all that is stored of it. What the app calls deleting puts it out of everybody's reach and leaves its
//! rows where they are, for whoever has a backup of the list of workspaces; this leaves nothing.

use sync_protocol::{Partition, WorkspaceId};

use crate::partition::limits::{FORGOTTEN_STAYS, GROUP_BYTES, GROUP_CHANGES, RANGE_BYTES, RANGE_ROWS};
use crate::store::{
    Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, Row, Step, Store, StoreError, feed_key,
};

/// Tries of one step while somebody else's goes before it, or the store does not say how it ended.
const TRIES: u32 = 20;

/// Members of a workspace at most: more than any has.
const MEMBERS: usize = 1_000_000;

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
    for user in store.members_of(id, MEMBERS).await?.into_keys() {
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
pub async fn partition<S: PartitionStore + ?Sized>(store: &S, id: PartitionId) -> Result<u64, StoreError> {
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
            let rows: Vec<Row> = found.into_iter().map(gone).collect();
            for step in steps(rows) {
                commit(store, id, step).await?;
            }
        }
    }
    commit(store, id, Vec::new()).await?;
    Ok(count)
}

/// What one step takes of rows that have hardly a body.
fn steps(rows: Vec<Row>) -> impl Iterator<Item = Vec<Row>> {
    let most = rows.iter().map(|row| row.key.len() + row.body.len()).max().unwrap_or(1);
    let some = (GROUP_BYTES / most.max(1)).clamp(1, GROUP_CHANGES);
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let step: Vec<Row> = rows.by_ref().take(some).collect();
        (!step.is_empty()).then_some(step)
    })
}

async fn commit<S: PartitionStore + ?Sized>(
    store: &S,
    id: PartitionId,
    rows: Vec<Row>,
) -> Result<(), StoreError> {
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
