//! A pull: what happened after a cursor, and a wait where nothing has happened yet.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use sync_protocol::message::{End, PartitionFeed, Pull, PullAnswer};
use sync_protocol::{Cursor, Partition, Revision, WorkspaceId, limits};
use tokio::time::{Instant, timeout_at};

use super::feed::{self, Feed};
use super::limits::{ENDS_BYTES, PARALLEL};
use super::{EngineError, PartitionEngine, watch};
use crate::store::{Head, PartitionId, Read, StoreError};

/// Least bytes that a partition may fill of an answer, however many have something new: reading a group again
/// for its next piece must stay rare.
const LEAST_SHARE: usize = 256 << 10;

/// The partition of the schema.
const SCHEMA: Partition = Partition(0);

/// Where the ends of the next answer begin that cannot have all.
static TURN: AtomicUsize = AtomicUsize::new(0);

impl PartitionEngine {
    /// The entries after the cursor. Waits for some where there are none, as long as the request asks.
    pub async fn pull(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        pull: &Pull,
    ) -> Result<PullAnswer, EngineError> {
        if pull.cursor.0.len() != usize::from(partitions) {
            return Err(EngineError::BadRequest(format!(
                "the cursor has {} places, the workspace {partitions} partitions",
                pull.cursor.0.len()
            )));
        }
        let wait = Duration::from_millis(pull.wait_ms.min(limits::PULL_WAIT_MS));
        let until = Instant::now() + wait;
        let watched = self.inner.shared.watch.join(workspace, partitions);
        let mut moves = watched.receiver();
        let all: Vec<Partition> = (0..partitions).map(Partition).collect();
        let mut heads = self.heads(workspace, &all).await?;
        if !wait.is_zero() && watched.needs_poll() {
            let store = self.inner.shared.store.clone();
            self.spawn(watch::poll(store, Arc::downgrade(&watched), partitions));
        }
        let mut looked = Cursor::start(partitions);
        loop {
            let answer = self.page(workspace, &pull.cursor, &mut heads).await?;
            if !answer.feeds.is_empty() || !answer.expired.is_empty() {
                return Ok(answer);
            }
            heads.iter().for_each(|(p, head)| looked.advance(*p, head.revision));
            let moved = loop {
                let news = |(p, known): &(Partition, Revision)| *known > looked.get(*p);
                let moved: Vec<_> = moves.borrow_and_update().iter().filter(news).collect();
                if !moved.is_empty() {
                    break moved;
                }
                match timeout_at(until, moves.changed()).await {
                    Ok(Ok(())) => {}
                    // the time is up
                    Ok(Err(_)) | Err(_) => return Ok(answer),
                }
            };
            // each piece of news is looked at once, even if it should turn out to be none
            moved.iter().for_each(|(p, known)| looked.advance(*p, *known));
            let moved: Vec<Partition> = moved.into_iter().map(|(p, _)| p).collect();
            heads.extend(self.heads(workspace, &moved).await?);
        }
    }

