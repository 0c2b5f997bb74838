//! The kinds of stores that a program in JavaScript has.

use std::collections::BTreeMap;

use sync_protocol::checksum::Checksums;
use sync_protocol::{CollectionId, Partition, Record, RecordId};

use crate::store::indexeddb::IndexedDbStore;
use crate::store::memory::MemoryStore;
use crate::store::{
    Batch, Loaded, LocalStore, Mended, Rebuilt, Salvaged, ScanPosition, Scanned, StoreError, Usage,
};

/// One of them. One type for all, so that there is one engine in the module.
pub enum BrowserStore {
    /// In the browser profile.
    Disk(Box<IndexedDbStore>),
    /// In memory.
    Memory(MemoryStore),
}

/// Passes a call on to the store that it is.
macro_rules! pass {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            BrowserStore::Disk($store) => $call,
            BrowserStore::Memory($store) => $call,
        }
    };
}

impl LocalStore for BrowserStore {
    async fn load(&self) -> Result<Loaded, StoreError> {
        pass!(self, store => store.load().await)
    }

    async fn salvage(&self) -> Result<Salvaged, StoreError> {
        pass!(self, store => store.salvage().await)
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        pass!(self, store => store.commit(batch).await)
    }

    async fn get(&self, ids: &[RecordId]) -> Result<Vec<Option<Record>>, StoreError> {
        pass!(self, store => store.get(ids).await)
    }

    async fn scan(
        &self,
        collection: &CollectionId,
        from: Option<ScanPosition>,
        limit: usize,
    ) -> Result<Scanned, StoreError> {
        pass!(self, store => store.scan(collection, from, limit).await)
    }

    async fn checksums(&self) -> Result<BTreeMap<Partition, Checksums>, StoreError> {
        pass!(self, store => store.checksums().await)
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        pass!(self, store => store.tidy().await)
    }

    async fn usage(&self) -> Usage {
        pass!(self, store => store.usage().await)
    }

    async fn mend(&self) -> Result<Mended, StoreError> {
        pass!(self, store => store.mend().await)
    }

    fn rebuilt(&self) -> Rebuilt {
        pass!(self, store => store.rebuilt())
    }
}
