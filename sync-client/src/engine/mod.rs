//! Runs a replica on a store against a server: commands in, answers and events out. One engine per device, on one thread.
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
mod watching;
mod workspace;
mod writing;

use account::AccountDone;
use asking::Told;
#[cfg(feature = "screens")]
use auditing::AuditExport;
use deciding::Deciding;
pub use events::Events;
use events::Telling;
#[cfg(feature = "screens")]
use importing::Importing;
use profile::Profile;
use workspace::Workspace;

/// Commands that may wait in line; a screen that sends more waits itself.
const COMMANDS: usize = 256;
/// Idle time before the store is tidied up, in milliseconds: longer than the pauses of whoever types, short enough that most of
/// what came is in pages when a program ends, because what is not makes its next start longer.
const TIDY_AFTER_MS: u64 = 500;
/// Time after a write until the store is asked how full it is, in milliseconds: the figure is for people.
const USAGE_AFTER_MS: i64 = 2_000;

type Reply = oneshot::Sender<Result<Answer, Failure>>;

/// A command on its way, with the name of the asking where it has one.
struct Asked {
    command: Command,
    request: Option<String>,
    who: Arc<str>,
    reply: Reply,
}

/// Talks to an engine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    /// One sender for all: each would have a place of its own in the line.
    commands: Arc<Mutex<mpsc::Sender<Asked>>>,
    who: Arc<str>,
}