    /// The heads of these partitions, and of the schema's. That one is read when the others are known: a record is judged after
    /// its collection was, so no feed up to these heads has a record whose collection is not in the schema up to its head.
    pub(super) async fn heads(
        &self,
        workspace: WorkspaceId,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, Head>, StoreError> {
        let head = |partition| async move {
            let head = self.store().head(PartitionId { workspace, partition }, Read::Quorum).await?;
            Ok::<_, StoreError>((partition, head))
        };
        let others: Vec<Partition> = partitions.iter().copied().filter(|p| *p != SCHEMA).collect();
        let mut heads: BTreeMap<Partition, Head> =
            stream::iter(others).map(head).buffered(PARALLEL).try_collect().await?;
        heads.extend([head(SCHEMA).await?]);
        Ok(heads)
    }

    /// One answer. Partition 0, the schema, is sent to its end before anything else.
    async fn page(
        &self,
        workspace: WorkspaceId,
        cursor: &Cursor,
        heads: &mut BTreeMap<Partition, Head>,
    ) -> Result<PullAnswer, StoreError> {
        let mut answer = PullAnswer {
            feeds: Vec::new(),
            cursor: cursor.clone(),
            more: false,
            ends: Vec::new(),
            expired: Vec::new(),
        };
        // a cursor that is ahead: a commit in doubt that its replica has seen, or a store that was restored
        for (partition, head) in heads.iter_mut().filter(|(p, head)| cursor.get(**p) > head.revision) {
            *head = self.store().head(PartitionId { workspace, partition: *partition }, Read::Serial).await?;
            if cursor.get(*partition) > head.revision {
                answer.expired.push(*partition);
            }
        }
        let news: Vec<Partition> =
            heads.iter().filter(|(p, head)| cursor.get(**p) < head.revision).map(|(p, _)| *p).collect();
        let (schema, others): (Vec<_>, Vec<_>) = news.into_iter().partition(|p| *p == SCHEMA);
        let mut left = limits::PULL_BYTES;
        for turn in [schema, others] {
            if answer.more || turn.is_empty() {
                answer.more |= !turn.is_empty();
                continue;
            }
            let share = (left / turn.len()).max(LEAST_SHARE);
            // shares below the least would make the answer too long: the rest comes with the next one
            let fits = (left / share).max(1);
            answer.more |= turn.len() > fits;
            let feeds: Vec<(Partition, Feed)> = stream::iter(turn.into_iter().take(fits))
                .map(|partition| {
                    let (after, head) = (cursor.get(partition), &heads[&partition]);
                    let upto = head.revision;
                    async move {
                        let id = PartitionId { workspace, partition };
                        let floor = self.inner.shared.floor(head);
                        let feed = feed::read(self.store(), id, after, upto, floor, share).await?;
                        Ok::<_, StoreError>((partition, feed))
                    }
                })
                .buffered(PARALLEL)
                .try_collect()
                .await?;
            for (partition, feed) in feeds {
                match feed {
                    Feed::Expired => answer.expired.push(partition),
                    Feed::Entries(entries) => {
                        left = left.saturating_sub(entries.iter().map(feed::entry_size).sum());
                        let last = entries.last().map_or(Revision(0), |entry| entry.seq);
                        answer.cursor.advance(partition, last);
                        answer.more |= last < heads[&partition].revision;
                        answer.feeds.push(PartitionFeed { partition, entries, unread: false });
                    }
                }
            }
        }
        answer.ends = ends(&answer.cursor, heads);
        Ok(answer)
    }
}

/// The ends that are reached, within their limit. Where they are more than that, each answer begins with others.
fn ends(cursor: &Cursor, heads: &BTreeMap<Partition, Head>) -> Vec<End> {
    let reached = heads.iter().filter(|(p, head)| cursor.get(**p) == head.revision);
    let mut reached: Vec<(&Partition, &Head)> = reached.collect();
    let size = |head: &Head| 48 + head.checksums.0.keys().map(|name| name.as_str().len() + 64).sum::<usize>();
    if reached.iter().map(|(_, head)| size(head)).sum::<usize>() > ENDS_BYTES {
        let turn = TURN.fetch_add(1, Ordering::Relaxed).wrapping_mul(reached.len().div_ceil(7));
        let at = turn % reached.len();
        reached.rotate_left(at);
    }
    let mut bytes = 0;
    let fits = |(_, head): &(&Partition, &Head)| {
        bytes += size(head);
        bytes <= ENDS_BYTES
    };
    let mut ends: Vec<End> = reached
        .into_iter()
        .take_while(fits)
        .map(|(p, head)| End { partition: *p, head: head.revision, checksums: head.checksums.clone() })
        .collect();
    ends.sort_unstable_by_key(|end| end.partition);
    ends
}
