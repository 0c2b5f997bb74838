//! A pull: what happened after a cursor, and a wait where nothing has happened yet.

use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use sync_protocol::message::{End, PartitionFeed, Pull, PullAnswer};
use sync_protocol::{Cursor, Partition, Revision, WorkspaceId, limits};
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::feed::{self, Feed};
use super::limits::{ANSWER_LIFE, ENDS_BYTES, PARALLEL};
use super::look::Heads;
use super::room::{self, Room, SCHEMA};
use super::{EngineError, PartitionEngine, Settings, Shared};
use crate::store::{Head, PartitionId, Read, StoreError};

/// Least bytes that a partition may fill of an answer, however many have something new: reading a group again
/// for its next piece must stay rare.
const LEAST_SHARE: usize = 256 << 10;

/// Where the ends of the next answer begin that cannot have all.
static TURN: AtomicUsize = AtomicUsize::new(0);

impl PartitionEngine {
    /// The entries after the cursor. Waits for some where there are none, as long as the request asks.
    ///
    /// # Errors
    /// A cursor that is none of this workspace; where the store does not answer.
    pub async fn pull(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        pull: &Pull,
    ) -> Result<PullAnswer, EngineError> {
        Ok(self.pull_shared(workspace, partitions, pull).await?.pull().clone())
    }

    /// The same, with the answer that all get who are at the same place.
    ///
    /// # Errors
    /// As [`PartitionEngine::pull`].
    pub async fn pull_shared(
        &self,
        workspace: WorkspaceId,
        partitions: u16,
        pull: &Pull,
    ) -> Result<Arc<Answer>, EngineError> {
        if pull.cursor.0.len() != usize::from(partitions) {
            return Err(EngineError::BadRequest(format!(
                "the cursor has {} places, the workspace {partitions} partitions",
                pull.cursor.0.len()
            )));
        }
        let wait = Duration::from_millis(pull.wait_ms.min(limits::PULL_WAIT_MS));
        let until = Instant::now() + wait;
        let shared = &self.inner.shared;
        let room = shared.rooms.enter(workspace, partitions);
        // whatever moves after this is noticed
        let mut turns = room.turns();
        if !wait.is_zero() {
            self.look_for_news(&room);
        }
        // who waits is told of what others did meanwhile; who does not must see it now
        let behind = shared.store.is_shared() && (wait.is_zero() || !room.is_current());
        let mut heads = if behind { Heads::All } else { Heads::Unknown };
        loop {
            turns.borrow_and_update();
            // boxed: thousands wait, and what they need while they work is not kept for each
            Box::pin(shared.look(&room, heads)).await?;
            heads = Heads::Unknown;
            let time_is_up = wait.is_zero() || until <= Instant::now();
            if time_is_up || room.has_news(&pull.cursor) {
                let answer = Box::pin(shared.answer(&room, &pull.cursor)).await?;
                if time_is_up || answer.has_news() {
                    return Ok(answer);
                }
            }
            // a turn, or the time is up: then there is still something to say of how far things are
            let _ = timeout_at(until, turns.changed()).await;
        }
    }

    /// Starts to look for what other processes do in a room, where there are any and nobody looks yet.
    pub(super) fn look_for_news(&self, room: &Arc<Room>) {
        let store = &self.inner.shared.store;
        if store.is_shared() && room.needs_poll() {
            self.spawn(room::poll(Arc::clone(store), Arc::downgrade(room)));
        }
    }

    /// The heads of these partitions as they are now, and of the schema's. That one is read when the others are known: a record
    /// is judged after its collection was, so no feed up to these heads has a record whose collection is not in the schema up
    /// to its head.
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
}

impl Shared {
    /// The answer for a cursor as things are now: made once for all who are there.
    async fn answer(&self, room: &Room, cursor: &Cursor) -> Result<Arc<Answer>, StoreError> {
        let Settings { clock, horizon, .. } = &self.settings;
        let life = ANSWER_LIFE.min(*horizon).as_millis() as i64;
        let made = room.answer(cursor, clock.now(), life);
        let mut here = false;
        let make = async {
            here = true;
            self.settings.figures.answer_made();
            let made = self.page(room, cursor).await;
            made.map(|answer| Arc::new(Answer::new(answer, self.settings.figures.clone())))
        };
        let answer = made.get_or_init(|| make).await.clone();
        if here {
            room.answered();
            self.rooms.shrink();
        }
        answer
    }

    /// The heads that the next answer is made by.
    async fn known(
        &self,
        room: &Room,
        cursor: &Cursor,
    ) -> Result<BTreeMap<Partition, Arc<Head>>, StoreError> {
        let mut heads = BTreeMap::new();
        for (partition, known) in (0..).map(Partition).zip(room.heads()) {
            let mut head = match known {
                Some(head) => head,
                None => Arc::new(self.read_head(room, partition, Read::Quorum).await?),
            };
            if cursor.get(partition) > head.revision {
                // it is ahead: a commit in doubt that its replica has seen, or a store that was restored
                head = Arc::new(self.read_head(room, partition, Read::Serial).await?);
            }
            heads.insert(partition, head);
        }
        let moved: Vec<Partition> = heads
            .iter()
            .filter(|(p, head)| **p != SCHEMA && cursor.get(**p) < head.revision)
            .map(|(p, _)| *p)
            .collect();
        if room.is_schema_behind(&moved) {
            let head = self.read_head(room, SCHEMA, Read::Quorum).await?;
            heads.insert(SCHEMA, Arc::new(head));
        }
        Ok(heads)
    }

    /// One answer. Partition 0, the schema, is sent to its end before anything else.
    async fn page(&self, room: &Room, cursor: &Cursor) -> Result<PullAnswer, StoreError> {
        let mut answer = PullAnswer {
            feeds: Vec::new(),
            cursor: cursor.clone(),
            more: false,
            ends: Vec::new(),
            expired: Vec::new(),
        };
        let heads = self.known(room, cursor).await?;
        let ahead = heads.iter().filter(|(p, head)| cursor.get(**p) > head.revision);
        answer.expired.extend(ahead.map(|(p, _)| *p));
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
                    async move {
                        let feed = self.feed(room, partition, after, head, share).await?;
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
        answer.ends = ends(&answer.cursor, &heads);
        Ok(answer)
    }

    /// What follows in one partition: from the room, or else from the store.
    async fn feed(
        &self,
        room: &Room,
        partition: Partition,
        after: Revision,
        head: &Head,
        bytes: usize,
    ) -> Result<Feed, StoreError> {
        let id = PartitionId { workspace: room.workspace, partition };
        let groups = room.groups(partition, after, self.settings.clock.now());
        let bodies = groups.iter().map(|group| &*group.body);
        let entries = feed::contiguous(id, bodies, after, head.revision, bytes)?;
        if !entries.is_empty() {
            return Ok(Feed::Entries(entries));
        }
        feed::read(&*self.store, id, after, head.revision, self.floor(head), bytes).await
    }
}

/// The ends that are reached, within their limit. Where they are more than that, each answer begins with others.
fn ends(cursor: &Cursor, heads: &BTreeMap<Partition, Arc<Head>>) -> Vec<End> {
    let reached = heads.iter().filter(|(p, head)| cursor.get(**p) == head.revision);
    let mut reached: Vec<(&Partition, &Head)> = reached.map(|(p, head)| (p, &**head)).collect();
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
