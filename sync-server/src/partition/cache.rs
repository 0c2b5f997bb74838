//! What one node knows of a partition as of one step.
//!
//! Coherent without any message between nodes: a commit is conditional on the step, so if it succeeds, nothing here was
//! out of date. If it does not, [`Cache::catch_up`] reads what the others did and the group is judged again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::feed::EntryKind;
use sync_protocol::limits::CONFLICTS_AT_ONCE;
use sync_protocol::message::ReplicaState;
use sync_protocol::{ChangeId, Conflict, Entry, Record, ReplicaId, Timestamp, Verdict};

use super::case::{Asked, Case, What};
use super::feed::{self, Feed, parse};
use super::judge::{Draft, Loaded, conflict_key, conflicts_of};
use super::limits::{
    CATCH_UP_ENTRIES, FIRST_READ, GROUP_BYTES, GROUP_CHANGES, GROUP_CONFLICT_BYTES, GROUP_READ_BYTES,
    PARTITION_CACHE_BYTES, RANGE_BYTES, RANGE_ROWS, REPLICAS, SHADOW_CACHE_BYTES,
};
use crate::mirror::row::{Carried, Shadow};
use crate::recent::Recent;
use crate::store::{Head, Kind, PartitionId, PartitionStore, Read, StoreError};

/// Bytes that a record without values takes here.
const SLOT_BYTES: usize = 200;

/// One node's knowledge of one partition.
#[derive(Debug)]
pub(super) struct Cache {
    id: PartitionId,
    head: Head,
    records: Recent<String, Option<Arc<Record>>>,
    /// All open conflicts of the partition, by record text. The incoming side of a conflict is its id's replica.
    open: BTreeMap<String, BTreeSet<ChangeId>>,
    replicas: BTreeMap<ReplicaId, ReplicaState>,
    /// Of rows that are there: a look that led to a write is followed by another one. None of these goes by itself.
    shadows: Recent<String, Shadow>,
}

impl Cache {
    /// Starts from the head and the open conflicts; the rest is read when it is asked for.
    pub(super) async fn load(store: &dyn PartitionStore, id: PartitionId) -> Result<Self, StoreError> {
        // serial: a commit that another node left in doubt is finished first, so that all its rows are seen below
        let head = store.head(id, Read::Serial).await?;
        let mut cache = Self {
            id,
            head,
            records: Recent::new(PARTITION_CACHE_BYTES),
            open: BTreeMap::new(),
            replicas: BTreeMap::new(),
            shadows: Recent::new(SHADOW_CACHE_BYTES),
        };
        let mut after: Option<String> = None;
        loop {
            let rows = store
                .range(id, Kind::Conflict, after.as_deref(), RANGE_ROWS, RANGE_BYTES, Read::Quorum)
                .await?;
            let Some((last, _)) = rows.last() else { return Ok(cache) };
            after = Some(last.clone());
            for (_, body) in &rows {
                cache.follow_conflict(&parse(id, Kind::Conflict, body)?);
            }
        }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// About how many bytes this takes.
    pub(super) fn weight(&self) -> usize {
        let open: usize = self.open.values().map(|ids| SLOT_BYTES + 48 * ids.len()).sum();
        let replicas: usize = self.replicas.values().map(|state| SLOT_BYTES + 32 * state.said.len()).sum();
        self.records.weight() + self.shadows.weight() + open + replicas + SLOT_BYTES
    }

    /// Everything that the next group of these cases touches.
    pub(super) async fn prepare(
        &mut self,
        store: &dyn PartitionStore,
        cases: &[&Case],
    ) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded { replicas: self.replicas(store, cases).await?, ..Loaded::default() };
        let fresh: Vec<(ReplicaId, &Asked)> = next_asked(cases)
            .filter(|(replica, asked)| match &asked.what {
                What::Change { change, said, taken, .. } => {
                    !taken && loaded.replicas[replica].again(change.id, *said).is_none()
                }
                _ => true,
            })
            .filter(|(_, asked)| {
                asked.refused.is_none() && asked.key().is_some_and(|key| key.check().is_ok())
            })
            .collect();
        self.records(store, &fresh, &mut loaded).await?;
        self.conflicts(store, &fresh, &mut loaded).await?;
        self.mirror_rows(store, cases, &mut loaded).await?;
        // what can be judged without its record: the judge never looks at it
        for (_, asked) in next_asked(cases).filter(|(_, a)| a.key().is_some_and(|key| key.check().is_err())) {
            loaded.records.insert(asked.record.clone(), None);
        }
        Ok(loaded)
    }

