//! The versions of one record: a walk from each change to the one before it, back through the feed.

use std::collections::BTreeMap;
use sync_protocol::message::{History, HistoryAnswer, Version};
use sync_protocol::{
    Conflict, Entry, Record, Revision, WorkspaceId,
    limits::{HISTORY_CONFLICTS, HISTORY_VERSIONS, PULL_BYTES},
};

use super::feed::parse;
use super::limits::{HISTORY_CONFLICT_BYTES, HISTORY_READS, RANGE_BYTES, RANGE_ROWS};
use super::{EngineError, PartitionEngine, feed};
use crate::store::{Kind, PartitionId, Read, StoreError, feed_key};

impl PartitionEngine {
    /// One answer about a record's history. A record that is not there (any more) has none.
    pub async fn history(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        request: &History,
    ) -> Result<HistoryAnswer, EngineError> {
        if let Err(rule) = request.record.key.check() {
            return Err(EngineError::BadRequest(rule.0));
        }
        let id = PartitionId { workspace, partition: request.record.partition(partitions) };
        let text = request.record.to_text();
        let mut answer = HistoryAnswer::default();
        let floor = self.inner.shared.floor(&self.store().head(id, Read::Quorum).await?);
        let mut next = match request.resume {
            Some(revision) => Some(revision),
            None => {
                (answer.conflicts, answer.conflicts_cut) = self.conflicts_of(id, &text).await?;
                self.newest(id, &text).await?
            }
        };
        let mut group: Vec<Entry> = Vec::new();
        let mut bytes = 0;
        while let Some(revision) = next {
            if answer.versions.len() == HISTORY_VERSIONS || bytes >= PULL_BYTES {
                break;
            }
            if !group.iter().any(|entry| entry.seq == revision) {
                group = if revision > floor { self.group(id, revision).await? } else { Vec::new() };
            }
            let entry = group.iter().find(|entry| entry.seq == revision);
            let Some((entry, record)) = entry.and_then(|e| Some((e, e.record.as_ref()?))) else {
                // beyond the horizon
                (next, answer.expired) = (None, true);
                break;
            };
            if record.key != request.record.key
                || entry.collection.as_ref() != Some(&request.record.collection)
            {
                return Err(EngineError::BadRequest("this history cannot go on here; start it anew".into()));
            }
            bytes += feed::entry_size(entry);
            next = record.prev;
            answer.versions.push(Version { record: record.clone(), merge: entry.merge.clone() });
        }
        answer.next = next;
        Ok(answer)
    }

    /// The revision of a record, deleted or not.
    async fn newest(&self, id: PartitionId, text: &str) -> Result<Option<Revision>, StoreError> {
        let keys = [text.to_owned()];
        let body = self.store().get(id, Kind::Record, &keys).await?.into_iter().next().flatten();
        let record: Option<Record> = body.map(|body| parse(id, Kind::Record, &body)).transpose()?;
        Ok(record.map(|record| record.rev))
    }

    /// The feed group that holds a sequence number; empty where it is no longer kept.
    async fn group(&self, id: PartitionId, revision: Revision) -> Result<Vec<Entry>, StoreError> {
        let after = feed_key(Revision(revision.0.saturating_sub(1)));
        let rows = self.store().range(id, Kind::Feed, Some(&after), 1, RANGE_BYTES, Read::Quorum).await;
        let rows = match rows {
            Err(StoreError::Expired(_)) => Vec::new(),
            rows => rows?,
        };
        rows.first().map_or(Ok(Vec::new()), |(_, body)| parse(id, Kind::Feed, body))
    }

    /// The record's newest conflicts, oldest first, and whether there are older ones. Only so many are held at a time.
    async fn conflicts_of(&self, id: PartitionId, text: &str) -> Result<(Vec<Conflict>, bool), StoreError> {
        let prefix = format!("{text}\t");
        let mut newest: BTreeMap<Revision, Conflict> = BTreeMap::new();
        let (mut bytes, mut cut) = (0, false);
        let mut after = prefix.clone();
        for reads in 1.. {
            let rows = self
                .store()
                .range(id, Kind::Conflict, Some(&after), RANGE_ROWS, RANGE_BYTES, Read::Quorum)
                .await?;
            let own: Vec<_> = rows.iter().take_while(|(key, _)| key.starts_with(&prefix)).collect();
            for (_, body) in &own {
                let conflict: Conflict = parse(id, Kind::Conflict, body)?;
                bytes += conflict.size();
                newest.insert(conflict.rev, conflict);
                while newest.len() > HISTORY_CONFLICTS || (bytes > HISTORY_CONFLICT_BYTES && newest.len() > 1)
                {
                    bytes -= newest.pop_first().map_or(0, |(_, oldest)| oldest.size());
                    cut = true;
                }
            }
            match own.last() {
                Some((last, _)) if own.len() == rows.len() => after = last.clone(),
                Some(_) | None => break,
            }
            if reads == HISTORY_READS {
                cut = true;
                break;
            }
        }
        Ok((newest.into_values().collect(), cut))
    }
}
