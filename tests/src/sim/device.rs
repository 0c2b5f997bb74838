//! One device: a real replica with its session on a model disk, as the engine runs them, and what is checked with every
//! batch that it stores.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sync_client::replica::Replica;
use sync_client::replica::session::Session;
use sync_client::store::memory::MemoryStore;
use sync_client::store::{Batch, Meta, SnapshotState, StoreError};
use sync_protocol::{
    Change, ChangeId, Conflict, Counter, Edit, Fields, Partition, Record, RecordId, Revision, Timestamp,
    reserved,
};

use super::bugs::Bug;
use super::checks::Invariant;
use super::disk::{Disk, Failed, collections};
use super::model::{Model, Shared};
use super::promises::Promises;
use super::random::Random;
use super::server::Member;
use super::shadow::Shadow;

/// Commits between two comparisons of everything that is stored.
const FULL_EVERY: u64 = 24;

/// Who has a batch stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The person: changes may be thrown away or get new numbers.
    Person,
    /// An answer of the server.
    Server,
}

/// One device.
pub struct Device {
    /// Its place among the devices.
    pub n: usize,
    /// As the server's gate knows it.
    pub member: Arc<Member>,
    /// Where it stores.
    pub disk: Disk,
    /// The real replica.
    pub replica: Replica,
    /// The real conversation.
    pub session: Session,
    /// How often the program was started; answers to an earlier one reach nobody.
    pub epoch: u64,
    /// What its clock shows more than the world's.
    pub skew: i64,
    /// Signed out, or not there yet: nothing is asked.
    pub away: bool,
    /// Whether it is there yet.
    pub joined: bool,
    /// What is stored has to be compared.
    pub must_scan: bool,
    /// A conflict that the person has on the screen, with the record's revision there.
    pub screen: Option<(Conflict, Option<Revision>)>,
    /// What the person's forms showed when they were opened.
    pub forms: BTreeMap<RecordId, Fields>,
    /// What was promised.
    pub promises: Promises,
    pub(super) model: Shared,
    pub(super) bug: Option<Bug>,
    pub(super) random: Random,
    partitions: u16,
    shadows: Vec<Shadow>,
    floors: Vec<Revision>,
    commits: u64,
    acts: u64,
}

impl Device {
    /// A new device that has to fetch everything.
    pub fn new(
        n: usize,
        joined: bool,
        meta: Meta,
        member: Arc<Member>,
        model: Shared,
        seed: u64,
        bug: Option<Bug>,
    ) -> Self {
        let partitions = meta.partitions;
        let mut disk = Disk::new(Random::of(seed, 100 + n as u64), bug);
        let snapshot = SnapshotState { partitions: (0..partitions).map(Partition).collect(), resume: None };
        let first = Batch { meta: Some(meta), snapshot: Some(Some(snapshot)), ..Batch::default() };
        // a new disk has nothing planned
        let _ = disk.commit(Rc::new(first));
        disk.restart();
        let replica = load(&disk);
        Self {
            n,
            member,
            disk,
            replica,
            session: Session::default(),
            epoch: 0,
            skew: 0,
            away: !joined,
            joined,
            must_scan: true,
            screen: None,
            forms: BTreeMap::new(),
            promises: Promises::default(),
            model,
            bug,
            random: Random::of(seed, 200 + n as u64),
            partitions,
            shadows: (0..partitions).map(|_| Shadow::default()).collect(),
            floors: vec![Revision(0); usize::from(partitions)],
            commits: 0,
            acts: 0,
        }
    }

    /// The base record of that id.
    pub fn base(&self, id: &RecordId) -> Option<Record> {
        self.disk.get(std::slice::from_ref(id)).pop().flatten()
    }

    /// A snapshot of the partition was answered while the feed stood there: comparable from that number on.
    pub fn floor(&mut self, partition: Partition, head: Revision) {
        let floor = &mut self.floors[usize::from(partition.0)];
        *floor = head.max(*floor);
    }

    /// A batch as the engine commits it: to the store first, then to memory.
    pub fn commit(&mut self, batch: Batch, by: By) -> Result<(), Failed> {
        let batch = Rc::new(self.planted(batch, by));
        if by == By::Server {
            self.check_leaving(&batch);
        }
        if let Err(failed) = self.disk.commit(batch.clone()) {
            if failed == Failed::PowerCut {
                self.power_cut(&batch);
            }
            return Err(failed);
        }
        let before = self.replica.cursor().clone();
        self.replica.absorb(&batch);
        self.promises.follow(&batch);
        self.check_memory(&batch);
        self.check_cursor(&batch, &before);
        self.check_base(batch.snapshot.is_some());
        Ok(())
    }