    async fn replicas(
        &mut self,
        store: &dyn PartitionStore,
        cases: &[&Case],
    ) -> Result<BTreeMap<ReplicaId, ReplicaState>, StoreError> {
        let wanted: BTreeSet<ReplicaId> = cases.iter().map(|case| case.replica).collect();
        let missing: Vec<ReplicaId> =
            wanted.iter().copied().filter(|replica| !self.replicas.contains_key(replica)).collect();
        if self.replicas.len() + missing.len() > REPLICAS {
            self.replicas.retain(|replica, _| wanted.contains(replica));
        }
        if !missing.is_empty() {
            let keys: Vec<String> = missing.iter().map(ReplicaId::to_string).collect();
            let bodies = store.get(self.id, Kind::Replica, &keys).await?;
            for (replica, body) in missing.into_iter().zip(bodies) {
                let state =
                    body.map(|body| parse(self.id, Kind::Replica, &body)).transpose()?.unwrap_or_default();
                self.replicas.insert(replica, state);
            }
        }
        Ok(wanted.into_iter().map(|replica| (replica, self.replicas[&replica].clone())).collect())
    }

    /// From memory, and the missing ones in a few reads, in the order of the changes until the bytes are spent.
    async fn records(
        &mut self,
        store: &dyn PartitionStore,
        fresh: &[(ReplicaId, &Asked)],
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let mut missing: Vec<String> = Vec::new();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let texts = fresh.iter().flat_map(|(_, asked)| {
            std::iter::once(asked.record.clone()).chain(asked.twin().map(|twin| twin.to_text()))
        });
        for text in texts.filter(|text| seen.insert(text.clone())) {
            match self.records.get(&text) {
                Some(record) => drop(loaded.records.insert(text, record.clone())),
                None => missing.push(text),
            }
        }
        let (mut at, mut bytes) = (0, 0);
        while at < missing.len() && bytes < GROUP_READ_BYTES {
            let keys = &missing[at..missing.len().min(at + next_read(at, bytes))];
            for (key, body) in keys.iter().zip(store.get(self.id, Kind::Record, keys).await?) {
                bytes += body.as_ref().map_or(0, String::len);
                let record =
                    body.map(|body| parse(self.id, Kind::Record, &body).map(Arc::new)).transpose()?;
                self.remember(key.clone(), record.clone());
                loaded.records.insert(key.clone(), record);
            }
            at += keys.len();
        }
        Ok(())
    }

