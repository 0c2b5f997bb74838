//! Random histories of devices and a server: every step may lose, repeat, delay or cut what is under way. What must
//! always hold is checked after each step; a failing run names its seed, which replays it.

use std::collections::BTreeMap;

use crate::model::device::{Device, Flight};
use crate::model::reached::Reached;
use crate::model::server::Server;
use crate::model::{Random, check, item, name};
use serde_json::json;
use sync_client::api::BulkRule;
use sync_client::replica::session::Outgoing;
use sync_protocol::{ChangeId, Choice, Counter, FieldName, Outcome, RecordId, RecordKey, Timestamp, Value};

const PARTITIONS: u16 = 2;
const STEPS: usize = 150;

/// What the devices edit.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// All of everything.
    Anything,
    /// Each device has its own field of common records, and nobody deletes: nothing may ever conflict.
    OwnFields,
    /// Each device has its own records: nothing may ever conflict.
    OwnRecords,
}

struct Walk {
    random: Random,
    server: Server,
    devices: Vec<Device>,
    work: Work,
    /// What the counters of each record must add up to.
    counted: BTreeMap<RecordId, i64>,
    /// Decisions of bulk commands.
    bulk: usize,
}

impl Walk {
    fn new(seed: u64, work: Work) -> Self {
        let mut random = Random::new(seed);
        let mut server = Server::new(PARTITIONS);
        server.page = [2, 5, 1_000][random.below(3)];
        let mut first = Device::new(1, PARTITIONS);
        first.sync(&mut server);
        first.define();
        first.sync(&mut server);
        let mut devices = vec![first];
        for n in 0..=random.below(2) {
            devices.push(Device::new(n as u128 + 2, PARTITIONS));
        }
        if work == Work::OwnFields {
            for key in 0..4 {
                devices[0].insert(&item(key), json!({"n": 0, "m": 0, "k": 0, "stock": 0})).unwrap();
            }
        }
        devices.iter_mut().for_each(|d| d.sync(&mut server));
        Self { random, server, devices, work, counted: BTreeMap::new(), bulk: 0 }
    }

    fn step(&mut self) {
        let at = self.random.below(self.devices.len());
        self.devices[at].now.0 += [1, 500, 90_000, -80_000_000][self.random.below(4)].max(-1) as i64;
        match self.random.below(20) {
            0..=4 => self.person(at),
            5..=8 => self.devices[at].ask(),
            9..=16 => self.network(at),
            17 => self.devices[at].restart(),
            18 => {
                let stored = self.random.once_in(2);
                self.devices[at].crash_at_next_commit(stored);
            }
            _ => self.world(at),
        }
        self.server.now.0 += 10;
        check::all(&self.devices[at], &self.server);
    }

    fn id(&mut self, at: usize) -> RecordId {
        let key = self.random.below(4) as i64;
        item(if self.work == Work::OwnRecords { 100 * (at as i64 + 1) + key } else { key })
    }

    fn field(&mut self, at: usize) -> FieldName {
        match self.work {
            Work::OwnFields => name(["n", "m", "k"][at]),
            _ => name(["n", "m", "last", "stock"][self.random.below(4)]),
        }
    }

    fn person(&mut self, at: usize) {
        let id = self.id(at);
        let field = self.field(at);
        let value = self.random.below(3) as i64;
        let choice = self.random.below(22);
        let device = &mut self.devices[at];
        if device.replica.snapshot().is_some() {
            return; // what is being fetched again is not all there to be seen
        }
        let view = device.view(&id);
        // what the rules of the replica refuse is refused here, too: nothing happens then
        let _ = match choice {
            0 if !device.refused().is_empty() => {
                let (counter, _) = device.refused()[0];
                if self.random.once_in(2) {
                    device.discard(Counter(counter));
                } else {
                    device.retry(Counter(counter));
                }
                Ok(())
            }
            1 | 2 | 15 | 16 => self.decide(at),
            12 | 17..=20 => self.take_back(at),
            13 | 21 => self.many(at),
            14 => self.comment(at),
            3 if self.work != Work::OwnFields && !view.is_null() => device.delete(&id),
            4 if self.work == Work::OwnFields => self.count(at, &id),
            _ if view.is_null() && self.work != Work::OwnFields => {
                device.insert(&id, json!({ "n": value, (field.as_str()): value }))
            }
            _ => device.edit(&id, json!({ (field.as_str()): [view[field.as_str()], value] })),
        };
    }

    fn count(&mut self, at: usize, id: &RecordId) -> Result<(), sync_client::api::Failure> {
        let device = &mut self.devices[at];
        let Some(saw) = device.view(id)["stock"].as_i64() else { return Ok(()) };
        let by = 1 + self.random.below(3) as i64;
        let before = device.acked.len();
        let done = device.edit(id, json!({ "stock": [saw, saw + by] }));
        if device.acked.len() > before {
            *self.counted.entry(id.clone()).or_default() += by;
        }
        done
    }

