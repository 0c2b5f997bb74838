//! Rows of a server's store that say something else than the server wrote: it answers or refuses, and never panics. All
//! stores keep the same bodies; in memory it is quick.
//!
//! Input: rows of partition 1 between lines of `===`, each a line `KIND KEY` (record, feed, replica or conflict; `%09` is
//! a tab) and the body. The head says 9.

use std::sync::Arc;
use std::time::Duration;

use sync_protocol::message::{Audit, History, Pull, Push, Role, Snapshot};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Delta, Edit, FieldName, Partition, RecordId, RecordKey,
    ReplicaId, Revision, Timestamp, UserId, WorkspaceId,
};
use sync_server::partition::{Author, PartitionEngine, Settings};
use sync_server::store::clock::SystemClock;
use sync_server::store::memory::MemoryStore;
use sync_server::store::{Commit, Head, Kind, PartitionId, PartitionStore, Row, Step};
use uuid::Uuid;

use super::head;
use super::requests::pieces;

const PARTITIONS: u16 = 2;
const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(2));
const REPLICA: ReplicaId = ReplicaId(Uuid::from_u128(1));
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) fn run(data: &[u8]) {
    let rows: Vec<Row> = pieces(data).into_iter().filter_map(row).collect();
    if rows.is_empty() {
        return;
    }
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(ask_for_everything(rows)));
}

fn row(piece: &[u8]) -> Option<Row> {
    let (line, body) = head(piece)?;
    let (kind, key) = line.split_once(' ')?;
    let kind = match kind {
        "record" => Kind::Record,
        "feed" => Kind::Feed,
        "replica" => Kind::Replica,
        "conflict" => Kind::Conflict,
        "shadow" => Kind::Shadow,
        "mirror" => Kind::Mirror,
        _ => return None,
    };
    let body = std::str::from_utf8(body).ok()?.to_owned();
    Some(Row { kind, key: key.replace("%09", "\t"), body, ttl: None })
}

async fn ask_for_everything(rows: Vec<Row>) {
    let store = Arc::new(MemoryStore::default());
    let id = PartitionId { workspace: WORKSPACE, partition: Partition(1) };
    let head = Head { step: Step(1), revision: Revision(9), ..Head::default() };
    store.commit(id, Commit { expected: Step(0), head, rows }).await.expect("memory takes a commit");
    let settings = Settings {
        horizon: Duration::from_secs(86_400),
        clock: Arc::new(SystemClock),
        seed: 1,
        ..Settings::default()
    };
    let engine = PartitionEngine::new(store, settings);
    let record = RecordId::new(CollectionId::from_label("items"), RecordKey::Int(1));
    // an answer and a refusal are both fine, and so is one that waits for what will never come
    let pull = Pull { cursor: Cursor::start(PARTITIONS), wait_ms: 0 };
    let _ = tokio::time::timeout(PATIENCE, engine.pull(WORKSPACE, PARTITIONS, &pull)).await;
    let snapshot = Snapshot { resume: None, partitions: vec![Partition(0), Partition(1)] };
    let _ = tokio::time::timeout(PATIENCE, engine.snapshot(WORKSPACE, PARTITIONS, &snapshot)).await;
    let history = History { record: record.clone(), resume: None };
    let _ = tokio::time::timeout(PATIENCE, engine.history(WORKSPACE, PARTITIONS, &history)).await;
    let audit = Audit { resume: None };
    let _ = tokio::time::timeout(PATIENCE, engine.audit(WORKSPACE, PARTITIONS, &audit)).await;
    let delta = Delta { base: 1.into(), incoming: 2.into() };
    let change = Change {
        id: ChangeId { replica: REPLICA, counter: Counter(7) },
        record,
        at: Timestamp(1_000),
        saw: Some(Revision(3)),
        edit: Edit::Patch { fields: [(FieldName::from_label("n"), delta)].into() },
    };
    let push = Push {
        replica: REPLICA,
        settled: Counter(6),
        schema_seen: Revision(0),
        changes: vec![change],
        only_known: Default::default(),
    };
    let author = Author { replica: REPLICA, user: UserId(Uuid::from_u128(3)), standing: Role::Owner.into() };
    let _ = tokio::time::timeout(PATIENCE, engine.push(WORKSPACE, PARTITIONS, author, &push)).await;
}