    /// What a person did. True where it was saved.
    pub fn act(&mut self, made: Result<Batch, sync_client::api::Failure>, thrown_away: &[Counter]) -> bool {
        let Ok(batch) = made else { return false };
        if batch.enqueue.is_empty() && batch.quarantine_gone.is_empty() && batch.settle.is_empty() {
            return false;
        }
        let moved = Promises::moved(&self.replica, &batch, thrown_away);
        let enqueued: Vec<Change> = batch.enqueue.clone();
        self.number(&enqueued, &moved);
        let gone = batch.quarantine_gone.clone();
        if self.commit(batch, By::Person).is_err() {
            // nobody was told anything; what the power cut left on the disk is kept like all else
            let here = enqueued.iter().all(|c| self.replica.pending(c.id.counter).is_some());
            let left = gone.iter().all(|c| self.replica.quarantined(*c).is_none());
            if !(here && left) {
                return false;
            }
        }
        for change in enqueued {
            self.promises.acked.insert(change.id.counter, change);
        }
        for (old, new) in moved {
            match new {
                Some(new) => drop(self.promises.again.insert(old, new)),
                None => drop(self.promises.discarded.insert(old)),
            }
        }
        true
    }

    /// Tells the model of changes before they are stored; one with a new number keeps its place.
    fn number(&mut self, enqueued: &[Change], moved: &[(Counter, Option<Counter>)]) {
        let mut model = self.model.lock();
        for change in enqueued {
            self.acts += 1;
            model.changes.insert(change.id, change.clone());
            model.order.insert(change.id, self.acts);
        }
        let replica = self.replica.id();
        for (old, new) in moved {
            let id = |counter: &Counter| ChangeId { replica, counter: *counter };
            if let (Some(order), Some(new)) = (model.order.get(&id(old)).copied(), new) {
                model.order.insert(id(new), order);
            }
        }
    }

    /// The person signs in; requests of the session before are dropped.
    pub fn sign_in(&mut self) {
        self.member.signed_in.store(true, Ordering::SeqCst);
        (self.away, self.joined) = (false, true);
        self.epoch += 1;
        self.session.dropped();
        self.session.signed_in();
    }

    /// The program ends and starts again.
    pub fn restart(&mut self) {
        self.disk.restart();
        let loaded = load(&self.disk);
        let same = held_alike(&self.replica, &loaded);
        let n = self.n;
        self.model.lock().checks.that(Invariant::MemoryEqualsDisk, same.is_none(), || {
            format!("replica {n} starts again with other {}", same.unwrap_or_default())
        });
        self.start(loaded);
    }

    fn power_cut(&mut self, doubt: &Batch) {
        self.model.lock().trace.line(format!("  power cut at {}", self.n));
        self.disk.power_cut();
        let loaded = load(&self.disk);
        let mut with = self.promises.clone();
        with.follow(doubt);
        let (without_it, with_it) = (self.promises.are_held_by(&loaded), with.are_held_by(&loaded));
        if !without_it && with_it {
            self.promises = with;
        }
        let n = self.n;
        self.model.lock().checks.that(Invariant::SavedMeansDurable, without_it || with_it, || {
            format!("replica {n} starts again without what it had saved")
        });
        self.start(loaded);
    }

    fn start(&mut self, loaded: Replica) {
        self.replica = loaded;
        self.session = Session::default();
        self.epoch += 1;
        self.must_scan = true;
        self.screen = None;
        self.forms.clear();
        self.check_base(true);
    }

    /// A second program tries to open the store.
    pub fn second_owner(&self) {
        let second = MemoryStore::open(self.disk.store_in_use().disk());
        let refused = matches!(second, Err(StoreError::InUse));
        // an owner that was let in by mistake must not close what is the first one's
        std::mem::forget(second);
        let n = self.n;
        self.model
            .lock()
            .checks
            .that(Invariant::SingleDriver, refused, || format!("two owners of the store of {n}"));
    }

