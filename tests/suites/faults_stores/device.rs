//! A device's store: its kinds of batches, and what it holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sync_client::store::memory::MemoryStore;
use sync_client::store::sled::SledStore;
use sync_client::store::{
    Batch, Decided, Decision, LocalStore, Meta, Quarantined, Receipt, SnapshotState, StoreError, Written,
};
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Page;
use sync_protocol::{
    Change, ChangeId, Choice, CollectionId, Conflict, ConflictKind, Counter, Cursor, Edit, FieldName, Fields,
    Outcome, Partition, Record, RecordId, RecordKey, Rejection, ReplicaId, Resolution, Resolved, Revision,
    Stamp, Timestamp, UserId, Value, WorkspaceId,
};
use uuid::Uuid;

/// Everything that is stored in one go.
pub const KINDS: [&str; 11] = [
    "an edit saved",
    "a page of the feed",
    "a verdict",
    "a page of a snapshot",
    "a partition fetched anew",
    "a decision",
    "a rejected change sent again",
    "a rejected change thrown away",
    "a decision no longer kept",
    "a new store",
    "tidying up",
];

/// Stored without a batch: nothing changes.
pub const TIDY: &str = "tidying up";
/// Nothing is there before.
pub const NEW: &str = "a new store";

/// More than a journal may have beyond what it needs, see `SLACK` there.
const BLOAT: usize = 5 << 20;

fn replica() -> ReplicaId {
    ReplicaId(Uuid::from_u128(7))
}

fn people() -> CollectionId {
    CollectionId::from_label("people")
}

fn stamp() -> Stamp {
    Stamp { by: replica(), at: Timestamp(1_700_000_000_000) }
}

fn id(counter: u64) -> ChangeId {
    ChangeId { replica: replica(), counter: Counter(counter) }
}

fn person(key: i64) -> RecordId {
    RecordId::new(people(), RecordKey::Int(key))
}

fn values(text: &str) -> Fields {
    Fields::from([(FieldName::from_label("name"), Value::from(text))])
}

fn change(counter: u64, edit: Edit) -> Change {
    Change { id: id(counter), record: person(counter as i64), at: stamp().at, saw: None, edit }
}

fn insert(counter: u64) -> Change {
    change(counter, Edit::Insert { fields: values(&format!("person {counter} {}", "x".repeat(300))) })
}

fn record(key: i64, rev: u64) -> Record {
    let fields = values(&format!("person {key} at {rev} {}", "y".repeat(300)));
    Record {
        key: RecordKey::Int(key),
        rev: Revision(rev),
        prev: None,
        alone_since: None,
        stamp: stamp(),
        created: None,
        edits: BTreeMap::new(),
        twin_of: None,
        deleted: false,
        fields,
    }
}

fn conflict(counter: u64, resolved: bool) -> Conflict {
    let outcome = Outcome::Delete;
    let ended = Resolved { change: id(90), stamp: stamp(), saw: None, outcome, effect: Default::default() };
    Conflict {
        id: id(counter),
        record: person(counter as i64),
        rev: Revision(counter),
        kind: ConflictKind::EditEdit,
        title: format!("person {counter}"),
        fields: BTreeMap::new(),
        incoming: stamp(),
        current: None,
        record_rev: None,
        resolved: resolved.then_some(ended),
        reopened: None,
    }
}

fn decided(counter: u64) -> Decision {
    Decision { id: id(counter), at: stamp().at, what: Decided::Settled(Box::new(conflict(counter, true))) }
}

fn rejected(counter: u64) -> Quarantined {
    Quarantined { change: insert(counter), reason: Rejection::NotPermitted }
}

fn page(keys: std::ops::Range<i64>, rev: u64) -> Page {
    let list: Vec<Record> = keys.clone().map(|key| record(key, rev)).collect();
    Page {
        partition: Partition(0),
        collection: people(),
        first: list[0].key.to_text(),
        last: list[list.len() - 1].key.to_text(),
        count: list.len() as u32,
        records: serde_json::value::to_raw_value(&list).expect("records are JSON"),
    }
}

fn sums(records: impl IntoIterator<Item = Record>) -> BTreeMap<Partition, Checksums> {
    let mut sums = Checksums::default();
    records.into_iter().for_each(|r| sums.add(&RecordId::new(people(), r.key), r.rev));
    BTreeMap::from([(Partition(0), sums)])
}

