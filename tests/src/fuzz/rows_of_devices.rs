//! Files of a device's store on sled that hold something else than it wrote, under a checksum that fits: the store opens
//! or refuses with a reason, and never panics. What was unsent is still there, unless the rows or the journal that tell of
//! it were replaced.
//!
//! Input: rows between lines of `===`, each a line with the key (`%` and two digits for other bytes) and the body; the
//! key `journal` stands for the journal's file.

use std::path::Path;
use std::time::{Duration, Instant};

use sync_client::store::sled::SledStore;
use sync_client::store::{Batch, LocalStore, Meta};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Edit, Fields, RecordId, RecordKey, ReplicaId, Timestamp, UserId,
    WorkspaceId,
};
use uuid::Uuid;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::requests::pieces;
use super::{head, ready};

/// First bytes of keys whose rows tell what is unsent, beside the store's version.
const OF_UNSENT: &[u8] = b"vmno";

/// How long a store that was dropped may take to let go of its files.
const LET_GO: Duration = Duration::from_secs(10);

pub(super) fn run(data: &[u8]) {
    let rows: Vec<(Vec<u8>, &[u8])> = pieces(data).into_iter().filter_map(row).collect();
    if rows.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let made = SledStore::open(folder.path()).expect("a new store opens").store;
    ready(made.commit(&work())).expect("a new store takes a batch");
    drop(made);
    let untouched =
        rows.iter().all(|(key, _)| key != b"journal" && !key.first().is_some_and(|b| OF_UNSENT.contains(b)));
    replace(folder.path(), &rows);

    let Ok(opened) = SledStore::open(folder.path()) else {
        assert!(!untouched, "damaged records alone do not keep a store from opening");
        return;
    };
    let loaded = ready(opened.store.load());
    if untouched {
        let loaded = loaded.expect("a store that opened is read");
        assert_eq!(loaded.outbox.len(), 2, "both unsent changes are there");
    }
    let _ = ready(opened.store.scan(&CollectionId::from_label("items"), None, 100));
    let _ = ready(opened.store.get(&[id(1), id(2)]));
    let _ = ready(opened.store.checksums());
    let _ = ready(opened.store.mend());
}

fn row(piece: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (line, body) = head(piece)?;
    let mut key = Vec::new();
    let mut rest = line.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| after.split_first_chunk::<2>()).flatten();
        let escaped = escaped.and_then(|(digits, after)| {
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, after))
        });
        let (byte, after) = escaped.unwrap_or((*byte, after));
        key.push(byte);
        rest = after;
    }
    (!key.is_empty()).then_some((key, body))
}

fn id(key: i64) -> RecordId {
    RecordId::new(CollectionId::from_label("items"), RecordKey::Int(key))
}

/// A new store with two unsent changes.
fn work() -> Batch {
    let replica = ReplicaId(Uuid::from_u128(1));
    let change = |n: i64| Change {
        id: ChangeId { replica, counter: Counter(n.unsigned_abs()) },
        record: id(n),
        at: Timestamp(1_000),
        saw: None,
        edit: Edit::Insert { fields: Fields::new() },
    };
    let meta = Meta {
        workspace: WorkspaceId(Uuid::from_u128(2)),
        partitions: 4,
        replica,
        user: UserId(Uuid::from_u128(3)),
        copied: Counter(0),
    };
    Batch { meta: Some(meta), enqueue: vec![change(1), change(2)], ..Batch::default() }
}

fn replace(folder: &Path, rows: &[(Vec<u8>, &[u8])]) {
    let db = opened(&folder.join("records"));
    for (key, body) in rows {
        if key == b"journal" {
            std::fs::write(folder.join("unsent.journal"), body).expect("a file can be written");
            continue;
        }
        let mut value = xxh3_64_with_seed(body, xxh3_64(key)).to_be_bytes().to_vec();
        value.extend_from_slice(body);
        db.insert(key, value).expect("a row can be written");
    }
    db.flush().expect("rows can be written");
}

/// A thread of sled may still hold the lock of a store that was dropped.
fn opened(folder: &Path) -> sled::Db {
    let begun = Instant::now();
    loop {
        match sled::open(folder) {
            Ok(db) => return db,
            Err(error) => {
                assert!(begun.elapsed() < LET_GO, "the store does not let go of its files: {error}")
            }
        }
        std::thread::yield_now();
    }
}