    async fn conflicts(
        &mut self,
        store: &dyn PartitionStore,
        fresh: &[(ReplicaId, &Asked)],
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<(&str, String)> = Vec::new();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for (replica, asked) in fresh {
            let open = self.open.get(&asked.record);
            if let Some(open) = open {
                loaded.open.insert(asked.record.clone(), open.clone());
            }
            let ids = conflicts_of(*replica, asked.about(), open);
            let keys = ids.into_iter().map(|id| conflict_key(&asked.record, id));
            wanted
                .extend(keys.filter(|key| seen.insert(key.clone())).map(|key| (asked.record.as_str(), key)));
        }
        // the first read has all that the first change needs
        let (mut at, mut bytes) = (0, 0);
        while at < wanted.len() && bytes < GROUP_CONFLICT_BYTES {
            let average = (bytes / at.max(1)).max(64);
            let count = if at == 0 {
                CONFLICTS_AT_ONCE + 1
            } else {
                (GROUP_CONFLICT_BYTES - bytes).div_ceil(average)
            };
            let keys: Vec<String> =
                wanted[at..wanted.len().min(at + count)].iter().map(|(_, key)| key.clone()).collect();
            for (key, body) in keys.iter().zip(store.get(self.id, Kind::Conflict, &keys).await?) {
                let Some(body) = body else { continue };
                bytes += body.len();
                loaded.conflicts.insert(key.clone(), parse(self.id, Kind::Conflict, &body)?);
            }
            at += keys.len();
        }
        loaded.unread.extend(wanted[at..].iter().map(|(record, _)| (*record).to_owned()));
        Ok(())
    }

    /// The rows of mirrors that are moved: from memory, and the missing ones in their order until the bytes are spent.
    async fn mirror_rows(
        &mut self,
        store: &dyn PartitionStore,
        cases: &[&Case],
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let mut wanted: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        for (kind, key) in next_asked(cases).filter_map(|(_, asked)| asked.mirror_row()) {
            wanted.entry(kind).or_default().push(key.to_owned());
        }
        let mut shadows = wanted.remove(&Kind::Shadow).unwrap_or_default();
        shadows.retain(|key| {
            let known = self.shadows.get(key).cloned();
            let missing = known.is_none();
            loaded.shadows.extend(known.map(|shadow| (key.clone(), shadow)));
            missing
        });
        let (mut at, mut bytes) = (0, 0);
        while at < shadows.len() && bytes < GROUP_READ_BYTES {
            let keys = &shadows[at..shadows.len().min(at + next_read(at, bytes))];
            for (key, body) in keys.iter().zip(store.get(self.id, Kind::Shadow, keys).await?) {
                bytes += body.as_ref().map_or(0, String::len);
                let shadow: Option<Shadow> =
                    body.map(|body| parse(self.id, Kind::Shadow, &body)).transpose()?;
                let shadow = shadow.unwrap_or_default();
                self.remember_shadow(key, &shadow);
                loaded.shadows.insert(key.clone(), shadow);
            }
            at += keys.len();
        }
        let keys = wanted.remove(&Kind::Mirror).unwrap_or_default();
        for (key, body) in keys.iter().zip(store.get(self.id, Kind::Mirror, &keys).await?) {
            let carried: Option<Carried> =
                body.map(|body| parse(self.id, Kind::Mirror, &body)).transpose()?;
            loaded.carried.extend(carried.map(|carried| (key.clone(), carried.seq)));
        }
        Ok(())
    }

    /// Follows a commit of this node.
    pub(super) fn absorb(&mut self, draft: Draft) {
        self.head = draft.head;
        for (key, record) in draft.records {
            self.remember(key, Some(Arc::new(record)));
        }
        for conflict in draft.conflicts.values() {
            self.follow_conflict(conflict);
        }
        self.replicas.extend(draft.replicas);
        for (key, kept) in &draft.shadows {
            match kept.shadow() {
                Some(shadow) => self.remember_shadow(key, shadow),
                None => self.shadows.remove(key),
            }
        }
    }

