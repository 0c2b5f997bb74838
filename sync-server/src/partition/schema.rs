//! The schema of each workspace as this node knows it: the fold of partition 0's schema records.

use std::sync::{Arc, Mutex, PoisonError};
use sync_protocol::{Entry, Partition, Record, RecordId, Revision, Schema, WorkspaceId, reserved};
use tokio::time::Instant;

use super::feed::{self, Feed};
use super::limits::{CATCH_UP_ENTRIES, RANGE_BYTES, RANGE_ROWS, SCHEMA_AGE, SCHEMAS};
use crate::recent::Recent;
use crate::store::{Kind, PartitionId, PartitionStore, Read, StoreError};

/// How fresh the schema must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    /// At least this sequence number of partition 0, and looked at lately.
    From(Revision),
    /// As it is in the store now.
    Now,
}

#[derive(Debug)]
pub(super) struct Schemas(Mutex<Recent<WorkspaceId, Slot>>);

/// Held while it is read, so that many who wait for one schema read it once.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

impl Default for Schemas {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(SCHEMAS)))
    }
}

#[derive(Clone, Debug)]
struct Known {
    revision: Revision,
    schema: Arc<Schema>,
    checked: Instant,
}

impl Schemas {
    pub(super) async fn get(
        &self,
        store: &dyn PartitionStore,
        workspace: WorkspaceId,
        fresh: Fresh,
    ) -> Result<Arc<Schema>, StoreError> {
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match all.get(&workspace) {
                Some(slot) => slot.clone(),
                None => {
                    let slot = Slot::default();
                    all.insert(workspace, slot.clone(), 1);
                    slot
                }
            }
        };
        let mut slot = slot.lock().await;
        if let (Some(known), Fresh::From(seen)) = (&*slot, fresh)
            && known.revision >= seen
            && known.checked.elapsed() < SCHEMA_AGE
        {
            return Ok(known.schema.clone());
        }
        let id = PartitionId { workspace, partition: Partition(0) };
        let known = match slot.take() {
            Some(known) => refresh(store, id, known, fresh).await?,
            None => load(store, id).await?,
        };
        let schema = known.schema.clone();
        *slot = Some(known);
        Ok(schema)
    }
}

async fn refresh(
    store: &dyn PartitionStore,
    id: PartitionId,
    mut known: Known,
    fresh: Fresh,
) -> Result<Known, StoreError> {
    known.checked = Instant::now();
    let mut head = store.head(id, Read::Quorum).await?.revision;
    if matches!(fresh, Fresh::From(seen) if head < seen) {
        // its author has seen a commit that is still in doubt elsewhere
        head = store.head(id, Read::Serial).await?.revision;
    }
    if head < known.revision || head.0 - known.revision.0 > CATCH_UP_ENTRIES {
        return load(store, id).await;
    }
    while known.revision < head {
        match feed::read(store, id, known.revision, head, Revision(0), RANGE_BYTES).await? {
            Feed::Entries(entries) => entries.iter().for_each(|entry| known.follow(entry)),
            Feed::Expired => return load(store, id).await,
        }
    }
    Ok(known)
}

impl Known {
    fn follow(&mut self, entry: &Entry) {
        self.revision = entry.seq;
        let (Some(collection), Some(record)) = (&entry.collection, &entry.record) else { return };
        if matches!(collection.as_str(), reserved::COLLECTIONS | reserved::FIELDS) {
            let id = RecordId::new(collection.clone(), record.key.clone());
            Arc::make_mut(&mut self.schema).apply(&id, (!record.deleted).then_some(&record.fields));
        }
    }
}

/// From the records themselves. They may be newer than the head read before them: following the feed from there makes
/// that good, and changes nothing that is right already.
async fn load(store: &dyn PartitionStore, id: PartitionId) -> Result<Known, StoreError> {
    let (checked, workspace) = (Instant::now(), id.workspace);
    let revision = store.head(id, Read::Serial).await?.revision;
    let mut schema = Schema::default();
    for collection in [reserved::COLLECTIONS, reserved::FIELDS] {
        let prefix = format!("{collection}/");
        let mut after = prefix.clone();
        loop {
            let rows =
                store.range(id, Kind::Record, Some(&after), RANGE_ROWS, RANGE_BYTES, Read::Quorum).await?;
            let own = rows.iter().take_while(|(key, _)| key.starts_with(&prefix));
            for (key, body) in own.clone() {
                let record: Record = feed::parse(id, Kind::Record, body)?;
                let name = RecordId::from_text(key).ok_or_else(|| {
                    StoreError::Corrupt(format!("a key of workspace {workspace} names no record"))
                })?;
                schema.apply(&name, (!record.deleted).then_some(&record.fields));
            }
            match own.last() {
                Some((last, _)) if rows.last().is_some_and(|(key, _)| key == last) => after = last.clone(),
                _ => break,
            }
        }
    }
    Ok(Known { revision, schema: Arc::new(schema), checked })
}
