//! What a partition costs others: time, memory, reads, and what becomes of changes that no store takes.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sync_protocol::message::{Audit, History};
use sync_protocol::{Change, Cursor, Partition, Rejection, Timestamp, Verdict};
use sync_server::partition::EngineError;
use sync_server::store::clock::Clock;
use sync_server::store::{
    Commit, Committed, Head, Kept, Kind, PartitionId, PartitionStore, Read, StoreError,
};
use tokio::sync::Semaphore;

use crate::kit::{Device, HORIZON, World, airport, airports, applied};

/// A store that counts, and takes or shows less than the one behind it.
struct Narrow {
    store: Arc<dyn PartitionStore>,
    /// Commits of more bytes are refused for good.
    most_bytes: usize,
    /// One per commit.
    turns: Semaphore,
    /// No other process can write: nobody has to look.
    alone: bool,
    /// As an older release: nothing is known of a floor, and the database says why it does not answer.
    old: bool,
    heads: AtomicUsize,
    /// When the feed rows were written, as Cassandra knows of those that have expired.
    feed: Mutex<BTreeMap<(PartitionId, String), Timestamp>>,
    clock: Arc<dyn Clock>,
}

/// Expired rows that a read goes through before it gives up.
const TOMBSTONES: usize = 1_000;

impl Narrow {
    fn on(world: &World) -> Self {
        Self {
            store: world.store.clone(),
            most_bytes: usize::MAX,
            turns: Semaphore::new(Semaphore::MAX_PERMITS),
            alone: false,
            old: false,
            heads: AtomicUsize::new(0),
            feed: Mutex::default(),
            clock: world.clock.clone(),
        }
    }

    fn expired_after(&self, id: PartitionId, after: &str) -> usize {
        let now = self.clock.now().0 - HORIZON.as_millis() as i64;
        let feed = self.feed.lock().expect("no panic");
        let behind = feed.range((id, format!("{after}!"))..).take_while(|((of, _), _)| *of == id);
        behind.take_while(|(_, at)| at.0 <= now).count()
    }
}

#[async_trait]
impl PartitionStore for Narrow {
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError> {
        self.heads.fetch_add(1, Ordering::SeqCst);
        self.store.head(id, read).await
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
        if kind == Kind::Feed && self.expired_after(id, after.unwrap_or_default()) > TOMBSTONES {
            let why = "too many expired rows".into();
            return Err(if self.old { StoreError::Expired(why) } else { StoreError::Unavailable(why) });
        }
        self.store.range(id, kind, after, limit, bytes, read).await
    }

    async fn clear(
        &self,
        id: PartitionId,
        before: sync_server::store::Step,
    ) -> Result<Committed, StoreError> {
        self.store.clear(id, before).await
    }

    async fn commit(&self, id: PartitionId, mut commit: Commit) -> Result<Committed, StoreError> {
        self.turns.acquire().await.expect("nobody closes it").forget();
        if commit.bytes() > self.most_bytes {
            return Err(StoreError::Refused("Request is too big".into()));
        }
        if self.old {
            commit.head.kept = Kept::default();
        }
        let now = self.clock.now();
        let feed = commit.rows.iter().filter(|row| row.kind == Kind::Feed);
        self.feed.lock().expect("no panic").extend(feed.map(|row| ((id, row.key.clone()), now)));
        self.store.commit(id, commit).await
    }

    fn is_shared(&self) -> bool {
        !self.alone
    }
}

