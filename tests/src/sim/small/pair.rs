//! Two devices and the server, where nothing happens unless an action says so. Requests and answers arrive at once, one
//! after the other.

use std::sync::Arc;
use std::time::Duration;

use sync_client::api::BulkRule;
use sync_client::replica::Judged;
use sync_client::replica::bulk::Tally;
use sync_client::replica::session::{Outgoing, SendError};
use sync_protocol::{FieldName, Fields, Partition, RecordId, Value, WorkspaceId};
use sync_server::store::{Committed, Head, PartitionId, Row};
use tokio::time::advance;
use uuid::Uuid;

use super::action::{Act, Action, Who};
use crate::sim::bugs::Bug;
use crate::sim::checks::{Checks, Invariant};
use crate::sim::clock::Time;
use crate::sim::device::Device;
use crate::sim::ending::{all_see_the_same, conserved, converged};
use crate::sim::ground::Ground;
use crate::sim::model::Shared;
use crate::sim::plan::Weather;
use crate::sim::server::{Answer, Server};
use crate::sim::store::Cluster;
use crate::sim::things;
use crate::sim::trace::Trace;
use crate::sim::world::{heard, told};

/// Looks at the session in which one device must have sent and read everything.
const LOOKS: usize = 20;

/// Turns of both devices after which nothing may be left to send or to read.
const TURNS: usize = 4;

/// Decisions after which nothing may be left to decide.
const DECISIONS: usize = 20;

const DAY: i64 = 86_400_000;
const HORIZON: Duration = Duration::from_hours(90 * 24);
const SEED: u64 = 1;
const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
const PARTITION: PartitionId = PartitionId { workspace: WORKSPACE, partition: Partition(0) };

/// What of an exchange arrives.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Both,
    Answers,
    Requests,
}

/// The two devices and the server.
pub struct Pair {
    model: Shared,
    devices: Vec<Device>,
    time: Time,
    server: Server,
    record: RecordId,
}

/// How every sequence begins: both have read the record, which the first one made.
pub struct Start {
    model: Shared,
    devices: Vec<Device>,
    stored: (Head, Vec<Row>),
    bug: Option<Bug>,
}

impl Start {
    /// Makes the record.
    pub async fn new(bug: Option<Bug>) -> Self {
        let model = Shared::new(WORKSPACE, &Weather::CALM, false);
        let (time, server) = served(&model, bug);
        let device =
            |n| Device::member(n, true, WORKSPACE, Weather::CALM.partitions, model.clone(), SEED, bug);
        let mut devices = vec![device(0), device(1)];
        devices[1].skew = -DAY;
        let mut pair = Pair { model, devices, time, server, record: things::thing(0) };
        pair.exchange(0, Way::Both).await;
        let (now, mut fields) = (pair.time.now(), things::definition());
        fields.retain(|field| ["title", "n"].contains(&field.name.as_str()));
        let defined = pair.devices[0].define(now, &fields);
        let there = pair.write(0, "title") && pair.write(0, "n");
        pair.check(Invariant::Liveness, defined && there, || "the record cannot be made".into());
        pair.all_exchange().await;
        let stored = pair.server.cluster().all(PARTITION).await;
        let stored = stored.expect("a store in memory that is not asked to fail answers");
        Self { model: pair.model, devices: pair.devices, stored, bug }
    }

    /// A pair that begins there.
    pub async fn pair(&self, keep_trace: bool) -> Pair {
        let model = self.model.another();
        let (time, server) = served(&model, self.bug);
        let filled = server.cluster().fill(PARTITION, self.stored.clone()).await;
        let devices = self.devices.iter().map(|device| device.another(model.clone())).collect();
        let mut pair = Pair { model, devices, time, server, record: things::thing(0) };
        pair.check(Invariant::AckDurable, filled == Ok(Committed::Yes), || "the store is not filled".into());
        pair.all_exchange().await;
        pair.model.lock().trace = Trace::new(keep_trace);
        pair
    }
}