impl Handle {
    /// The same for a tab or program of that name: it undoes its own steps, and nobody else's.
    pub fn named(&self, who: &str) -> Self {
        Self { who: who.into(), ..self.clone() }
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
        let asked = Asked { command, request, who: self.who.clone(), reply };
        self.commands.lock().await.send(asked).await.map_err(|_| gone())?;
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
    transport: Option<Transport>,
    open: Option<Workspace<D::Store>>,
    /// The workspace that was to be opened and could not be, with the reason.
    shut: Option<(WorkspaceId, Failure)>,
    #[cfg(feature = "screens")]
    file: Option<crate::import::File>,
    #[cfg(feature = "screens")]
    importing: Option<Importing>,
    #[cfg(feature = "screens")]
    /// What the last import refused, as a file.
    refused_rows: Option<String>,
    deciding: Option<Deciding>,
    #[cfg(feature = "screens")]
    audit: Option<AuditExport>,
    #[cfg(feature = "screens")]
    /// Exports begun so far.
    exports: u64,
    /// The name of the asking that is being answered, if it has one.
    request: Option<String>,
    /// Who asks for what is being answered.
    who: Arc<str>,
    /// Somebody wants to know which records change.
    follow: bool,
    /// Requests of the open workspace; dropped with it.
    requests: FuturesUnordered<LocalBoxFuture<'static, Done>>,
    /// Requests about the account.
    account: FuturesUnordered<LocalBoxFuture<'static, Done>>,
    told: Option<Status>,
    /// Nothing is sent or fetched until somebody lets it go on.
    paused: bool,
    tidy_at: Option<Timestamp>,
    /// When the store is asked how full it is; `None` while nothing was written since.
    usage_at: Option<Timestamp>,
    /// When a store that failed is tried again.
    mend_at: Option<Timestamp>,
    /// When the server was asked for the person's name because others know another one.
    name_asked: Option<Timestamp>,
}

enum Input {
    Command(Option<Asked>),
    Done(Done),
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
            transport: None,
            open: None,
            shut: None,
            #[cfg(feature = "screens")]
            file: None,
            #[cfg(feature = "screens")]
            importing: None,
            #[cfg(feature = "screens")]
            refused_rows: None,
            deciding: None,
            #[cfg(feature = "screens")]
            audit: None,
            #[cfg(feature = "screens")]
            exports: 0,
            request: None,
            who: "".into(),
            follow: false,
            requests: FuturesUnordered::new(),
            account: FuturesUnordered::new(),
            told: None,
            paused: false,
            tidy_at: None,
            usage_at: None,
            mend_at: None,
            name_asked: None,
        };
        (Handle { commands: Arc::new(Mutex::new(commands)), who: "".into() }, told, engine.run(inbox))
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Asked>) {
        self.end_earlier_views();
        let mut opening = self.restore().await;
        loop {
            self.mend().await;
            self.send_due();
            self.tell_status().await;
            step_aside().await;
            match self.next_input(&mut inbox).await {
                Input::Command(None) => break,
                Input::Command(Some(asked)) => match &opening {
                    // a device whose profile cannot be read says so to every command, and touches nothing
                    Err(failure) => {
                        drop(asked.reply.send(Err(failure.clone())));
                        opening = self.restore().await;
                    }
                    Ok(()) => self.command(asked).await,
                },
                Input::Done(done) => {
                    self.who = "".into();
                    self.done(done).await;
                }
                Input::Timer => {
                    self.who = "".into();
                    self.timer().await;
                }
            }
        }
    }

    async fn next_input(&mut self, inbox: &mut mpsc::Receiver<Asked>) -> Input {
        let sleep = self.device.clone();
        let pause = self.pause_ms();
        let timer = async move {
            match pause {
                Some(ms) => sleep.sleep(ms).await,
                None => futures::future::pending().await,
            }
        };
        futures::select_biased! {
            command = inbox.next() => Input::Command(command),
            done = self.account.select_next_some() => Input::Done(done),
            done = self.requests.select_next_some() => Input::Done(done),
            () = timer.fuse() => Input::Timer,
        }
    }

    /// How long to wait for a reason to act, in milliseconds.
    fn pause_ms(&self) -> Option<u64> {
        #[cfg(feature = "screens")]
        if self.importing.is_some() {
            return Some(0);
        }
        if self.deciding.is_some() {
            return Some(0);
        }
        let now = self.device.now();
        let open = self.open.as_ref()?;
        let holds = open.session.holds_until(now, &open.replica);
        let session = [open.session.wakes_at(), open.session.gathers_until(now), holds];
        let own = [self.tidy_at, self.usage_at, self.mend_at];
        let due = session.into_iter().chain(own).flatten().min()?;
        Some((due.0 - now.0).clamp(0, 60_000) as u64)
    }

    /// Hands out every request that is due.
    fn send_due(&mut self) {
        let (Some(open), Some(transport)) = (&mut self.open, &self.transport) else { return };
        if open.replica.is_local() {
            return;
        }
        let now = self.device.now();
        while let Some(outgoing) = open.session.next(now, &open.replica) {
            self.requests.push(open.request(transport, outgoing));
        }
    }

    async fn timer(&mut self) {
        #[cfg(feature = "screens")]
        if self.importing.is_some() {
            return self.import_step().await;
        }
        if self.deciding.is_some() {
            return self.decide_step().await;
        }
        let now = self.device.now();
        if let (Some(open), Some(due)) = (&mut self.open, self.usage_at)
            && now >= due
        {
            open.usage = open.store.usage().await;
            self.usage_at = None;
        }
        if let (Some(open), Some(due)) = (&self.open, self.tidy_at)
            && now >= due
        {
            // a store that cannot tidy up now still works; the next commit says what is wrong with it
            let more = open.store.tidy().await.unwrap_or(false);
            self.tidy_at = more.then_some(Timestamp(now.0 + 20));
        }
    }

    fn touched(&mut self) {
        let now = self.device.now();
        self.tidy_at = Some(Timestamp(now.0 + TIDY_AFTER_MS as i64));
        let usage = Timestamp(now.0 + USAGE_AFTER_MS);
        // never later because of another write, nor because the clock was set back
        self.usage_at = Some(self.usage_at.map_or(usage, |due| due.min(usage)));
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
        if let (Err((push, error)), Some(open)) = (result, &mut self.open) {
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
        if self.told.as_ref() != Some(&status) {
            self.told = Some(status.clone());
            self.tell(Event::Status(Box::new(status)));
        }
        self.tell_views();
        self.events.deliver();
    }

    /// Tells the screens.
    fn tell(&self, event: Event) {
        self.events.tell(event);
    }

    fn status(&self) -> Status {
        match &self.open {
            Some(open) => open.status(self.device.now()),
            None => {
                let problem = self.shut.as_ref().map(|(_, failure)| failure.message.clone());
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