    /// A change leaves only with its outcome.
    fn check_leaving(&self, batch: &Batch) {
        let mut model = self.model.lock();
        for counter in &batch.settle {
            let Some(change) = self.promises.outbox.get(counter) else { continue };
            let partition = change.record.partition(self.partitions);
            let cursor = batch.cursor.as_ref().unwrap_or(self.replica.cursor()).get(partition);
            let stored = model.seq_of(partition, change.id).is_some_and(|seq| seq <= cursor);
            let rejected = model.rejected.contains(&change.id);
            let kept = batch.quarantine.iter().any(|q| q.change == *change);
            let silent = change.about().is_some() || is_own(change);
            model.checks.that(Invariant::OutboxOrder, stored || rejected && (kept || silent), || {
                format!("{} left the outbox without its outcome (cursor {cursor})", change.id)
            });
        }
        for counter in &batch.quarantine_gone {
            let Some(entry) = self.replica.quarantined(*counter) else { continue };
            let writes = matches!(&entry.change.edit, Edit::Resolve(r) if r.outcome.writes());
            let own = |c: &Conflict| c.resolved.as_ref().is_some_and(|r| r.stamp.by == self.replica.id());
            let by_itself = batch.conflicts.iter().any(|c| Some(c.id) == entry.change.about() && own(c));
            let fair = entry.change.about().is_some() && (!writes || by_itself);
            model.checks.that(Invariant::Conservation, fair, || {
                format!("the rejected {} is gone, and nobody threw it away", entry.change.id)
            });
        }
    }

    /// What the server says changes no pending edit.
    fn check_memory(&self, batch: &Batch) {
        let held = self.promises.are_held_by(&self.replica);
        let mut model = self.model.lock();
        model.checks.that(Invariant::FeedNeverClobbers, held, || {
            let n = self.n;
            format!(
                "replica {n} holds other changes than it had promised after {} settled",
                batch.settle.len()
            )
        });
        let outbox = self.replica.outbox().count();
        let bounded = outbox <= sync_client::limits::OUTBOX_CHANGES
            && self.replica.decisions().count() <= sync_client::limits::DECISIONS;
        model.checks.that(Invariant::Bounded, bounded, || format!("{outbox} changes in the outbox"));
    }

    /// The cursor moves only with the data that it passes.
    fn check_cursor(&self, batch: &Batch, before: &sync_protocol::Cursor) {
        let Some(cursor) = &batch.cursor else { return };
        if batch.snapshot.is_some() {
            return;
        }
        let brought: BTreeSet<(&sync_protocol::CollectionId, &sync_protocol::RecordKey, Revision)> =
            batch.records.iter().map(|(c, r)| (c, &r.key, r.rev)).collect();
        let mut model = self.model.lock();
        for (partition, now) in cursor.iter() {
            let from = before.get(partition);
            let passed = model.part(partition).feed.get(from.0 as usize..now.0 as usize);
            let whole = passed.is_some_and(|entries| {
                entries.iter().all(|entry| match (&entry.collection, &entry.record) {
                    (Some(collection), Some(record)) => {
                        brought.contains(&(collection, &record.key, record.rev))
                    }
                    _ => true,
                })
            });
            let n = self.n;
            model.checks.that(Invariant::CursorFollowsData, now >= from && whole, || {
                format!(
                    "replica {n} went from {from} to {now} in partition {partition} without all of the data"
                )
            });
        }
    }

    /// The base is the fold of the feed up to the cursor, and so are the open conflicts.
    pub fn check_base(&mut self, everything: bool) {
        self.commits += 1;
        let full = everything || self.commits.is_multiple_of(FULL_EVERY);
        let mut guard = self.model.lock();
        let model = &mut *guard;
        let mut open: BTreeMap<ChangeId, Revision> = BTreeMap::new();
        let mut comparable = BTreeSet::new();
        let mut touched = Vec::new();
        for (place, shadow) in self.shadows.iter_mut().enumerate() {
            let partition = Partition(place as u16);
            let cursor = self.replica.cursor().get(partition);
            shadow.follow(&model.parts[place].feed, cursor);
            let refetching = self.replica.snapshot().is_some_and(|s| s.partitions.contains(&partition));
            if refetching || cursor < self.floors[place] {
                continue;
            }
            comparable.insert(partition);
            open.extend(shadow.open());
            touched.extend(shadow.touched());
        }
        let found: BTreeMap<ChangeId, Revision> = self
            .replica
            .conflicts()
            .filter(|c| comparable.contains(&c.record.partition(self.partitions)))
            .map(|c| (c.id, c.rev))
            .collect();
        let n = self.n;
        model.checks.that(Invariant::ConflictKept, found == open, || {
            format!("replica {n} has the conflicts {found:?}, the feed leads to {open:?}")
        });
        for (id, stored) in touched.iter().zip(self.disk.get(&touched)) {
            let shadow = &self.shadows[usize::from(id.partition(self.partitions).0)];
            compare(model, n, id, stored.as_ref(), shadow.record(id));
        }
        if full {
            self.check_all_stored(model, &comparable);
        }
    }

