//! What those who wait share of the store's reads, and that they are told all the same whatever became of a commit.

use async_trait::async_trait;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sync_protocol::{Change, Cursor, Partition};
use sync_server::partition::PartitionEngine;
use sync_server::store::{Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, StoreError};
use tokio::time::timeout;

use crate::faults::{Fault, Faulty};
use crate::kit::{Device, World, airport, airports, applied};

/// A store that counts what is read of it, and may be replaced by another one.
struct Counting {
    store: Mutex<Arc<dyn PartitionStore>>,
    is_shared: bool,
    heads: AtomicUsize,
    rows: AtomicUsize,
}

impl Counting {
    fn on(store: Arc<dyn PartitionStore>, is_shared: bool) -> Arc<Self> {
        let store = Mutex::new(store);
        Arc::new(Self { store, is_shared, heads: AtomicUsize::new(0), rows: AtomicUsize::new(0) })
    }

    fn store(&self) -> Arc<dyn PartitionStore> {
        self.store.lock().expect("no panic").clone()
    }

    /// Heads and other reads since this was asked last.
    fn reads(&self) -> (usize, usize) {
        (self.heads.swap(0, Ordering::SeqCst), self.rows.swap(0, Ordering::SeqCst))
    }
}

#[async_trait]
impl PartitionStore for Counting {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        self.heads.fetch_add(1, Ordering::SeqCst);
        self.store().head(id, read).await
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.store().get(id, kind, keys).await
    }

    async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        read: Read,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.rows.fetch_add(1, Ordering::SeqCst);
        self.store().range(id, kind, after, limit, bytes, read).await
    }

    async fn clear(
        &self,
        id: PartitionId,
        before: sync_server::store::Step,
    ) -> Result<Committed, StoreError> {
        self.store().clear(id, before).await
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        self.store().commit(id, commit).await
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn news(
        &self,
        workspace: sync_protocol::WorkspaceId,
        partitions: u16,
    ) -> Result<Cursor, StoreError> {
        // one cheap read
        self.store().news(workspace, partitions).await
    }
}

/// So many who wait there from that cursor on; the waits have begun.
async fn waiting(
    world: &World,
    node: &PartitionEngine,
    cursor: &Cursor,
    count: usize,
) -> Vec<tokio::task::JoinHandle<sync_protocol::message::PullAnswer>> {
    let waits = (0..count).map(|_| {
        let (world, node, cursor) = (world.clone(), node.clone(), cursor.clone());
        tokio::spawn(async move { world.pull(&node, &cursor, 20_000).await })
    });
    let waits: Vec<_> = waits.collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_this_node_costs_those_who_wait_one_read() {
    let (world, _, _) = airports(8).await;
    let counting = Counting::on(world.store.clone(), false);
    let node = world.node_on(counting.clone());
    let mut cursor = world.start();
    world.pull_all(&node, &mut cursor).await;
    let (mut device, mut made) = (Device::new(), node.figures().answers());
    for key in 0..10 {
        let waits = waiting(&world, &node, &cursor, 50).await;
        let change = device.insert(&airport(key), "x");
        device.push(&world, &node, &[change]).await;
        counting.reads();
        for wait in waits {
            let answer = wait.await.expect("no panic");
            assert_eq!(answer.feeds.len(), 1);
            cursor = answer.cursor;
        }
        let (heads, rows) = counting.reads();
        assert!(heads <= 1 && rows == 0, "{heads} heads and {rows} other reads for 50 who wait");
        assert_eq!(node.figures().answers() - made, 1, "answers for 50 who wait");
        made = node.figures().answers();
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_another_node_is_read_once_for_all_who_wait() {
    let (world, other, _) = airports(8).await;
    let counting = Counting::on(world.store.clone(), true);
    let node = world.node_on(counting.clone());
    let mut cursor = world.start();
    world.pull_all(&node, &mut cursor).await;
    let (waits, mut device) = (waiting(&world, &node, &cursor, 50).await, Device::new());
    counting.reads();
    let change = device.insert(&airport(1), "x");
    device.push(&world, &other, &[change]).await;
    for wait in waits {
        assert_eq!(wait.await.expect("no panic").feeds.len(), 1);
    }
    let (heads, rows) = counting.reads();
    assert!(heads <= 3 && rows == 1, "{heads} heads and {rows} other reads for 50 who wait");
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_whatever_became_of_the_commit() {
    use Fault::{Beaten, Unavailable, UnknownApplied, UnknownAppliedThenDark, UnknownLate, UnknownLost};
    for faults in [
        &[UnknownApplied][..],
        &[UnknownLost],
        &[UnknownLate],
        &[Beaten],
        &[Unavailable],
        &[UnknownAppliedThenDark],
        &[UnknownLost, UnknownApplied],
        &[UnknownLate, UnknownLate],
    ] {
        for is_shared in [false, true] {
            let (world, _, _) = airports(1).await;
            let faulty = Faulty::new(world.store.clone(), faults);
            let node = world.node_on(Counting::on(faulty.clone(), is_shared));
            let mut cursor = world.start();
            world.pull_all(&node, &mut cursor).await;
            let waits = waiting(&world, &node, &cursor, 3).await;
            let mut device = Device::new();
            let changes: Vec<Change> = (0..10).map(|key| device.insert(&airport(key), "x")).collect();
            if device.try_push(&world, &node, &changes).await.is_err() {
                faulty.lighten();
                device.push(&world, &node, &changes).await;
            }
            for wait in waits {
                // a wait in the dark ends with an error, which a device meets with the next one
                let mut at = match timeout(Duration::from_secs(1), wait).await.expect("woken") {
                    Ok(answer) if !answer.feeds.is_empty() => answer.cursor,
                    Ok(_) | Err(_) => cursor.clone(),
                };
                world.pull_all(&node, &mut at).await;
                assert_eq!(at.get(Partition(0)).0, 13, "{faults:?}");
            }
            let mut from_start = world.start();
            assert_eq!(world.pull_all(&node, &mut from_start).await.len(), 13, "{faults:?}");
            world.audit().await;
        }
    }
}

#[tokio::test]
async fn a_store_that_went_back_is_noticed() {
    let (world, _, mut device) = airports(1).await;
    // the backup is empty: as it was before everything
    let backup = World::new(1).store;
    let restored = Counting::on(world.store.clone(), true);
    let node = world.node_on(restored.clone());
    let change = device.insert(&airport(1), "x");
    assert!(applied(&device.push(&world, &node, &[change]).await[0]));
    let mut cursor = world.start();
    world.pull_all(&node, &mut cursor).await;
    *restored.store.lock().expect("no panic") = backup;
    assert_eq!(world.pull(&node, &cursor, 0).await.expired, [Partition(0)]);
}
