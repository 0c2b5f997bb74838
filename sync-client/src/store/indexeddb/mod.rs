//! The local store of the browser. Runs in a worker as well as in a window.
//!
//! One row per record is what makes stores on IndexedDB slow. Here what came from the server as pages stays in pages,
//! stored as they came; what came later lies over them ([`base`]) until [`tidy`] folds it in; the outbox has a row per
//! batch ([`outbox`]). One commit is one transaction, `strict` where the batch must be. `docs/decisions/0001` has the
//! layout and its measurements.

mod base;
mod database;
mod merge;
mod outbox;
mod platform;
mod profile;
mod scan;
mod state;
mod tidy;

use futures::lock::{Mutex, MutexGuard};
use js_sys::{Array, Uint8Array};
use std::collections::{BTreeMap, VecDeque};
use sync_protocol::checksum::Checksums;
use sync_protocol::{CollectionId, Partition, Record, RecordId};
use wasm_bindgen::{JsCast, JsValue};

use super::{Batch, Loaded, LocalStore, Salvaged, ScanPosition, Scanned, StoreError, Usage};
use base::PageKey;
use database::{Database, Layout, Read};
use state::State;

pub use profile::Profile;

const META: &str = "meta";
const OUTBOX: &str = "outbox";
const SETTLED: &str = "settled";
const CONFLICTS: &str = "conflicts";
const QUARANTINE: &str = "quarantine";
/// Since version 2.
const DECISIONS: &str = "decisions";
const SEGMENTS: &str = "segments";
const PAGES: &str = "pages";

static LAYOUT: Layout = Layout {
    version: 2,
    stores: &[META, OUTBOX, SETTLED, CONFLICTS, QUARANTINE, DECISIONS, SEGMENTS, PAGES],
};

/// A [`LocalStore`] in an IndexedDB database. Whose turn it is among tabs is for the caller to decide, with a Web Lock.
pub struct IndexedDbStore {
    inner: Mutex<Inner>,
}

/// One operation at a time works on this.
struct Inner {
    database: Database,
    /// What is stored, as far as it is kept in memory. `None` while that is not known: before the first operation,
    /// and after one that failed or was given up half-way.
    state: Option<State>,
    /// Pages that will probably be asked for next.
    ahead: VecDeque<scan::Ahead>,
}

impl IndexedDbStore {
    /// Opens the store of that name; makes an empty one where there is none.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        let database = Database::open(name, &LAYOUT).await?;
        Ok(Self { inner: Mutex::new(Inner { database, state: None, ahead: VecDeque::new() }) })
    }

    /// The names of all databases of this origin; empty where the browser does not tell.
    pub async fn names() -> Vec<String> {
        database::names().await
    }

    /// Deletes all that is in the store of that name.
    pub async fn delete(name: &str) -> Result<(), StoreError> {
        Database::empty(name, &LAYOUT).await
    }

    async fn turn(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().await
    }
}

impl LocalStore for IndexedDbStore {
    async fn load(&self) -> Result<Loaded, StoreError> {
        let mut inner = self.turn().await;
        inner.state = None;
        let (state, loaded) = state::read(&inner.database).await?;
        inner.state = Some(state);
        Ok(loaded)
    }

    async fn salvage(&self) -> Result<Salvaged, StoreError> {
        state::salvage(&self.turn().await.database).await
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut inner = self.turn().await;
        let mut state = inner.take_state().await?;
        while state.is_heavy() {
            tidy::step(&inner.database, &mut state).await?;
        }
        let writes = state.apply(batch)?;
        inner.database.write(&writes, batch.must_be_strict()).await?;
        inner.state = Some(state);
        Ok(())
    }

    async fn get(&self, ids: &[RecordId]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut inner = self.turn().await;
        let (database, state) = inner.ready().await?;
        let Some(partitions) = state.partitions() else { return Ok(vec![None; ids.len()]) };
        let mut found = vec![None; ids.len()];
        let mut wanted = BTreeMap::<PageKey, Vec<(usize, String)>>::new();
        for (index, id) in ids.iter().enumerate() {
            let (place, key) = base::locate(id, partitions);
            let Some(section) = state.base.section(&place) else { continue };
            if let Some(newer) = section.overlay.get(&key) {
                let record = newer.record.as_ref();
                found[index] = record.map(|r| base::parse_text("a record", r.get())).transpose()?;
            } else if let Some(first) = section.page_of(&key) {
                wanted.entry((place, first.clone())).or_default().push((index, key));
            }
        }
        if wanted.is_empty() {
            return Ok(found);
        }
        let reads: Vec<Read> = wanted.keys().map(read_page).collect();
        let pages = database.read(&reads).await?;
        for (page, keys) in pages.iter().zip(wanted.values()) {
            let page = bytes(page)?;
            for (index, key) in keys {
                found[*index] = merge::find(&page, key)?;
            }
        }
        Ok(found)
    }

    async fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        self.turn().await.scan(collection, from, limit.max(1)).await
    }

    async fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        self.turn().await.checksums().await
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        let mut inner = self.turn().await;
        let mut state = inner.take_state().await?;
        let more = tidy::step_if_due(&inner.database, &mut state).await?;
        inner.state = Some(state);
        Ok(more)
    }

    async fn usage(&self) -> Usage {
        platform::usage().await
    }
}

impl Inner {
    /// The state, to be changed and put back once the change is stored.
    async fn take_state(&mut self) -> Result<State, StoreError> {
        self.ahead.clear();
        match self.state.take() {
            Some(state) => Ok(state),
            None => Ok(state::read(&self.database).await?.0),
        }
    }

    /// The database and the state, to read from.
    async fn ready(&mut self) -> Result<(&Database, &State), StoreError> {
        let state = match self.state.take() {
            Some(state) => state,
            None => state::read(&self.database).await?.0,
        };
        Ok((&self.database, self.state.insert(state)))
    }
}

fn page_key((place, first): &PageKey) -> JsValue {
    Array::of3(&JsValue::from(place.1.0), &JsValue::from_str(place.0.as_str()), &JsValue::from_str(first))
        .into()
}

fn read_page(page: &PageKey) -> Read {
    Read::Get(PAGES, page_key(page))
}

fn number(n: u64) -> JsValue {
    // counters stay far below 2^53
    JsValue::from_f64(n as f64)
}

fn from_bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

fn bytes(value: &JsValue) -> Result<Vec<u8>, StoreError> {
    let array = value.dyn_ref::<Uint8Array>();
    array
        .map(Uint8Array::to_vec)
        .ok_or_else(|| StoreError::Corrupt("a row is missing or of another kind".into()))
}