    /// Reads what happened since, after a commit that failed or is in doubt. Gives what became of the changes seen on
    /// the way, so that a change of which it was not known whether it was judged gets its verdict. `None`: too far
    /// behind, load anew.
    pub(super) async fn catch_up(
        mut self,
        store: &dyn PartitionStore,
        horizon: Duration,
        now: Timestamp,
    ) -> Result<(Option<Self>, BTreeMap<ChangeId, Verdict>), StoreError> {
        let mut seen = BTreeMap::new();
        // serial: decides a commit that is in doubt for good
        let head = store.head(self.id, Read::Serial).await?;
        if head.step == self.head.step {
            return Ok((Some(self), seen));
        }
        let behind = head.revision.0.checked_sub(self.head.revision.0);
        if head.step < self.head.step || behind.is_none_or(|n| n > CATCH_UP_ENTRIES) {
            return Ok((None, seen));
        }
        let floor = head.kept.floor(now, horizon).seq;
        while self.head.revision < head.revision {
            let after = self.head.revision;
            match feed::read(store, self.id, after, head.revision, floor, RANGE_BYTES).await? {
                Feed::Entries(entries) => {
                    for entry in entries {
                        self.head.revision = entry.seq;
                        seen.extend(verdict_of(&entry).map(|verdict| (entry.change, verdict)));
                        self.follow(entry);
                    }
                }
                Feed::Expired => return Ok((None, seen)),
            }
        }
        self.head = head;
        // what was rejected leaves no entry, and neither does what was agreed on
        self.replicas.clear();
        self.shadows = Recent::new(SHADOW_CACHE_BYTES);
        Ok((Some(self), seen))
    }

    fn follow(&mut self, entry: Entry) {
        for conflict in entry.conflicts() {
            self.follow_conflict(conflict);
        }
        let (Some(collection), Some(record)) = (entry.collection, entry.record) else { return };
        let key = sync_protocol::RecordId::new(collection, record.key.clone()).to_text();
        if record.deleted {
            // the feed has it without its values
            self.records.remove(&key);
        } else if self.records.get(&key).is_some() {
            self.remember(key, Some(Arc::new(record)));
        }
    }

    fn follow_conflict(&mut self, conflict: &Conflict) {
        let key = conflict.record.to_text();
        if conflict.is_open() {
            self.open.entry(key).or_default().insert(conflict.id);
        } else if let Some(ids) = self.open.get_mut(&key) {
            ids.remove(&conflict.id);
            if ids.is_empty() {
                self.open.remove(&key);
            }
        }
    }

    fn remember_shadow(&mut self, key: &str, shadow: &Shadow) {
        // others may be kept for a while only
        match shadow.there {
            true => self.shadows.insert(
                key.to_owned(),
                shadow.clone(),
                SLOT_BYTES + 2 * key.len() + 2 * shadow.size(),
            ),
            false => self.shadows.remove(key),
        }
    }

    fn remember(&mut self, key: String, record: Option<Arc<Record>>) {
        let bytes = SLOT_BYTES + 2 * key.len() + record.as_ref().map_or(0, |r| 2 * r.size());
        self.records.insert(key, record, bytes);
    }
}

/// How many rows to read next where so many of so many bytes were read: as many as the bytes allow by the average so far, and not
/// many more than were read so far: the next ones may be the large ones.
fn next_read(at: usize, bytes: usize) -> usize {
    let average = (bytes / at.max(1)).max(64);
    let by_bytes = GROUP_READ_BYTES.saturating_sub(bytes).div_ceil(average);
    if at == 0 { FIRST_READ } else { by_bytes.min(4 * at) }
}

/// What may be in the next group.
fn next_asked<'a>(cases: &[&'a Case]) -> impl Iterator<Item = (ReplicaId, &'a Asked)> {
    let mut bytes = 0;
    let all = cases.iter().flat_map(|case| case.left().iter().map(|asked| (case.replica, asked)));
    all.take(GROUP_CHANGES).take_while(move |(_, asked)| {
        let fits = bytes < GROUP_BYTES;
        bytes += asked.size();
        fits
    })
}

fn verdict_of(entry: &Entry) -> Option<Verdict> {
    let seq = entry.seq;
    match entry.kind {
        EntryKind::Applied | EntryKind::Resolved | EntryKind::Reopened => Some(Verdict::Applied { seq }),
        EntryKind::Merged => Some(Verdict::Merged { seq }),
        EntryKind::Conflicted => entry.conflict.as_ref().map(|c| Verdict::Conflicted { seq, conflict: c.id }),
    }
}
