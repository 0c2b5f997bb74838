//! The conformance suite on the stores that run natively.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use sync_client::store::conformance::{CHECKS, Factory, run};
use sync_client::store::memory::{Fault, MemoryDisk, MemoryStore};
use sync_client::store::profile::Profile;
use sync_client::store::sled::SledStore;
use sync_client::store::{Batch, LocalStore, Memos, Meta, StoreError};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Edit, FieldName, RecordId, RecordKey, ReplicaId,
    Revision, Timestamp, UserId, WorkspaceId,
};

#[derive(Default)]
struct InMemory(RefCell<BTreeMap<String, MemoryDisk>>);

impl Factory for InMemory {
    type Store = MemoryStore;

    async fn open(&self, name: &str) -> Result<MemoryStore, StoreError> {
        MemoryStore::open(self.0.borrow_mut().entry(name.to_owned()).or_default())
    }

    fn fail_next_commit(&self, name: &str, error: StoreError) -> bool {
        let disks = self.0.borrow();
        disks[name].fail(Fault { commit: 1, error, stored: false });
        true
    }

    fn fail_request(&self, name: &str, request: Option<usize>) -> bool {
        // a commit is one request to it
        if request == Some(0) {
            self.fail_next_commit(name, StoreError::Full);
        }
        true
    }
}

async fn conforms(factory: &impl Factory) {
    let mut failed = Vec::new();
    for check in CHECKS {
        match run(factory, check).await {
            Ok(()) => println!("ok      {check}"),
            Err(why) => failed.push(format!("{check}: {why}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test(flavor = "current_thread")]
async fn memory_conforms() {
    conforms(&InMemory::default()).await;
}

#[tokio::test(flavor = "current_thread")]
async fn memory_has_one_owner_and_fails_when_told() {
    let disk = MemoryDisk::new();
    let store = MemoryStore::open(&disk).unwrap();
    assert!(matches!(MemoryStore::open(&disk), Err(StoreError::InUse)));
    disk.fail(Fault { commit: 2, error: StoreError::Full, stored: true });
    assert_eq!(store.commit(&Batch::default()).await, Ok(()));
    assert_eq!(store.commit(&Batch::default()).await, Err(StoreError::Full));
    assert_eq!(disk.commits(), 2);
    drop(store);
    assert!(MemoryStore::open(&disk).is_ok());
}

struct InFolder(tempfile::TempDir);

impl Factory for InFolder {
    type Store = SledStore;

    async fn open(&self, name: &str) -> Result<SledStore, StoreError> {
        let opened = SledStore::open(&self.0.path().join(name))?;
        assert!(!opened.recovered);
        Ok(opened.store)
    }
}

#[tokio::test(flavor = "current_thread")]
async fn sled_conforms() {
    conforms(&InFolder(tempfile::tempdir().unwrap())).await;
}

#[tokio::test(flavor = "current_thread")]
async fn sled_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let opened = SledStore::open(dir.path()).unwrap();
    assert!(matches!(SledStore::open(dir.path()), Err(StoreError::InUse)));
    let answer = child(dir.path(), "open").stdout(Stdio::piped()).output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("child: InUse"), "{answer:?}");
    drop(opened);
    let answer = child(dir.path(), "open").stdout(Stdio::piped()).output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("child: opened"), "{answer:?}");
}

/// Waits until sled, dropped a moment ago, has let go of its files.
fn let_go(folder: &Path) {
    let file = std::fs::File::open(folder.join("records/db")).unwrap();
    file.lock().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn sled_leaves_a_newer_store_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_three_changes(dir.path()).await);
    let_go(dir.path());
    let db = ::sled::open(dir.path().join("records")).unwrap();
    let mut row = db.get("v").unwrap().unwrap().to_vec();
    let sum = |body: &[u8]| {
        use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};
        xxh3_64_with_seed(body, xxh3_64(b"v")).to_be_bytes()
    };
    assert_eq!(row[..8], sum(&row[8..]));
    row.splice(.., sum(b"99").into_iter().chain(*b"99"));
    db.insert("v", row).unwrap();
    drop(db);
    let error = SledStore::open(dir.path()).err();
    assert_eq!(error, Some(StoreError::TooNew { found: 99, known: 1 }));
    assert_eq!(SledStore::open(dir.path()).err(), error, "and again: nothing was changed");
}