    fn check_all_stored(&self, model: &mut Model, comparable: &BTreeSet<Partition>) {
        let mut stored: BTreeMap<RecordId, Record> = BTreeMap::new();
        for collection in collections() {
            for record in self.disk.scan(&collection) {
                let id = RecordId::new(collection.clone(), record.key.clone());
                if comparable.contains(&id.partition(self.partitions)) {
                    stored.insert(id, record);
                }
            }
        }
        for partition in comparable {
            for (id, record) in self.shadows[usize::from(partition.0)].records() {
                let found = stored.remove(id);
                compare(model, self.n, id, found.as_ref(), Some(record));
            }
        }
        let n = self.n;
        model.checks.that(Invariant::BaseIsPrefix, stored.is_empty(), || {
            format!("replica {n} holds {:?}, which the feed does not have", stored.keys().collect::<Vec<_>>())
        });
    }

    /// The batch as a bug makes it.
    fn planted(&mut self, mut batch: Batch, by: By) -> Batch {
        match self.bug {
            Some(Bug::ConflictRemovedByFeed) if by == By::Server => {
                let changed = |c: &&Conflict| batch.records.iter().any(|(_, r)| r.key == c.record.key);
                let gone: Vec<ChangeId> = self.replica.conflicts().filter(changed).map(|c| c.id).collect();
                batch.conflicts_gone.extend(gone);
            }
            Some(Bug::ClockForOrder) if by == By::Server => {
                batch.records.retain(|(collection, record)| {
                    let id = RecordId::new(collection.clone(), record.key.clone());
                    self.disk.get(&[id]).pop().flatten().is_none_or(|old| old.stamp.at <= record.stamp.at)
                });
            }
            _ => {}
        }
        batch
    }

    /// What the device's clock shows.
    pub fn now(&self, world: Timestamp) -> Timestamp {
        Timestamp(world.0 + self.skew)
    }
}

fn compare(model: &mut Model, n: usize, id: &RecordId, stored: Option<&Record>, folded: Option<&Record>) {
    model.checks.that(Invariant::BaseIsPrefix, stored == folded, || {
        let show = |record: Option<&Record>| serde_json::json!(record).to_string();
        format!("replica {n} holds {id} as {}, the feed leads to {}", show(stored), show(folded))
    });
}

/// Whether a replica writes it about itself.
pub fn is_own(change: &Change) -> bool {
    matches!(change.record.collection.as_str(), reserved::PEOPLE | reserved::DEVICES)
}

/// In what two replicas differ, if they do.
fn held_alike(memory: &Replica, disk: &Replica) -> Option<&'static str> {
    let mut sums = memory.checksums().iter();
    [
        ("outbox", memory.outbox().map(|p| &p.change).eq(disk.outbox().map(|p| &p.change))),
        ("conflicts", memory.conflicts().eq(disk.conflicts())),
        ("quarantine", memory.quarantine().eq(disk.quarantine())),
        ("decisions", memory.decisions().eq(disk.decisions())),
        ("schema", memory.schema() == disk.schema()),
        ("cursor", memory.cursor() == disk.cursor()),
        ("snapshot", memory.snapshot() == disk.snapshot()),
        ("checksums", sums.all(|(p, sums)| disk.checksums().get(p) == Some(sums))),
    ]
    .into_iter()
    .find(|(_, same)| !same)
    .map(|(what, _)| what)
}

/// A replica from what is stored.
fn load(disk: &Disk) -> Replica {
    let loaded = disk.load();
    let meta = loaded.meta.clone().expect("written when the device was made");
    let mut stored = Vec::new();
    for name in reserved::ALL {
        let collection = reserved::collection(name);
        stored.extend(disk.scan(&collection).into_iter().map(|r| (collection.clone(), r)));
    }
    Replica::new(meta, loaded, stored)
}
