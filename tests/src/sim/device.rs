//! One device: a real replica with its session on a model disk, as the engine runs them, and what is checked with every
//! batch that it stores.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sync_client::replica::Replica;
use sync_client::replica::session::Session;
use sync_client::store::memory::MemoryStore;
use sync_client::store::{Batch, Meta, SnapshotState, StoreError};
use sync_protocol::{
    Change, ChangeId, Conflict, Counter, Fields, Partition, Record, RecordId, ReplicaId, Revision, Timestamp,
    UserId, WorkspaceId, reserved,
};
use uuid::Uuid;

use super::bugs::Bug;
use super::checks::Invariant;
use super::disk::{Disk, Failed};
use super::model::{Model, Shared};
use super::promises::Promises;
use super::random::Random;
use super::server::Member;
use super::shadow::Shadow;

/// Who has a batch stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The person: changes may be thrown away or get new numbers.
    Person,
    /// An answer of the server.
    Server,
}

/// Lives of devices that were set back or copied are counted from here.
const LIVES: u64 = 1_000;

/// A copy of a device's disk, with what had been promised.
pub struct Image {
    disk: Disk,
    promises: Promises,
    floors: Vec<Revision>,
    user: UserId,
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
    /// For what a program draws when it starts, and for names.
    pub(super) leaps: Random,
    /// Which of all lives of devices this is: a device that is set back or copied begins another.
    life: u64,
    /// The place of each change among the acts of a life.
    places: BTreeMap<Counter, (u64, u64)>,
    pub(super) partitions: u16,
    pub(super) shadows: Vec<Shadow>,
    pub(super) floors: Vec<Revision>,
    pub(super) commits: u64,
    acts: u64,
}

impl Device {
    /// The device of the nth member, new, that has to fetch everything.
    pub fn member(
        n: usize,
        joined: bool,
        workspace: WorkspaceId,
        partitions: u16,
        model: Shared,
        seed: u64,
        bug: Option<Bug>,
    ) -> Self {
        let (replica, user) =
            (ReplicaId(Uuid::from_u128(100 + n as u128)), UserId(Uuid::from_u128(200 + n as u128)));
        let meta = Meta { workspace, partitions, replica, user, copied: Counter(0) };
        Self::new(n, joined, meta, Arc::new(Member::of(user)), model, seed, bug)
    }

