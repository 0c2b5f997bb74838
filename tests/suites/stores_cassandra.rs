//! The server's store on a real Apache Cassandra: the conformance suite, and what only a shared database must do.
//!
//! Starts a node of its own. `MOORING_TEST_CASSANDRA=host:port` names one that runs already.

use anyhow::{Context, Result, ensure};
use scylla::client::session_builder::SessionBuilder;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use sync_protocol::message::{Pull, Push, Role};
use sync_protocol::schema::{collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Delta, Edit, FieldName, FieldType, Fields, RecordId,
    RecordKey, ReplicaId, Revision, Timestamp, UserId, Value, Verdict, WorkspaceId, schema::Field,
};
use sync_server::partition::{Author, PartitionEngine, Settings};
use sync_server::store::StoreError;
use sync_server::store::cassandra::{CassandraOptions, CassandraStore};
use sync_server::store::conformance::{Subject, run_all};
use xtask::cassandra::{Node, free_port};

/// An address of its own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 21, 1);

#[tokio::test(flavor = "multi_thread")]
async fn the_store_on_cassandra() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (address, _node) = match std::env::var("MOORING_TEST_CASSANDRA") {
        Ok(address) => (address, None),
        Err(_) => {
            let node = Node::start(folder.path(), ADDRESS, free_port(ADDRESS)?, free_port(ADDRESS)?)?;
            (node.address(), Some(node))
        }
    };
    let keyspace = format!("test_{:x}", std::process::id());
    let options =
        CassandraOptions { keyspace: keyspace.clone(), ..CassandraOptions::new(vec![address.clone()]) };

    servers_start_together(&options).await?;
    let store = Arc::new(CassandraStore::connect(options.clone()).await?);
    run_all(Subject::in_real_time(store.clone())).await;
    nodes_write_together([store.clone(), Arc::new(CassandraStore::connect(options.clone()).await?)]).await?;
    a_newer_keyspace_is_refused(&options).await?;

    let session = SessionBuilder::new().known_node(&address).build().await?;
    session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await?;
    Ok(())
}

/// The first start of several servers at once makes the tables once.
async fn servers_start_together(options: &CassandraOptions) -> Result<()> {
    let starts = (0..3).map(|_| tokio::spawn(CassandraStore::connect(options.clone())));
    for start in starts.collect::<Vec<_>>() {
        start.await??;
    }
    Ok(())
}

async fn a_newer_keyspace_is_refused(options: &CassandraOptions) -> Result<()> {
    let session = SessionBuilder::new().known_nodes(&options.nodes).build().await?;
    let set = |version: i32| {
        let table = format!("{}.schema_version", options.keyspace);
        session.query_unpaged(format!("UPDATE {table} SET version = {version} WHERE what = 'tables'"), ())
    };
    set(99).await?;
    let refused = CassandraStore::connect(options.clone()).await;
    ensure!(matches!(refused, Err(StoreError::Newer(_))), "a newer keyspace was opened");
    set(1).await?;
    CassandraStore::connect(options.clone()).await?;
    Ok(())
}

struct Device {
    author: Author,
    next: u64,
}

impl Device {
    fn new() -> Self {
        let author = Author {
            replica: ReplicaId(uuid::Uuid::now_v7()),
            user: UserId(uuid::Uuid::now_v7()),
            role: Role::Editor,
        };
        Self { author, next: 1 }
    }

    fn change(&mut self, record: RecordId, edit: Edit) -> Change {
        let id = ChangeId { replica: self.author.replica, counter: Counter(self.next) };
        self.next += 1;
        Change { id, record, at: Timestamp(1), saw: None, edit }
    }

    fn push(&self, changes: Vec<Change>) -> Push {
        Push { replica: self.author.replica, settled: Counter(0), schema_seen: Revision(0), changes }
    }
}

/// Two servers, eight devices, five counters: every addition counts once, and both servers tell one story.
async fn nodes_write_together(stores: [Arc<CassandraStore>; 2]) -> Result<()> {
    const PARTITIONS: u16 = 4;
    let engines = stores.map(|store| PartitionEngine::new(store, Settings::default()));
    let workspace = WorkspaceId(uuid::Uuid::now_v7());
    let collection = CollectionId::new("airports")?;
    let visits = FieldName::new("visits")?;
    let mut maker = Device::new();
    let field = Field {
        name: visits.clone(),
        label: "Visits".into(),
        field_type: FieldType::Counter,
        options: Vec::new(),
        policy: None,
        position: 1,
    };
    let key = |n: i64| RecordId::new(collection.clone(), RecordKey::Int(n));
    let mut made = Vec::new();
    for (id, fields) in [collection_record(&collection, "Airports", None), field_record(&collection, &field)]
    {
        made.push(maker.change(id, Edit::Insert { fields }));
    }
    for n in 0..5 {
        let fields = Fields::from([(visits.clone(), Value::from(0))]);
        made.push(maker.change(key(n), Edit::Insert { fields }));
    }
    engines[0].push(workspace, PARTITIONS, maker.author, &maker.push(made)).await?;

    let devices = (0..8).map(|n: usize| {
        let (engine, collection, visits) = (engines[n % 2].clone(), collection.clone(), visits.clone());
        tokio::spawn(async move {
            let mut device = Device::new();
            for _ in 0..10 {
                let changes = (0..5).map(|n| {
                    let delta = Delta { base: Value::from(3), incoming: Value::from(4) };
                    let fields = BTreeMap::from([(visits.clone(), delta)]);
                    device
                        .change(RecordId::new(collection.clone(), RecordKey::Int(n)), Edit::Patch { fields })
                });
                let changes: Vec<Change> = changes.collect();
                let push = device.push(changes);
                let verdicts = engine.push(workspace, PARTITIONS, device.author, &push).await?;
                let counted = |v: &Verdict| matches!(v, Verdict::Applied { .. } | Verdict::Merged { .. });
                ensure!(verdicts.iter().all(counted), "{verdicts:?}");
            }
            Ok(())
        })
    });
    for device in devices.collect::<Vec<_>>() {
        device.await??;
    }
    for engine in &engines {
        let mut cursor = Cursor::start(PARTITIONS);
        let mut last: BTreeMap<RecordKey, Option<i64>> = BTreeMap::new();
        loop {
            let answer = engine.pull(workspace, PARTITIONS, &Pull { cursor, wait_ms: 0 }).await?;
            for entry in answer.feeds.iter().flat_map(|feed| &feed.entries) {
                let record = entry.record.as_ref().context("every change changed its record")?;
                if entry.collection.as_ref() == Some(&collection) {
                    last.insert(record.key.clone(), record.value(&visits).as_integer());
                }
            }
            cursor = answer.cursor;
            if !answer.more {
                break;
            }
        }
        ensure!(cursor.0.iter().map(|r| r.0).sum::<u64>() == 7 + 8 * 10 * 5, "{cursor:?}");
        for n in 0..5 {
            ensure!(last[&RecordKey::Int(n)] == Some(80), "{last:?}");
        }
    }
    Ok(())
}
