//! The conformance suite on the memory and the sled store, and what only a store on disk must do.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::message::Role;
use sync_protocol::{Partition, Revision, Timestamp, UserId, WorkspaceId};
use sync_server::store::clock::{Clock, ManualClock};
use sync_server::store::conformance::{Subject, run_all};
use sync_server::store::memory::MemoryStore;
use sync_server::store::sled::SledStore;
use sync_server::store::{
    Commit, Committed, DirectoryStore, Head, Kind, PartitionId, PartitionStore, Read, Row, SessionRow, Step,
    Store, StoreError,
};
use uuid::Uuid;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp(1_000_000)))
}

fn subject(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Subject {
    let hand = clock.clone();
    let pass = Arc::new(move |time: Duration| -> futures::future::BoxFuture<'static, ()> {
        hand.advance(time);
        Box::pin(async {})
    });
    Subject { store, pass, clock }
}

#[tokio::test]
async fn memory_conforms() {
    let clock = clock();
    run_all(subject(Arc::new(MemoryStore::new(clock.clone())), clock)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = clock();
    let store = SledStore::open_with(folder.path(), clock.clone()).expect("open");
    run_all(subject(Arc::new(store), clock)).await;
}

fn id() -> PartitionId {
    PartitionId { workspace: WorkspaceId(Uuid::from_u128(7)), partition: Partition(0) }
}

fn commit(step: u64, key: &str, ttl: Option<Duration>) -> Commit {
    Commit {
        expected: Step(step - 1),
        head: Head { step: Step(step), revision: Revision(step), ..Head::default() },
        rows: vec![Row { kind: Kind::Record, key: key.into(), body: format!("\"{key}\""), ttl }],
    }
}

async fn keys(store: &SledStore) -> Vec<String> {
    let rows = store.range(id(), Kind::Record, None, 1_000, 1 << 20, Read::Quorum).await.expect("range");
    rows.into_iter().map(|(key, _)| key).collect()
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    for step in 1..=3 {
        let store = SledStore::open(folder.path()).expect("open");
        assert_eq!(keys(&store).await.len() as u64, step - 1);
        assert_eq!(store.commit(id(), commit(step, &format!("a/{step}"), None)).await, Ok(Committed::Yes));
    }
    let store = SledStore::open(folder.path()).expect("open");
    assert_eq!(store.head(id(), Read::Serial).await.expect("head").step, Step(3));
}

/// As after a power cut that took everything that was not fsynced: sled flushes in its own time.
#[tokio::test]
async fn a_commit_survives_without_anything_that_sled_has_written() {
    let (folder, cut) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let store = SledStore::open(folder.path()).expect("open");
    for step in 1..=3 {
        assert_eq!(store.commit(id(), commit(step, &format!("a/{step}"), None)).await, Ok(Committed::Yes));
    }
    for file in ["journal", "version"] {
        fs::copy(folder.path().join(file), cut.path().join(file)).expect("copy");
    }
    let after = SledStore::open(cut.path()).expect("open");
    assert_eq!(after.head(id(), Read::Serial).await.expect("head").step, Step(3));
    assert_eq!(keys(&after).await, ["a/1", "a/2", "a/3"]);
    drop(after);
    assert_eq!(fs::metadata(cut.path().join("journal")).expect("size").len(), 0, "emptied when opened");
    assert_eq!(keys(&SledStore::open(cut.path()).expect("open")).await.len(), 3);
}

/// More than the journal holds, so that it is emptied on the way, with values so large that sled keeps them in files.
#[tokio::test]
async fn the_journal_is_emptied_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SledStore::open(folder.path()).expect("open");
    let large = "x".repeat(4 << 20);
    for step in 1..=20 {
        let mut commit = commit(step, &format!("a/{step:02}"), None);
        commit.rows[0].body.clone_from(&large);
        assert_eq!(store.commit(id(), commit).await, Ok(Committed::Yes));
    }
    let journal = fs::metadata(folder.path().join("journal")).expect("size").len();
    assert!(journal < 20 << 20, "{journal} bytes");
    drop(store);
    let store = SledStore::open(folder.path()).expect("open");
    let rows = store.range(id(), Kind::Record, None, 100, usize::MAX, Read::Quorum).await.expect("range");
    assert!(rows.len() == 20 && rows.iter().all(|(_, body)| *body == large));
}

