//! A collection and the table that mirrors it, with a small loop that reconciles the two.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sync_protocol::mirror::Expiry;
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::{
    ChangeId, Choice, CollectionId, Conflict, Delta, Edit, Entry, FieldName, FieldType, Fields, Outcome,
    Partition, Policy, Record, RecordId, RecordKey, Resolution, Timestamp, Value, Verdict,
};
use sync_server::mirror::look::{Answer, Look, Looked, Mapped, replica_of, shadow_key};
use sync_server::mirror::row::{SeenRow, Shadow};
use sync_server::mirror::write::Write;
use sync_server::partition::PartitionEngine;
use sync_server::store::clock::Clock;
use sync_server::store::{Kind, Read};
use uuid::Uuid;

use crate::kit::{Device, World, field};
use crate::table::{Row, written};

pub const MIRROR: Uuid = Uuid::from_u128(0x11);

pub fn collection() -> CollectionId {
    CollectionId::new("orders").expect("valid")
}

pub fn order(key: i64) -> RecordId {
    RecordId::new(collection(), RecordKey::Int(key))
}

pub fn text(value: &str) -> Value {
    Value::from(value)
}

/// A workspace with `orders` and a table of the same columns; `note` is a field without a column.
pub struct Scene {
    pub world: World,
    pub node: PartitionEngine,
    pub ann: Device,
    pub mapped: Mapped,
    pub table: Arc<Mutex<BTreeMap<i64, Row>>>,
}

impl Scene {
    pub async fn new() -> Self {
        Self::of(1).await
    }

    pub async fn of(partitions: u16) -> Self {
        let world = World::new(partitions);
        let node = world.node();
        Self::on(world, node).await
    }

