//! The world: devices, the network, the server, and time. Plays a plan.
//!
//! Everything runs on one thread: tokio's current-thread runtime with its clock paused. The server's code waits and spawns
//! tasks with tokio; with a paused clock the runtime jumps to the next moment at which something happens, in an order that
//! only the seed decides. The replicas' code waits for nothing: it is called.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sync_client::replica::session::Outgoing;
use sync_protocol::{Change, WorkspaceId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::bugs::Bug;
use super::checks::{Broken, Invariant};
use super::clock::Time;
use super::desk::Desk;
use super::device::{Device, Image};
use super::ground::Ground;
use super::mirror::Mirror;
use super::mirror::account::Account;
use super::model::Shared;
use super::network::{Arrival, Fate, Letter, carry};
use super::plan::{Plan, Step, Weather, What};
use super::random::Random;
use super::server::Server;
use super::store::Cluster;
use super::things;

/// How long a server keeps its feed that keeps it for minutes only.
const SHORT_HORIZON: Duration = Duration::from_secs(600);
const LONG_HORIZON: Duration = Duration::from_hours(90 * 24);

/// Longer than the clock of any program or node is ahead, in milliseconds.
const HOURS: i64 = 26 * 3_600_000;

/// The world of one run.
pub struct World {
    /// What is known outside of what is checked.
    pub model: Shared,
    /// The devices.
    pub devices: Vec<Device>,
    /// Time.
    pub time: Time,
    server: Server,
    mirror: Option<Mirror>,
    desk: Desk,
    weather: Weather,
    fates: Vec<Random>,
    /// Per device, the last copy of its disk.
    images: Vec<Option<Image>>,
    arrivals: (UnboundedSender<Arrival>, UnboundedReceiver<Arrival>),
}

impl World {
    /// A workspace on two nodes with its devices; the first one has defined the collection.
    pub async fn new(plan: &Plan, bug: Option<Bug>, keep_trace: bool) -> Self {
        let (weather, seed) = (plan.weather.clone(), plan.seed);
        let workspace = WorkspaceId(Uuid::from_u128(1));
        let model = Shared::new(workspace, &weather, keep_trace);
        let time = Time::default();
        let ground = Ground::new(plan.on_sled, time.store());
        let cluster = Arc::new(Cluster::new(ground, model.clone(), seed, bug));
        let horizon = if weather.short_horizon { SHORT_HORIZON } else { LONG_HORIZON };
        let server =
            Server::new(cluster, model.clone(), time.nodes(), workspace, weather.partitions, horizon, bug);
        server.add_neighbour().await;
        let devices = (0..weather.replicas).map(|n| {
            let model = model.clone();
            Device::member(n, n == 0, workspace, weather.partitions, model, seed, bug)
        });
        let mut world = Self {
            devices: devices.collect(),
            model,
            time,
            server,
            mirror: None,
            desk: Desk::open(),
            weather: Weather { drop: 0, duplicate: 0, ghost: 0, short: 0, ..weather },
            fates: (0..plan.weather.replicas as u64).map(|n| Random::of(seed, 300 + n)).collect(),
            images: (0..plan.weather.replicas).map(|_| None).collect(),
            arrivals: unbounded_channel(),
        };
        world.until_quiet(60_000).await;
        world.begin_to_mirror(plan, bug);
        let now = world.time.now();
        let defined = world.devices[0].define(now, &things::definition());
        world
            .model
            .lock()
            .checks
            .that(Invariant::Liveness, defined, || "the collection cannot be defined".into());
        world.until_quiet(60_000).await;
        world.weather = plan.weather.clone();
        world.server.cluster().storm(&plan.weather);
        world
    }

    fn begin_to_mirror(&mut self, plan: &Plan, bug: Option<Bug>) {
        if !plan.weather.mirrored {
            return;
        }
        let (server, model, account) =
            (self.server.clone(), self.model.clone(), Account::new(self.time.watch()));
        let partitions = plan.weather.partitions;
        self.mirror = Some(Mirror::new(server, model, account, partitions, plan.seed, bug));
    }

    /// The first invariant that broke.
    pub fn broken(&self) -> Option<Broken> {
        self.model.lock().checks.broken().cloned()
    }

    /// Plays one step.
    pub async fn play(&mut self, n: usize, step: &Step) {
        self.until(step.after).await;
        let at = step.at % self.devices.len();
        self.line(|| format!("{n} {at} {:?}", step.what));
        // all but the first come when a step is about them
        if !self.devices[at].joined {
            self.devices[at].sign_in();
        }
        let done = self.happen(at, &step.what);
        if done {
            self.line(|| "  saved".into());
        }
    }

    fn happen(&mut self, at: usize, what: &What) -> bool {
        let now = self.time.now();
        if let What::Copy { from } = *what {
            let from = from as usize % self.devices.len();
            if from != at && self.devices[from].joined {
                self.model.lock().faults.add("disk: copied to another device");
                let image = self.devices[from].image();
                self.devices[at].becomes(&image, true, false);
            }
            return false;
        }
        let device = &mut self.devices[at];
        let fault = |kind| self.model.lock().faults.add(kind);
        match *what {
            What::Crash { commits, stored } => device.disk.plan_cut(commits, stored),
            What::Full { commits } => device.disk.plan_full(commits),
            What::Restart => {
                fault("program: restart");
                device.restart();
            }
            What::SecondOwner => {
                fault("program: second owner of a store");
                device.second_owner();
            }
            What::SignOut => {
                fault("session: signed out, data kept");
                device.restart();
                device.away = true;
                device.member.signed_in.store(false, Ordering::SeqCst);
            }
            What::Expire => {
                fault("session: token expired");
                device.member.signed_in.store(false, Ordering::SeqCst);
            }
            What::SignIn => device.sign_in(),
            What::Cut { way } => device.member.cut.store(way, Ordering::SeqCst),
            What::Mend => device.member.cut.store(0, Ordering::SeqCst),
            What::Nudge => device.session.nudge(),
            What::Skew { ms } => {
                fault(if ms < device.skew { "clock: device set back" } else { "clock: device set forward" });
                device.skew = ms;
            }
            What::ServerSkew { ms } => {
                fault("clock: server node off");
                self.time.skew_node(at, ms);
            }
            What::NodeCrash => {
                fault("server: node died");
                self.server.crash(at % 2);
                if let Some(mirror) = &mut self.mirror {
                    mirror.crash(at % 2);
                }
            }
            What::Dark { ms } => {
                fault("store: dark for a while");
                self.server.cluster().darken(ms);
            }
            What::Role { reader } => {
                fault(if reader { "member: may only read" } else { "member: may write" });
                device.member.reader.store(reader, Ordering::SeqCst);
            }
            What::Pass { minutes } => {
                fault("time: rows grow old");
                self.time.pass(minutes);
                if let Some(mirror) = &mut self.mirror {
                    mirror.pass();
                }
            }
            What::Program { .. } | What::MirrorCrash { .. } | What::Lease { .. } => self.mirrored(what),
            What::Backup => self.images[at] = Some(device.image()),
            What::Restore { resumed } => {
                if let Some(image) = &self.images[at] {
                    fault("disk: set back to an earlier copy");
                    device.becomes(image, false, resumed);
                }
            }
            What::Wait => {}
            _ => return device.person(what, now),
        }
        false
    }

    /// What is about the mirrored table.
    fn mirrored(&mut self, what: &What) {
        let Some(mirror) = &mut self.mirror else { return };
        let mut model = self.model.lock();
        match *what {
            What::Program { key, pick } => {
                model.faults.add("table: another program writes");
                let done = model.mirror.as_mut().map(|account| account.program(&things::thing(key), pick));
                model.trace.line(format!("  a program {}", done.unwrap_or_default()));
            }
            What::MirrorCrash { worker } => {
                model.faults.add("server: a mirror died");
                drop(model);
                mirror.crash(worker as usize);
            }
            What::Lease { worker } => {
                model.faults.add(if worker == 2 {
                    "server: two mirror at once"
                } else {
                    "server: another mirrors"
                });
                mirror.lease(worker);
            }
            _ => {}
        }
    }

    /// Lets so many milliseconds pass.
    pub async fn until(&mut self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        loop {
            self.time.show();
            self.mirror.iter().for_each(|mirror| mirror.deliver(false));
            self.send();
            match timeout_at(end, self.arrivals.1.recv()).await {
                Ok(Some(arrival)) => self.arrive(arrival),
                Ok(None) | Err(_) => break,
            }
        }
        self.time.show();
    }

    /// Sends what is due.
    fn send(&mut self) {
        let now = self.time.now();
        for (n, device) in self.devices.iter_mut().enumerate() {
            for ask in device.due(now) {
                let fate = Fate::of(&mut self.fates[n], &self.weather);
                self.model.lock().trace.line(format!("  {n} asks {}", told(&ask)));
                let letter = Letter {
                    device: n,
                    node: self.fates[n].below(2) as usize,
                    epoch: device.epoch,
                    member: device.member.clone(),
                    ask,
                    fate,
                    partitions: self.weather.partitions,
                };
                tokio::spawn(carry(self.server.clone(), self.desk.clone(), letter, self.arrivals.0.clone()));
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.time.now();
        let device = &mut self.devices[arrival.device];
        if device.epoch != arrival.epoch {
            return;
        }
        let (n, push) = (arrival.device, arrival.push);
        let what = match &arrival.answer {
            Ok(answer) => heard(answer),
            Err(error) => format!("no answer to its {}: {error}", if push { "push" } else { "pull" }),
        };
        self.model.lock().trace.line(format!("  {n} hears {what}"));
        device.deliver(now, push, arrival.answer);
    }

    /// No more faults from now on: only clocks stay as wrong as they are.
    pub fn heal(&mut self) {
        self.weather = Weather { drop: 0, duplicate: 0, ghost: 0, short: 0, ..self.weather.clone() };
        self.server.cluster().heal();
        self.mirror.iter().for_each(Mirror::heal);
        for device in &mut self.devices {
            device.disk.heal();
            device.member.cut.store(0, Ordering::SeqCst);
            device.member.reader.store(false, Ordering::SeqCst);
            // nobody clicks: what waits goes on by itself
            if device.away || !device.member.signed_in.load(Ordering::SeqCst) {
                device.sign_in();
            }
        }
        self.line(|| "healed".into());
    }

    /// Whether a table is mirrored.
    pub fn is_mirrored(&self) -> bool {
        self.mirror.is_some()
    }

    /// Hours pass for the table and its mirror, whose clocks are right from now on: what lies in the future is past.
    pub fn hours_pass(&mut self) {
        (0..2).for_each(|n| self.time.skew_node(n, HOURS));
        let mut model = self.model.lock();
        if let Some(account) = &mut model.mirror {
            account.pass(HOURS);
        }
    }

    /// Waits until everything is sent and read; whether that came in time.
    pub async fn until_quiet(&mut self, most_ms: u64) -> bool {
        let end = self.time.elapsed_ms() + most_ms;
        loop {
            self.until(100).await;
            if self.broken().is_some() {
                return false;
            }
            let mirrored = self.mirror.as_ref().is_none_or(Mirror::is_quiet);
            if mirrored
                && self.devices.iter().filter(|device| !device.away).all(|device| self.is_quiet(device))
            {
                return true;
            }
            if self.time.elapsed_ms() >= end {
                return false;
            }
        }
    }

    fn is_quiet(&self, device: &Device) -> bool {
        device.is_quiet(&self.model.lock())
    }

    /// What keeps a device from being quiet, for people.
    pub fn unrest(&self) -> String {
        let restless = self.devices.iter().filter(|device| !self.is_quiet(device));
        let told = restless.map(|device| {
            let replica = &device.replica;
            format!(
                "replica {}: {} unsent, cursor {:?}, snapshot {:?}, verified {}, wakes at {:?}, problem {:?}",
                device.n,
                replica.outbox().filter(|p| !replica.is_held(&p.change)).count(),
                replica.cursor().0,
                replica.snapshot(),
                device.session.is_verified(replica),
                device.session.wakes_at().map(|at| at.0 - device.now(self.time.now()).0),
                device.session.problem()
            )
        });
        let mirror =
            self.mirror.iter().filter(|mirror| !mirror.is_quiet()).map(|_| "the mirror works".into());
        told.chain(mirror).collect::<Vec<_>>().join("; ")
    }

    /// Adds a line to the trace.
    pub fn line(&self, line: impl FnOnce() -> String) {
        self.model.lock().trace.line(line());
    }
}

/// A request, for people.
pub(super) fn told(ask: &Outgoing) -> String {
    match ask {
        Outgoing::Push(push) => {
            let known = |c: &Change| if push.only_known.contains(&c.id.counter) { "?" } else { "" };
            let told = |c: &Change| format!("{}{} {}", c.id.counter, known(c), c.record);
            let changes: Vec<String> = push.changes.iter().map(told).collect();
            format!("push [{}] settled {}", changes.join(", "), push.settled)
        }
        Outgoing::Pull(number, pull) => {
            format!("pull {number} from {:?}", pull.cursor.0.iter().map(|r| r.0).collect::<Vec<_>>())
        }
        Outgoing::Snapshot(snapshot) => {
            format!("snapshot {:?}", snapshot.partitions.iter().map(|p| p.0).collect::<Vec<_>>())
        }
    }
}

/// An answer, for people.
pub(super) fn heard(answer: &super::server::Answer) -> String {
    use super::server::Answer;
    match answer {
        Answer::Push(sent, answer) => {
            let verdicts: Vec<String> =
                sent.iter().zip(&answer.verdicts).map(|(c, v)| format!("{c} {v:?}")).collect();
            format!("verdicts [{}]", verdicts.join(", "))
        }
        Answer::Pull(number, answer) => {
            let entries: usize = answer.feeds.iter().map(|feed| feed.entries.len()).sum();
            format!("news of {number}: {entries} entries, more {}, expired {:?}", answer.more, answer.expired)
        }
        Answer::Snapshot(answer, _) => format!("snapshot: finished {:?}", answer.finished),
    }
}
