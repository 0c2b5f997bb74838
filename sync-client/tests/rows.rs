//! The grid's rows follow every step: kept ones are what reading everything anew would give, and cost what the step touches.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::model::device::Device;
use crate::model::server::Server;
use crate::model::{Random, fields, name, seen};
use futures::FutureExt;
use serde_json::json;
use sync_client::api::{Only, Rows, RowsQuery};
use sync_client::limits;
use sync_client::query::Tables;
use sync_client::replica::Replica;
use sync_client::steps;
use sync_client::store::memory::MemoryStore;
use sync_client::store::{
    Batch, Loaded, LocalStore, Meta, ScanPosition, Scanned, SnapshotState, StoreError, Usage,
};
use sync_protocol::checksum::Checksums;
use sync_protocol::message::{Page, SnapshotAnswer};
use sync_protocol::schema::Field;
use sync_protocol::{
    CollectionId, Counter, FieldType, Partition, Record, RecordId, RecordKey, ReplicaId, Revision, Stamp,
    Timestamp, UserId, WorkspaceId,
};

fn people() -> CollectionId {
    CollectionId::new("people").unwrap()
}

fn person(key: RecordKey) -> RecordId {
    RecordId::new(people(), key)
}

fn definition() -> Vec<Field> {
    [("name", FieldType::Text), ("age", FieldType::Integer)]
        .into_iter()
        .zip(0..)
        .map(|((text, field_type), position)| Field { position, ..Field::new(name(text), text, field_type) })
        .collect()
}

fn query(sort: Option<&str>, descending: bool, search: &str, offset: usize, limit: usize) -> RowsQuery {
    let sort = sort.map(name);
    RowsQuery { collection: people(), search: search.into(), sort, descending, only: None, offset, limit }
}

fn rows<S: LocalStore>(tables: &mut Tables, store: &S, replica: &Replica, query: &RowsQuery) -> Rows {
    tables.rows(store, replica, query).now_or_never().unwrap().unwrap()
}

/// A record that a step may be about: keys of every kind, few enough to be met again.
fn some_key(random: &mut Random) -> RecordKey {
    match random.below(4) {
        0 => RecordKey::Int(random.below(12) as i64 - 3),
        1 => RecordKey::Text(format!("R{}", random.below(12))),
        2 => RecordKey::Text(["Öl", "öl", "Äpfel", "Zebra", "a-b", "a_b"][random.below(6)].into()),
        _ => RecordKey::Text(format!("019aa1e2-f000-7000-8000-{:012}", random.below(6))),
    }
}

fn some_name(random: &mut Random) -> serde_json::Value {
    match random.below(12) {
        0 => json!(null),
        n => json!(
            ["", "Zebra", "zebra", "Äpfel", "item 10", "item 2", "Öl", "o\u{308}l", "öl", "x", "X"][n - 1]
        ),
    }
}

/// One step of a person.
fn act(device: &mut Device, random: &mut Random) {
    let id = person(some_key(random));
    let Some(current) = device.replica.view(&id, device.base(&id).as_ref()) else {
        let mut values = json!({"age": random.below(5)});
        let text = some_name(random);
        if !text.is_null() {
            values["name"] = text;
        }
        return device.insert(&id, values).unwrap();
    };
    if random.once_in(4) {
        return device.delete(&id).unwrap();
    }
    let (field, want) = match random.below(2) {
        0 => ("name", some_name(random)),
        _ => ("age", json!(random.below(5))),
    };
    let saw = current.get(field).map_or(json!(null), |value| value.0.clone());
    // it may be refused where something of the record was
    drop(device.edit(&id, json!({field: [saw, want]})));
}