#[tokio::test(flavor = "current_thread")]
async fn sled_keeps_unsent_changes_when_its_records_are_damaged() {
    for damage in ["garbage", "truncated", "one bit", "gone"] {
        let dir = tempfile::tempdir().unwrap();
        drop(with_three_changes(dir.path()).await);
        let_go(dir.path());
        let records = dir.path().join("records");
        let file = records.join("db");
        let mut bytes = std::fs::read(&file).unwrap();
        match damage {
            "garbage" => bytes.iter_mut().for_each(|b| *b ^= 0x5a),
            "truncated" => bytes.truncate(700),
            "one bit" => {
                let at = bytes.windows(7).position(|w| w == b"Ada Two").unwrap();
                bytes[at] ^= 1;
            }
            _ => std::fs::remove_dir_all(&records).unwrap(),
        }
        if damage != "gone" {
            std::fs::write(&file, bytes).unwrap();
        }
        let opened = SledStore::open(dir.path()).unwrap();
        assert!(opened.recovered, "{damage}");
        let loaded = opened.store.load().await.unwrap();
        assert_eq!(loaded.meta, Some(meta()), "{damage}");
        let left: Vec<u64> = loaded.outbox.iter().map(|c| c.id.counter.0).collect();
        assert_eq!((left, loaded.counter), (vec![2, 3], Counter(3)), "{damage}");
        assert_eq!(loaded.cursor, Cursor::default(), "{damage}: all is fetched again");
        assert_eq!(loaded.memos, memos(&[("b", "2")]), "{damage}");
        drop(opened);
        assert!(!SledStore::open(dir.path()).unwrap().recovered, "{damage}: once only");
    }
}

/// What a full disk or a crash leaves where it meets sled at its own housekeeping.
#[tokio::test(flavor = "current_thread")]
async fn a_snapshot_that_was_not_finished_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_three_changes(dir.path()).await);
    let_go(dir.path());
    for written in [0, 5, 500] {
        let half = dir.path().join("records/snap.FFFFFFFFFFFFFFF0.generating");
        std::fs::write(half, vec![1; written]).unwrap();
        let opened = SledStore::open(dir.path()).unwrap();
        assert!(!opened.recovered, "{written}");
        assert_eq!(opened.store.load().await.unwrap().outbox.len(), 2, "{written}");
        drop(opened);
        let_go(dir.path());
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_torn_journal_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_three_changes(dir.path()).await);
    let_go(dir.path());
    let path = dir.path().join("unsent.journal");
    let whole = std::fs::read(&path).unwrap();
    for keep in [0, 10, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        let opened = SledStore::open(dir.path()).unwrap();
        assert!(!opened.recovered);
        let loaded = opened.store.load().await.unwrap();
        assert_eq!((loaded.outbox.len(), loaded.memos), (2, memos(&[("b", "2")])));
    }
}

/// A commit is in the journal first: where the device stops then, its memos are there with its changes.
#[tokio::test(flavor = "current_thread")]
async fn memos_are_saved_with_the_changes_of_their_batch() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_three_changes(dir.path()).await);
    let_go(dir.path());
    let before = dir.path().join("before");
    let records = dir.path().join("records");
    copy(&records, &before);
    let store = SledStore::open(dir.path()).unwrap().store;
    let memos_ = memos(&[("b", ""), ("c", "3")]);
    store
        .commit(&Batch { enqueue: vec![change(4, "Ada Four")], memos: memos_, ..Batch::default() })
        .await
        .unwrap();
    drop(store);
    let_go(dir.path());
    std::fs::remove_dir_all(&records).unwrap();
    std::fs::rename(&before, &records).unwrap();
    let loaded = SledStore::open(dir.path()).unwrap().store.load().await.unwrap();
    assert_eq!((loaded.counter, loaded.memos), (Counter(4), memos(&[("c", "3")])));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn memos(all: &[(&str, &str)]) -> Memos {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// A child process commits changes one by one and says when each is saved; it is killed in the middle. Whatever it
/// had said was saved is there.
#[tokio::test(flavor = "current_thread")]
async fn sled_keeps_what_was_saved_when_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut saved = 0;
    for round in 0..12 {
        let mut running = child(dir.path(), "write").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        for _ in 0..=round * 7 {
            let line = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("child: saved"));
            saved = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        }
        running.kill().unwrap();
        running.wait().unwrap();
        for line in lines.map_while(Result::ok).filter(|line| line.starts_with("child: saved")) {
            saved = line.rsplit(' ').next().unwrap().parse().unwrap_or(saved);
        }
        let opened = SledStore::open(dir.path()).unwrap();
        let loaded = opened.store.load().await.unwrap();
        assert!(loaded.counter.0 >= saved, "saved {saved}, found {}", loaded.counter);
        let found: Vec<u64> = loaded.outbox.iter().map(|c| c.id.counter.0).collect();
        let want: Vec<u64> = (1..=loaded.counter.0).filter(|c| c % 3 != 0).collect();
        assert_eq!(found, want);
    }
}

