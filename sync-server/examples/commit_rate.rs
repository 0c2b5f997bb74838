//! How many changes one server process commits in a second.
//!
//!     cargo run --release -p sync-server --example commit_rate -- sled FOLDER
//!     cargo run --release -p sync-server --example commit_rate -- cassandra HOST:PORT
//!
//! Each of some devices pushes 500 records of about 300 bytes at a time into a workspace of 16 partitions, first new
//! ones, then edits of them; one push of a device is in flight at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use sync_protocol::message::{Push, Role};
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Delta, Edit, FieldName, FieldType, Fields, RecordId, RecordKey,
    ReplicaId, Revision, Timestamp, UserId, Value, Verdict, WorkspaceId,
};
use sync_server::partition::{Author, PartitionEngine, Settings};
use sync_server::store::Store;
use sync_server::store::cassandra::{CassandraOptions, CassandraStore};
use sync_server::store::memory::MemoryStore;
use sync_server::store::sled::SledStore;
use uuid::Uuid;

const PARTITIONS: u16 = 16;
const PUSH: i64 = 500;
const PUSHES: i64 = 10;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let store: Arc<dyn Store> = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["memory"] => Arc::new(MemoryStore::default()),
        ["sled", folder] => Arc::new(SledStore::open(Path::new(folder))?),
        ["cassandra", node] => {
            let keyspace = "commit_rate".to_owned();
            let options = CassandraOptions { keyspace, ..CassandraOptions::new(vec![(*node).to_owned()]) };
            Arc::new(CassandraStore::connect(options).await?)
        }
        _ => return Err("memory | sled FOLDER | cassandra HOST:PORT".into()),
    };
    for devices in [1, 4, 16] {
        let engine = PartitionEngine::new(store.clone(), Settings::default());
        let workspace = WorkspaceId(Uuid::now_v7());
        schema(&engine, workspace).await?;
        for edits in [false, true] {
            let start = Instant::now();
            let tasks = (0..devices).map(|n| tokio::spawn(device(engine.clone(), workspace, n, edits)));
            for task in tasks.collect::<Vec<_>>() {
                task.await??;
            }
            let (count, time) = ((devices * PUSH * PUSHES) as f64, start.elapsed().as_secs_f64());
            println!(
                "{devices:2} devices, {}: {:.0} changes/s",
                if edits { "edits" } else { "new  " },
                count / time
            );
        }
    }
    Ok(())
}

fn name(name: &str) -> FieldName {
    FieldName::new(name).expect("a valid name")
}

fn record(key: i64) -> RecordId {
    RecordId::new(CollectionId::new("airports").expect("a valid name"), RecordKey::Int(key))
}

fn text(n: i64) -> Value {
    Value::from(format!("{n} {}", "x".repeat(50)))
}

async fn send(
    engine: &PartitionEngine,
    workspace: WorkspaceId,
    from: u64,
    edits: Vec<(RecordId, Edit)>,
    replica: ReplicaId,
) -> Result<(), Failure> {
    let author = Author { replica, user: UserId(Uuid::now_v7()), standing: Role::Editor.into() };
    let changes = edits.into_iter().zip(from..).map(|((record, edit), counter)| Change {
        id: ChangeId { replica, counter: Counter(counter) },
        record,
        at: Timestamp(1),
        saw: None,
        edit,
    });
    let push = Push {
        replica,
        settled: Counter(from - 1),
        schema_seen: Revision(0),
        changes: changes.collect(),
        only_known: Default::default(),
    };
    let verdicts = engine.push(workspace, PARTITIONS, author, &push).await?;
    let refused = |v: &&Verdict| !matches!(v, Verdict::Applied { .. } | Verdict::Merged { .. });
    verdicts.iter().find(refused).map_or(Ok(()), |v| Err(format!("{v:?}").into()))
}

async fn schema(engine: &PartitionEngine, workspace: WorkspaceId) -> Result<(), Failure> {
    let collection = record(0).collection;
    let mut records = vec![collection_record(&collection, "Airports", None)];
    for position in 0..5 {
        let field = Field {
            position,
            ..Field::new(name(&format!("f{position}")), format!("Field {position}"), FieldType::Text)
        };
        records.push(field_record(&collection, &field));
    }
    let edits = records.into_iter().map(|(id, fields)| (id, Edit::Insert { fields })).collect();
    send(engine, workspace, 1, edits, ReplicaId(Uuid::now_v7())).await
}

async fn device(engine: PartitionEngine, workspace: WorkspaceId, n: i64, edits: bool) -> Result<(), Failure> {
    let replica = ReplicaId(Uuid::now_v7());
    for push in 0..PUSHES {
        let keys = (0..PUSH).map(|k| n * 1_000_000 + push * PUSH + k);
        let changes = keys.map(|key| {
            let edit = if edits {
                let delta = Delta { base: text(0), incoming: text(1) };
                Edit::Patch { fields: BTreeMap::from([(name("f0"), delta)]) }
            } else {
                Edit::Insert { fields: Fields::from_iter((0..5).map(|f| (name(&format!("f{f}")), text(f)))) }
            };
            (record(key), edit)
        });
        send(&engine, workspace, (push * PUSH + 1) as u64, changes.collect(), replica).await?;
    }
    Ok(())
}
