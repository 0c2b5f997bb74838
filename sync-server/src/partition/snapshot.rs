//! A snapshot: the live records page by page, as the rows stand while it is read. What changes meanwhile is in the feed
//! after the heads at which it started.

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use sync_protocol::message::{Page, Snapshot, SnapshotAnswer, SnapshotToken};
use sync_protocol::{
    CollectionId, Conflict, Cursor, Partition, WorkspaceId,
    limits::{PAGE_RECORDS, SNAPSHOT_BYTES},
};

use super::limits::{PARALLEL, RANGE_BYTES, RANGE_ROWS};
use super::{EngineError, PartitionEngine};
use crate::store::{Head, Kind, PartitionId, Read, StoreError};

impl PartitionEngine {
    /// The first or the next part of a snapshot. A request that resumes names the same partitions again.
    pub async fn snapshot(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        request: &Snapshot,
    ) -> Result<SnapshotAnswer, EngineError> {
        let bad = |why: &str| Err(EngineError::BadRequest(why.to_owned()));
        if request.partitions.iter().any(|p| p.0 >= partitions) {
            return bad("the workspace has no such partition");
        }
        let mut wanted = request.partitions.clone();
        if wanted.is_empty() {
            wanted = (0..partitions).map(Partition).collect();
        }
        wanted.sort_unstable();
        wanted.dedup();
        let token = match &request.resume {
            Some(token)
                if token.cursor.0.len() != usize::from(partitions) || !wanted.contains(&token.partition) =>
            {
                return bad("this snapshot cannot go on here; start it anew");
            }
            Some(token) => token.clone(),
            None => self.start(workspace, partitions, &wanted).await?,
        };
        let at = wanted.iter().position(|p| *p == token.partition).unwrap_or_default();
        Ok(self.part(workspace, &wanted[at..], token).await?)
    }

    async fn start(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        wanted: &[Partition],
    ) -> Result<SnapshotToken, StoreError> {
        // serial: every row of a commit up to these heads is seen by the reads that follow
        let heads: Vec<(Partition, Head)> = stream::iter(wanted.to_vec())
            .map(|partition| async move {
                let head = self.store().head(PartitionId { workspace, partition }, Read::Serial).await?;
                Ok::<_, StoreError>((partition, head))
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let mut cursor = Cursor::start(partitions);
        heads.iter().for_each(|(partition, head)| cursor.advance(*partition, head.revision));
        let total = heads.iter().flat_map(|(_, head)| head.checksums.0.values()).map(|sum| sum.count).sum();
        Ok(SnapshotToken { cursor, partition: wanted[0], after: None, done: 0, total })
    }

    async fn part(
        &self,
        workspace: WorkspaceId,
        wanted: &[Partition],
        mut token: SnapshotToken,
    ) -> Result<SnapshotAnswer, StoreError> {
        let mut pages = Pages::default();
        let mut conflicts = Vec::new();
        let mut finished = Vec::new();
        for (place, partition) in wanted.iter().enumerate() {
            let id = PartitionId { workspace, partition: *partition };
            if place > 0 {
                (token.partition, token.after) = (*partition, None);
            }
            loop {
                if pages.bytes >= SNAPSHOT_BYTES {
                    token.done += pages.records;
                    let (done, total) = (token.done, token.total);
                    return Ok(SnapshotAnswer {
                        pages: pages.done(),
                        conflicts,
                        finished,
                        next: Some(token),
                        done,
                        total,
                    });
                }
                let left = SNAPSHOT_BYTES - pages.bytes;
                let rows = self
                    .store()
                    .range(id, Kind::Record, token.after.as_deref(), RANGE_ROWS, left, Read::Quorum)
                    .await?;
                let Some((last, _)) = rows.last() else { break };
                token.after = Some(last.clone());
                for (key, body) in rows {
                    pages.add(*partition, &key, body)?;
                }
            }
            pages.close();
            conflicts.extend(self.open_conflicts(id).await?);
            finished.push((*partition, token.cursor.get(*partition)));
        }
        let (done, total) = (token.done + pages.records, token.total);
        Ok(SnapshotAnswer { pages: pages.done(), conflicts, finished, next: None, done, total })
    }

    async fn open_conflicts(&self, id: PartitionId) -> Result<Vec<Conflict>, StoreError> {
        let mut open = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let rows = self
                .store()
                .range(id, Kind::Conflict, after.as_deref(), RANGE_ROWS, RANGE_BYTES, Read::Quorum)
                .await?;
            let Some((last, _)) = rows.last() else { return Ok(open) };
            after = Some(last.clone());
            for (key, body) in rows {
                let conflict: Conflict = serde_json::from_str(&body)
                    .map_err(|e| StoreError::Corrupt(format!("conflict {key}: {e}")))?;
                open.extend(conflict.is_open().then_some(conflict));
            }
        }
    }
}

/// All that is read of a record here.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    deleted: bool,
}

/// Puts record bodies together as they are.
#[derive(Default)]
struct Pages {
    pages: Vec<Page>,
    open: Option<Open>,
    /// Read so far, tombstones included: a partition full of them takes several short answers, not one long scan.
    bytes: usize,
    records: u64,
}

struct Open {
    partition: Partition,
    collection: CollectionId,
    first: String,
    last: String,
    count: u32,
    records: String,
}

impl Pages {
    fn add(&mut self, partition: Partition, key: &str, body: String) -> Result<(), StoreError> {
        let corrupt =
            |what: String| StoreError::Corrupt(format!("record {key} of partition {partition}: {what}"));
        let probe: Probe = serde_json::from_str(&body).map_err(|e| corrupt(e.to_string()))?;
        self.bytes += body.len();
        if probe.deleted {
            return Ok(());
        }
        let (collection, name) = key.split_once('/').ok_or_else(|| corrupt("not a record's key".into()))?;
        let fits = self.open.as_ref().is_some_and(|open| {
            open.partition == partition
                && open.collection.as_str() == collection
                && (open.count as usize) < PAGE_RECORDS
        });
        if !fits {
            self.close();
        }
        self.records += 1;
        match &mut self.open {
            Some(open) => {
                open.last = name.to_owned();
                open.count += 1;
                open.records.push(',');
                open.records.push_str(&body);
            }
            None => {
                let collection = CollectionId::new(collection).map_err(|e| corrupt(e.0))?;
                let (first, last) = (name.to_owned(), name.to_owned());
                self.open =
                    Some(Open { partition, collection, first, last, count: 1, records: format!("[{body}") });
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(Open { partition, collection, first, last, count, mut records }) = self.open.take() else {
            return;
        };
        records.push(']');
        let records = RawValue::from_string(records).expect("every body was read as JSON above");
        self.pages.push(Page { partition, collection, first, last, count, records });
    }

    fn done(mut self) -> Vec<Page> {
        self.close();
        self.pages
    }
}