    pub async fn on(world: World, node: PartitionEngine) -> Self {
        let mut ann = Device::new();
        let mut records = vec![collection_record(&collection(), "Orders", None)];
        let fields = [
            ("a", FieldType::Text, None),
            ("b", FieldType::Text, None),
            ("n", FieldType::Counter, None),
            ("l", FieldType::Text, Some(Policy::Last)),
            ("t", FieldType::Tags, None),
            ("note", FieldType::Text, None),
        ];
        records.extend(fields.iter().map(|(name, field_type, policy)| {
            let field = Field { policy: *policy, position: 1, ..Field::new(field(name), *name, *field_type) };
            field_record(&collection(), &field)
        }));
        let changes: Vec<_> =
            records.into_iter().map(|(id, fields)| ann.change(&id, Edit::Insert { fields })).collect();
        let verdicts = ann.push(&world, &node, &changes).await;
        assert!(verdicts.iter().all(|v| matches!(v, Verdict::Applied { .. })), "{verdicts:?}");
        let mapped = Mapped {
            mirror: MIRROR,
            fields: ["a", "b", "n", "l", "t"].map(field).into(),
            read_only: Default::default(),
            inward: true,
            outward: true,
            expiry: Expiry::Delete,
        };
        Self { world, node, ann, mapped, table: Arc::default() }
    }

    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        self.world.clock.advance(time);
    }

    pub fn row<T>(&self, key: i64, act: impl FnOnce(&mut Row) -> T) -> T {
        act(self.table.lock().expect("no panic").entry(key).or_default())
    }

    /// Another program writes cells, by a clock that is that many milliseconds ahead.
    pub fn program(&self, key: i64, cells: &[(&str, Value)], ahead: i64) {
        self.pass(Duration::from_millis(7));
        let at = written(self.now(), ahead);
        self.row(key, |row| {
            for (name, value) in cells {
                row.cell(&field(name), (!value.is_absent()).then(|| value.clone()), at);
            }
        });
    }

    /// Another program inserts a row: with its marker.
    pub fn program_inserts(&self, key: i64, cells: &[(&str, Value)], ahead: i64) {
        self.program(key, cells, ahead);
        let at = written(self.now(), ahead);
        self.row(key, |row| row.mark(at, None));
    }

    pub fn program_deletes(&self, key: i64) {
        self.pass(Duration::from_millis(7));
        let at = written(self.now(), 0);
        self.row(key, |row| row.delete(at));
    }

    pub fn seen(&self, key: i64) -> Option<SeenRow> {
        let now = self.now();
        self.row(key, |row| row.read(now))
    }

    /// The values that a program reads.
    pub fn values(&self, key: i64) -> Option<BTreeMap<String, Value>> {
        let cells = self.seen(key)?.cells;
        Some(cells.into_iter().map(|(name, cell)| (name.to_string(), cell.value)).collect())
    }

    pub fn place(&self, key: i64) -> Partition {
        order(key).partition(self.world.partitions)
    }

    async fn stored<T: serde::de::DeserializeOwned>(&self, key: i64, kind: Kind, name: String) -> Option<T> {
        let id = self.world.id(self.place(key).0);
        let body = self.world.store.get(id, kind, &[name]).await.expect("get").remove(0)?;
        Some(serde_json::from_str(&body).expect("a body as specified"))
    }

    pub async fn record(&self, key: i64) -> Option<Record> {
        let record: Option<Record> = self.stored(key, Kind::Record, order(key).to_text()).await;
        record.filter(|record| !record.deleted)
    }

    pub async fn shadow(&self, key: i64) -> Shadow {
        self.stored(key, Kind::Shadow, name_of(key)).await.unwrap_or_default()
    }

    pub async fn conflicts(&self, key: i64) -> Vec<Conflict> {
        let id = self.world.id(self.place(key).0);
        let rows = self.world.store.range(id, Kind::Conflict, None, 10_000, 1 << 30, Read::Serial).await;
        let all = rows
            .expect("range")
            .into_iter()
            .map(|(_, body)| serde_json::from_str::<Conflict>(&body).expect("a body as specified"));
        all.filter(|conflict| conflict.record == order(key)).collect()
    }

    pub async fn open(&self, key: i64) -> Vec<Conflict> {
        self.conflicts(key).await.into_iter().filter(Conflict::is_open).collect()
    }

    pub async fn feed(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for partition in 0..self.world.partitions {
            let id = self.world.id(partition);
            let rows = self.world.store.range(id, Kind::Feed, None, 100_000, 1 << 30, Read::Serial).await;
            for (_, body) in rows.expect("range") {
                entries.extend(serde_json::from_str::<Vec<Entry>>(&body).expect("a body as specified"));
            }
        }
        entries
    }

    /// Steps that all partitions took.
    pub async fn steps(&self) -> u64 {
        let mut steps = 0;
        for partition in 0..self.world.partitions {
            steps +=
                self.world.store.head(self.world.id(partition), Read::Serial).await.expect("head").step.0;
        }
        steps
    }

    /// Changes that the mirror made.
    pub async fn made(&self) -> usize {
        let own = |entry: &&Entry| is_mirrors(entry.change);
        self.feed().await.iter().filter(own).count()
    }

    pub async fn person(&mut self, key: i64, edit: Edit) -> Verdict {
        self.pass(Duration::from_millis(5));
        let mut change = self.ann.change(&order(key), edit);
        change.at = self.now();
        let node = self.node.clone();
        self.ann.push(&self.world, &node, &[change]).await.remove(0)
    }

    /// Ann sets fields of what she sees: a new record, or one that is there.
    pub async fn ann_sets(&mut self, key: i64, values: &[(&str, Value)]) {
        let verdict = match self.record(key).await {
            None => {
                let fields: Fields = values.iter().map(|(n, v)| (field(n), v.clone())).collect();
                self.person(key, Edit::Insert { fields }).await
            }
            Some(record) => {
                let delta = |(name, value): &(&str, Value)| {
                    let base = record.value(&field(name)).clone();
                    (field(name), Delta { base, incoming: value.clone() })
                };
                self.person(key, Edit::Patch { fields: values.iter().map(delta).collect() }).await
            }
        };
        assert!(crate::kit::applied(&verdict), "{verdict:?}");
    }

    pub async fn ann_deletes(&mut self, key: i64) {
        let base = self.record(key).await.expect("it is there").fields;
        let verdict = self.person(key, Edit::Delete { base }).await;
        assert!(crate::kit::applied(&verdict), "{verdict:?}");
    }

    /// Ann settles a review.
    pub async fn settle(&mut self, conflict: &Conflict, outcome: Outcome) -> Verdict {
        let RecordKey::Int(key) = conflict.record.key else { panic!("{conflict:?}") };
        let saw_record = self.record(key).await.map(|record| record.rev);
        let resolution =
            Resolution { conflict: conflict.id, saw_conflict: conflict.rev, saw_record, outcome };
        self.person(key, Edit::Resolve(resolution)).await
    }

    pub fn look_of(&self, key: i64, since: u64, seen: Option<SeenRow>) -> Look {
        let (record, shadow_key) = (order(key), name_of(key));
        Look { record, shadow_key, since, wrote: None, seen, read_at: self.now() }
    }

    pub async fn look(&self, key: i64, since: u64, seen: Option<SeenRow>) -> Looked {
        self.ask(self.look_of(key, since, seen)).await
    }

    pub async fn ask(&self, look: Look) -> Looked {
        let (world, mapped) = (&self.world, &self.mapped);
        let looked = self.node.look(world.workspace, world.partitions, mapped, vec![look]).await;
        looked.expect("look").remove(0)
    }

    /// What the row is now, looked at since the shadow as it is now.
    pub async fn look_now(&self, key: i64) -> Looked {
        let since = self.shadow(key).await.version;
        self.look(key, since, self.seen(key)).await
    }

    /// The write that a look asks for; not made yet.
    pub async fn to_write(&self, key: i64) -> Write {
        match self.look_now(key).await.answer {
            Answer::Write(write) => write,
            other => panic!("{other:?}"),
        }
    }

    pub fn write(&self, key: i64, write: &Write) {
        let now = self.now();
        self.row(key, |row| row.write(write, now));
    }

    /// Reads, looks, writes, until there is nothing to write.
    pub async fn reconcile(&self, key: i64) -> Looked {
        let mut look = self.look_of(key, self.shadow(key).await.version, self.seen(key));
        for _ in 0..10 {
            let looked = self.ask(look).await;
            let Answer::Write(write) = &looked.answer else { return looked };
            self.write(key, write);
            self.pass(Duration::from_millis(3));
            look = self.look_of(key, looked.version, self.seen(key));
            look.wrote = Some(write.clone());
        }
        panic!("no end: {:?}", self.shadow(key).await);
    }

    /// Reconciles, and everything is the same then: the row, the record, what was agreed on.
    pub async fn agree(&self, key: i64) {
        let looked = self.reconcile(key).await;
        assert_eq!(looked.answer, Answer::Agreed);
        self.same(key).await;
    }

    pub async fn same(&self, key: i64) {
        let (record, seen, shadow) = (self.record(key).await, self.seen(key), self.shadow(key).await);
        assert_eq!(record.is_some(), seen.is_some(), "{key}: {record:?} {seen:?}");
        assert_eq!(seen.is_some(), shadow.there);
        for name in &self.mapped.fields {
            let row = seen.as_ref().and_then(|row| row.cells.get(name));
            let row = row.map_or(Value::ABSENT, |cell| cell.value.clone());
            let own = record.as_ref().map_or(Value::ABSENT, |record| record.value(name).clone());
            assert_eq!(own.0, row.0, "{key}.{name}: record and row");
            assert_eq!(shadow.value(name).0, row.0, "{key}.{name}: shadow and row");
        }
        let steps = self.steps().await;
        assert_eq!(self.look_now(key).await.answer, Answer::Agreed);
        assert_eq!(self.steps().await, steps, "nothing to store: no commit");
    }
}

pub fn name_of(key: i64) -> String {
    shadow_key(MIRROR, key.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()), &RecordKey::Int(key))
}

pub fn is_mirrors(change: ChangeId) -> bool {
    (0..64).any(|partition| change.replica == replica_of(MIRROR, Partition(partition)))
}

pub fn keep(conflict: &Conflict, choice: Choice) -> Outcome {
    // for all: what does not clash now may by the time this is judged
    Outcome::Keep { choices: conflict.fields.keys().map(|name| (name.clone(), choice.clone())).collect() }
}

pub fn names(names: &[&str]) -> std::collections::BTreeSet<FieldName> {
    names.iter().map(|name| field(name)).collect()
}