#[test]
fn rows_that_follow_are_those_that_are_read_anew() {
    let mut matched = 0;
    for seed in 1..=12 {
        let mut random = Random::new(seed);
        let mut server = Server::new(4);
        server.page = 3;
        let mut devices = [Device::new(1, 4), Device::new(2, 4)];
        let [a, b] = &mut devices;
        a.sync(&mut server);
        a.make(&people(), &definition());
        a.sync(&mut server);
        b.sync(&mut server);
        let queries = [
            query(None, false, "", 0, 100),
            query(Some("name"), false, "", 0, 100),
            query(Some("name"), true, "", 3, 7),
            query(Some("age"), true, "", 0, 100),
            query(Some("name"), false, "ze", 0, 100),
            query(None, true, "ol", 1, 4),
            RowsQuery { only: Some(Only::Review), ..query(Some("name"), true, "", 0, 100) },
        ];
        // one table for each question, so that each keeps its order
        a.tables = queries.iter().map(|_| Tables::default()).collect();
        for _ in 0..120 {
            match random.below(8) {
                0..=3 => act(a, &mut random),
                4 | 5 => act(b, &mut random),
                6 => b.sync(&mut server),
                _ => a.sync(&mut server),
            }
            if random.once_in(40) {
                // all of it comes anew
                let again = a.replica.refetch(&[Partition(random.below(4) as u16)]);
                drop(a.commit(&again));
            }
            let mut tables = std::mem::take(&mut a.tables);
            for (kept, query) in tables.iter_mut().zip(&queries) {
                let now = rows(kept, a.store(), &a.replica, query);
                let anew = rows(&mut Tables::default(), a.store(), &a.replica, query);
                assert_eq!(now, anew, "seed {seed}: {query:?}");
                matched += now.rows.len();
            }
            a.tables = tables;
        }
    }
    assert!(matched > 20_000, "{matched} rows were compared");
}

/// A store that counts what is read of it.
#[derive(Default)]
struct Counted {
    store: MemoryStore,
    scans: Cell<usize>,
    records: Cell<usize>,
}

impl LocalStore for Counted {
    async fn load(&self) -> Result<Loaded, StoreError> {
        self.store.load().await
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.commit(batch).await
    }

    async fn get(&self, ids: &[RecordId]) -> Result<Vec<Option<Record>>, StoreError> {
        self.records.set(self.records.get() + ids.len());
        self.store.get(ids).await
    }

    async fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        let scanned = self.store.scan(collection, from, limit).await?;
        self.scans.set(self.scans.get() + 1);
        self.records.set(self.records.get() + scanned.records.len());
        Ok(scanned)
    }

    async fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        self.store.checksums().await
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        self.store.tidy().await
    }

    async fn usage(&self) -> Usage {
        self.store.usage().await
    }
}

fn record(n: usize) -> Record {
    Record {
        key: RecordKey::Int(n as i64),
        rev: Revision(n as u64),
        prev: None,
        alone_since: None,
        stamp: Stamp { by: ReplicaId(uuid::Uuid::from_u128(2)), at: Timestamp(0) },
        created: None,
        edits: BTreeMap::new(),
        twin_of: None,
        deleted: false,
        fields: fields(json!({"name": format!("Person {}", n * 7_919 % 20_011), "age": n % 90})),
    }
}

/// A replica whose first sync is under way, with its store; the collection is known.
fn first_sync() -> (Counted, Replica, Tables) {
    let meta = Meta {
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        partitions: 1,
        replica: ReplicaId(uuid::Uuid::from_u128(1)),
        user: UserId(uuid::Uuid::from_u128(1)),
        copied: Counter(0),
    };
    let store = Counted::default();
    let replica = Replica::new(meta.clone(), Loaded::default(), Vec::new());
    let mut all = (store, replica, Tables::default());
    let snapshot = SnapshotState { partitions: vec![Partition(0)], ..SnapshotState::default() };
    let first = Batch { meta: Some(meta), snapshot: Some(Some(snapshot)), ..Batch::default() };
    commit(&mut all, &first);
    let made = all.1.new_collection(Timestamp(0), &people(), "People", &definition()).unwrap();
    commit(&mut all, &made);
    all
}

/// As the engine does it.
fn commit((store, replica, tables): &mut (Counted, Replica, Tables), batch: &Batch) {
    let delta = replica.lower(batch, |collection| tables.holds(collection));
    store.commit(batch).now_or_never().unwrap().unwrap();
    replica.follow(&delta);
    tables.follow(&delta, replica);
}

