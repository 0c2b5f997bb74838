//! What policies and people decided: the feed without everything else, from its oldest entry on.

use sync_protocol::message::{Audit, AuditAnswer};
use sync_protocol::{Cursor, Entry, Partition, Revision, WorkspaceId, limits::PULL_BYTES};

use super::limits::{AUDIT_BYTES, AUDIT_READS, RANGE_ROWS};
use super::{EngineError, PartitionEngine, feed};
use crate::store::{Kind, PartitionId, Read, StoreError, feed_key};

impl PartitionEngine {
    /// One answer; it may be empty and still say where to go on: it looks at a bounded piece of the feed.
    pub async fn audit(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        request: &Audit,
    ) -> Result<AuditAnswer, EngineError> {
        let mut at = request.resume.clone().unwrap_or_else(|| Cursor::start(partitions));
        if at.0.len() != usize::from(partitions) {
            return Err(EngineError::BadRequest("this audit cannot go on here; start it anew".into()));
        }
        let all: Vec<Partition> = (0..partitions).map(Partition).collect();
        let heads = self.heads(workspace, &all).await?;
        let mut answer = AuditAnswer::default();
        let (mut bytes, mut reads) = (0, 0);
        for (partition, head) in &heads {
            let id = PartitionId { workspace, partition: *partition };
            // what is left of expired rows is never read through
            at.advance(*partition, self.inner.shared.floor(head).min(head.revision));
            while at.get(*partition) < head.revision && bytes < PULL_BYTES && reads < AUDIT_READS {
                reads += 1;
                let after = feed_key(at.get(*partition));
                let rows = self
                    .store()
                    .range(id, Kind::Feed, Some(&after), RANGE_ROWS, AUDIT_BYTES, Read::Quorum)
                    .await;
                let rows = match rows {
                    Err(StoreError::Expired(_)) => {
                        let from = at.get(*partition);
                        at.advance(*partition, feed::edge(self.store(), id, from, head.revision).await?);
                        continue;
                    }
                    rows => rows?,
                };
                if rows.is_empty() {
                    // the end, or entries that are no longer kept
                    at.advance(*partition, head.revision);
                }
                for (_, body) in rows {
                    let group: Vec<Entry> = feed::parse(id, Kind::Feed, &body)?;
                    at.advance(*partition, group.last().map_or(Revision(0), |entry| entry.seq));
                    let met = group.into_iter().filter(|e| e.conflict.is_some() || e.merge.is_some());
                    for entry in
                        met.map(|entry| Entry { collection: None, record: None, replaces: None, ..entry })
                    {
                        bytes += feed::entry_size(&entry);
                        answer.entries.push(entry);
                    }
                }
            }
        }
        answer.total = heads.values().map(|head| head.revision.0).sum();
        answer.done = heads.iter().map(|(p, head)| at.get(*p).min(head.revision).0).sum();
        answer.next = (answer.done < answer.total).then_some(at);
        Ok(answer)
    }
}
