//! A long random history against a model, with reopening and tidying at random points.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Page;
use sync_protocol::{
    ChangeId, CollectionId, Counter, Cursor, Partition, Record, RecordId, RecordKey, Revision,
};

use super::samples::{
    PARTITIONS, Random, collection, conflict, deleted, insert, meta, named, pages, quarantined, record,
    scan_all,
};
use super::{Broken, Checked, Factory, same};
use crate::store::{Batch, Loaded, LocalStore, StoreError};

const STEPS: usize = 1_500;
const FAILING_STEPS: usize = 60;
const KEYS: usize = 900;

pub(super) async fn long_random_history<F: Factory>(factory: &F, name: &str) -> Checked {
    let mut store = named(factory.open(name).await?).await?;
    let mut world = World::new(0x6d6f_6f72);
    for step in 0..STEPS {
        let at = |broken: Broken| Broken(format!("step {step}: {}", broken.0));
        match world.random.below(40) {
            0 => {
                drop(store);
                store = factory.open(name).await?;
            }
            1 => while store.tidy().await? {},
            2..=4 => {
                store.tidy().await?;
            }
            5..=8 => world.look(&store).await.map_err(at)?,
            9 => world.agrees(&store).await.map_err(at)?,
            _ => {
                let batch = world.batch();
                store.commit(&batch).await?;
            }
        }
    }
    world.agrees(&store).await?;
    while store.tidy().await? {}
    world.agrees(&store).await?;
    drop(store);
    world.agrees(&factory.open(name).await?).await
}

/// Whatever fails below, at whichever request, the store is told to be as it was, and is; the next try does it.
pub(super) async fn each_request_fails<F: Factory>(factory: &F, name: &str) -> Checked {
    if !factory.fail_request(name, None) {
        return Ok(());
    }
    let mut store = named(factory.open(name).await?).await?;
    let mut world = World::new(0x6661_696c);
    for step in 0..FAILING_STEPS {
        let at = |broken: Broken| Broken(format!("step {step}: {}", broken.0));
        let before = world.clone();
        let batch = world.batch();
        for request in 0.. {
            factory.fail_request(name, Some(request));
            let done = store.commit(&batch).await;
            factory.fail_request(name, None);
            match done {
                Ok(()) => break,
                Err(StoreError::Corrupt(what)) => return Err(at(Broken(format!("called damaged: {what}")))),
                Err(_) => before.clone().agrees(&store).await.map_err(at)?,
            }
            if request.is_multiple_of(5) {
                drop(store);
                store = factory.open(name).await?;
                before.clone().agrees(&store).await.map_err(at)?;
            }
        }
        world.agrees(&store).await.map_err(at)?;
        // reading, and folding away what lies over the pages
        for request in 0.. {
            factory.fail_request(name, Some(request));
            let tidied = store.tidy().await;
            let loaded = store.load().await;
            factory.fail_request(name, None);
            world.agrees(&store).await.map_err(at)?;
            if tidied.is_ok() && loaded.is_ok() {
                break;
            }
        }
    }
    Ok(())
}