    fn new(
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
        let snapshot = SnapshotState {
            partitions: (0..partitions).map(Partition).collect(),
            ..SnapshotState::default()
        };
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
            leaps: Random::of(seed, 400 + n as u64),
            life: n as u64,
            places: BTreeMap::new(),
            partitions,
            shadows: (0..partitions).map(|_| Shadow::default()).collect(),
            floors: vec![Revision(0); usize::from(partitions)],
            commits: 0,
            acts: 0,
        }
    }

    /// The same device for another run, where its program was just started.
    pub fn another(&self, model: Shared) -> Self {
        let disk = self.disk.another();
        Self {
            n: self.n,
            member: Arc::new(Member::of(self.member.user)),
            replica: load(&disk),
            disk,
            session: Session::default(),
            epoch: 0,
            skew: self.skew,
            away: self.away,
            joined: self.joined,
            must_scan: true,
            screen: None,
            forms: BTreeMap::new(),
            promises: self.promises.clone(),
            model,
            bug: self.bug,
            random: self.random.clone(),
            leaps: self.leaps.clone(),
            life: self.life,
            places: self.places.clone(),
            partitions: self.partitions,
            shadows: self.shadows.clone(),
            floors: self.floors.clone(),
            commits: self.commits,
            acts: self.acts,
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
            self.model.lock().faults.add(failed.kind());
            if matches!(failed, Failed::PowerCut { .. }) {
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
        self.note_doubtful(&batch);
        let moved = Promises::moved(&self.replica, &batch, thrown_away);
        self.saves(batch, moved).is_ok()
    }

    /// What waits behind an edit of which nobody knows whether it took effect keeps its number, for the server to tell: it may call it
    /// another's.
    fn note_doubtful(&self, batch: &Batch) {
        let gone = batch.quarantine_gone.iter().filter_map(|counter| self.replica.quarantined(*counter));
        let doubtful = gone.filter(|entry| entry.reason.to_string().contains("too long ago"));
        let behind = doubtful.flat_map(|entry| self.replica.pending_of(&entry.change.record));
        self.model.lock().asked.extend(behind.map(|change| change.id));
    }

    /// Stores a batch with what becomes of changes that leave with it: for each its new number, or none where it is thrown
    /// away. It is said to be saved if it is.
    pub(super) fn saves(
        &mut self,
        batch: Batch,
        moved: Vec<(Counter, Option<Counter>)>,
    ) -> Result<(), Failed> {
        let enqueued: Vec<Change> = batch.enqueue.clone();
        self.number(&enqueued, &moved);
        let gone = batch.quarantine_gone.clone();
        if let Err(failed) = self.commit(batch, By::Person) {
            // nobody was told anything; what the power cut left on the disk is kept like all else
            let here = enqueued.iter().all(|c| self.replica.pending(c.id.counter).is_some());
            let left = gone.iter().all(|c| self.replica.quarantined(*c).is_none());
            if !(here && left) {
                return Err(failed);
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
        Ok(())
    }

    /// Tells the model of changes before they are stored; one with a new number keeps its place.
    fn number(&mut self, enqueued: &[Change], moved: &[(Counter, Option<Counter>)]) {
        let mut model = self.model.lock();
        for change in enqueued {
            self.acts += 1;
            let old = moved.iter().find(|(_, new)| *new == Some(change.id.counter)).map(|(old, _)| old);
            let place = old.and_then(|old| self.places.get(old)).copied();
            let place = place.unwrap_or((self.life, self.acts));
            self.places.insert(change.id.counter, place);
            model.made(change, place);
        }
    }

    /// What is on the disk, to go on from it later or elsewhere.
    pub fn image(&self) -> Image {
        Image {
            disk: self.disk.another(),
            promises: self.promises.clone(),
            floors: self.floors.clone(),
            user: self.member.user,
        }
    }

    /// The device's disk becomes what another one was, whose device `goes_on` or is no more. A program that was `resumed` from
    /// memory goes on as if nothing had been, and uses the same numbers: where there are several partitions, only a
    /// server process that knows them all can tell.
    pub fn becomes(&mut self, image: &Image, goes_on: bool, resumed: bool) {
        self.disk = image.disk.another();
        self.promises = image.promises.clone();
        let before = &self.member;
        let member = Member::of(image.user);
        member.signed_in.store(before.signed_in.load(Ordering::SeqCst), Ordering::SeqCst);
        member.reader.store(before.reader.load(Ordering::SeqCst), Ordering::SeqCst);
        member.cut.store(before.cut.load(Ordering::SeqCst), Ordering::SeqCst);
        self.member = Arc::new(member);
        for (floor, other) in self.floors.iter_mut().zip(&image.floors) {
            *floor = (*floor).max(*other);
        }
        let loaded = load(&self.disk);
        let mut model = self.model.lock();
        model.lives += 1;
        self.life = LIVES + model.lives;
        model.copied.insert(loaded.id());
        self.places.clear();
        let waiting = loaded.outbox().map(|p| &p.change).chain(loaded.quarantine().map(|q| &q.change));
        let waiting: BTreeMap<Counter, &Change> = waiting.map(|change| (change.id.counter, change)).collect();
        for (counter, change) in waiting {
            self.acts += 1;
            self.places.insert(counter, (self.life, self.acts));
            if !goes_on {
                model.made(change, (self.life, self.acts));
            }
        }
        drop(model);
        let again = self.bug == Some(Bug::NumbersUsedAgain);
        self.begin(loaded, again || resumed && self.partitions == 1);
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
        self.begin(loaded, self.bug == Some(Bug::NumbersUsedAgain));
    }

    fn begin(&mut self, loaded: Replica, resumed: bool) {
        self.replica = loaded;
        if !resumed {
            self.replica.leap(self.leaps.draw());
        }
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

    /// Whether everything is read and compared, and sent as far as it can be.
    pub fn is_quiet(&self, model: &Model) -> bool {
        let at_head = self.replica.cursor().iter().all(|(p, at)| at == model.part(p).head());
        at_head
            && self.replica.snapshot().is_none()
            && !self.must_scan
            && self.session.is_verified(&self.replica)
            && self.session.pushing().is_empty()
            && self.replica.outbox().all(|pending| self.replica.is_held(&pending.change))
    }

    /// What the device's clock shows.
    pub fn now(&self, world: Timestamp) -> Timestamp {
        Timestamp(world.0 + self.skew)
    }
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
