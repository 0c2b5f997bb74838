//! Pulls: pages, waits, gaps and the horizon.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sync_protocol::message::Pull;
use sync_protocol::{Change, Cursor, Partition, Revision, limits};
use sync_server::partition::EngineError;
use sync_server::store::{Commit, Committed, Head, Kind, PartitionId, PartitionStore, Read, Row, StoreError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::kit::{Device, HORIZON, World, airport, airports, applied};

#[tokio::test]
async fn the_feed_comes_whole_and_in_order_with_its_proof() {
    let (world, node, _) = airports(8).await;
    let mut device = Device::new();
    for round in 0..10 {
        let changes: Vec<Change> = (0..40).map(|k| device.insert(&airport(round * 40 + k), "x")).collect();
        device.push(&world, &node, &changes).await;
    }
    let mut cursor = world.start();
    let entries = world.pull_all(&node, &mut cursor).await;
    assert_eq!(entries.len(), 403);
    let mut seen = world.start();
    for (partition, entry) in &entries {
        assert_eq!(entry.seq, seen.get(*partition).next());
        seen.advance(*partition, entry.seq);
    }
    let end = world.pull(&node, &cursor, 0).await;
    assert!(end.feeds.is_empty() && !end.more && end.expired.is_empty());
    assert_eq!(end.ends.len(), 8, "all partitions are at their end");
    assert_eq!(
        end.ends.iter().map(|e| e.checksums.0.values().map(|c| c.count).sum::<u64>()).sum::<u64>(),
        403
    );
}

#[tokio::test]
async fn a_long_feed_takes_several_bounded_answers_and_the_schema_comes_first() {
    let (world, node, _) = airports(4).await;
    let mut device = Device::new();
    let text = "x".repeat(50_000);
    for round in 0..12 {
        let changes: Vec<Change> = (0..20).map(|k| device.insert(&airport(round * 20 + k), &text)).collect();
        assert!(device.push(&world, &node, &changes).await.iter().all(applied));
    }
    let mut cursor = world.start();
    let mut answers = 0;
    loop {
        let answer = world.pull(&node, &cursor, 0).await;
        let size: usize = answer.feeds.iter().map(|f| serde_json::to_string(f).expect("JSON").len()).sum();
        assert!(size < limits::PULL_BYTES + 4 * 60_000, "{size} bytes");
        if answer.feeds.iter().any(|f| f.partition != Partition(0)) {
            let head = world.store.head(world.id(0), Read::Serial).await.expect("head").revision;
            assert_eq!(answer.cursor.get(Partition(0)), head, "nothing before the schema is through");
        }
        for end in &answer.ends {
            assert_eq!(answer.cursor.get(end.partition), end.head);
        }
        cursor = answer.cursor;
        answers += 1;
        if !answer.more {
            break;
        }
    }
    assert!(answers > 5, "{answers} answers");
    assert_eq!(cursor.0.iter().map(|r| r.0).sum::<u64>(), 243);
}

#[tokio::test]
async fn a_cursor_inside_a_group_goes_on_there() {
    let (world, node, _) = airports(1).await;
    let mut device = Device::new();
    let changes: Vec<Change> = (0..20).map(|k| device.insert(&airport(k), "x")).collect();
    device.push(&world, &node, &changes).await;
    for after in 0..=23 {
        let answer = world.pull(&node, &Cursor(vec![Revision(after)]), 0).await;
        let seqs: Vec<u64> = answer.feeds.iter().flat_map(|f| &f.entries).map(|e| e.seq.0).collect();
        assert_eq!(seqs, (after + 1..=23).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn cursors_that_cannot_be() {
    let (world, node, _) = airports(2).await;
    for cursor in [vec![], vec![Revision(0)], vec![Revision(0); 3]] {
        let pull = Pull { cursor: Cursor(cursor), wait_ms: 0 };
        let answer = node.pull(world.workspace, world.partitions, &pull).await;
        assert!(matches!(answer, Err(EngineError::BadRequest(_))));
    }
    // ahead of a store that was restored from a backup
    let answer = world.pull(&node, &Cursor(vec![Revision(u64::MAX), Revision(0)]), 60_000).await;
    assert_eq!(answer.expired, [Partition(0)]);
}

#[tokio::test]
async fn beyond_the_horizon_the_feed_is_expired() {
    let (world, node, _) = airports(1).await;
    let mut device = Device::new();
    let early = device.insert(&airport(1), "early");
    device.push(&world, &node, &[early]).await;
    world.clock.advance(HORIZON);
    let answer = world.pull(&node, &world.start(), 60_000).await;
    assert_eq!(answer.expired, [Partition(0)], "everything is gone");
    let late = device.insert(&airport(2), "late");
    assert!(applied(&device.push(&world, &node, &[late]).await[0]));
    for (after, expired) in [(0, true), (3, true), (4, false), (5, false)] {
        let answer = world.pull(&node, &Cursor(vec![Revision(after)]), 0).await;
        assert_eq!(!answer.expired.is_empty(), expired, "cursor {after}");
        assert!(!expired || answer.feeds.is_empty());
    }
}

#[tokio::test]
async fn a_gap_is_never_skipped() {
    let (world, node, _) = airports(1).await;
    let mut device = Device::new();
    for key in 0..3 {
        let change = device.insert(&airport(key), "x");
        device.push(&world, &node, &[change]).await;
    }
    // the group of entry 5 is gone, as after a careless repair
    let head = world.store.head(world.id(0), Read::Serial).await.expect("head");
    let row =
        Row { kind: Kind::Feed, key: format!("{:020}", 5), body: "[]".into(), ttl: Some(Duration::ZERO) };
    let commit =
        Commit { expected: head.step, head: Head { step: head.step.next(), ..head }, rows: vec![row] };
    world.store.commit(world.id(0), commit).await.expect("commit");
    let answer = world.pull(&node, &Cursor(vec![Revision(3)]), 0).await;
    let seqs: Vec<u64> = answer.feeds.iter().flat_map(|f| &f.entries).map(|e| e.seq.0).collect();
    assert_eq!((seqs, answer.more), (vec![4], true), "up to the gap");
    assert!(answer.ends.is_empty());
    assert_eq!(world.pull(&node, &answer.cursor, 0).await.expired, [Partition(0)]);
}

#[tokio::test]
async fn a_wait_ends_with_news_of_this_node_and_of_another() {
    let (world, one, _) = airports(4).await;
    let two = world.node();
    let mut cursor = world.start();
    world.pull_all(&one, &mut cursor).await;
    let mut device = Device::new();
    for (round, writer) in [&one, &two, &two, &one].into_iter().enumerate() {
        let change = device.insert(&airport(round as i64), "x");
        let waiting = world.pull(&one, &cursor, 20_000);
        let pushing = async {
            // the pull is already waiting
            tokio::task::yield_now().await;
            device.push(&world, writer, &[change]).await;
            Instant::now()
        };
        let (answer, pushed) =
            timeout(Duration::from_secs(10), async { tokio::join!(waiting, pushing) }).await.expect("woken");
        assert_eq!(answer.feeds.iter().map(|f| f.entries.len()).sum::<usize>(), 1);
        assert!(pushed.elapsed() < Duration::from_secs(2), "woken after {:?}", pushed.elapsed());
        cursor = answer.cursor;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_news_ends_in_time() {
    let (world, node, _) = airports(2).await;
    let mut cursor = world.start();
    world.pull_all(&node, &mut cursor).await;
    let start = Instant::now();
    let answer = world.pull(&node, &cursor, u64::MAX).await;
    let waited = start.elapsed();
    assert!(answer.feeds.is_empty() && answer.ends.len() == 2);
    let most = Duration::from_millis(limits::PULL_WAIT_MS);
    assert!(waited >= most && waited < most + Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn many_wait_with_one_poller_between_them() {
    let (world, one, _) = airports(2).await;
    let two = world.node();
    let mut cursor = world.start();
    world.pull_all(&one, &mut cursor).await;
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let (world, one, cursor) = (world.clone(), one.clone(), cursor.clone());
            tokio::spawn(async move { world.pull(&one, &cursor, 20_000).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let mut device = Device::new();
    let change = device.insert(&airport(1), "x");
    let start = Instant::now();
    device.push(&world, &two, &[change]).await;
    for task in waiting {
        assert_eq!(task.await.expect("the task ends").feeds.len(), 1);
    }
    assert!(start.elapsed() <= Duration::from_millis(250), "{:?}", start.elapsed());
}

/// A store whose answer about the head of the schema is long on its way; who asks for another head after that gets it later.
struct SlowHead {
    store: Arc<dyn PartitionStore>,
    asked: AtomicBool,
    read: Semaphore,
    arrives: Semaphore,
}

#[async_trait]
impl PartitionStore for SlowHead {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        let schema = id.partition == Partition(0);
        let before = self.store.head(id, read).await?;
        if schema {
            self.asked.store(true, Ordering::SeqCst);
            self.read.add_permits(1);
        }
        if self.asked.load(Ordering::SeqCst) {
            self.arrives.acquire().await.expect("never closed").forget();
            self.arrives.add_permits(1);
        }
        if schema { Ok(before) } else { self.store.head(id, read).await }
    }

    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError> {
        self.store.get(id, kind, keys).await
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
        self.store.range(id, kind, after, limit, bytes, read).await
    }

    async fn clear(
        &self,
        id: PartitionId,
        before: sync_server::store::Step,
    ) -> Result<Committed, StoreError> {
        self.store.clear(id, before).await
    }

    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError> {
        self.store.commit(id, commit).await
    }
}

#[tokio::test]
async fn a_record_never_comes_before_its_collection_however_the_reads_meet_the_commits() {
    let world = World::new(8);
    let slow = Arc::new(SlowHead {
        store: world.store.clone(),
        asked: AtomicBool::default(),
        read: Semaphore::new(0),
        arrives: Semaphore::new(0),
    });
    let (reader, start, on) = (world.node_on(slow.clone()), world.start(), world.clone());
    let pulled = tokio::spawn(async move { on.pull(&reader, &start, 0).await });
    slow.read.acquire().await.expect("never closed").forget();
    // made and filled by another node while the answer of the first read is on its way
    let (node, mut device) = (world.node(), Device::new());
    let schema = device.schema();
    assert!(device.push(&world, &node, &schema).await.iter().all(applied));
    let records: Vec<Change> = (0..40).map(|key| device.insert(&airport(key), "x")).collect();
    assert!(device.push(&world, &node, &records).await.iter().all(applied));
    slow.arrives.add_permits(1);
    let answer = pulled.await.expect("no panic");
    let has = |partition: &dyn Fn(Partition) -> bool| {
        answer.feeds.iter().any(|feed| partition(feed.partition) && !feed.entries.is_empty())
    };
    assert!(!has(&|p| p != Partition(0)) || has(&|p| p == Partition(0)), "records without their collection");
}