/// The records of a first sync in answers of that many.
fn sync(
    all: &mut (Counted, Replica, Tables),
    count: usize,
    page: usize,
    mut after: impl FnMut(&mut (Counted, Replica, Tables)),
) {
    let records: Vec<Record> = (0..count).map(record).collect();
    for part in records.chunks(page) {
        let text = serde_json::to_string(part).unwrap();
        let page = Page {
            partition: Partition(0),
            collection: people(),
            first: part[0].key.to_text(),
            last: part[part.len() - 1].key.to_text(),
            count: part.len() as u32,
            records: serde_json::value::RawValue::from_string(text).unwrap(),
        };
        let answer = SnapshotAnswer {
            pages: vec![page],
            conflicts: Vec::new(),
            finished: Vec::new(),
            next: Some(sync_protocol::message::SnapshotToken {
                cursor: all.1.cursor().clone(),
                partition: Partition(0),
                after: None,
                conflicts_after: None,
                done: 0,
                total: 0,
            }),
            done: 0,
            total: 0,
        };
        let batch = all.1.snapshotted(answer).unwrap();
        commit(all, &batch);
        after(all);
    }
}

const SHOWN: usize = 50;

fn look((store, replica, tables): &mut (Counted, Replica, Tables), offset: usize) -> Rows {
    rows(tables, store, replica, &query(Some("name"), true, "person", offset, SHOWN))
}

#[test]
fn a_first_sync_with_the_grid_open_reads_nothing_again() {
    let taken = [2_000, 8_000].map(|count| {
        let mut all = first_sync();
        look(&mut all, 0);
        let (scans, read) = (all.0.scans.get(), all.0.records.get());
        let (steps, ()) = steps::during(|| sync(&mut all, count, 200, |all| drop(look(all, 0))));
        assert_eq!((all.0.scans.get(), all.0.records.get()), (scans, read), "nothing was read again");
        assert_eq!(look(&mut all, 0).total, count);
        steps as f64 / count as f64
    });
    // each record finds its place: a logarithm more, where four times as many would be four times as much
    assert!(taken[1] < taken[0] + 6.0, "steps for each record: {taken:?}");
}

#[test]
fn a_page_and_an_edit_cost_themselves() {
    let taken = [200, 20_000].map(|count| {
        let mut all = first_sync();
        sync(&mut all, count, 5_000, |_| {});
        look(&mut all, 0);
        let read = all.0.records.get();
        let page = steps::during(|| look(&mut all, count / 2)).0;
        let id = person(RecordKey::Int(count as i64 / 3));
        let base = all.0.store.get(std::slice::from_ref(&id)).now_or_never().unwrap().unwrap().remove(0);
        let saw = base.as_ref().unwrap().fields["name"].0.clone();
        let edit = steps::during(|| {
            let changed = seen(json!({"name": [saw, "Person 0"]}));
            let batch = all.1.edit(Timestamp(1), id.clone(), base.as_ref(), changed).unwrap();
            commit(&mut all, &batch);
            assert_eq!(look(&mut all, count - SHOWN).rows.len(), SHOWN);
        });
        let fed = steps::during(|| {
            let records =
                vec![(people(), Record { fields: fields(json!({"name": "Person 1"})), ..record(7) })];
            commit(&mut all, &Batch { records, ..Batch::default() });
        });
        assert_eq!(all.0.records.get(), read, "nothing was read");
        [page, edit.0, fed.0]
    });
    let [few, many] = taken;
    assert_eq!(few[0], many[0], "steps of a page");
    assert!(few[0] <= 3 * SHOWN as u64, "{few:?}");
    for (few, many) in few.into_iter().zip(many) {
        // a hundred times as many: two searches of seven halvings more
        assert!(many <= few + 2 * 8, "{taken:?}");
    }
    assert_eq!(limits::TABLES, 2, "what is kept of collections is bounded");
}
