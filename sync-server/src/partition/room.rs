//! The feed room: what this process knows of the workspaces that somebody waits for, shared by all who wait there.
//!
//! Per partition the head and the last groups of the feed, and the last answers, each made once for all who are at one place.
//! Commits of this process come in by themselves; those of others by a look at what they have told of, while somebody waits.
//! A store that no other process writes to is read for what was never known here, and for nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use sync_protocol::{Cursor, Partition, Revision, Timestamp, WorkspaceId};
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::answer::Answer;
use super::limits::{ANSWERS, LOOK, POLL, RING_BYTES, ROOM_BYTES, ROOMS};
use super::look::Look;
use crate::store::{Head, PartitionId, PartitionStore, Step, StoreError};

/// The partition of the schema.
pub(super) const SCHEMA: Partition = Partition(0);

/// One group of a feed, as it was committed.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) first: Revision,
    pub(super) last: Revision,
    /// A list of entries as JSON text.
    pub(super) body: Arc<str>,
    /// When the store forgets it.
    pub(super) until: Timestamp,
}

/// All rooms of a process.
#[derive(Debug)]
pub(super) struct Rooms {
    map: Mutex<Map>,
    /// Bytes in all of them.
    held: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Map {
    rooms: BTreeMap<WorkspaceId, Arc<Room>>,
    /// With so many it is looked which of them nobody uses.
    most: usize,
}

impl Default for Rooms {
    fn default() -> Self {
        let map = Map { rooms: BTreeMap::new(), most: ROOMS };
        Self { map: Mutex::new(map), held: Arc::default() }
    }
}

impl Rooms {
    /// The room of a workspace, shared by all who wait there.
    pub(super) fn enter(&self, workspace: WorkspaceId, partitions: u16) -> Arc<Room> {
        let mut map = self.map();
        if let Some(room) = map.rooms.get(&workspace) {
            return Arc::clone(room);
        }
        if map.rooms.len() >= map.most {
            map.rooms.retain(|_, room| Arc::strong_count(room) > 1);
            map.most = ROOMS.max(2 * map.rooms.len());
        }
        let room = Arc::new(Room::new(workspace, partitions, Arc::clone(&self.held)));
        map.rooms.insert(workspace, Arc::clone(&room));
        room
    }

    /// Whether anybody may want to know of a commit there.
    pub(super) fn is_open(&self, id: PartitionId) -> bool {
        self.map().rooms.contains_key(&id.workspace)
    }

    /// This process has committed.
    pub(super) fn committed(&self, id: PartitionId, head: &Head, group: Option<Group>) {
        self.at(id.workspace, |room| room.moved(id.partition, head, group));
    }

    /// A partition was found like this in the store, after a commit that was lost or in doubt.
    pub(super) fn found(&self, id: PartitionId, head: &Head) {
        self.at(id.workspace, |room| room.moved(id.partition, head, None));
    }

    /// Nobody knows how a partition is.
    pub(super) fn lost(&self, id: PartitionId) {
        self.at(id.workspace, |room| room.forget(Some(id.partition)));
    }

    /// Rows of a workspace were changed past the engine.
    pub(super) fn forget(&self, workspace: WorkspaceId) {
        self.at(workspace, |room| room.forget(None));
    }

    /// Bytes in all of them.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn at(&self, workspace: WorkspaceId, work: impl FnOnce(&Room)) {
        let room = self.map().rooms.get(&workspace).cloned();
        if let Some(room) = room {
            work(&room);
            self.shrink();
        }
    }

    /// Where all together are too much, all begin anew: whatever is asked for is read again.
    pub(super) fn shrink(&self) {
        if self.held() > ROOM_BYTES {
            self.map().rooms.values().for_each(|room| room.clear());
        }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One workspace.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) workspace: WorkspaceId,
    /// Moves with everything that whoever waits may want to know.
    turn: watch::Sender<u64>,
    state: Mutex<State>,
    /// Questions for a look so far.
    pub(super) asked: AtomicU64,
    /// Held while heads are read; how that ended last.
    pub(super) looking: tokio::sync::Mutex<Look>,
    held: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    parts: Vec<Part>,
    answers: VecDeque<Kept>,
    /// Somebody looks for what other processes tell.
    polled: bool,
    /// When all heads were read, if it was looked for news ever since.
    looked: Option<Instant>,
    /// What had moved by this turn had moved before the schema's head was read last.
    schema_read: u64,
    weight: usize,
}