fn meta() -> Meta {
    let (workspace, user) = (WorkspaceId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    Meta { workspace, partitions: 1, replica: replica(), user, copied: Counter(0) }
}

/// Something of everything.
pub fn ground() -> Vec<Batch> {
    vec![
        Batch { meta: Some(meta()), ..Batch::default() },
        Batch {
            pages: vec![page(100..140, 1)],
            cursor: Some(Cursor(vec![Revision(1)])),
            snapshot: Some(None),
            checksums: sums((100..140).map(|key| record(key, 1))),
            ..Batch::default()
        },
        Batch {
            enqueue: (1..=3).map(insert).collect(),
            conflicts: vec![conflict(50, false), conflict(51, false)],
            decisions: vec![decided(52)],
            ..Batch::default()
        },
        Batch { settle: vec![Counter(1)], quarantine: vec![rejected(1)], ..Batch::default() },
    ]
}

/// The batch of that kind.
pub fn batch(kind: &str) -> Batch {
    match kind {
        "an edit saved" => Batch {
            enqueue: vec![insert(4)],
            receipts: Some(vec![Receipt { request: "r".into(), answer: Written::Done }]),
            ..Batch::default()
        },
        "a page of the feed" => Batch {
            records: (100..130).map(|key| (people(), record(key, 2))).collect(),
            settle: vec![Counter(2)],
            conflicts: vec![conflict(50, true), conflict(53, false)],
            decisions: vec![decided(50)],
            cursor: Some(Cursor(vec![Revision(2)])),
            checksums: sums((100..130).map(|key| record(key, 2)).chain((130..140).map(|key| record(key, 1)))),
            ..Batch::default()
        },
        "a verdict" => Batch { settle: vec![Counter(3)], quarantine: vec![rejected(3)], ..Batch::default() },
        "a page of a snapshot" => Batch {
            pages: vec![page(200..300, 2)],
            conflicts: vec![conflict(54, false)],
            snapshot: Some(Some(SnapshotState {
                partitions: vec![Partition(0)],
                ..SnapshotState::default()
            })),
            ..Batch::default()
        },
        "a partition fetched anew" => Batch {
            clear: vec![Partition(0)],
            conflicts_gone: vec![id(50), id(51)],
            cursor: Some(Cursor(vec![Revision(0)])),
            snapshot: Some(Some(SnapshotState {
                partitions: vec![Partition(0)],
                ..SnapshotState::default()
            })),
            checksums: BTreeMap::from([(Partition(0), Checksums::default())]),
            ..Batch::default()
        },
        "a decision" => {
            let choices = BTreeMap::from([(FieldName::from_label("name"), Choice::Current)]);
            let outcome = Outcome::Keep { choices };
            let resolution =
                Resolution { conflict: id(50), saw_conflict: Revision(50), saw_record: None, outcome };
            Batch { enqueue: vec![change(4, Edit::Resolve(resolution))], ..Batch::default() }
        }
        "a rejected change sent again" => {
            Batch { quarantine_gone: vec![Counter(1)], enqueue: vec![insert(4)], ..Batch::default() }
        }
        "a rejected change thrown away" => Batch { quarantine_gone: vec![Counter(1)], ..Batch::default() },
        "a decision no longer kept" => Batch { decisions_gone: vec![id(52)], ..Batch::default() },
        NEW => ground().remove(0),
        _ => Batch::default(),
    }
}

/// What is there before a batch of that kind.
pub async fn prepare(store: &impl LocalStore, kind: &str) -> Result<(), StoreError> {
    if kind == NEW {
        return Ok(());
    }
    for batch in ground() {
        store.commit(&batch).await?;
    }
    Ok(())
}

/// What only an open store can be prepared for.
pub async fn prepare_open(store: &impl LocalStore, kind: &str) -> Result<(), StoreError> {
    if kind == TIDY {
        let fields = values(&"z".repeat(BLOAT));
        store
            .commit(&Batch { enqueue: vec![change(4, Edit::Insert { fields })], ..Batch::default() })
            .await?;
        store.commit(&Batch { settle: vec![Counter(4)], ..Batch::default() }).await?;
    }
    Ok(())
}

/// Stores it.
pub async fn attempt(store: &impl LocalStore, kind: &str) -> Result<(), StoreError> {
    match kind {
        TIDY => store.tidy().await.map(drop),
        _ => store.commit(&batch(kind)).await,
    }
}

/// All records, in order.
pub async fn records(store: &impl LocalStore) -> Result<Vec<Record>, StoreError> {
    let mut records = store.scan(&people(), None, usize::MAX).await?.records;
    records.sort_by_key(|record| record.key.to_text());
    Ok(records)
}

/// Everything that a store holds, as text.
pub async fn all_of(store: &impl LocalStore) -> Result<String, StoreError> {
    let mut loaded = store.load().await?;
    // whatever was enqueued here once: a number that is used up says nothing about what is held
    loaded.counter = Counter(0);
    let records = records(store).await?;
    Ok(format!("{loaded:?}\n{records:?}\n{:?}", store.checksums().await?))
}

/// What the store in memory holds before a batch of that kind, and after it.
pub async fn states(kind: &str) -> Result<[String; 2], StoreError> {
    let store = MemoryStore::new();
    prepare(&store, kind).await?;
    let before = all_of(&store).await?;
    prepare_open(&store, kind).await?;
    attempt(&store, kind).await?;
    Ok([before, all_of(&store).await?])
}

/// The store in a folder.
pub fn open(folder: &Path) -> Result<SledStore, StoreError> {
    SledStore::open(folder).map(|opened| opened.store)
}

/// The files that a store writes.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    ["records/db", "unsent.journal", "unsent.new", "records/conf", "room"]
        .map(|name| folder.join(name))
        .into()
}
