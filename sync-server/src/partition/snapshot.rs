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

use super::feed::parse;
use super::limits::{PARALLEL, RANGE_ROWS};
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
        Ok(SnapshotToken { cursor, partition: wanted[0], after: None, conflicts_after: None, done: 0, total })
    }

    async fn part(
        &self,
        workspace: WorkspaceId,
        wanted: &[Partition],
        mut token: SnapshotToken,
    ) -> Result<SnapshotAnswer, StoreError> {
        let mut part = Part::default();
        let mut finished = Vec::new();
        let mut more = false;
        for (place, partition) in wanted.iter().enumerate() {
            let id = PartitionId { workspace, partition: *partition };
            if place > 0 {
                (token.partition, token.after, token.conflicts_after) = (*partition, None, None);
            }
            more = !(self.records(id, &mut token, &mut part).await?
                && self.open_conflicts(id, &mut token, &mut part).await?);
            if more {
                break;
            }
            finished.push((*partition, token.cursor.get(*partition)));
        }
        token.done += part.records;
        let (done, total) = (token.done, token.total);
        let (pages, conflicts) = part.done();
        Ok(SnapshotAnswer { pages, conflicts, finished, next: more.then_some(token), done, total })
    }

    /// Reads a partition's records into the answer; whether that was all of them.
    async fn records(
        &self,
        id: PartitionId,
        token: &mut SnapshotToken,
        part: &mut Part,
    ) -> Result<bool, StoreError> {
        while token.conflicts_after.is_none() {
            let Some(left) = part.left() else { return Ok(false) };
            let rows = self
                .store()
                .range(id, Kind::Record, token.after.as_deref(), RANGE_ROWS, left, Read::Quorum)
                .await?;
            match rows.last() {
                Some((last, _)) => token.after = Some(last.clone()),
                None => token.conflicts_after = Some(String::new()),
            }
            for (key, body) in rows {
                part.add(id, &key, body)?;
            }
        }
        part.close();
        Ok(true)
    }

    /// Reads a partition's open conflicts into the answer; whether that was all of them.
    async fn open_conflicts(
        &self,
        id: PartitionId,
        token: &mut SnapshotToken,
        part: &mut Part,
    ) -> Result<bool, StoreError> {
        loop {
            let Some(left) = part.left() else { return Ok(false) };
            let after = token.conflicts_after.as_deref().filter(|after| !after.is_empty());
            let rows = self.store().range(id, Kind::Conflict, after, RANGE_ROWS, left, Read::Quorum).await?;
            let Some((last, _)) = rows.last() else { return Ok(true) };
            token.conflicts_after = Some(last.clone());
            for (_, body) in rows {
                let conflict: Conflict = parse(id, Kind::Conflict, &body)?;
                part.bytes += body.len();
                part.conflicts.extend(conflict.is_open().then_some(conflict));
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

/// An answer in the making. Record bodies are put together as they are.
#[derive(Default)]
struct Part {
    pages: Vec<Page>,
    open: Option<Open>,
    conflicts: Vec<Conflict>,
    /// Read so far, tombstones and settled conflicts included: a partition full of them takes several short answers, not one
    /// long scan.
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

impl Part {
    /// Bytes that may still be read; `None` when it is full.
    fn left(&self) -> Option<usize> {
        SNAPSHOT_BYTES.checked_sub(self.bytes).filter(|left| *left > 0)
    }

    fn add(&mut self, id: PartitionId, key: &str, body: String) -> Result<(), StoreError> {
        let partition = id.partition;
        let corrupt =
            |what: &str| StoreError::Corrupt(format!("a key of workspace {}: {what}", id.workspace));
        let probe: Probe = parse(id, Kind::Record, &body)?;
        self.bytes += body.len();
        if probe.deleted {
            return Ok(());
        }
        let (collection, name) = key.split_once('/').ok_or_else(|| corrupt("it names no record"))?;
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
                let collection =
                    CollectionId::new(collection).map_err(|_| corrupt("it names no collection"))?;
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

    fn done(mut self) -> (Vec<Page>, Vec<Conflict>) {
        self.close();
        (self.pages, self.conflicts)
    }
}