#[derive(Debug, Default)]
struct Part {
    head: Option<Arc<Head>>,
    /// Bytes that the head takes.
    head_bytes: usize,
    /// What another process has told of.
    told: Revision,
    /// The turn at which the head moved.
    moved: u64,
    /// Counts what makes reads that are under way worthless.
    epoch: u64,
    groups: VecDeque<Group>,
    bytes: usize,
}

/// What was known of a partition when a read of its head began.
#[derive(Debug)]
pub(super) struct Seen {
    epoch: u64,
    step: Option<Step>,
}

impl Seen {
    /// Whether more was known than was read.
    pub(super) fn is_after(&self, head: &Head) -> bool {
        self.step.is_some_and(|step| step > head.step)
    }
}

/// One answer for all who were at one place at one turn.
#[derive(Debug)]
struct Kept {
    cursor: Cursor,
    turn: u64,
    /// When it was begun.
    at: Timestamp,
    made: Made,
}

/// An answer that is made once, or why there is none.
pub(super) type Made = Arc<OnceCell<Result<Arc<Answer>, StoreError>>>;

impl Part {
    fn keep(&mut self, group: Group) {
        if self.groups.back().is_some_and(|before| before.last.next() != group.first) {
            self.empty();
        }
        self.bytes += group.body.len();
        self.groups.push_back(group);
        while self.bytes > RING_BYTES {
            let Some(oldest) = self.groups.pop_front() else { return };
            self.bytes -= oldest.body.len();
        }
    }

    fn empty(&mut self) {
        self.groups.clear();
        self.bytes = 0;
    }

    fn clear(&mut self) {
        (self.head, self.head_bytes) = (None, 0);
        self.empty();
    }

    fn revision(&self) -> Option<Revision> {
        self.head.as_ref().map(|head| head.revision)
    }
}

impl Room {
    fn new(workspace: WorkspaceId, partitions: u16, held: Arc<AtomicUsize>) -> Self {
        let parts = (0..partitions).map(|_| Part::default()).collect();
        let state =
            State { parts, answers: VecDeque::new(), polled: false, looked: None, schema_read: 0, weight: 0 };
        Self {
            workspace,
            turn: watch::Sender::new(0),
            state: Mutex::new(state),
            asked: AtomicU64::new(0),
            looking: tokio::sync::Mutex::default(),
            held,
        }
    }