/// The other side of the tests with two processes; does nothing when run as a test.
#[tokio::test(flavor = "current_thread")]
async fn child_process() {
    let Ok(task) = std::env::var("STORES_CHILD") else { return };
    let dir = std::env::var("STORES_DIR").unwrap();
    let store = match SledStore::open(Path::new(&dir)) {
        Ok(opened) => opened.store,
        Err(error) => return println!("child: {error:?}"),
    };
    println!("child: opened");
    if task == "write" {
        store.commit(&Batch { meta: Some(meta()), ..Batch::default() }).await.unwrap();
        let mut counter = store.load().await.unwrap().counter.0;
        loop {
            // every third change is settled by the commit that brings it
            counter += 1;
            let settle = if counter.is_multiple_of(3) { vec![Counter(counter)] } else { Vec::new() };
            let batch = Batch { enqueue: vec![change(counter, "Ada")], settle, ..Batch::default() };
            store.commit(&batch).await.unwrap();
            println!("child: saved {counter}");
        }
    }
}

fn child(dir: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "stores::child_process", "--nocapture"]);
    command.env("STORES_CHILD", task).env("STORES_DIR", dir);
    command
}

async fn with_three_changes(dir: &Path) -> SledStore {
    let store = SledStore::open(dir).unwrap().store;
    let enqueue = vec![change(1, "Ada One"), change(2, "Ada Two"), change(3, "Ada Three")];
    let cursor = Some(Cursor(vec![Revision(7); 4]));
    let first = memos(&[("a", "1"), ("b", "1")]);
    let batch = Batch { meta: Some(meta()), enqueue, cursor, memos: first, ..Batch::default() };
    store.commit(&batch).await.unwrap();
    let then = memos(&[("a", ""), ("b", "2")]);
    store.commit(&Batch { settle: vec![Counter(1)], memos: then, ..Batch::default() }).await.unwrap();
    store
}

fn meta() -> Meta {
    Meta {
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        partitions: 4,
        replica: ReplicaId(uuid::Uuid::from_u128(7)),
        user: UserId(uuid::Uuid::from_u128(2)),
        copied: Counter(0),
    }
}

fn change(counter: u64, name: &str) -> Change {
    let fields = [(FieldName::from_label("name"), name.into())].into();
    Change {
        id: ChangeId { replica: meta().replica, counter: Counter(counter) },
        record: RecordId::new(CollectionId::from_label("people"), RecordKey::Int(counter as i64)),
        at: Timestamp(0),
        saw: None,
        edit: Edit::Insert { fields },
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_profile_keeps_texts() {
    let dir = tempfile::tempdir().unwrap();
    let profile = Profile::open(dir.path()).unwrap();
    assert_eq!(profile.load_text("device").await, Ok(None));
    profile.save_text("device", Some("{\"a\":1}")).await.unwrap();
    profile.save_text("device", Some("{\"a\":2}")).await.unwrap();
    let profile = Profile::open(dir.path()).unwrap();
    assert_eq!(profile.load_text("device").await, Ok(Some("{\"a\":2}".to_owned())));
    profile.save_text("device", None).await.unwrap();
    profile.save_text("device", None).await.unwrap();
    assert_eq!(profile.load_text("device").await, Ok(None));
    assert!(profile.load_text("../device").await.is_err());
}