fn served(model: &Shared, bug: Option<Bug>) -> (Time, Server) {
    let time = Time::default();
    time.show();
    let cluster = Arc::new(Cluster::new(Ground::new(false, time.store()), model.clone(), SEED, bug));
    let partitions = Weather::CALM.partitions;
    let server = Server::new(cluster, model.clone(), time.nodes(), WORKSPACE, partitions, HORIZON, bug);
    (time, server)
}

impl Pair {
    /// Plays one action; whether it did anything.
    pub async fn play(&mut self, action: Action) -> bool {
        let starts = |pair: &Self| pair.devices.iter().map(|device| device.epoch).sum::<u64>();
        let before = starts(self);
        self.act(action).await || starts(self) != before
    }

    async fn act(&mut self, action: Action) -> bool {
        advance(Duration::from_secs(1)).await;
        self.time.show();
        self.tell(|| action.to_string());
        let (n, act) = match action {
            Action::On(Who::A, act) => (0, act),
            Action::On(Who::B, act) => (1, act),
            Action::Nodes => {
                (0..2).for_each(|n| self.server.crash(n));
                return true;
            }
        };
        match act {
            Act::Title => self.write(n, "title"),
            Act::Number => self.write(n, "n"),
            Act::Delete => self.delete(n),
            Act::Current => self.decide(n, &BulkRule::Current),
            Act::Incoming => self.decide(n, &BulkRule::Incoming),
            Act::Cut if self.devices[n].disk.awaits_failure() => false,
            Act::Cut => {
                self.devices[n].disk.plan_cut(0, false);
                true
            }
            Act::Sync => self.exchange(n, Way::Both).await,
            // with nothing to send it is the same as the one above
            Act::Read => self.has_unsent(n) && self.exchange(n, Way::Answers).await,
            Act::Send => self.has_unsent(n) && self.exchange(n, Way::Requests).await,
        }
    }

    /// Whether a cut of the power has not come yet.
    pub fn awaits_cut(&self) -> bool {
        self.devices.iter().any(|device| device.disk.awaits_failure())
    }

    /// The checks made so far.
    pub fn checks(&self) -> Checks {
        self.model.lock().checks.clone()
    }

    /// What happened so far, where it was kept.
    pub fn lines(&self) -> Vec<String> {
        std::mem::replace(&mut self.model.lock().trace, Trace::new(false)).into_lines()
    }

    fn check(&self, invariant: Invariant, holds: bool, how: impl FnOnce() -> String) {
        self.model.lock().checks.that(invariant, holds, how);
    }

    /// What only people read.
    fn tell(&self, line: impl FnOnce() -> String) {
        let trace = &mut self.model.lock().trace;
        if trace.is_kept() {
            trace.line(line());
        }
    }

    fn is_broken(&self) -> bool {
        self.model.lock().checks.broken().is_some()
    }

    fn write(&mut self, n: usize, field: &str) -> bool {
        let device = &mut self.devices[n];
        let (now, id, name) =
            (device.now(self.time.now()), self.record.clone(), FieldName::from_label(field));
        let base = device.base(&id);
        let view = device.replica.view(&id, base.as_ref());
        let saw = view.as_ref().and_then(|fields| fields.get(&name)).cloned().unwrap_or_default();
        let own = || Value::from(format!("{n}.{}", device.promises.acked.len()).as_str());
        let want = match saw.as_integer() {
            _ if field == "title" => own(),
            Some(number) => Value(number.wrapping_add(1).into()),
            None => Value(1.into()),
        };
        let made = match view {
            Some(_) => {
                let seen = [(name, things::seen(saw, want))].into();
                device.replica.edit(now, id, base.as_ref(), seen)
            }
            None => device.replica.insert(now, id, base.as_ref(), Fields::from([(name, want)])),
        };
        device.act(made, &[])
    }

    fn delete(&mut self, n: usize) -> bool {
        let device = &mut self.devices[n];
        let base = device.base(&self.record);
        let made = device.replica.delete(device.now(self.time.now()), vec![(self.record.clone(), base)]);
        device.act(made, &[])
    }