    /// What to wait on. Get it before anything is looked at: whatever moves after that is noticed.
    pub(super) fn turns(&self) -> watch::Receiver<u64> {
        self.turn.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_turn(&self) -> u64 {
        self.turn.send_modify(|turn| *turn += 1);
        *self.turn.borrow()
    }

    fn weigh(&self, state: &mut State) {
        let parts: usize = state.parts.iter().map(|part| part.head_bytes + part.bytes).sum();
        let made = |kept: &Kept| kept.made.get().and_then(|made| made.as_ref().ok()).map_or(0, |a| a.weight);
        let weight = parts + state.answers.iter().map(made).sum::<usize>();
        self.held.fetch_add(weight, Ordering::Relaxed);
        self.held.fetch_sub(std::mem::replace(&mut state.weight, weight), Ordering::Relaxed);
    }

    /// A partition is at least there.
    fn moved(&self, partition: Partition, head: &Head, group: Option<Group>) {
        let mut state = self.state();
        let Some(part) = state.parts.get_mut(usize::from(partition.0)) else { return };
        if let Some(group) = group {
            part.keep(group);
        }
        self.take(part, head);
        self.weigh(&mut state);
    }

    /// Takes a head that is newer than what is known, and wakes whoever waits where the feed has moved with it.
    fn take(&self, part: &mut Part, head: &Head) {
        if part.head.as_ref().is_some_and(|known| known.step > head.step) {
            return;
        }
        let moved = part.revision() != Some(head.revision);
        (part.head, part.head_bytes) = (Some(Arc::new(head.clone())), weight(head));
        if moved {
            part.moved = self.next_turn();
        }
    }

    /// Another process has told that a partition has moved.
    fn told(&self, partition: Partition, to: Revision) {
        let mut state = self.state();
        let Some(part) = state.parts.get_mut(usize::from(partition.0)) else { return };
        if to > part.told && part.revision().is_none_or(|known| to > known) {
            part.told = to;
            self.next_turn();
        }
    }

    fn forget(&self, partition: Option<Partition>) {
        let mut state = self.state();
        let State { parts, answers, looked, .. } = &mut *state;
        let gone = |at: usize| partition.is_none_or(|partition| usize::from(partition.0) == at);
        for (_, part) in parts.iter_mut().enumerate().filter(|(at, _)| gone(*at)) {
            part.epoch += 1;
            part.clear();
        }
        answers.clear();
        *looked = None;
        self.next_turn();
        self.weigh(&mut state);
    }

    /// What is known is right, and too much.
    fn clear(&self) {
        let mut state = self.state();
        for part in &mut state.parts {
            part.clear();
        }
        state.answers.clear();
        self.weigh(&mut state);
    }

    /// A read of a head begins.
    pub(super) fn seen(&self, partition: Partition) -> Seen {
        let state = self.state();
        let part = state.parts.get(usize::from(partition.0));
        let step = part.and_then(|part| part.head.as_ref()).map(|head| head.step);
        Seen { epoch: part.map_or(0, |part| part.epoch), step }
    }

    /// A head was read; it counts if nothing came between.
    pub(super) fn read(&self, partition: Partition, seen: &Seen, head: &Head) {
        let mut state = self.state();
        let Some(part) = state.parts.get_mut(usize::from(partition.0)) else { return };
        // what others told is looked at once, even if it should turn out to be none
        part.told = part.told.min(head.revision);
        if part.epoch != seen.epoch {
            return;
        }
        if seen.is_after(head) && part.head.as_ref().map(|head| head.step) == seen.step {
            part.clear();
        }
        self.take(part, head);
        self.weigh(&mut state);
    }

    /// The turn that a read of the schema's head, begun now, shows all of.
    pub(super) fn now(&self) -> u64 {
        *self.turn.borrow()
    }

    /// The schema's head was read, beginning at that turn.
    pub(super) fn schema_was_read(&self, at: u64) {
        let mut state = self.state();
        state.schema_read = state.schema_read.max(at);
    }

    /// Whether the schema's head is known as it was after these had moved: a record is judged after its collection was, so
    /// none of their feeds has a record then whose collection is not in the schema up to its head.
    pub(super) fn is_schema_behind(&self, partitions: &[Partition]) -> bool {
        let state = self.state();
        let moved = |p: &Partition| state.parts.get(usize::from(p.0)).map_or(0, |part| part.moved);
        partitions.iter().map(moved).max().is_some_and(|moved| moved > state.schema_read)
    }

    /// The heads as far as they are known.
    pub(super) fn heads(&self) -> Vec<Option<Arc<Head>>> {
        self.state().parts.iter().map(|part| part.head.clone()).collect()
    }

    /// How far the partitions have come, as far as that is known.
    pub(super) fn reached(&self) -> Cursor {
        let revision = |part: &Part| part.revision().unwrap_or_default().max(part.told);
        Cursor(self.state().parts.iter().map(revision).collect())
    }

    /// Partitions whose heads have to be read before anything is said of them.
    pub(super) fn unknown(&self) -> Vec<Partition> {
        let state = self.state();
        let unknown = |part: &Part| part.revision().is_none_or(|known| part.told > known);
        (0..).map(Partition).zip(&state.parts).filter(|(_, part)| unknown(part)).map(|(p, _)| p).collect()
    }

    /// Whether there is anything to say beyond that cursor, by what is known.
    pub(super) fn has_news(&self, cursor: &Cursor) -> bool {
        let state = self.state();
        let differs = |(p, part): (Partition, &Part)| part.revision().is_none_or(|at| at != cursor.get(p));
        (0..).map(Partition).zip(&state.parts).any(differs)
    }

    /// The groups that follow, as far as they are at hand. What the store has forgotten by `now` is not told from memory either: all
    /// servers answer alike.
    pub(super) fn groups(&self, partition: Partition, after: Revision, now: Timestamp) -> Vec<Group> {
        let state = self.state();
        let Some(part) = state.parts.get(usize::from(partition.0)) else { return Vec::new() };
        if part.groups.front().is_none_or(|first| first.first > after.next()) {
            return Vec::new();
        }
        let groups = part.groups.iter().filter(|group| group.last > after);
        let is_kept = groups.clone().next().is_some_and(|next| next.until > now);
        if is_kept { groups.cloned().collect() } else { Vec::new() }
    }

    /// Where the answer for a cursor is made at this turn: by whoever comes first, and anew when it is older than `life` ms, for what
    /// it tells may have been forgotten by the store.
    pub(super) fn answer(&self, cursor: &Cursor, now: Timestamp, life: i64) -> Made {
        let mut state = self.state();
        let turn = self.now();
        // the next one tries again where it failed
        let failed = |made: &Made| made.get().is_some_and(Result::is_err);
        let fresh = |kept: &Kept| kept.turn == turn && (0..life).contains(&(now.0 - kept.at.0));
        let same = |kept: &&Kept| fresh(kept) && kept.cursor == *cursor && !failed(&kept.made);
        if let Some(kept) = state.answers.iter().find(same) {
            return Arc::clone(&kept.made);
        }
        let made = Made::default();
        state.answers.push_front(Kept { cursor: cursor.clone(), turn, at: now, made: Arc::clone(&made) });
        state.answers.truncate(ANSWERS);
        made
    }

    /// An answer was made: it weighs.
    pub(super) fn answered(&self) {
        self.weigh(&mut self.state());
    }

    /// True for the first who asks: that one starts [`poll`].
    pub(super) fn needs_poll(&self) -> bool {
        let mut state = self.state();
        let needs = !state.polled;
        state.polled = true;
        if needs {
            state.looked = None;
        }
        needs
    }

    /// Whether what other processes do has been seen here, or told of, until just now.
    pub(super) fn is_current(&self) -> bool {
        let state = self.state();
        state.polled && state.looked.is_some_and(|at| at.elapsed() < LOOK)
    }

    /// All heads were read, beginning then.
    pub(super) fn was_looked_at(&self, since: Instant) {
        let mut state = self.state();
        state.looked = state.polled.then_some(since);
    }

    /// Whether the poll ends: nobody waits.
    fn is_left(&self) -> bool {
        let mut state = self.state();
        state.polled = self.turn.receiver_count() > 0;
        !state.polled
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.fetch_sub(self.state().weight, Ordering::Relaxed);
    }
}

/// Bytes that a head takes, near enough for limits.
fn weight(head: &Head) -> usize {
    let sums = head.checksums.0.keys().map(|name| name.as_str().len() + 96).sum::<usize>();
    200 + sums + 24 * head.kept.marks.len()
}

/// Looks for what other processes have told of until nobody waits any more.
pub(super) async fn poll(store: Arc<dyn PartitionStore>, room: Weak<Room>) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some((workspace, partitions)) = room.upgrade().and_then(|room| {
            let partitions = room.state().parts.len();
            (!room.is_left()).then_some((room.workspace, partitions))
        }) else {
            return;
        };
        let partitions = u16::try_from(partitions).unwrap_or(u16::MAX);
        let news = store.news(workspace, partitions).await;
        let Some(room) = room.upgrade() else { return };
        match news {
            Ok(heads) => heads.iter().for_each(|(partition, head)| room.told(partition, head)),
            // what cannot be read now is looked at in the next round, and whoever comes meanwhile looks for themselves
            Err(_) => room.state().looked = None,
        }
    }
}
