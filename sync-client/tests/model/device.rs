//! A device: a replica on a store in memory, its conversation, and what is under way between it and the server.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use sync_client::api::{BulkReport, BulkRule, Failure, NewReview};
use sync_client::limits;
use sync_client::query::Tables;
use sync_client::replica::Replica;
use sync_client::replica::bulk::Tally;
use sync_client::replica::session::{Outgoing, SendError, Session};
use sync_client::store::memory::{Fault, MemoryDisk, MemoryStore};
use sync_client::store::{Batch, LocalStore, Meta, SnapshotState, StoreError};
use sync_protocol::message::{PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::schema::Field;
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Partition, Record, RecordId, ReplicaId, Resolution, Revision,
    Timestamp, UserId, Verdict, WorkspaceId,
};

use super::check;
use super::server::Server;

/// What is under way.
pub enum Flight {
    Ask(Outgoing),
    Pushed(Vec<Counter>, PushAnswer),
    Pulled(u64, PullAnswer),
    Snapshotted(SnapshotAnswer),
}

impl Flight {
    pub fn is_push(&self) -> bool {
        matches!(self, Self::Ask(Outgoing::Push(_)) | Self::Pushed(..))
    }
}

pub struct Device {
    pub disk: MemoryDisk,
    pub store: Option<MemoryStore>,
    pub replica: Replica,
    pub session: Session,
    pub flights: Vec<Flight>,
    /// Requests that arrive some day although nobody waits for their answer.
    pub ghosts: Vec<Outgoing>,
    pub now: Timestamp,
    must_scan: bool,
    /// Every change that was said to be saved, with its place among the person's acts.
    pub acked: BTreeMap<Counter, (u64, Change)>,
    /// Changes that were given another number.
    pub again: BTreeMap<Counter, Counter>,
    /// What a person threw away or replaced.
    pub discarded: BTreeSet<Counter>,
    /// Partitions are compared with the feed from here on: a snapshot was read while others wrote.
    pub floor: BTreeMap<Partition, Revision>,
    pub refetches: usize,
    /// What was told as newly come up for review.
    pub news: Vec<NewReview>,
    /// New names that it took.
    pub renewed: usize,
    /// What screens keep of its collections.
    pub tables: Vec<Tables>,
}

impl Device {
    pub fn new(n: u128, partitions: u16) -> Self {
        let meta = Meta {
            workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
            partitions,
            replica: ReplicaId(uuid::Uuid::from_u128(n)),
            user: UserId(uuid::Uuid::from_u128(n)),
            copied: Counter(0),
        };
        let disk = MemoryDisk::new();
        let store = MemoryStore::open(&disk).unwrap();
        let snapshot = SnapshotState {
            partitions: (0..partitions).map(Partition).collect(),
            ..SnapshotState::default()
        };
        let first = Batch { meta: Some(meta.clone()), snapshot: Some(Some(snapshot)), ..Batch::default() };
        store.commit(&first).now_or_never().unwrap().unwrap();
        let replica = load(&store);
        Self {
            disk,
            store: Some(store),
            replica,
            session: Session::default(),
            flights: Vec::new(),
            ghosts: Vec::new(),
            now: Timestamp(1_000_000),
            must_scan: true,
            acked: BTreeMap::new(),
            again: BTreeMap::new(),
            discarded: BTreeSet::new(),
            floor: BTreeMap::new(),
            refetches: 0,
            news: Vec::new(),
            renewed: 0,
            tables: Vec::new(),
        }
    }

    pub fn store(&self) -> &MemoryStore {
        self.store.as_ref().unwrap()
    }

    /// The process ends at once and starts again; what was sent may still arrive.
    pub fn restart(&mut self) {
        for flight in self.flights.drain(..) {
            if let Flight::Ask(Outgoing::Push(push)) = flight {
                self.ghosts.push(Outgoing::Push(push));
            }
        }
        self.store = None;
        let store = MemoryStore::open(&self.disk).unwrap();
        self.replica = load(&store);
        self.store = Some(store);
        self.session = Session::default();
        self.must_scan = true;
    }

    /// The next commit ends the process, before or just after it is stored.
    pub fn crash_at_next_commit(&mut self, stored: bool) {
        self.disk.fail(Fault { commit: 1, error: StoreError::Gone("power cut".into()), stored });
    }

