//! What a mirror reads of the partitions: what was agreed on, what has changed since, and all records there are.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::{
    ChangeId, CollectionId, Conflict, Entry, Partition, RecordId, Revision, WorkspaceId, limits::PULL_BYTES,
};
use uuid::Uuid;

use super::case::What;
use super::feed::{self, Feed, parse};
use super::limits::{MIRROR_PAGE, PARALLEL, RANGE_BYTES};
use super::{EngineError, PartitionEngine};
use crate::mirror::look::token_prefix;
use crate::mirror::row::{Carried, Shadow};
use crate::store::{Kind, PartitionId, Read, StoreError};

/// One page of something that is in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// What has changed in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Records that changed, or about which a conflict was opened or closed, in the order of their first change.
    Records {
        /// Each once.
        records: Vec<RecordId>,
        /// The conflicts about them as they were left, each once.
        conflicts: Vec<Conflict>,
        /// Every change up to here was looked through.
        upto: Revision,
        /// Whether there is more behind that.
        more: bool,
    },
    /// The feed does not go back that far any more: all records have to be looked at.
    Expired,
}

impl PartitionEngine {
    /// The shadows of a mirror for the tokens from `first` to `last`, in order, a page at a time. `after`: [`Page::next`] of the
    /// page before.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn shadows(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        mirror: Uuid,
        (first, last): (i64, i64),
        after: Option<&str>,
    ) -> Result<Page<(String, Shadow)>, EngineError> {
        let from = after.map_or_else(|| token_prefix(mirror, first), str::to_owned);
        // behind all keys of the last token: they go on with a tab
        let end = format!("{}\n", token_prefix(mirror, last).trim_end_matches('\t'));
        let share = (PAGE_BYTES / usize::from(partitions.max(1))).max(LEAST_SHARE);
        let all: Vec<Vec<(String, String)>> = stream::iter((0..partitions).map(Partition))
            .map(|partition| self.shadow_rows(PartitionId { workspace, partition }, from.clone(), share))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        // where one partition has more, what the others have behind its last one waits for the next page
        let cut = all.iter().filter(|rows| is_cut(rows, share)).filter_map(|rows| rows.last());
        let mut until = cut.map(|(key, _)| key).min().cloned();
        let mut rows: Vec<(usize, &(String, String))> = all
            .iter()
            .enumerate()
            .flat_map(|(at, rows)| rows.iter().map(move |row| (at, row)))
            .filter(|(_, (key, _))| *key < end && until.as_ref().is_none_or(|until| key <= until))
            .collect();
        rows.sort_unstable_by(|(_, a), (_, b)| a.0.cmp(&b.0));
        if rows.len() > MIRROR_PAGE {
            rows.truncate(MIRROR_PAGE);
            until = rows.last().map(|(_, (key, _))| key.clone());
        }
        let shadow = |(at, (key, body)): (usize, &(String, String))| {
            let id = PartitionId { workspace, partition: Partition(u16::try_from(at).unwrap_or(u16::MAX)) };
            Ok::<_, StoreError>((key.clone(), parse(id, Kind::Shadow, body)?))
        };
        let rows = rows.into_iter().map(shadow).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: until.filter(|until| *until < end) })
    }

    async fn shadow_rows(
        &self,
        id: PartitionId,
        after: String,
        bytes: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.store().range(id, Kind::Shadow, Some(&after), MIRROR_PAGE, bytes, Read::Quorum).await
    }

    /// The shadows with these keys, of records in one partition; an empty one where there is none.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn shadows_of(
        &self,
        workspace: WorkspaceId,
        partition: Partition,
        keys: &[String],
    ) -> Result<Vec<Shadow>, EngineError> {
        let id = PartitionId { workspace, partition };
        let bodies = self.store().get(id, Kind::Shadow, keys).await?;
        let shadow = |body: Option<String>| {
            body.map_or_else(|| Ok(Shadow::default()), |body| parse(id, Kind::Shadow, &body))
        };
        Ok(bodies.into_iter().map(shadow).collect::<Result<_, _>>()?)
    }

    /// Takes away what is kept of a mirror that is removed, a page of each partition at a time; whether that was all.
    ///
    /// # Errors
    /// Where the store does not answer, or much else is waiting; doing it again is right and safe.
    pub async fn forget_mirror(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        mirror: Uuid,
    ) -> Result<bool, EngineError> {
        let mut all = true;
        for partition in (0..partitions).map(Partition) {
            let id = PartitionId { workspace, partition };
            let prefix = format!("{mirror}\t");
            let rows = self.shadow_rows(id, prefix.clone(), RANGE_BYTES).await?;
            let own: Vec<_> =
                rows.iter().map(|(key, _)| key).filter(|key| key.starts_with(&prefix)).collect();
            all &= own.len() < rows.len() || !is_cut(&rows, RANGE_BYTES);
            let shadows = own.into_iter().map(|key| What::Forget { kind: Kind::Shadow, key: key.clone() });
            let mut rows: Vec<What> = shadows.collect();
            if self.carried(workspace, partition, mirror).await?.is_some() {
                rows.push(What::Forget { kind: Kind::Mirror, key: mirror.to_string() });
            }
            if !rows.is_empty() {
                self.move_rows(id, rows).await?;
            }
        }
        Ok(all)
    }

    /// How far a partition's feed was carried to a mirror's table; `None` where that has not begun.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn carried(
        &self,
        workspace: WorkspaceId,
        partition: Partition,
        mirror: Uuid,
    ) -> Result<Option<Revision>, EngineError> {
        let id = PartitionId { workspace, partition };
        let body =
            self.store().get(id, Kind::Mirror, &[mirror.to_string()]).await?.into_iter().flatten().next();
        let carried: Option<Carried> = body.map(|body| parse(id, Kind::Mirror, &body)).transpose()?;
        Ok(carried.map(|carried| carried.seq))
    }

    /// Notes that a partition's feed was carried to a mirror's table up to there; never back.
    ///
    /// # Errors
    /// As of [`PartitionEngine::push`]; doing it again is right and safe.
    pub async fn carry(
        &self,
        workspace: WorkspaceId,
        partition: Partition,
        mirror: Uuid,
        seq: Revision,
    ) -> Result<(), EngineError> {
        let moved = What::Carry { mirror: mirror.to_string(), seq };
        self.move_rows(PartitionId { workspace, partition }, vec![moved]).await
    }

    /// The newest sequence number of a partition; all up to it is seen by what is read afterwards.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn reached(
        &self,
        workspace: WorkspaceId,
        partition: Partition,
    ) -> Result<Revision, EngineError> {
        Ok(self.store().head(PartitionId { workspace, partition }, Read::Serial).await?.revision)
    }

    /// Which records of a collection have changed after a sequence number, as far as one read of the feed goes.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn changed(
        &self,
        workspace: WorkspaceId,
        partition: Partition,
        collection: &CollectionId,
        after: Revision,
    ) -> Result<Changed, EngineError> {
        let id = PartitionId { workspace, partition };
        let head = self.store().head(id, Read::Quorum).await?;
        if head.revision <= after {
            let (records, conflicts) = (Vec::new(), Vec::new());
            return Ok(Changed::Records { records, conflicts, upto: after, more: false });
        }
        let floor = self.inner.shared.floor(&head);
        let Feed::Entries(entries) =
            feed::read(self.store(), id, after, head.revision, floor, PULL_BYTES).await?
        else {
            return Ok(Changed::Expired);
        };
        let upto = entries.last().map_or(after, |entry| entry.seq);
        let mut seen = BTreeSet::new();
        let records = entries
            .iter()
            .flat_map(about)
            .filter(|record| record.collection == *collection && seen.insert(record.clone()))
            .collect();
        let told = entries.iter().flat_map(Entry::conflicts);
        let own = told.filter(|conflict| conflict.record.collection == *collection);
        let last: BTreeMap<ChangeId, Conflict> =
            own.map(|conflict| (conflict.id, conflict.clone())).collect();
        let conflicts = last.into_values().collect();
        Ok(Changed::Records { records, conflicts, upto, more: upto < head.revision })
    }

    /// The keys of a collection's live records in one partition, a page at a time. `after`: [`Page::next`] of the page before.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn records_of(
        &self,
        workspace: WorkspaceId,
        partition: Partition,
        collection: &CollectionId,
        after: Option<&str>,
    ) -> Result<Page<RecordId>, EngineError> {
        #[derive(serde::Deserialize)]
        struct Probe {
            #[serde(default)]
            deleted: bool,
        }
        let id = PartitionId { workspace, partition };
        let prefix = format!("{collection}/");
        let from = after.unwrap_or(&prefix);
        let found =
            self.store().range(id, Kind::Record, Some(from), MIRROR_PAGE, RANGE_BYTES, Read::Quorum).await?;
        let own = found.iter().take_while(|(key, _)| key.starts_with(&prefix));
        let mut rows = Vec::new();
        for (key, body) in own.clone() {
            let probe: Probe = parse(id, Kind::Record, body)?;
            let record = RecordId::from_text(key).ok_or_else(|| {
                StoreError::Corrupt(format!("a key of workspace {workspace} names no record"))
            })?;
            rows.extend((!probe.deleted).then_some(record));
        }
        // a short page is the last one only where it is empty, or goes beyond the collection
        let last = found.last().map(|(key, _)| key).filter(|key| key.starts_with(&prefix));
        Ok(Page { rows, next: last.cloned() })
    }
}

/// Bytes of one page, of all partitions together.
const PAGE_BYTES: usize = 4 * RANGE_BYTES;

/// Bytes of a page that each partition may fill at least.
const LEAST_SHARE: usize = 64 << 10;

/// Whether a read of shadows ended by its limits.
fn is_cut(rows: &[(String, String)], bytes: usize) -> bool {
    rows.len() == MIRROR_PAGE || rows.iter().map(|(_, body)| body.len()).sum::<usize>() >= bytes
}

/// The records that an entry of the feed is about: also where only a conflict about one was opened or closed.
fn about(entry: &Entry) -> impl Iterator<Item = RecordId> {
    let record = entry
        .record
        .as_ref()
        .and_then(|record| Some(RecordId::new(entry.collection.clone()?, record.key.clone())));
    record.into_iter().chain(entry.conflicts().map(|conflict| conflict.record.clone()))
}
