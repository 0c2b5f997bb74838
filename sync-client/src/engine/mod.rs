//! Runs replicas on stores against a server: commands in, answers and events out. One engine per device, on one thread, for all
//! workspaces that are open there (`desks`).
//!
//! The loop takes one input at a time (a command, an answer of the server, a timer), turns it into a batch, commits
//! the batch, and only then lets memory, screens and the network know. Requests run beside it; no command waits for
//! the network unless it is about the account.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use futures::channel::{mpsc, oneshot};
use futures::future::LocalBoxFuture;
use futures::lock::Mutex;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, SinkExt};
use sync_protocol::message::{ProblemCode, PullAnswer, PushAnswer, SnapshotAnswer};
use sync_protocol::{Counter, Rejection, ReplicaId, Timestamp, Verdict, WorkspaceId};

use crate::api::{Answer, Command, Event, Failure, FailureKind};
use crate::device::Device;
use crate::replica::session::SendError;
use crate::status::Status;
use crate::store::LocalStore;
use crate::transport::Transport;

mod account;
mod address;
mod asking;
#[cfg(feature = "screens")]
mod auditing;
mod deciding;
mod desks;
mod events;
#[cfg(feature = "screens")]
mod exporting;
#[cfg(feature = "screens")]
mod importing;
mod leaving;
mod local;
#[cfg(feature = "screens")]
mod members;
#[cfg(feature = "screens")]
mod mirroring;
mod past;
mod profile;
mod reading;
mod records;
mod refusal;
#[cfg(feature = "screens")]
mod reshaping;
#[cfg(not(target_arch = "wasm32"))]
mod sign_in;
mod watching;
mod workspace;
mod writing;

use account::AccountDone;
use asking::Told;
use desks::{Desk, Place};
use events::Telling;
pub use events::{Events, Notice, Notices};
use profile::Profile;

/// Commands that may wait in line; a screen that sends more waits itself.
const COMMANDS: usize = 256;
/// Idle time before the store is tidied up, in milliseconds: longer than the pauses of whoever types, short enough that most of
/// what came is in pages when a program ends, because what is not makes its next start longer.
const TIDY_AFTER_MS: u64 = 500;
/// Time after a write until the store is asked how full it is, in milliseconds: the figure is for people.
const USAGE_AFTER_MS: i64 = 2_000;

type Reply = oneshot::Sender<Result<Answer, Failure>>;

/// A command on its way, with the workspace that it is about and the name of the asking where it has these.
struct Asked {
    command: Command,
    request: Option<String>,
    workspace: Option<WorkspaceId>,
    who: Arc<str>,
    reply: Reply,
}

/// What reaches an engine.
enum Said {
    Asked(Box<Asked>),
    /// This tab or program has gone.
    Gone(Arc<str>),
}

/// Talks to an engine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    /// One sender for all: each would have a place of its own in the line.
    commands: Arc<Mutex<mpsc::Sender<Said>>>,
    who: Arc<str>,
    workspace: Option<WorkspaceId>,
}

impl Handle {
    /// The same for a tab or program of that name: it looks at the workspace that it has opened, whatever others look at, and
    /// undoes its own steps.
    pub fn named(&self, who: &str) -> Self {
        Self { who: who.into(), ..self.clone() }
    }

    /// The same for what is asked about that workspace, which is open; `None`: about the one that its tab or program has opened last.
    /// Where an engine before this one had it open, it is opened again.
    pub fn of(&self, workspace: Option<WorkspaceId>) -> Self {
        Self { workspace, ..self.clone() }
    }

    /// The tab or program has gone: what it alone looked at is closed after a while.
    pub async fn leave(&self) {
        // an engine that has stopped has closed all
        drop(self.commands.lock().await.send(Said::Gone(self.who.clone())).await);
    }

    /// Does a command and waits for its end.
    pub async fn call(&self, command: Command) -> Result<Answer, Failure> {
        self.ask(command, None).await
    }

    /// The same for somebody who will ask again if the answer is lost: what a request of that name has done is not
    /// done twice, also by another engine on the same store.
    pub async fn call_once(&self, request: String, command: Command) -> Result<Answer, Failure> {
        self.ask(command, Some(request)).await
    }