    fn decide(&mut self, n: usize, rule: &BulkRule) -> bool {
        let device = &mut self.devices[n];
        let undecided = device.replica.conflicts().find(|c| device.replica.decided(c).is_none());
        let Some(conflict) = undecided.map(|c| c.id) else { return false };
        let (now, bases) = (device.now(self.time.now()), [device.base(&self.record)]);
        let made = device.replica.decide_many(now, rule, &[conflict], &bases, &mut Tally::default());
        device.act(made, &[])
    }

    fn has_unsent(&self, n: usize) -> bool {
        self.devices[n].replica.outbox().any(|pending| pending.judged == Judged::No)
    }

    fn is_quiet(&self, n: usize) -> bool {
        self.devices[n].is_quiet(&self.model.lock())
    }

    /// A device is there for as long as it has something to send or to read; whether it had.
    async fn exchange(&mut self, n: usize, way: Way) -> bool {
        if way == Way::Both && self.is_quiet(n) {
            return false;
        }
        let before = self.devices[n].replica.cursor().clone();
        let looks = if way == Way::Both { LOOKS } else { 3 };
        let mut sent = false;
        self.devices[n].away = false;
        self.devices[n].session.nudge();
        for _ in 0..looks {
            let (now, epoch) = (self.time.now(), self.devices[n].epoch);
            for ask in self.devices[n].due(now) {
                let push = matches!(ask, Outgoing::Push(_));
                sent |= push;
                self.tell(|| format!("  {n} asks {}", told(&ask)));
                let answer = self.carry(n, ask, way).await;
                self.tell(|| match &answer {
                    Ok(answer) => format!("  {n} hears {}", heard(answer)),
                    Err(_) => format!("  {n} hears nothing"),
                });
                // nobody hears an answer for whom the power was cut meanwhile
                if self.devices[n].epoch == epoch {
                    self.devices[n].deliver(now, push, answer);
                }
            }
            if self.is_quiet(n) || self.is_broken() {
                break;
            }
        }
        let device = &mut self.devices[n];
        device.away = true;
        device.session.dropped();
        match way {
            Way::Both => true,
            Way::Answers => *device.replica.cursor() != before,
            Way::Requests => sent,
        }
    }

    async fn carry(&self, n: usize, mut ask: Outgoing, way: Way) -> Result<Answer, SendError> {
        let lost = || Err(SendError::NoAnswer("cut".into()));
        let push = matches!(ask, Outgoing::Push(_));
        if push && way == Way::Answers || !push && way == Way::Requests {
            return lost();
        }
        if let Outgoing::Pull(_, pull) = &mut ask {
            pull.wait_ms = 0;
        }
        // each device has a node of its own
        let answer = self.server.serve(n, &self.devices[n].member, ask).await;
        if way == Way::Requests { lost() } else { answer }
    }

    /// Both send and read everything.
    async fn all_exchange(&mut self) {
        for _ in 0..TURNS {
            for n in 0..2 {
                self.exchange(n, Way::Both).await;
            }
            if (0..2).all(|n| self.is_quiet(n)) || self.is_broken() {
                break;
            }
        }
        let quiet = (0..2).all(|n| self.is_quiet(n));
        self.check(Invariant::Liveness, quiet, || format!("not quiet after {TURNS} turns"));
    }

    /// Everything is sent and read, all that is open is decided, and both see the same.
    pub async fn end(&mut self) {
        self.tell(|| "the end: all is sent and read".into());
        self.all_exchange().await;
        converged(&self.model, &self.devices);
        conserved(&self.model, &self.devices);
        for _ in 0..DECISIONS {
            let now = self.time.now();
            if self.is_broken() || !self.devices.iter_mut().any(|device| device.tidy_up(now)) {
                break;
            }
            self.all_exchange().await;
        }
        self.devices.iter_mut().for_each(Device::restart);
        self.all_exchange().await;
        converged(&self.model, &self.devices);
        conserved(&self.model, &self.devices);
        all_see_the_same(&self.model, &self.devices);
    }
}