/// What a full disk or a crash leaves where it meets sled at its own housekeeping.
#[tokio::test]
async fn a_snapshot_that_was_not_finished_is_no_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SledStore::open(folder.path()).expect("open");
    assert_eq!(store.commit(id(), commit(1, "a", None)).await, Ok(Committed::Yes));
    drop(store);
    for written in [0, 5, 500] {
        let half = folder.path().join("db/snap.FFFFFFFFFFFFFFF0.generating");
        fs::write(half, vec![1; written]).expect("write");
        let store = SledStore::open(folder.path()).expect("open again");
        assert_eq!(keys(&store).await, ["a"], "{written}");
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SledStore::open(folder.path()).expect("open");
    assert!(matches!(SledStore::open(folder.path()), Err(StoreError::InUse(_))));
    drop(store);
    SledStore::open(folder.path()).expect("free again");
}

#[tokio::test]
async fn a_newer_layout_is_refused_untouched() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(SledStore::open(folder.path()).expect("open"));
    let version = folder.path().join("version");
    fs::write(&version, "2\n").expect("write");
    let before = files(folder.path());
    assert!(matches!(SledStore::open(folder.path()), Err(StoreError::Newer(_))));
    assert_eq!(files(folder.path()), before);
    fs::write(&version, "no number").expect("write");
    assert!(matches!(SledStore::open(folder.path()), Err(StoreError::Corrupt(_))));
}

/// Sled itself, once the store that was dropped has let go of its files.
fn raw(folder: &Path) -> sled::Db {
    let file = fs::File::open(folder.join("db/db")).expect("open");
    file.lock().expect("lock");
    drop(file);
    sled::open(folder.join("db")).expect("open")
}

fn files(folder: &Path) -> Vec<(std::ffi::OsString, u64)> {
    let entries = fs::read_dir(folder.join("db")).expect("list").map(|e| e.expect("entry"));
    let mut files: Vec<_> = entries.map(|e| (e.file_name(), e.metadata().expect("size").len())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn expired_rows_leave_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = clock();
    let store = SledStore::open_with(folder.path(), clock.clone()).expect("open");
    for step in 1..=40 {
        let ttl = (step <= 30).then_some(Duration::from_secs(60));
        assert_eq!(store.commit(id(), commit(step, &format!("a/{step}"), ttl)).await, Ok(Committed::Yes));
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(keys(&store).await.len(), 10, "gone at once for readers");
    for step in 41..=46 {
        assert_eq!(store.commit(id(), commit(step, "a/40", None)).await, Ok(Committed::Yes));
    }
    drop(store);
    let db = raw(folder.path());
    assert_eq!(db.open_tree("partitions").expect("tree").len(), 11, "ten records and the head are left");
}

#[tokio::test]
async fn a_torn_row_is_reported_not_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SledStore::open(folder.path()).expect("open");
    store.commit(id(), commit(1, "a/1", None)).await.expect("commit");
    drop(store);
    drop(SledStore::open(folder.path()).expect("all of it goes from the journal to sled"));
    let db = raw(folder.path());
    let rows = db.open_tree("partitions").expect("tree");
    let (key, value) = rows.last().expect("read").expect("a row");
    let mut torn = value.to_vec();
    *torn.last_mut().expect("a body") ^= 1;
    rows.insert(key, torn).expect("insert");
    db.flush().expect("flush");
    drop((rows, db));
    let store = SledStore::open(folder.path()).expect("open");
    let read = store.get(id(), Kind::Record, &["a/1".into()]).await;
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
}

#[tokio::test]
async fn members_that_an_older_release_has_written_are_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (workspace, user) = (WorkspaceId(Uuid::from_u128(7)), UserId(Uuid::from_u128(8)));
    let store = SledStore::open(folder.path()).expect("open");
    store.set_member(workspace, user, Some(Role::Owner)).await.expect("set");
    drop(store);
    // opened and closed, so that nothing is left in the journal
    drop(SledStore::open(folder.path()).expect("open"));
    {
        let db = raw(folder.path());
        let directory = db.open_tree("directory").expect("tree");
        for prefix in ["memberof:", "complete:"] {
            for key in directory.scan_prefix(prefix).keys() {
                directory.remove(key.expect("key")).expect("remove");
            }
        }
        assert_eq!(directory.len(), 1, "the member's own row is left");
        db.flush().expect("flush");
    }
    for _ in 0..2 {
        let store = SledStore::open(folder.path()).expect("open");
        let members = std::collections::BTreeMap::from([(user, Role::Owner)]);
        assert_eq!(store.members_of(workspace, 10).await, Ok(members));
    }
}

