//! Devices that push, and checkers that read the rows themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::{Pull, PullAnswer, Push, Role};
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Delta, Edit, Entry, FieldName, FieldType, Fields,
    Partition, Record, RecordId, RecordKey, ReplicaId, Revision, Timestamp, UserId, Value, Verdict,
    WorkspaceId,
};
use sync_server::partition::{Author, EngineError, PartitionEngine, Quotas, Settings};
use sync_server::store::clock::ManualClock;
use sync_server::store::memory::MemoryStore;
use sync_server::store::{Kind, PartitionId, PartitionStore, Read};
use uuid::Uuid;

pub const HORIZON: Duration = Duration::from_secs(3_600);

/// One workspace on one store.
#[derive(Clone)]
pub struct World {
    pub store: Arc<dyn PartitionStore>,
    pub clock: Arc<ManualClock>,
    pub workspace: WorkspaceId,
    pub partitions: u16,
}

impl World {
    pub fn new(partitions: u16) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
        let store = Arc::new(MemoryStore::new(clock.clone()));
        Self { store, clock, workspace: WorkspaceId(Uuid::now_v7()), partitions }
    }

    /// One more server process.
    pub fn node(&self) -> PartitionEngine {
        self.node_on(self.store.clone())
    }

    pub fn node_on(&self, store: Arc<dyn PartitionStore>) -> PartitionEngine {
        PartitionEngine::new(store, self.settings())
    }

    /// One where workspaces may keep no more than that.
    pub fn node_within(&self, quotas: Quotas) -> PartitionEngine {
        PartitionEngine::new(self.store.clone(), Settings { quotas, ..self.settings() })
    }

    fn settings(&self) -> Settings {
        let seed = u64::from(Uuid::now_v7().as_fields().0);
        Settings { horizon: HORIZON, clock: self.clock.clone(), seed, ..Settings::default() }
    }

    pub fn id(&self, partition: u16) -> PartitionId {
        PartitionId { workspace: self.workspace, partition: Partition(partition) }
    }

    pub fn start(&self) -> Cursor {
        Cursor::start(self.partitions)
    }

    pub async fn pull(&self, node: &PartitionEngine, cursor: &Cursor, wait_ms: u64) -> PullAnswer {
        let pull = Pull { cursor: cursor.clone(), wait_ms };
        node.pull(self.workspace, self.partitions, &pull).await.expect("pull")
    }

    /// Everything after the cursor, in as many pulls as it takes.
    pub async fn pull_all(&self, node: &PartitionEngine, cursor: &mut Cursor) -> Vec<(Partition, Entry)> {
        let mut entries = Vec::new();
        loop {
            let answer = self.pull(node, cursor, 0).await;
            assert!(answer.expired.is_empty(), "expired: {:?}", answer.expired);
            for feed in answer.feeds {
                entries.extend(feed.entries.into_iter().map(|entry| (feed.partition, entry)));
            }
            *cursor = answer.cursor;
            if !answer.more {
                return entries;
            }
        }
    }

    async fn rows<T: serde::de::DeserializeOwned>(&self, partition: u16, kind: Kind) -> Vec<(String, T)> {
        let rows =
            self.store.range(self.id(partition), kind, None, usize::MAX, usize::MAX, Read::Serial).await;
        let parse =
            |(key, body): (String, String)| (key, serde_json::from_str(&body).expect("a body as specified"));
        rows.expect("range").into_iter().map(parse).collect()
    }

    /// The feed of each partition, with everything that must hold of it: `contiguous`, `once`, `linear_record`, and
    /// the records and checksums that it leads to.
    pub async fn audit(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        let mut changes: BTreeSet<ChangeId> = BTreeSet::new();
        for partition in 0..self.partitions {
            let groups: Vec<(String, Vec<Entry>)> = self.rows(partition, Kind::Feed).await;
            let mut seq = 0;
            let mut live: BTreeMap<String, u64> = BTreeMap::new();
            for (key, group) in groups {
                for entry in group {
                    seq += 1;
                    assert_eq!(entry.seq.0, seq, "contiguous");
                    assert!(changes.insert(entry.change), "once: {} is judged twice", entry.change);
                    if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
                        let id = format!("{collection}/{}", record.key.to_text());
                        assert_eq!(
                            live.get(&id).copied(),
                            entry.replaces.map(|r| r.0),
                            "linear_record: {id}"
                        );
                        assert_eq!(record.rev.0, seq, "a record is made by its own entry");
                        assert!(record.prev.is_none_or(|prev| prev.0 < seq), "linear_record");
                        if record.deleted {
                            live.remove(&id)
                        } else {
                            live.insert(id, seq)
                        };
                    }
                    all.push(entry);
                }
                assert_eq!(key, format!("{seq:020}"), "a group is named by its last entry");
            }
            let records: Vec<(String, Record)> = self.rows(partition, Kind::Record).await;
            let stored: BTreeMap<String, u64> =
                records.iter().filter(|(_, r)| !r.deleted).map(|(key, r)| (key.clone(), r.rev.0)).collect();
            assert_eq!(stored, live, "the records are the fold of the feed");
            let mut checksums = Checksums::default();
            for (key, rev) in &stored {
                checksums.add(&RecordId::from_text(key).expect("a key as specified"), Revision(*rev));
            }
            let head = self.store.head(self.id(partition), Read::Serial).await.expect("head");
            assert_eq!((head.revision.0, head.checksums), (seq, checksums), "head and checksums");
        }
        all
    }
}