/// What the store must hold, and where the history goes on.
#[derive(Clone)]
struct World {
    random: Random,
    rev: u64,
    collections: [CollectionId; 2],
    loaded: Loaded,
    outbox: BTreeSet<u64>,
    quarantine: BTreeSet<u64>,
    conflicts: BTreeMap<ChangeId, sync_protocol::Conflict>,
    base: BTreeMap<RecordId, Record>,
    /// Pages of a snapshot that are still to come; their partitions get no single records before.
    coming: Vec<Page>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            rev: 0,
            collections: [collection("people"), collection("places")],
            loaded: Loaded { meta: Some(meta()), ..Loaded::default() },
            outbox: BTreeSet::new(),
            quarantine: BTreeSet::new(),
            conflicts: BTreeMap::new(),
            base: BTreeMap::new(),
            coming: Vec::new(),
        }
    }

    fn key(&mut self) -> RecordKey {
        let n = self.random.below(KEYS);
        if n.is_multiple_of(3) {
            RecordKey::Text(format!("k\"{n}\u{e000}"))
        } else {
            RecordKey::Int(n as i64)
        }
    }

    fn id(&mut self) -> RecordId {
        let collection = self.collections[self.random.below(2)].clone();
        RecordId::new(collection, self.key())
    }

    /// One random batch; the model has it already.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        match self.random.below(12) {
            0 => self.clear(&mut batch),
            1 | 2 => self.more_pages(&mut batch),
            3 | 4 => self.enqueue(&mut batch),
            5 | 6 => self.settle(&mut batch),
            7 => self.conflicts(&mut batch),
            _ => {}
        }
        if self.random.once_in(2) {
            self.records(&mut batch);
        }
        batch
    }

    fn records(&mut self, batch: &mut Batch) {
        let most = if self.random.once_in(10) { 300 } else { 6 };
        for _ in 0..=self.random.below(most) {
            let id = self.id();
            if self.coming.iter().any(|page| page.partition == id.partition(PARTITIONS)) {
                continue;
            }
            self.rev += 1;
            let gone = self.random.once_in(3);
            let edit =
                if gone { deleted(id.key.clone(), self.rev) } else { record(id.key.clone(), self.rev) };
            batch.records.push((id.collection.clone(), edit.clone()));
            if gone {
                self.base.remove(&id);
            } else {
                self.base.insert(id, edit);
            }
        }
        let cursor = Cursor(vec![Revision(self.rev); usize::from(PARTITIONS)]);
        self.loaded.cursor = cursor.clone();
        batch.cursor = Some(cursor);
        let mut sums = Checksums::default();
        sums.add(&insert(1).record, Revision(self.rev));
        let moved = BTreeMap::from([(Partition(self.random.below(4) as u16), sums)]);
        self.loaded.checksums.extend(moved.clone());
        batch.checksums = moved;
    }

    /// Clears a partition; its new pages come now or later.
    fn clear(&mut self, batch: &mut Batch) {
        let partition = Partition(self.random.below(usize::from(PARTITIONS)) as u16);
        batch.clear = vec![partition];
        self.base.retain(|id, _| id.partition(PARTITIONS) != partition);
        self.coming.retain(|page| page.partition != partition);
        for c in self.collections.clone() {
            let mut records = BTreeMap::new();
            for _ in 0..self.random.below(200) {
                let key = self.key();
                if RecordId::new(c.clone(), key.clone()).partition(PARTITIONS) == partition {
                    self.rev += 1;
                    records.insert(key.clone(), record(key, self.rev));
                }
            }
            let size = 1 + self.random.below(60);
            let records: Vec<Record> = records.into_values().collect();
            self.coming.extend(pages(&c, &records, size));
        }
        self.more_pages(batch);
    }

    fn more_pages(&mut self, batch: &mut Batch) {
        let n = self.random.below(self.coming.len() + 1);
        for page in self.coming.drain(..n) {
            let records: Vec<Record> = serde_json::from_str(page.records.get()).unwrap_or_default();
            for record in records {
                self.base.insert(RecordId::new(page.collection.clone(), record.key.clone()), record);
            }
            batch.pages.push(page);
        }
    }

    fn enqueue(&mut self, batch: &mut Batch) {
        let most = if self.random.once_in(8) { 700 } else { 3 };
        let first = self.loaded.counter.0 + 1 + self.random.below(3) as u64;
        let counters = first..=first + self.random.below(most) as u64;
        self.loaded.counter = Counter(*counters.end());
        self.outbox.extend(counters.clone());
        batch.enqueue = counters.map(insert).collect();
    }

    fn settle(&mut self, batch: &mut Batch) {
        let every = 1 + self.random.below(5);
        let n = self.random.below(400);
        let done: Vec<u64> = self.outbox.iter().copied().step_by(every).take(n).collect();
        for counter in &done {
            self.outbox.remove(counter);
            if counter.is_multiple_of(50) {
                self.quarantine.insert(*counter);
                batch.quarantine.push(quarantined(*counter));
            }
        }
        batch.settle = done.into_iter().map(Counter).collect();
    }

    fn conflicts(&mut self, batch: &mut Batch) {
        if let Some(counter) = self.quarantine.pop_first() {
            batch.quarantine_gone.push(Counter(counter));
        }
        if self.random.once_in(2)
            && let Some((id, _)) = self.conflicts.pop_first()
        {
            batch.conflicts_gone.push(id);
        }
        let conflict = conflict(1 + self.random.below(40) as u64);
        if !batch.conflicts_gone.contains(&conflict.id) {
            self.conflicts.insert(conflict.id, conflict.clone());
            batch.conflicts.push(conflict);
        }
    }

    /// Some look-ups and one step of a scan.
    async fn look(&mut self, store: &impl LocalStore) -> Checked {
        let ids: Vec<RecordId> = (0..20).map(|_| self.id()).collect();
        let want: Vec<Option<Record>> = ids.iter().map(|id| self.base.get(id).cloned()).collect();
        same("look-ups", store.get(&ids).await?, want)?;
        let collection = self.collections[self.random.below(2)].clone();
        for record in store.scan(&collection, None, 30).await?.records {
            let id = RecordId::new(collection.clone(), record.key.clone());
            same("a scanned record", Some(&record), self.base.get(&id))?;
        }
        Ok(())
    }

    async fn agrees(&mut self, store: &impl LocalStore) -> Checked {
        let mut got = store.load().await?;
        got.conflicts.sort_by_key(|c| c.id);
        let want = Loaded {
            outbox: self.outbox.iter().map(|c| insert(*c)).collect(),
            conflicts: self.conflicts.values().cloned().collect(),
            quarantine: self.quarantine.iter().map(|c| quarantined(*c)).collect(),
            ..self.loaded.clone()
        };
        same("what is loaded", got, want)?;
        let limit = 1 + self.random.below(400);
        let mut scanned = BTreeMap::new();
        let mut count = 0;
        for collection in &self.collections {
            for record in scan_all(store, collection, limit).await? {
                count += 1;
                scanned.insert(RecordId::new(collection.clone(), record.key.clone()), record);
            }
        }
        same("records met", count, self.base.len())?;
        for (id, record) in &self.base {
            same("a record", scanned.get(id), Some(record))?;
        }
        let mut sums = BTreeMap::<Partition, Checksums>::new();
        for (id, record) in &self.base {
            sums.entry(id.partition(PARTITIONS)).or_default().add(id, record.rev);
        }
        same("checksums", store.checksums().await?, sums)
    }
}
