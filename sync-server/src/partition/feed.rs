//! Reads the feed of a partition: contiguous, or not at all.

use sync_protocol::{Conflict, Entry, Record, Revision};

use super::limits::RANGE_ROWS;
use crate::store::{Kind, PartitionId, PartitionStore, Read, StoreError, feed_key};

/// What there is after a sequence number.
#[derive(Debug)]
pub(super) enum Feed {
    /// The next entries, contiguous, at least one.
    Entries(Vec<Entry>),
    /// The next entry is beyond the horizon.
    Expired,
}

/// The entries after `after` and up to `upto`, which the partition's head has reached; about `bytes` of them.
pub(super) async fn read(
    store: &dyn PartitionStore,
    id: PartitionId,
    after: Revision,
    upto: Revision,
    bytes: usize,
) -> Result<Feed, StoreError> {
    let entries = page(store, id, after, upto, bytes).await?;
    if !entries.is_empty() {
        return Ok(Feed::Entries(entries));
    }
    // a commit that timed out may show its head and not yet its entries: a serial read finishes it
    store.head(id, Read::Serial).await?;
    let entries = page(store, id, after, upto, bytes).await?;
    Ok(if entries.is_empty() { Feed::Expired } else { Feed::Entries(entries) })
}

/// As far as they are contiguous; what comes behind a gap is left for the next read.
async fn page(
    store: &dyn PartitionStore,
    id: PartitionId,
    after: Revision,
    upto: Revision,
    bytes: usize,
) -> Result<Vec<Entry>, StoreError> {
    let rows = store.range(id, Kind::Feed, Some(&feed_key(after)), RANGE_ROWS, bytes, Read::Quorum).await?;
    let mut entries = Vec::new();
    let mut last = after;
    let mut size = 0;
    for (key, body) in rows {
        let group: Vec<Entry> = serde_json::from_str(&body).map_err(|e| {
            StoreError::Corrupt(format!("feed group {key} of partition {}: {e}", id.partition))
        })?;
        for entry in group.into_iter().filter(|entry| entry.seq > after) {
            if entry.seq != last.next() || entry.seq > upto || size >= bytes {
                return Ok(entries);
            }
            last = entry.seq;
            size += entry_size(&entry);
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Bytes that an entry takes as JSON, near enough for limits.
pub(super) fn entry_size(entry: &Entry) -> usize {
    160 + entry.record.as_ref().map_or(0, Record::size)
        + entry.conflict.as_ref().map_or(0, Conflict::size)
        + entry.merge.as_ref().map_or(0, |merge| merge.size())
}
