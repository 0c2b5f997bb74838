//! A workspace goes from an embedded store to a keyspace and back, in files: what comes out is what went in, and devices go on.

use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::message::{Pull, Role};
use sync_protocol::schema::collection_record;
use sync_protocol::{
    CollectionId, Cursor, Edit, Fields, Partition, RecordId, RecordKey, Verdict, WorkspaceId,
};
use sync_server::archive::{export, import};
use sync_server::erase;
use sync_server::partition::{PartitionEngine, Settings};
use sync_server::store::cassandra::CassandraStore;
use sync_server::store::sled::SledStore;
use sync_server::store::{Account, Kind, PartitionId, Read, Store, WorkspaceRow};

use crate::Device;

/// More than one step of an import takes.
const RECORDS: i64 = 3_000;
const PARTITIONS: u16 = 2;
const HORIZON: Duration = Duration::from_secs(3_600);

/// From one to the other and back.
pub async fn there_and_back(cassandra: &Arc<CassandraStore>, folder: &Path) -> Result<()> {
    let first: Arc<dyn Store> = Arc::new(SledStore::open(&folder.join("first"))?);
    let last: Arc<dyn Store> = Arc::new(SledStore::open(&folder.join("last"))?);
    let id = WorkspaceId(uuid::Uuid::now_v7());
    let mut device = filled(&first, id).await?;

    let files = ["first", "middle", "last"].map(|name| folder.join(format!("{name}.jsonl")));
    let there: Arc<dyn Store> = cassandra.clone();
    for (n, (from, to)) in
        [(&first, Some(&there)), (&there, Some(&last)), (&last, None)].into_iter().enumerate()
    {
        let out = export(&**from, id, &files[n], |_, _| {}).await?;
        if let Some(to) = to {
            ensure!(import(&**to, &files[n], false, HORIZON, |_, _| {}).await? == out);
        }
    }
    let [one, two, three] = files.map(fs::read);
    let one = one?;
    ensure!(one == two? && one == three?, "a workspace is another one after it was moved");

    for store in [there, last] {
        let engine =
            PartitionEngine::new(store.clone(), Settings { horizon: HORIZON, ..Settings::default() });
        let mut cursor = Cursor::start(PARTITIONS);
        let mut entries = 0;
        loop {
            let answer = engine.pull(id, PARTITIONS, &Pull { cursor, wait_ms: 0 }).await?;
            ensure!(answer.expired.is_empty());
            entries += answer.feeds.iter().map(|feed| feed.entries.len()).sum::<usize>();
            cursor = answer.cursor;
            if !answer.more {
                break;
            }
        }
        ensure!(entries >= RECORDS as usize, "{entries} entries");
        let record = RecordId::new(CollectionId::new("airports")?, RecordKey::Int(RECORDS + 1));
        let next = device.change(record, Edit::Insert { fields: Fields::new() });
        let verdicts = engine.push(id, PARTITIONS, device.author, &device.push(vec![next])).await?;
        ensure!(matches!(verdicts[..], [Verdict::Applied { .. } | Verdict::Merged { .. }]), "{verdicts:?}");
        nothing_is_left_once_it_is_erased(&*store, id).await?;
    }
    Ok(())
}

async fn filled(store: &Arc<dyn Store>, id: WorkspaceId) -> Result<Device> {
    let engine = PartitionEngine::new(store.clone(), Settings { horizon: HORIZON, ..Settings::default() });
    let collection = CollectionId::new("airports")?;
    let mut device = Device::new();
    let (made, fields) = collection_record(&collection, "Airports", None);
    let made = device.change(made, Edit::Insert { fields });
    engine.push(id, PARTITIONS, device.author, &device.push(vec![made])).await?;
    for chunk in (0..RECORDS).collect::<Vec<_>>().chunks(500) {
        let insert = |n: &i64| {
            let record = RecordId::new(collection.clone(), RecordKey::Int(*n));
            device.change(record, Edit::Insert { fields: Fields::new() })
        };
        let changes = chunk.iter().map(insert).collect();
        engine.push(id, PARTITIONS, device.author, &device.push(changes)).await?;
    }
    let user = device.author.user;
    let account =
        Account { user, login: format!("ann-{id}"), name: "Ann".into(), password_hash: "hash".into() };
    ensure!(store.add_account(&account).await?);
    ensure!(store.add_workspace(&WorkspaceRow { id, name: "Harbour".into(), partitions: PARTITIONS }).await?);
    store.set_member(id, user, Some(Role::Owner)).await?;
    Ok(device)
}

/// Also where it is read in order, which a row of each deleted one would make impossible after so many.
async fn nothing_is_left_once_it_is_erased(store: &dyn Store, id: WorkspaceId) -> Result<()> {
    erase::workspace(store, id, PARTITIONS, |_, _| {}).await?;
    ensure!(store.workspace(id).await?.is_none());
    for partition in (0..PARTITIONS).map(Partition) {
        let at = PartitionId { workspace: id, partition };
        for kind in Kind::ALL {
            let left = store.range(at, kind, None, 10, 1 << 20, Read::Serial).await?;
            ensure!(left.is_empty(), "rows are left in {partition}: {left:?}");
        }
        ensure!(store.head(at, Read::Serial).await?.revision.0 == 0);
    }
    Ok(())
}