/// With one thread for everything, as a server has one per core.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn others_are_served_while_a_large_group_is_judged() {
    let (world, node, mut ann) = airports(1).await;
    let text = |c: char| c.to_string().repeat(900_000);
    let made: Vec<Change> = (0..2).map(|key| ann.insert(&airport(key), &text('a'))).collect();
    for change in made {
        assert!(applied(&ann.push(&world, &node, &[change]).await[0]));
    }
    let beats = Arc::new(AtomicUsize::new(0));
    let heart = tokio::spawn({
        let beats = beats.clone();
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                beats.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let task = tokio::spawn(async move {
        let (mut bob, mut pushes) = (Device::new(), 0);
        for key in 0..2 {
            // each holds three such values: judging them and writing them down takes its time
            let change = bob.patch(&airport(key), "never seen", &text('c'));
            pushes += 1;
            assert!(matches!(bob.push(&world, &node, &[change]).await[0], Verdict::Conflicted { .. }));
        }
        pushes
    });
    let pushes = task.await.expect("the task ends");
    heart.abort();
    let beats = beats.load(Ordering::SeqCst);
    assert!(beats >= 2 * pushes, "{beats} beats of the heart while {pushes} large changes were judged");
}

#[tokio::test]
async fn what_waits_is_bounded_in_bytes_and_room_comes_back() {
    let (world, _, _) = airports(1).await;
    let narrow = Arc::new(Narrow { turns: Semaphore::new(0), ..Narrow::on(&world) });
    let node = world.node_on(narrow.clone());
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let (world, node) = (world.clone(), node.clone());
            tokio::spawn(async move {
                let mut device = Device::new();
                let change = device.insert(&airport(n), &"x".repeat(900_000));
                device.try_push(&world, &node, &[change]).await
            })
        })
        .collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    narrow.turns.add_permits(1_000);
    let mut busy = 0;
    for task in tasks {
        match task.await.expect("the task ends") {
            Ok(verdicts) => assert!(applied(&verdicts[0])),
            Err(EngineError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!((4..24).contains(&busy), "{busy} of 24 pushes of 900 KB were told to come back");
    let mut device = Device::new();
    for n in 100..102 {
        let change = device.insert(&airport(n), &"x".repeat(900_000));
        assert!(applied(&device.push(&world, &node, &[change]).await[0]), "there is room again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_store_never_takes_is_rejected_and_its_neighbours_are_not() {
    let (world, _, _) = airports(1).await;
    let narrow = Narrow { most_bytes: 60_000, turns: Semaphore::new(1_000), ..Narrow::on(&world) };
    let node = world.node_on(Arc::new(narrow));
    let (mut ann, mut bob) = (Device::new(), Device::new());
    let mut changes: Vec<Change> = (0..50).map(|key| ann.insert(&airport(key), "small")).collect();
    changes.insert(20, ann.insert(&airport(99), &"x".repeat(100_000)));
    for (place, change) in changes.iter_mut().enumerate() {
        change.id.counter = sync_protocol::Counter(place as u64 + 1);
    }
    let others: Vec<Change> = (200..210).map(|key| bob.insert(&airport(key), "small")).collect();
    let (anns, bobs) = tokio::join!(ann.push(&world, &node, &changes), bob.push(&world, &node, &others));
    for (place, verdict) in anns.iter().enumerate() {
        let refused = matches!(verdict, Verdict::Rejected { reason: Rejection::TooLarge { .. }, .. });
        assert_eq!(refused, place == 20, "{place}: {verdict:?}");
        assert!(refused || applied(verdict));
    }
    assert!(bobs.iter().all(applied), "{bobs:?}");
    assert_eq!(ann.push(&world, &node, &changes[20..21]).await, anns[20..21], "the same when sent again");
}

/// What has expired is never read through: the store would not answer.
#[tokio::test]
async fn behind_thousands_of_expired_rows_a_device_takes_a_copy_and_an_audit_goes_on() {
    beyond_the_horizon(false).await;
}

#[tokio::test]
async fn the_same_in_a_partition_of_an_older_release() {
    beyond_the_horizon(true).await;
}

async fn beyond_the_horizon(old: bool) {
    let (world, _, _) = airports(1).await;
    let narrow = Arc::new(Narrow { old, ..Narrow::on(&world) });
    let node = world.node_on(narrow.clone());
    let mut device = Device::new();
    let mut last = None;
    for n in 0..3_000_i64 {
        let change = device.insert(&airport(n), "x");
        last = device.push(&world, &node, &[change]).await.pop();
    }
    let Some(Verdict::Applied { seq: head }) = last else { panic!("{last:?}") };
    world.clock.advance(HORIZON + Duration::from_secs(1));
    let check = async |after: u64| {
        let answer = world.pull(&node, &Cursor(vec![sync_protocol::Revision(after)]), 0).await;
        assert_eq!(answer.expired, [Partition(0)], "cursor {after}");
        let request = Audit { resume: Some(Cursor(vec![sync_protocol::Revision(after)])) };
        let audit = node.audit(world.workspace, 1, &request).await.expect("an audit from any place");
        assert!(audit.next.is_none_or(|next| next.0[0].0 > after), "it goes on");
        let request = History { record: airport(0), resume: None };
        let history = node.history(world.workspace, 1, &request).await.expect("a history");
        assert!(history.expired && history.versions.is_empty());
    };
    // with nothing written since, and on a node that knows nothing
    for after in [0, 5, 1_500, head.0 - TOMBSTONES as u64 - 300] {
        check(after).await;
    }
    let late = device.insert(&airport(9_000), "late");
    assert!(applied(&device.push(&world, &world.node_on(narrow.clone()), &[late]).await[0]));
    for after in [0, 1_500] {
        check(after).await;
    }
    let answer = world.pull(&node, &Cursor(vec![head]), 0).await;
    assert_eq!((answer.feeds.len(), answer.expired.len()), (1, 0), "who is at the end goes on");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_one_process_writes_to_is_not_looked_at_while_people_wait() {
    let (world, _, _) = airports(16).await;
    let narrow = Arc::new(Narrow { alone: true, ..Narrow::on(&world) });
    let node = world.node_on(narrow.clone());
    let mut cursor = world.start();
    world.pull_all(&node, &mut cursor).await;
    let before = narrow.heads.load(Ordering::SeqCst);
    world.pull(&node, &cursor, 25_000).await;
    let reads = narrow.heads.load(Ordering::SeqCst) - before;
    assert_eq!(reads, 0, "what this process has done it knows");
}

/// One record and more conflicts than an answer holds: the newest come, and it is told that there are others.
#[tokio::test]
async fn a_history_is_bounded_in_bytes_whatever_met() {
    let (world, node, mut ann) = airports(1).await;
    let record = airport(1);
    let made = ann.insert(&record, &"a".repeat(200_000));
    assert!(applied(&ann.push(&world, &node, &[made]).await[0]));
    for n in 0..12 {
        let mut device = Device::new();
        let text = char::from(b'b' + n).to_string().repeat(200_000);
        let change = device.patch(&record, "never seen", &text);
        assert!(matches!(device.push(&world, &node, &[change]).await[0], Verdict::Conflicted { .. }));
    }
    let request = History { record, resume: None };
    let answer = node.history(world.workspace, 1, &request).await.expect("a history");
    let size = serde_json::to_string(&answer).expect("JSON").len();
    assert!(size < 3 << 20, "{size} bytes");
    assert!(answer.conflicts_cut && !answer.conflicts.is_empty() && answer.conflicts.len() < 12);
    assert!(answer.conflicts.is_sorted_by_key(|conflict| conflict.rev));
    let newest = answer.conflicts.last().and_then(|c| c.fields["name"].incoming.as_text().map(str::to_owned));
    assert!(newest.is_some_and(|text| text.starts_with('m')), "the newest are there");
}
