//! The deleted records of a collection: what is kept of them among its rows, read piece by piece.

use serde::Deserialize;
use sync_protocol::message::{Deleted, DeletedAnswer, DeletedPlace};
use sync_protocol::{Partition, Record, WorkspaceId, limits::PULL_BYTES};

use super::feed::parse;
use super::limits::{DELETED_READS, RANGE_BYTES, RANGE_ROWS};
use super::{EngineError, PartitionEngine};
use crate::store::{Kind, PartitionId, Read};

/// All that is read of a record that is there.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    deleted: bool,
}

impl PartitionEngine {
    /// One answer; it may be empty and still say where to go on: it looks at a bounded piece of the collection.
    pub async fn deleted(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        request: &Deleted,
    ) -> Result<DeletedAnswer, EngineError> {
        let prefix = format!("{}/", request.collection);
        let mut at = request.resume.clone().unwrap_or_default();
        if at.partition.0 >= partitions {
            return Err(EngineError::BadRequest(
                "this look at deleted records cannot go on here; start it anew".into(),
            ));
        }
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        for _ in 0..DELETED_READS {
            if bytes >= PULL_BYTES {
                break;
            }
            let id = PartitionId { workspace, partition: at.partition };
            let after = format!("{prefix}{}", at.after);
            let rows = self
                .store()
                .range(id, Kind::Record, Some(&after), RANGE_ROWS, RANGE_BYTES, Read::Quorum)
                .await?;
            let own = rows.iter().take_while(|(key, _)| key.starts_with(&prefix)).count();
            for (_, body) in &rows[..own] {
                let probe: Probe = parse(id, Kind::Record, body)?;
                if probe.deleted {
                    bytes += body.len();
                    records.push(parse(id, Kind::Record, body)?);
                }
            }
            at = match rows.last() {
                Some((last, _)) if own == rows.len() => {
                    DeletedPlace { after: last[prefix.len()..].to_owned(), ..at }
                }
                // the collection's end in this partition
                _ if at.partition.0 + 1 < partitions => {
                    DeletedPlace { partition: Partition(at.partition.0 + 1), after: String::new() }
                }
                _ => return Ok(DeletedAnswer { records, next: None }),
            };
        }
        Ok(DeletedAnswer { records, next: Some(at) })
    }
}
