//! What a mirror's server reads of records, and how it waits for their changes.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::{Cursor, Partition, Record, RecordId, Schema, WorkspaceId};
use tokio::time::{Instant, timeout_at};

use super::feed::parse;
use super::limits::PARALLEL;
use super::schema::Fresh;
use super::{EngineError, PartitionEngine};
use crate::store::{Kind, PartitionId, StoreError};

impl PartitionEngine {
    /// How long the feed, tombstones and settled conflicts are kept.
    pub fn horizon(&self) -> Duration {
        self.inner.shared.settings.horizon
    }

    /// A workspace's schema as it is now.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn schema(&self, workspace: WorkspaceId) -> Result<Arc<Schema>, EngineError> {
        Ok(self.schema_of(workspace, Fresh::Now).await?)
    }

    /// These records, in the same order; a deleted one as its tombstone.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn records_with(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        ids: &[RecordId],
    ) -> Result<Vec<Option<Record>>, EngineError> {
        let mut places: BTreeMap<Partition, (Vec<usize>, Vec<String>)> = BTreeMap::new();
        for (place, id) in ids.iter().enumerate() {
            let (at, keys) = places.entry(id.partition(partitions)).or_default();
            at.push(place);
            keys.push(id.to_text());
        }
        let found: Vec<_> = stream::iter(places)
            .map(|(partition, (at, keys))| async move {
                let id = PartitionId { workspace, partition };
                let bodies = self.store().get(id, Kind::Record, &keys).await?;
                let record =
                    |body: Option<String>| body.map(|body| parse(id, Kind::Record, &body)).transpose();
                let records = bodies.into_iter().map(record).collect::<Result<Vec<_>, StoreError>>()?;
                Ok::<_, StoreError>((at, records))
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let mut all = vec![None; ids.len()];
        for (at, records) in found {
            at.into_iter().zip(records).for_each(|(place, record)| all[place] = record);
        }
        Ok(all)
    }

    /// Waits until a partition has moved beyond what is known, at most so long; the heads as far as they are known then.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn beyond(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        known: &Cursor,
        wait: Duration,
    ) -> Result<Cursor, EngineError> {
        let until = Instant::now() + wait;
        let room = self.inner.shared.rooms.enter(workspace, partitions);
        let mut turns = room.turns();
        let all: Vec<Partition> = (0..partitions).map(Partition).collect();
        let mut reached = Cursor::start(partitions);
        for (partition, head) in self.heads(workspace, &all).await? {
            reached.advance(partition, head.revision);
        }
        self.look_for_news(&room);
        loop {
            turns.borrow_and_update();
            room.reached().iter().for_each(|(partition, head)| reached.advance(partition, head));
            if reached.iter().any(|(partition, head)| head > known.get(partition)) {
                return Ok(reached);
            }
            match timeout_at(until, turns.changed()).await {
                Ok(Ok(())) => {}
                // the time is up
                Ok(Err(_)) | Err(_) => return Ok(reached),
            }
        }
    }
}