    fn take_back(&mut self, at: usize) -> Result<(), sync_client::api::Failure> {
        let device = &mut self.devices[at];
        let settled =
            device.replica.decisions().filter(|d| device.replica.settled(d.id).is_some()).map(|d| d.id);
        let decided =
            device.replica.conflicts().filter(|c| device.replica.decided(c).is_some()).map(|c| c.id);
        let mut all: Vec<ChangeId> = settled.chain(decided).collect();
        if !self.random.once_in(4) && !all.is_empty() {
            all = vec![all[self.random.below(all.len())]];
        }
        self.devices[at].take_back(&all);
        Ok(())
    }

    fn many(&mut self, at: usize) -> Result<(), sync_client::api::Failure> {
        let rules =
            [BulkRule::Current, BulkRule::Incoming, BulkRule::Newest, BulkRule::Device("none".into())];
        let report = self.devices[at].bulk(&rules[self.random.below(rules.len())]);
        self.bulk += report.done.len();
        Ok(())
    }

    fn comment(&mut self, at: usize) -> Result<(), sync_client::api::Failure> {
        let device = &mut self.devices[at];
        let Some(conflict) = device.replica.conflicts().next().map(|c| c.id) else { return Ok(()) };
        let text = format!("comment {}", device.acked.len());
        device.comment(conflict, &text);
        Ok(())
    }

    /// A free key in the same partition.
    fn beside(&mut self, id: &RecordId) -> RecordKey {
        let part = id.partition(PARTITIONS);
        loop {
            let key = RecordKey::Text(format!("twin {}", self.random.below(1_000)));
            if RecordId::new(id.collection.clone(), key.clone()).partition(PARTITIONS) == part {
                return key;
            }
        }
    }

    fn decide(&mut self, at: usize) -> Result<(), sync_client::api::Failure> {
        let device = &self.devices[at];
        let open: Vec<ChangeId> = device.replica.conflicts().map(|c| c.id).collect();
        if open.is_empty() {
            return Ok(());
        }
        let id = open[self.random.below(open.len())];
        if device.replica.decided(device.replica.conflict(id).unwrap()).is_some() {
            return Ok(());
        }
        let record = device.replica.conflict(id).unwrap().record.clone();
        let outcome = match self.random.below(8) {
            0 => Outcome::Delete,
            1..=3 => Outcome::KeepBoth { key: self.beside(&record) },
            _ => {
                let fields: Vec<FieldName> =
                    self.devices[at].replica.conflict(id).unwrap().fields.keys().cloned().collect();
                let mut choices = BTreeMap::new();
                for field in fields {
                    match self.random.below(6) {
                        0 | 1 => drop(choices.insert(field, Choice::Current)),
                        2 | 3 => drop(choices.insert(field, Choice::Incoming)),
                        4 => drop(choices.insert(field, Choice::Own(Value::from(77)))),
                        _ => {}
                    }
                }
                Outcome::Keep { choices }
            }
        };
        self.devices[at].resolve(id, outcome)
    }

    fn network(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if device.flights.is_empty() {
            return device.ask();
        }
        let flight = self.random.below(device.flights.len());
        let asked = matches!(device.flights[flight], Flight::Ask(_));
        if self.random.once_in(6) {
            // lost; what was sent may still arrive some day
            if let Flight::Ask(Outgoing::Push(push)) = &device.flights[flight]
                && self.random.once_in(2)
            {
                device.ghosts.push(Outgoing::Push(push.clone()));
            }
            device.lose(flight);
        } else if asked {
            if let Flight::Ask(Outgoing::Push(push)) = &device.flights[flight]
                && self.random.once_in(8)
            {
                device.ghosts.push(Outgoing::Push(push.clone())); // repeated on the way
            }
            device.arrive(flight, &mut self.server);
        } else {
            device.answer(flight, &self.server);
        }
    }

    fn world(&mut self, at: usize) {
        match self.random.below(4) {
            0 => {
                if let Some(Outgoing::Push(late)) = self.devices[at].ghosts.pop() {
                    self.server.push(&late);
                }
            }
            1 if self.work == Work::Anything => {
                let id = self.id(at);
                if !self.server.refuse.remove(&id) {
                    self.server.refuse.insert(id);
                }
            }
            2 => {
                let part = self.random.below(usize::from(PARTITIONS));
                let part = &mut self.server.parts[part];
                part.expired = part.head().0.saturating_sub(self.random.below(6) as u64).max(part.expired);
            }
            _ if self.devices.len() < 3 => {
                let n = self.devices.len() as u128 + 1;
                self.devices.push(Device::new(n, PARTITIONS));
            }
            _ => {}
        }
    }