/// A replica with its user.
#[derive(Clone)]
pub struct Device {
    pub author: Author,
    pub next: u64,
    pub settled: u64,
    pub schema_seen: u64,
}

impl Device {
    pub fn new() -> Self {
        let author = Author {
            replica: ReplicaId(Uuid::now_v7()),
            user: UserId(Uuid::now_v7()),
            standing: Role::Editor.into(),
        };
        Self { author, next: 1, settled: 0, schema_seen: 0 }
    }

    pub fn change(&mut self, record: &RecordId, edit: Edit) -> Change {
        let id = ChangeId { replica: self.author.replica, counter: Counter(self.next) };
        self.next += 1;
        Change { id, record: record.clone(), at: Timestamp(1_600_000_000_000), saw: None, edit }
    }

    pub fn insert(&mut self, record: &RecordId, name: &str) -> Change {
        self.change(record, Edit::Insert { fields: Fields::from([(field("name"), Value::from(name))]) })
    }

    pub fn patch(&mut self, record: &RecordId, base: &str, incoming: &str) -> Change {
        let delta = Delta { base: Value::from(base), incoming: Value::from(incoming) };
        self.change(record, Edit::Patch { fields: BTreeMap::from([(field("name"), delta)]) })
    }

    pub fn add(&mut self, record: &RecordId, base: i64, incoming: i64) -> Change {
        let delta = Delta { base: Value::from(base), incoming: Value::from(incoming) };
        self.change(record, Edit::Patch { fields: BTreeMap::from([(field("visits"), delta)]) })
    }

    pub fn list(&self, changes: Vec<Change>) -> Push {
        Push {
            replica: self.author.replica,
            settled: Counter(self.settled),
            schema_seen: Revision(self.schema_seen),
            changes,
            only_known: Default::default(),
        }
    }

    pub async fn try_push(
        &self,
        world: &World,
        node: &PartitionEngine,
        changes: &[Change],
    ) -> Result<Vec<Verdict>, EngineError> {
        node.push(world.workspace, world.partitions, self.author, &self.list(changes.to_vec())).await
    }

    pub async fn push(&self, world: &World, node: &PartitionEngine, changes: &[Change]) -> Vec<Verdict> {
        self.try_push(world, node, changes).await.expect("push")
    }

    /// The changes that make `airports` with its fields `name` (ask) and `visits` (a counter).
    pub fn schema(&mut self) -> Vec<Change> {
        let collection = CollectionId::new("airports").expect("valid");
        let fields = [("name", FieldType::Text), ("visits", FieldType::Counter)]
            .map(|(name, field_type)| Field { position: 1, ..Field::new(field(name), name, field_type) });
        let mut records = vec![collection_record(&collection, "Airports", None)];
        records.extend(fields.iter().map(|field| field_record(&collection, field)));
        records.into_iter().map(|(id, fields)| self.change(&id, Edit::Insert { fields })).collect()
    }
}

/// A workspace with that collection, made by one device.
pub async fn airports(partitions: u16) -> (World, PartitionEngine, Device) {
    let world = World::new(partitions);
    let node = world.node();
    let mut device = Device::new();
    let changes = device.schema();
    let verdicts = device.push(&world, &node, &changes).await;
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Applied { .. })), "{verdicts:?}");
    (world, node, device)
}

pub fn field(name: &str) -> FieldName {
    FieldName::new(name).expect("valid")
}

pub fn airport(key: i64) -> RecordId {
    RecordId::new(CollectionId::new("airports").expect("valid"), RecordKey::Int(key))
}

pub fn applied(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Applied { .. } | Verdict::Merged { .. })
}
