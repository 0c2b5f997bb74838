//! Reads the feed of a partition: contiguous, or not at all.

use serde::de::DeserializeOwned;
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

/// The entries after `after` and up to `upto`, which the partition's head has reached; about `bytes` of them. Nothing
/// up to `floor` is kept any more.
pub(super) async fn read(
    store: &dyn PartitionStore,
    id: PartitionId,
    after: Revision,
    upto: Revision,
    floor: Revision,
    bytes: usize,
) -> Result<Feed, StoreError> {
    if after < floor {
        // what is left of expired rows is never read through
        return Ok(Feed::Expired);
    }
    let entries = match page(store, id, after, upto, bytes).await {
        // all rows live equally long: were the next one still there, nothing expired would come before it
        Err(StoreError::Expired(_)) => return Ok(Feed::Expired),
        entries => entries?,
    };
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
    contiguous(id, rows.iter().map(|(_, body)| body.as_str()), after, upto, bytes)
}

/// The entries of these groups after `after` and up to `upto`, as far as they are contiguous; about `bytes` of them.
pub(super) fn contiguous<'a>(
    id: PartitionId,
    groups: impl IntoIterator<Item = &'a str>,
    after: Revision,
    upto: Revision,
    bytes: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    let mut last = after;
    let mut size = 0;
    for body in groups {
        let group: Vec<Entry> = parse(id, Kind::Feed, body)?;
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

/// The number up to which nothing is kept any more, of a partition whose floor is not known: an older release wrote it. By
/// halves, for the store does not go through what has expired.
pub(super) async fn edge(
    store: &dyn PartitionStore,
    id: PartitionId,
    after: Revision,
    head: Revision,
) -> Result<Revision, StoreError> {
    let (mut gone, mut kept) = (after.0, head.0);
    while gone < kept {
        let middle = Revision(gone + (kept - gone) / 2);
        let key = feed_key(middle);
        match store.range(id, Kind::Feed, Some(&key), 1, 1, Read::Quorum).await {
            Err(StoreError::Expired(_)) => gone = middle.0 + 1,
            Err(error) => return Err(error),
            Ok(rows) => {
                let Some((_, body)) = rows.first() else { return Ok(head) };
                let group: Vec<Entry> = parse(id, Kind::Feed, body)?;
                let first = group.first().map_or(head.next(), |entry| entry.seq);
                if first > middle.next() {
                    return Ok(Revision(first.0 - 1));
                }
                kept = middle.0;
            }
        }
    }
    Ok(Revision(gone))
}

/// Bytes that an entry takes as JSON, near enough for limits.
pub(super) fn entry_size(entry: &Entry) -> usize {
    160 + entry.record.as_ref().map_or(0, Record::size)
        + entry.conflicts().map(Conflict::size).sum::<usize>()
        + entry.merge.as_ref().map_or(0, |merge| merge.size())
}

/// Reads a row's body. What is wrong is told with the row's place and never with its key or content: that goes to the log.
pub(super) fn parse<T: DeserializeOwned>(id: PartitionId, kind: Kind, body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| corrupt(id, kind, &error))
}

/// A row that cannot be read.
pub(super) fn corrupt(id: PartitionId, kind: Kind, error: &serde_json::Error) -> StoreError {
    let (what, line, column) = (error.classify(), error.line(), error.column());
    StoreError::Corrupt(format!(
        "a {} row of workspace {}, partition {}: {what:?} at line {line}, column {column}",
        kind.name(),
        id.workspace,
        id.partition
    ))
}