    /// Everything works again: all meet within bounded time.
    fn heal(&mut self) {
        self.server.refuse.clear();
        for device in &mut self.devices {
            for late in std::mem::take(&mut device.ghosts) {
                if let Outgoing::Push(late) = late {
                    self.server.push(&late);
                }
            }
            device.restart(); // also ends a crash that was planned
            device.flights.clear();
            device.ghosts.clear();
            device.crash_at_next_commit(true);
            device.restart();
        }
        for device in &mut self.devices {
            // the planned crash happens with the first commit
            device.now = Timestamp(device.now.0.max(1_000_000));
            device.ask();
            for at in (0..device.flights.len()).rev() {
                device.arrive(at, &mut self.server);
            }
            while let Some(at) = device.flights.len().checked_sub(1) {
                device.answer(at, &self.server);
            }
        }
        for _ in 0..3 {
            self.devices.iter_mut().for_each(|d| d.sync(&mut self.server));
        }
        check::convergence(&self.devices, &self.server);
        check::fresh_resolution(&self.devices, &self.server);
        if self.work != Work::Anything {
            let ids: Vec<_> =
                self.server.entries().filter(|e| e.conflict.is_some()).map(|e| e.change).collect();
            assert!(ids.is_empty(), "no_false_conflict: {ids:?}");
        }
        for (id, sum) in &self.counted {
            let stock = &self.server.record(id).unwrap().fields["stock"];
            assert_eq!(stock.as_integer(), Some(*sum), "the counts of {id} add up");
        }
        self.settle_all();
    }

    /// Somebody decides about everything that is left: then all see the same.
    fn settle_all(&mut self) {
        for _ in 0..50 {
            for (counter, _) in self.devices.iter().flat_map(Device::refused).collect::<Vec<_>>() {
                let mine =
                    self.devices.iter_mut().find(|d| d.replica.quarantined(Counter(counter)).is_some());
                if let Some(device) = mine {
                    device.discard(Counter(counter));
                }
            }
            let open: Vec<_> = self.devices[0].replica.conflicts().map(|c| c.id).collect();
            for conflict in open {
                // a decision before it may have left nothing to ask here
                let Some(conflict) = self.devices[0].replica.conflict(conflict) else { continue };
                let choices = conflict.fields.keys().map(|f| (f.clone(), Choice::Incoming)).collect();
                let conflict = conflict.id;
                self.devices[0].resolve(conflict, Outcome::Keep { choices }).unwrap();
                self.devices[0].sync(&mut self.server);
            }
            for _ in 0..2 {
                self.devices.iter_mut().for_each(|d| d.sync(&mut self.server));
            }
            let quiet = |d: &Device| d.replica.outbox().count() + d.refused().len() == 0;
            if self.server.open_conflicts().count() == 0 && self.devices.iter().all(quiet) {
                break;
            }
        }
        assert_eq!(self.server.open_conflicts().count(), 0, "every conflict can be closed");
        check::convergence(&self.devices, &self.server);
        let twins = self.server.parts.iter().flat_map(|part| part.records.keys().cloned());
        for id in (0..400).map(item).chain(twins).collect::<Vec<_>>() {
            let views: Vec<_> = self.devices.iter().map(|d| d.view(&id)).collect();
            assert!(views.windows(2).all(|w| w[0] == w[1]), "convergence: views of {id}");
        }
    }
}

fn walks(work: Work, seeds: u64) -> Reached {
    let mut reached = Reached::default();
    let (from, seeds) = match std::env::var("SEED").ok().and_then(|s| s.parse().ok()) {
        Some(seed) => (seed, 1),
        None => (1, std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(seeds)),
    };
    for seed in from..from + seeds {
        let run = || {
            let mut walk = Walk::new(seed, work);
            (0..STEPS).for_each(|_| walk.step());
            walk.heal();
            walk
        };
        match std::panic::catch_unwind(run) {
            Ok(walk) => reached.add(&walk.server, &walk.devices, walk.bulk),
            Err(panic) => {
                eprintln!("failing seed: SEED={seed} replays it");
                std::panic::resume_unwind(panic);
            }
        }
    }
    reached
}

#[test]
fn whatever_happens_nothing_is_lost_and_all_meet() {
    let reached = walks(Work::Anything, 300);
    println!("{reached:?}");
    if std::env::var_os("SEED").is_none() {
        let Reached { conflicts, decided, taken_back, kept_both, bulk, comments, moved, own_edit_before } =
            reached;
        for (what, n) in [
            ("conflicts", conflicts),
            ("decisions", decided),
            ("decisions taken back", taken_back),
            ("both kept", kept_both),
            ("decisions about many", bulk),
            ("comments", comments),
            ("decisions that came back", moved),
            ("own edits before a decision", own_edit_before),
        ] {
            assert!(n >= 15, "the histories hardly reach {what}: {n}");
        }
    }
}

#[test]
fn edits_of_different_fields_never_conflict_whatever_happens_and_counts_add_up() {
    walks(Work::OwnFields, 60);
}

#[test]
fn edits_of_different_records_never_conflict_whatever_happens() {
    walks(Work::OwnRecords, 60);
}
