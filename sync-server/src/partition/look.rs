//! Reads the heads that a room does not know, once for all who wait for them.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::sync::atomic::Ordering;
use sync_protocol::Partition;
use tokio::time::Instant;

use super::Shared;
use super::limits::PARALLEL;
use super::room::{Room, SCHEMA};
use crate::store::{Head, PartitionId, Read, StoreError};

/// How the last look at heads ended.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Questions up to this one are answered by it.
    covers: u64,
    /// Whether it looked at all heads.
    all: bool,
    failed: Option<StoreError>,
}

/// Which heads are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heads {
    /// Those that are not known.
    Unknown,
    /// All, as they are now.
    All,
}

impl Shared {
    /// Makes sure that the room knows all heads; `All`: as they are or were after this was called.
    pub(super) async fn look(&self, room: &Room, heads: Heads) -> Result<(), StoreError> {
        if heads == Heads::Unknown && room.unknown().is_empty() {
            return Ok(());
        }
        let ticket = room.asked.fetch_add(1, Ordering::SeqCst);
        let mut last = room.looking.lock().await;
        // whoever was before has looked for this one, too, if they began after it came
        let covered = last.covers > ticket;
        let wanted = match heads {
            Heads::All if covered && last.all => return last.failed.clone().map_or(Ok(()), Err),
            Heads::All => {
                (0..room.heads().len()).filter_map(|p| u16::try_from(p).ok()).map(Partition).collect()
            }
            Heads::Unknown => room.unknown(),
        };
        if wanted.is_empty() {
            return Ok(());
        }
        if let (true, Some(error)) = (covered, &last.failed) {
            return Err(error.clone());
        }
        let (covers, began) = (room.asked.load(Ordering::SeqCst), Instant::now());
        let read = self.read_heads(room, wanted).await;
        *last = Look { covers, all: heads == Heads::All, failed: read.as_ref().err().cloned() };
        read?;
        if heads == Heads::All {
            room.was_looked_at(began);
        }
        Ok(())
    }

    /// The schema's last: see [`Room::is_schema_behind`].
    async fn read_heads(&self, room: &Room, partitions: Vec<Partition>) -> Result<(), StoreError> {
        let others = partitions.into_iter().filter(|p| *p != SCHEMA);
        let read = |partition| async move { self.read_head(room, partition, Read::Quorum).await.map(drop) };
        stream::iter(others).map(read).buffered(PARALLEL).try_collect::<()>().await?;
        self.read_head(room, SCHEMA, Read::Quorum).await.map(drop)
    }

    /// One head as it is now; the room knows it from then on.
    pub(super) async fn read_head(
        &self,
        room: &Room,
        partition: Partition,
        read: Read,
    ) -> Result<Head, StoreError> {
        let (seen, at) = (room.seen(partition), room.now());
        let id = PartitionId { workspace: room.workspace, partition };
        let mut head = self.store.head(id, read).await?;
        if seen.is_after(&head) && read == Read::Quorum {
            // a commit in doubt that is not there any more, or a store that was restored
            head = self.store.head(id, Read::Serial).await?;
        }
        room.read(partition, &seen, &head);
        if partition == SCHEMA {
            room.schema_was_read(at);
        }
        Ok(head)
    }
}