    /// A batch as the engine commits it: to the store first, then to memory.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let before: Vec<Change> = self.replica.outbox().map(|p| p.change.clone()).collect();
        let cursor = self.replica.cursor().clone();
        let committed = self.store().commit(batch).now_or_never().unwrap();
        if committed.is_err() {
            self.restart();
            return committed;
        }
        let delta = self.replica.lower(batch, |id| self.tables.iter().any(|tables| tables.holds(id)));
        self.replica.follow(&delta);
        self.tables.iter_mut().for_each(|tables| tables.follow(&delta, &self.replica));
        self.news.extend(self.replica.news(&delta));
        check::feed_never_clobbers(self, &before, batch);
        check::cursor_follows_data(self, &cursor, batch);
        check::memory_equals_disk(self);
        check::kept_counts_agree(self);
        Ok(())
    }

    pub fn base(&self, id: &RecordId) -> Option<Record> {
        self.store().get(std::slice::from_ref(id)).now_or_never().unwrap().unwrap().remove(0)
    }

    pub fn view(&self, id: &RecordId) -> serde_json::Value {
        serde_json::json!(self.replica.view(id, self.base(id).as_ref()))
    }

    // ---- what a person does

    pub fn act(&mut self, made: Result<Batch, Failure>) -> Result<(), Failure> {
        let batch = made?;
        // a change that leaves with this batch lives on under another number, or was thrown away
        let mut left: Vec<&Change> = batch.enqueue.iter().collect();
        let mut moved: Vec<(Counter, Option<Counter>)> = Vec::new();
        for counter in batch.quarantine_gone.iter().chain(&batch.settle) {
            if self.discarded.contains(counter) {
                continue;
            }
            let pending = self.replica.pending(*counter);
            let old = pending.or_else(|| self.replica.quarantined(*counter).map(|q| &q.change)).unwrap();
            match left.iter().position(|new| new.record == old.record && new.edit == old.edit) {
                Some(at) => moved.push((*counter, Some(left.remove(at).id.counter))),
                None => moved.push((*counter, None)),
            }
        }
        let enqueued = batch.enqueue.clone();
        if self.commit(&batch).is_err() {
            // nobody was told anything; what the power cut left on the disk is kept like all else
            let here = batch.enqueue.iter().all(|c| self.replica.pending(c.id.counter).is_some());
            let gone = batch.quarantine_gone.iter().all(|c| self.replica.quarantined(*c).is_none());
            if !(here && gone) {
                return Ok(());
            }
        }
        let place = self.acked.len() as u64;
        for (change, n) in enqueued.into_iter().zip(0..) {
            self.acked.insert(change.id.counter, (place + n, change));
        }
        for (old, new) in moved {
            match new {
                Some(new) => {
                    let order = self.acked.get(&old).map_or(place, |(order, _)| *order);
                    self.acked.get_mut(&new).unwrap().0 = order;
                    self.again.insert(old, new);
                }
                None => drop(self.discarded.insert(old)),
            }
        }
        Ok(())
    }

    pub fn define(&mut self) {
        self.make(&super::collection(), &super::definition());
    }

    pub fn make(&mut self, name: &CollectionId, fields: &[Field]) {
        let batch = self.replica.new_collection(self.now, name, "Items", fields);
        self.act(batch).unwrap();
    }

    pub fn insert(&mut self, id: &RecordId, values: serde_json::Value) -> Result<(), Failure> {
        let base = self.base(id);
        self.act(self.replica.insert(self.now, id.clone(), base.as_ref(), super::fields(values)))
    }

    pub fn edit(&mut self, id: &RecordId, values: serde_json::Value) -> Result<(), Failure> {
        let base = self.base(id);
        self.act(self.replica.edit(self.now, id.clone(), base.as_ref(), super::seen(values)))
    }

    pub fn delete(&mut self, id: &RecordId) -> Result<(), Failure> {
        let base = self.base(id);
        self.act(self.replica.delete(self.now, vec![(id.clone(), base)]))
    }

    /// Settles a conflict as the screen shows it.
    pub fn resolve(
        &mut self,
        conflict: sync_protocol::ChangeId,
        outcome: sync_protocol::Outcome,
    ) -> Result<(), Failure> {
        let shown = self.replica.conflict(conflict).expect("the person sees it").clone();
        let base = self.base(&shown.record);
        let saw_record = base.as_ref().map(|r| r.rev);
        let resolution = Resolution { conflict, saw_conflict: shown.rev, saw_record, outcome };
        self.act(self.replica.resolve(self.now, resolution, base.as_ref()))
    }

    /// Takes decisions back; how many there were to take back.
    pub fn take_back(&mut self, conflicts: &[ChangeId]) -> usize {
        let done = conflicts.iter().filter(|id| self.replica.reopening(**id).is_some()).count();
        self.act(self.replica.take_back(self.now, conflicts)).unwrap();
        done
    }

    /// All open conflicts by one rule. The dry run says what the real run does.
    pub fn bulk(&mut self, rule: &BulkRule) -> BulkReport {
        let ids: Vec<ChangeId> = self.replica.conflicts().map(|c| c.id).collect();
        let bases: Vec<_> = self.replica.conflicts().map(|c| self.base(&c.record)).collect();
        let mut reports = Vec::new();
        for dry_run in [true, false] {
            let mut tally = Tally::default();
            let batch = self.replica.decide_many(self.now, rule, &ids, &bases, &mut tally);
            reports.push(tally.report);
            if !dry_run {
                self.act(batch).unwrap();
            }
        }
        assert_eq!(reports[0], reports[1], "dry_run_is_true");
        reports.remove(1)
    }

    pub fn comment(&mut self, conflict: ChangeId, text: &str) {
        // two comments of one device at one time differ by their texts
        let mut random = [0; 10];
        text.bytes().zip(&mut random).for_each(|(byte, place)| *place = byte);
        self.act(self.replica.comment(self.now, random, conflict, text)).unwrap();
    }

    /// Asks somebody to look at a conflict.
    pub fn assign(&mut self, conflict: sync_protocol::ChangeId, user: u128) {
        let user = UserId(uuid::Uuid::from_u128(user));
        self.act(self.replica.assign(self.now, conflict, Some(user))).unwrap();
    }

    pub fn retry(&mut self, counter: Counter) {
        self.act(self.replica.retry(self.now, counter)).unwrap();
    }

    pub fn discard(&mut self, counter: Counter) {
        self.discarded.insert(counter);
        self.act(Ok(self.replica.discard(counter))).unwrap();
        if self.replica.quarantined(counter).is_some() {
            self.discarded.remove(&counter); // the power cut came first
        }
    }

    // ---- the conversation

    /// Hands out every request that is due.
    pub fn ask(&mut self) {
        while let Some(outgoing) = self.session.next(self.now, &self.replica) {
            self.flights.push(Flight::Ask(outgoing));
        }
    }

    /// A request reaches the server: its answer is under way.
    pub fn arrive(&mut self, at: usize, server: &mut Server) {
        if let Flight::Ask(outgoing) = &self.flights[at] {
            self.flights[at] = match outgoing {
                Outgoing::Push(push) => {
                    let sent = push.changes.iter().map(|c| c.id.counter).collect();
                    Flight::Pushed(sent, server.push(push))
                }
                Outgoing::Pull(number, pull) => Flight::Pulled(*number, server.pull(pull)),
                Outgoing::Snapshot(snapshot) => Flight::Snapshotted(server.snapshot(snapshot)),
            };
        }
    }

    /// Where the push under way is, or the pull.
    pub fn position(&self, push: bool) -> usize {
        self.flights.iter().position(|flight| flight.is_push() == push).unwrap()
    }

    /// What is due is asked, and the push is judged and answered; the pull is still under way.
    pub fn hear_verdicts(&mut self, server: &mut Server) {
        // what was pushed before was no part of the same burst
        self.now.0 += limits::PUSH_GATHER_MS;
        self.ask();
        let push = self.position(true);
        self.arrive(push, server);
        self.answer(push, server);
    }

    /// A request or an answer is lost.
    pub fn lose(&mut self, at: usize) {
        let flight = self.flights.remove(at);
        let push = flight.is_push();
        self.session.failed(self.now, 7, push, &SendError::NoAnswer("cut".into()));
    }

    /// An answer arrives.
    pub fn answer(&mut self, at: usize, server: &Server) {
        let flight = self.flights.remove(at);
        let push = flight.is_push();
        let done = match flight {
            Flight::Ask(_) => panic!("not answered yet"),
            Flight::Pushed(sent, answer) => self.pushed(&sent, &answer),
            Flight::Pulled(number, answer) => self.pulled(number, &answer),
            Flight::Snapshotted(answer) => self.snapshotted(answer, server),
        };
        match done {
            Ok(()) | Err(None) => {}
            Err(Some(error)) => self.session.failed(self.now, 7, push, &error),
        }
    }

    fn pushed(&mut self, sent: &[Counter], answer: &PushAnswer) -> Result<(), Option<SendError>> {
        let batch = self.replica.pushed(sent, answer).expect("the server keeps the protocol");
        let seq = |(counter, verdict): (&Counter, &Verdict)| {
            let reserved = self.replica.pending(*counter)?.record.collection.is_reserved();
            match verdict {
                Verdict::Applied { seq } | Verdict::Merged { seq } | Verdict::Conflicted { seq, .. } => {
                    reserved.then_some(*seq)
                }
                _ => None,
            }
        };
        let schema = sent.iter().zip(&answer.verdicts).filter_map(seq).max();
        self.commit(&batch).map_err(|_| None)?;
        self.replica.note_verdicts(sent, answer, self.session.last_pull());
        self.session.pushed(schema);
        self.renew()
    }

    /// As the engine does where another replica has this one's name.
    fn renew(&mut self) -> Result<(), Option<SendError>> {
        if !self.replica.must_renew() {
            return Ok(());
        }
        // no two of them take the same one, as if by chance
        static NAMES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1_000);
        let name = NAMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let old = self.replica.id();
        let batch = self.replica.renewed(ReplicaId(uuid::Uuid::from_u128(name.into())));
        self.commit(&batch).map_err(|_| None)?;
        self.renewed += usize::from(self.replica.id() != old);
        for (old, change) in batch.settle.iter().zip(&batch.enqueue) {
            self.again.insert(*old, change.id.counter);
            let order = self.acked[old].0;
            self.acked.insert(change.id.counter, (order, change.clone()));
        }
        Ok(())
    }

    fn pulled(&mut self, number: u64, answer: &PullAnswer) -> Result<(), Option<SendError>> {
        let batch = self.replica.pulled(number, answer).expect("the server keeps the protocol");
        let moved = batch.cursor.is_some() || !answer.expired.is_empty();
        self.commit(&batch).map_err(|_| None)?;
        self.replica.note_pulled(number, answer);
        if self.must_scan && !answer.more && self.replica.snapshot().is_none() {
            self.scan()?;
        }
        let differing = if self.must_scan { Vec::new() } else { self.replica.differing(&answer.ends) };
        self.session.pulled(self.now, &self.replica, answer.more, moved, &answer.ends).map_err(Some)?;
        self.renew()?;
        if !differing.is_empty() {
            self.refetches += 1;
            self.commit(&self.replica.refetch(&differing)).map_err(|_| None)?;
        }
        Ok(())
    }

    /// Compares with what is really stored.
    pub fn scan(&mut self) -> Result<(), Option<SendError>> {
        let found = self.store().checksums().now_or_never().unwrap().unwrap();
        self.commit(&self.replica.scanned(found)).map_err(|_| None)?;
        self.must_scan = false;
        Ok(())
    }

    fn snapshotted(&mut self, answer: SnapshotAnswer, server: &Server) -> Result<(), Option<SendError>> {
        let (done, total) = (answer.done, answer.total);
        for (partition, _) in &answer.finished {
            self.floor.insert(*partition, server.parts[usize::from(partition.0)].head());
        }
        let batch = self.replica.snapshotted(answer).expect("the server keeps the protocol");
        self.commit(&batch).map_err(|_| None)?;
        self.must_scan = true;
        self.session.snapshotted(done, total);
        Ok(())
    }

    /// Talks with the server until there is nothing more to say.
    pub fn sync(&mut self, server: &mut Server) {
        for _ in 0..500 {
            self.now.0 += 100_000;
            self.ask();
            if self.flights.is_empty() {
                panic!("a session always has a pull to send");
            }
            let before = (self.replica.cursor().clone(), self.replica.outbox().count());
            for at in (0..self.flights.len()).rev() {
                self.arrive(at, server);
            }
            while let Some(at) = self.flights.len().checked_sub(1) {
                self.answer(at, server);
            }
            let after = (self.replica.cursor().clone(), self.replica.outbox().count());
            let quiet = self.session.is_caught_up()
                && before == after
                && self.replica.outbox().all(|p| self.replica.is_held(&p.change));
            if quiet {
                return check::all(self, server);
            }
        }
        panic!("liveness: still talking after 500 rounds");
    }

    pub fn counters(&self) -> Vec<u64> {
        self.replica.outbox().map(|p| p.change.id.counter.0).collect()
    }

    /// The rejected changes: number and reason.
    pub fn refused(&self) -> Vec<(u64, sync_protocol::Rejection)> {
        self.replica.quarantine().map(|q| (q.change.id.counter.0, q.reason.clone())).collect()
    }

    pub fn is_resolve(change: &Change) -> bool {
        change.about().is_some()
    }
}

/// A replica from what is stored.
pub fn load(store: &MemoryStore) -> Replica {
    let loaded = store.load().now_or_never().unwrap().unwrap();
    Replica::new(loaded.meta.clone().unwrap(), loaded, reserved(store))
}

/// The base records of the reserved collections.
pub fn reserved(store: &MemoryStore) -> Vec<(CollectionId, Record)> {
    let mut reserved = Vec::new();
    for name in sync_protocol::reserved::ALL {
        let collection = sync_protocol::reserved::collection(name);
        let scanned = store.scan(&collection, None, usize::MAX).now_or_never().unwrap().unwrap();
        reserved.extend(scanned.records.into_iter().map(|r| (collection.clone(), r)));
    }
    reserved
}