    async fn ask(&self, command: Command, request: Option<String>) -> Result<Answer, Failure> {
        let gone = || {
            failure(
                FailureKind::Internal,
                "Mooring has stopped on this device. Start it again; what was saved is kept.",
            )
        };
        let (reply, answer) = oneshot::channel();
        let asked = Asked { command, request, workspace: self.workspace, who: self.who.clone(), reply };
        self.commands.lock().await.send(Said::Asked(Box::new(asked))).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The end of a request to the server.
enum Done {
    Push(Vec<Counter>, Result<PushAnswer, SendError>),
    Pull(u64, Result<PullAnswer, SendError>),
    Snapshot(Result<SnapshotAnswer, SendError>),
    Account(AccountDone),
    Told(Told),
}

/// Runs everything; see the module.
pub struct Engine<D: Device> {
    device: Rc<D>,
    events: Telling,
    profile: Profile,
    /// The profile as the device keeps it; `None` where that is not known.
    saved_profile: Option<String>,
    /// What the system's place of secrets has of it.
    #[cfg(not(target_arch = "wasm32"))]
    kept: sign_in::Kept,
    transport: Option<Transport>,
    /// Where it is at work, and what goes on there.
    place: Place,
    desk: Desk<D::Store>,
    /// The other workspaces that are open.
    aside: Vec<(Place, Desk<D::Store>)>,
    #[cfg(feature = "screens")]
    /// Exports begun so far.
    exports: u64,
    /// The name of the asking that is being answered, if it has one.
    request: Option<String>,
    /// Who asks for what is being answered.
    who: Arc<str>,
    /// Somebody wants to know which records change.
    follow: bool,
    /// Requests that are not a workspace's own, with who asked, and where.
    account: FuturesUnordered<LocalBoxFuture<'static, (Arc<str>, Place, Done)>>,
    /// Nothing is sent or fetched until somebody lets it go on.
    paused: bool,
    /// When the server was asked for the person's name because others know another one.
    name_asked: Option<Timestamp>,
}

enum Input {
    Said(Option<Said>),
    Done((Arc<str>, Place, Done)),
    Timer,
}

impl<D: Device> Engine<D> {
    /// Makes an engine with its handle and its events; `Engine::run` must be polled for anything to happen.
    pub fn start(device: D) -> (Handle, Events, impl Future<Output = ()>) {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (events, told) = events::events();
        let engine = Self {
            device: Rc::new(device),
            events,
            profile: Profile::default(),
            saved_profile: None,
            #[cfg(not(target_arch = "wasm32"))]
            kept: sign_in::Kept::default(),
            transport: None,
            place: None,
            desk: Desk::default(),
            aside: Vec::new(),
            #[cfg(feature = "screens")]
            exports: 0,
            request: None,
            who: "".into(),
            follow: false,
            account: FuturesUnordered::new(),
            paused: false,
            name_asked: None,
        };
        let commands = Arc::new(Mutex::new(commands));
        (Handle { commands, who: "".into(), workspace: None }, told, engine.run(inbox))
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Said>) {
        self.end_earlier_views();
        self.take_seat(None).await;
        let mut opening = self.restore().await;
        loop {
            for place in self.places() {
                self.turn_to(place);
                self.mend().await;
                self.send_due();
                self.tell_status().await;
            }
            self.leave_alone().await;
            self.events.deliver();
            step_aside().await;
            match self.next_input(&mut inbox).await {
                Input::Said(None) => break,
                Input::Said(Some(Said::Gone(who))) => self.gone(&who),
                Input::Said(Some(Said::Asked(asked))) => match &opening {
                    // a device whose profile cannot be read says so to every command, and touches nothing
                    Err(failure) => {
                        drop(asked.reply.send(Err(failure.clone())));
                        self.who = "".into();
                        opening = self.restore().await;
                    }
                    Ok(()) => self.command(*asked).await,
                },
                Input::Done((who, place, done)) => {
                    self.who = who;
                    self.turn_to(place.filter(|workspace| self.has_desk(*workspace)));
                    self.done(done).await;
                }
                Input::Timer => {
                    self.who = "".into();
                    for place in self.places() {
                        self.turn_to(place);
                        self.timer().await;
                    }
                }
            }
        }
    }

    /// Begins a request that is not a workspace's own: its end finds who asked for it, and where.
    fn later(&mut self, request: impl Future<Output = Done> + 'static) {
        let (who, place) = (self.who.clone(), self.place);
        self.account.push(async move { (who, place, request.await) }.boxed_local());
    }

    async fn next_input(&mut self, inbox: &mut mpsc::Receiver<Said>) -> Input {
        let sleep = self.device.clone();
        let pause = self.pause_ms();
        let timer = async move {
            match pause {
                Some(ms) => sleep.sleep(ms).await,
                None => futures::future::pending().await,
            }
        };
        let mut done = std::pin::pin!(desks::next_done(self.place, &mut self.desk, &mut self.aside).fuse());
        futures::select_biased! {
            said = inbox.next() => Input::Said(said),
            done = self.account.select_next_some() => Input::Done(done),
            (place, done) = done => Input::Done(("".into(), place, done)),
            () = timer.fuse() => Input::Timer,
        }
    }

    /// How long to wait for a reason to act, in milliseconds.
    fn pause_ms(&self) -> Option<u64> {
        if self.desks().any(|(_, desk)| desk.is_busy()) {
            return Some(0);
        }
        let now = self.device.now();
        let of_desk = |desk: &Desk<D::Store>| {
            let session = desk.open.as_ref().map(|open| {
                let holds = open.session.holds_until(now, &open.replica);
                [open.session.wakes_at(), open.session.gathers_until(now), holds]
            });
            let own = session.map(|_| [desk.tidy_at, desk.usage_at, desk.mend_at]);
            session.into_iter().flatten().chain(own.into_iter().flatten()).flatten().min()
        };
        let due = self.desks().filter_map(|(_, desk)| of_desk(desk)).chain(self.alone_until()).min()?;
        Some((due.0 - now.0).clamp(0, 60_000) as u64)
    }

    /// Hands out every request that is due.
    fn send_due(&mut self) {
        let (Some(open), Some(transport)) = (&mut self.desk.open, &self.transport) else { return };
        if open.replica.is_local() {
            return;
        }
        let now = self.device.now();
        while let Some(outgoing) = open.session.next(now, &open.replica) {
            self.desk.requests.push(open.request(transport, outgoing));
        }
    }

    async fn timer(&mut self) {
        #[cfg(feature = "screens")]
        if self.desk.importing.is_some() {
            return self.import_step().await;
        }
        if self.desk.deciding.is_some() {
            return self.decide_step().await;
        }
        let now = self.device.now();
        if let (Some(open), Some(due)) = (&mut self.desk.open, self.desk.usage_at)
            && now >= due
        {
            open.usage = open.store.usage().await;
            self.desk.usage_at = None;
        }
        if let (Some(open), Some(due)) = (&self.desk.open, self.desk.tidy_at)
            && now >= due
        {
            // a store that cannot tidy up now still works; the next commit says what is wrong with it
            let more = open.store.tidy().await.unwrap_or(false);
            self.desk.tidy_at = more.then_some(Timestamp(now.0 + 20));
        }
    }

    fn touched(&mut self) {
        let now = self.device.now();
        self.desk.tidy_at = Some(Timestamp(now.0 + TIDY_AFTER_MS as i64));
        let usage = Timestamp(now.0 + USAGE_AFTER_MS);
        // never later because of another write, nor because the clock was set back
        self.desk.usage_at = Some(self.desk.usage_at.map_or(usage, |due| due.min(usage)));
    }

    async fn done(&mut self, done: Done) {
        let now = self.device.now();
        let random = self.random_number();
        let result = match done {
            Done::Account(done) => return self.account_done(done).await,
            Done::Told(told) => return self.told(told),
            Done::Push(sent, Ok(answer)) => self.pushed(sent, answer).await,
            // one change alone that is too large for a request is too large for good: it is refused like any other
            Done::Push(sent, Err(error)) if sent.len() == 1 && error.is_too_large() => {
                self.pushed(sent, PushAnswer { verdicts: vec![too_large()] }).await
            }
            Done::Pull(number, Ok(answer)) => self.pulled(number, answer).await,
            Done::Snapshot(Ok(answer)) => self.snapshotted(answer).await,
            Done::Push(_, Err(error)) => Err((true, error)),
            Done::Pull(_, Err(error)) | Done::Snapshot(Err(error)) => Err((false, error)),
        };
        if let (Err((push, error)), Some(open)) = (result, &mut self.desk.open) {
            tracing::debug!(push, %error, "a request brought no answer");
            open.session.failed(now, random, push, &error);
            if matches!(&error, SendError::Problem { problem, .. } if problem.code == ProblemCode::NotFound) {
                self.ask_workspaces(None);
            }
        }
    }

    /// A name for a replica.
    fn new_name(&self) -> ReplicaId {
        ReplicaId(uuid::Builder::from_random_bytes(self.device.random()).into_uuid())
    }

    fn random_number(&self) -> u64 {
        u64::from_le_bytes(self.device.random()[..8].try_into().expect("8 bytes of 16"))
    }

    async fn tell_status(&mut self) {
        self.note_contact(false).await;
        let status = self.status();
        if self.desk.told.as_ref() != Some(&status) {
            self.desk.told = Some(status.clone());
            self.tell(Event::Status(Box::new(status)));
        }
        self.tell_views();
    }

    /// Tells the screens: all of them what is about the account, and what is about a workspace those that look at it.
    fn tell(&self, event: Event) {
        let is_for_all = matches!(event, Event::SessionChanged | Event::Ended { ids: None });
        self.events.tell((!is_for_all).then_some(self.place), event);
    }

    fn status(&self) -> Status {
        match &self.desk.open {
            Some(open) => open.status(self.device.now()),
            None => {
                let problem = self.desk.shut.as_ref().map(|failure| failure.message.clone());
                Status { problem, ..Status::default() }
            }
        }
    }
}

/// Lets others on this thread go first: answers and events reach whoever waits before the next requests are made.
async fn step_aside() {
    let mut aside = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut aside, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn too_large() -> Verdict {
    let reason = Rejection::TooLarge { limit: sync_protocol::limits::RECORD_BYTES };
    Verdict::from(reason)
}

fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(kind, message)
}