#[tokio::test]
async fn expired_rows_leave_an_idle_store_too_sessions_among_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = clock();
    let store = SledStore::open_with(folder.path(), clock.clone()).expect("open");
    for step in 1..=300 {
        let ttl = Some(Duration::from_secs(60));
        assert_eq!(store.commit(id(), commit(step, &format!("a/{step}"), ttl)).await, Ok(Committed::Yes));
    }
    for n in 0..300_u64 {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&n.to_be_bytes());
        let expires = Timestamp(clock.now().0 + 60_000);
        let session = SessionRow::new(UserId(Uuid::from_u128(1)), expires);
        store.add_session(&hash, &session).await.expect("add");
    }
    clock.advance(Duration::from_secs(61));
    let mut store = Some(store);
    let until = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        drop(store.take());
        let left = {
            let db = raw(folder.path());
            ["partitions", "directory"].map(|tree| db.open_tree(tree).expect("tree").len())
        };
        // of the rows the head is left
        if left == [1, 0] {
            break;
        }
        assert!(std::time::Instant::now() < until, "{left:?} rows are left");
        store = Some(SledStore::open_with(folder.path(), clock.clone()).expect("open"));
    }
}

/// A process of its own, for what must not happen to the others: see the tests that start it.
#[test]
fn store_process() {
    let Ok(folder) = std::env::var("MOORING_TEST_STORE_PROCESS") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let done = runtime.block_on(without_descriptors(Path::new(&folder)));
    println!("{done}");
    runtime.shutdown_timeout(Duration::from_secs(1));
    std::process::exit(0);
}

/// Commits large values while no file can be opened, then again once some can.
async fn without_descriptors(folder: &Path) -> &'static str {
    let store = SledStore::open(folder).expect("open");
    let large = "x".repeat(4 << 20);
    let mut step = 1;
    let next = |step: u64| {
        let mut commit = commit(step, &format!("a/{step:02}"), None);
        commit.rows[0].body.clone_from(&large);
        commit
    };
    assert_eq!(store.commit(id(), next(step)).await, Ok(Committed::Yes));
    let taken: Vec<fs::File> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    assert!(taken.len() > 8, "{} descriptors", taken.len());
    step += 1;
    let failed = store.commit(id(), next(step)).await;
    assert_ne!(failed, Ok(Committed::Yes), "sled wants a file for a value of this size");
    drop(taken);
    let beyond_help = store.beyond_help();
    loop {
        if beyond_help.is_cancelled() {
            return "beyond help";
        }
        let asked = tokio::time::timeout(Duration::from_secs(60), store.head(id(), Read::Serial));
        if let Ok(head) = asked.await.expect("no question is left without an answer") {
            step = head.step.0 + 1;
            if store.commit(id(), next(step)).await == Ok(Committed::Yes) {
                return "it goes on";
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Out of file descriptors, and some again: the store goes on by itself, or says that the process has to start anew, and
/// then all that was promised is there.
#[cfg(unix)]
#[test]
fn a_store_without_descriptors_comes_back_or_asks_for_a_new_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this test");
    let started = std::time::Instant::now();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -Sn 64 && exec \"$0\" --exact store_process --nocapture"])
        .arg(this)
        .env("MOORING_TEST_STORE_PROCESS", folder.path())
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("it goes on") || said.contains("beyond help"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    println!("{said}");
    let store = SledStore::open(folder.path()).expect("all of it can be opened anew");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let step = runtime.block_on(store.head(id(), Read::Serial)).expect("head").step;
    assert!(step >= Step(1), "{step:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_look_into_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new/store");
    drop(SledStore::open(&path).expect("open"));
    let mode = |name: &str| fs::metadata(path.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for name in ["lock", "journal", "version"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}
