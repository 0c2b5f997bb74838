//! Commands about the account: where the server is, who is signed in, which workspace is open.

use sync_protocol::message::{Info, NewWorkspace, SignIn, SignedIn, User, Workspace as Remote};
use sync_protocol::people::Named;
use sync_protocol::{Counter, Timestamp, WorkspaceId};

use super::address::{addresses, is_open, is_the_same_encrypted};
#[cfg(feature = "screens")]
use super::members::MembersDone;
use super::profile::{Moving, Profile, Token, store_name};
use super::refusal::{refused, refused_there};
use super::workspace::Workspace;
use super::{Done, Engine, Reply, failure};
use crate::api::{Answer, Event, Failure, FailureKind, Session};
use crate::device::Device;
use crate::limits;
use crate::query::storage;
use crate::replica::session::SendError;
use crate::store::Meta;
use crate::transport::Transport;

/// Time for an account's request to be answered, in milliseconds: a person waits for it.
pub(super) const WAIT_MS: u64 = 20_000;

/// How old what is kept of the last contact may become while the server is heard of, in milliseconds.
const CONTACT_MS: i64 = 60_000;

const OPEN: &str = "does not encrypt: others on the network can read the password and all records. Use an address with https://, or connect all the same if you trust the network.";

const NO_MOORING: &str = "There is no Mooring server at this address: something else answers there. Check the address; on a guest network, open its sign-in page first.";

/// How somebody proves who they are.
pub(super) enum Credentials {
    Password(SignIn),
    /// The sample user of a local first run.
    Demo,
    /// A session that is there already.
    Token(String),
}

/// The end of a request about the account.
pub(super) enum AccountDone {
    /// Where the server is, who wants to know, and whether it may be one without encryption.
    Info(String, Option<(Reply, bool)>, Result<Info, SendError>),
    SignedIn(Reply, Option<String>, Result<(SignedIn, Vec<Remote>), SendError>),
    Workspaces(Option<Reply>, Result<(User, Vec<Remote>), SendError>),
    /// A workspace, and all there are; for the records of one that was on this device only, where that is told.
    Made(Reply, Option<WorkspaceId>, Result<(Remote, Vec<Remote>), SendError>),
    SignedOut,
    /// What the system's place of secrets has said, late.
    #[cfg(not(target_arch = "wasm32"))]
    Secret(super::sign_in::SecretDone),
    #[cfg(feature = "screens")]
    Members(Reply, Result<MembersDone, SendError>),
}

impl<D: Device> Engine<D> {
    /// Reads the profile and opens what was open. What became of one workspace keeps nobody from the rest: one that
    /// cannot be opened says so itself.
    pub(super) async fn restore(&mut self) -> Result<(), Failure> {
        self.saved_profile = self.device.load_profile().await.map_err(storage)?;
        self.profile = self.saved_profile.as_ref().map_or_else(Profile::default, |text| {
            sync_protocol::json::read(text).unwrap_or_else(|_| {
                // it names who was signed in; whoever signs in again finds all records as they were
                tracing::warn!("what this device remembered of its account cannot be read: sign in again");
                Profile::default()
            })
        });
        if let Some(home) = self.device.home_server() {
            self.profile.server = Some(home);
        }
        self.connect();
        #[cfg(not(target_arch = "wasm32"))]
        let secret = self.begin_secret().await;
        // what a person sees first waits for nothing else; a workspace on its way to the server's goes on before
        let is_moving = self.profile.moving.is_some();
        if !is_moving {
            self.open_last().await;
        }
        // it is fetched meanwhile
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(secret) = secret {
            self.settle_secret(secret).await;
            self.save_profile().await?;
        }
        let known = self.profile.stores.len();
        self.find_stores().await;
        self.go_on_moving().await;
        if is_moving || self.profile.stores.len() > known {
            self.open_last().await;
        }
        if let Some(server) = self.profile.server.clone() {
            self.ask_info(vec![server], None);
        }
        Ok(())
    }

    async fn open_last(&mut self) {
        let Some(last) = self.profile.last else { return };
        if let Err(failure) = self.open(last).await {
            tracing::warn!(%failure, "the workspace that was open last cannot be opened");
        }
    }

    pub(super) fn connect(&mut self) {
        let token = self.profile.token.as_ref().map(|t| t.0.clone());
        self.transport =
            self.profile.server.as_deref().map(|server| Transport::new(server).with_token(token));
    }

    /// Asks the first of these addresses where a Mooring server answers.
    fn ask_info(&mut self, servers: Vec<String>, reply: Option<(Reply, bool)>) {
        let request = async move {
            let mut found = (String::new(), Err(SendError::Strange(NO_MOORING.into())));
            for mut server in servers {
                let info = Transport::new(&server).get_from::<Info>("/v1/info", WAIT_MS).await;
                let info = match info {
                    Ok((info, place)) if info.service == "mooring" => {
                        server = place;
                        Ok(info)
                    }
                    Ok(_) | Err(SendError::Strange(_)) => Err(SendError::Strange(NO_MOORING.into())),
                    Err(error) => Err(error),
                };
                let elsewhere = matches!(info, Err(SendError::Strange(_)));
                found = (server, info);
                if !elsewhere {
                    break;
                }
            }
            Done::Account(AccountDone::Info(found.0, reply, found.1))
        };
        self.later(request);
    }

    pub(super) fn session(&self) -> Session {
        Session {
            server: self.profile.server.clone(),
            demo: self.profile.demo,
            user: self.profile.user.clone(),
            login: self.profile.login.clone(),
            workspaces: self.profile.workspaces.clone(),
            open: self.looked_at(),
            left: self.left(),
            kept: self.profile.user.as_ref().map(|user| self.kept_of(user.id)).unwrap_or_default(),
            device: self.device_name(),
            local: self.profile.local.clone(),
            #[cfg(not(target_arch = "wasm32"))]
            sign_in_kept: self.sign_in_kept(),
            #[cfg(target_arch = "wasm32")]
            sign_in_kept: None,
        }
    }

    pub(super) fn connect_to(&mut self, server: &str, openly: bool, reply: Reply) {
        match addresses(server) {
            Ok(servers) => self.ask_info(servers, Some((reply, openly))),
            Err(failure) => drop(reply.send(Err(failure))),
        }
    }

    pub(super) fn sign_in(&mut self, credentials: Credentials, reply: Reply) {
        let Some(transport) = self.transport.clone() else {
            return drop(reply.send(Err(Failure::input("Enter the server's address first."))));
        };
        let login = match &credentials {
            Credentials::Password(credentials) => Some(credentials.name.clone()),
            Credentials::Demo | Credentials::Token(_) => None,
        };
        let device = self.device_name();
        let request = async move {
            let signed_in = async {
                let transport = transport.with_token(None);
                let signed_in: SignedIn = match credentials {
                    Credentials::Password(credentials) => {
                        let credentials = SignIn { device, ..credentials };
                        transport.post("/v1/sign-in", &credentials, WAIT_MS).await?
                    }
                    Credentials::Demo => {
                        let device = serde_json::json!({ "device": device });
                        transport.post("/v1/sign-in/demo", &device, WAIT_MS).await?
                    }
                    Credentials::Token(token) => {
                        let transport = transport.with_token(Some(token.clone()));
                        SignedIn { user: transport.get("/v1/me", WAIT_MS).await?, token }
                    }
                };
                let workspaces = transport
                    .with_token(Some(signed_in.token.clone()))
                    .get("/v1/workspaces", WAIT_MS)
                    .await?;
                Ok((signed_in, workspaces))
            };
            Done::Account(AccountDone::SignedIn(reply, login, signed_in.await))
        };
        self.later(request);
    }

    /// Asks which workspaces there are, for a screen or because the open one seems to have gone or come back.
    pub(super) fn ask_workspaces(&mut self, reply: Option<Reply>) {
        let Some(transport) = self.transport.clone() else {
            if let Some(reply) = reply {
                drop(reply.send(Ok(Answer::Session(self.session()))));
            }
            return;
        };
        let untold = self.profile.device.as_ref().filter(|device| !device.told);
        let device = untold.map(|device| Named { name: device.name.clone() });
        let request = async move {
            let asked = async {
                if let Some(device) = &device {
                    transport.post::<()>("/v1/me/device", device, WAIT_MS).await?;
                }
                let user = transport.get("/v1/me", WAIT_MS).await?;
                Ok((user, transport.get("/v1/workspaces", WAIT_MS).await?))
            };
            Done::Account(AccountDone::Workspaces(reply, asked.await))
        };
        self.later(request);
    }

    /// Makes a workspace on the server; `local`: for the records of that one, which is on this device only.
    pub(super) fn new_workspace(&mut self, name: String, local: Option<WorkspaceId>, reply: Reply) {
        let Some(transport) = self.transport.clone() else {
            return drop(reply.send(Err(failure(FailureKind::NeedsSignIn, "Sign in first."))));
        };
        let request = async move {
            let made = async {
                let new = NewWorkspace { name, partitions: None };
                let made: Remote = transport.post("/v1/workspaces", &new, WAIT_MS).await?;
                Ok((made, transport.get("/v1/workspaces", WAIT_MS).await?))
            };
            Done::Account(AccountDone::Made(reply, local, made.await))
        };
        self.later(request);
    }

    pub(super) async fn account_done(&mut self, done: AccountDone) {
        match done {
            AccountDone::SignedOut => {}
            #[cfg(not(target_arch = "wasm32"))]
            AccountDone::Secret(done) => {
                self.secret_done(done);
                self.begin_anew();
                // where that fails the next one tells it as well
                drop(self.save_profile().await);
                self.tell(Event::SessionChanged);
            }
            #[cfg(feature = "screens")]
            AccountDone::Members(reply, result) => {
                let answer = match result {
                    Ok(done) => self.members_done(done).await,
                    Err(error) => Err(refused(&error)),
                };
                drop(reply.send(answer));
            }
            AccountDone::Info(server, reply, result) => {
                let open = reply.as_ref().is_some_and(|(_, openly)| !openly) && is_open(&server);
                let answer = match result {
                    Err(error) => Err(refused_there(&error)),
                    Ok(_) if open => Err(failure(FailureKind::Open, format!("{server} {OPEN}"))),
                    Ok(info) => {
                        let before = self.profile.server.as_deref().unwrap_or_default();
                        let encrypted = is_the_same_encrypted(before, &server);
                        if encrypted {
                            self.profile.server = Some(server);
                            self.connect();
                        } else if reply.is_some() && before != server {
                            // another server knows nothing of this session
                            let of_device = std::mem::take(&mut self.profile).of_device();
                            self.profile = Profile { server: Some(server), ..of_device };
                            self.close_all().await;
                            self.connect();
                        }
                        // also for a later start without a network
                        let news = encrypted || self.profile.demo != info.demo;
                        self.profile.demo = info.demo;
                        let saved = if reply.is_some() || news { self.save_profile().await } else { Ok(()) };
                        saved.map(|()| Answer::Session(self.session()))
                    }
                };
                match reply {
                    Some((reply, _)) => drop(reply.send(answer)),
                    None if answer.is_ok() => self.tell(Event::SessionChanged),
                    None => {}
                }
            }
            AccountDone::SignedIn(reply, _, Err(error)) => drop(reply.send(Err(refused(&error)))),
            AccountDone::SignedIn(reply, login, Ok((signed_in, workspaces))) => {
                self.profile.login = login;
                let answer = self.signed_in(signed_in, workspaces).await;
                drop(reply.send(answer));
            }
            AccountDone::Workspaces(reply, result) => {
                let answer = match result {
                    Ok((user, workspaces)) => {
                        self.profile.device.iter_mut().for_each(|device| device.told = true);
                        self.know_name(user).await;
                        self.know_workspaces(workspaces).await
                    }
                    // offline the known ones are the answer
                    Err(SendError::NoAnswer(_) | SendError::Strange(_) | SendError::Untrusted(_)) => Ok(()),
                    Err(error) => Err(refused(&error)),
                };
                if let Some(reply) = reply {
                    drop(reply.send(answer.map(|()| Answer::Session(self.session()))));
                }
            }
            AccountDone::Made(reply, local, result) => {
                let answer = match result {
                    Ok((made, workspaces)) => self.made(made.id, local, workspaces).await,
                    Err(error) => Err(refused(&error)),
                };
                drop(reply.send(answer));
            }
        }
    }

    async fn made(
        &mut self,
        to: WorkspaceId,
        local: Option<WorkspaceId>,
        workspaces: Vec<Remote>,
    ) -> Result<Answer, Failure> {
        self.know_workspaces(workspaces).await?;
        let Some(from) = local else { return Ok(Answer::Session(self.session())) };
        let user = self.may_connect(from)?;
        self.begin_moving(Moving { from, to, user }).await
    }

    pub(super) async fn signed_in(
        &mut self,
        signed_in: SignedIn,
        workspaces: Vec<Remote>,
    ) -> Result<Answer, Failure> {
        if self.profile.user.as_ref().is_some_and(|user| user.id != signed_in.user.id) {
            self.close_all().await;
            self.profile.last = None;
        }
        self.profile.token = Some(Token(signed_in.token));
        self.profile.device.iter_mut().for_each(|device| device.told = true);
        self.profile.user = Some(signed_in.user);
        self.find_stores().await;
        self.connect();
        self.know_workspaces(workspaces).await?;
        self.go_on_moving().await;
        self.begin_anew();
        self.tell(Event::SessionChanged);
        Ok(Answer::Session(self.session()))
    }

    /// Has all that is open ask the server with the token that there is now.
    fn begin_anew(&mut self) {
        for desk in self.desks_mut() {
            let Some(open) = &mut desk.open else { continue };
            // a request of the session that has ended would be refused, and be taken for a refusal of this one
            desk.requests.clear();
            open.session.dropped();
            open.session.signed_in();
        }
    }

    /// What the server calls the person; the open workspace is told as well.
    pub(super) async fn know_name(&mut self, user: User) {
        if self.profile.user.as_ref().is_none_or(|known| known.id != user.id) {
            return;
        }
        if self.profile.user.as_ref() != Some(&user) {
            self.profile.user = Some(user);
            self.tell(Event::SessionChanged);
        }
        self.introduce_all(true).await;
    }

    /// What people call this device.
    pub(super) fn device_name(&self) -> String {
        self.profile.device.as_ref().map_or_else(|| self.device.name(), |device| device.name.clone())
    }

    pub(super) async fn know_workspaces(&mut self, workspaces: Vec<Remote>) -> Result<(), Failure> {
        if self.profile.workspaces != workspaces {
            if let Some(user) = &self.profile.user {
                for listed in &workspaces {
                    let kept = self.profile.stores.get_mut(&store_name(user.id, listed.id));
                    kept.into_iter().for_each(|label| label.clone_from(&listed.name));
                }
            }
            self.profile.workspaces = workspaces;
            self.tell(Event::SessionChanged);
        }
        self.save_profile().await
    }

    /// Saves the profile, where it is not what was saved or read last: a write takes as long as opening a workspace may.
    pub(super) async fn save_profile(&mut self) -> Result<(), Failure> {
        #[cfg(not(target_arch = "wasm32"))]
        self.keep_secret().await;
        #[cfg(not(target_arch = "wasm32"))]
        let text = self.profile_text();
        #[cfg(target_arch = "wasm32")]
        let text = serde_json::to_string(&self.profile).expect("a profile is plain data");
        if self.saved_profile.as_ref() != Some(&text) {
            self.saved_profile = None;
            self.device.save_profile(&text).await.map_err(storage)?;
            self.saved_profile = Some(text);
        }
        Ok(())
    }

    /// Opens a workspace, for the asker to look at.
    pub(super) async fn open(&mut self, workspace: WorkspaceId) -> Result<(), Failure> {
        if self.opened(workspace).is_none() {
            self.may_open(workspace)?;
            self.label_of(workspace)?;
        }
        self.take_seat(Some(workspace)).await;
        self.open_here(workspace).await
    }

    /// What a workspace that is known here is called. One that is listed no longer can still be read and exported.
    fn label_of(&self, workspace: WorkspaceId) -> Result<String, Failure> {
        let name = store_name(self.owner(workspace)?, workspace);
        let known = self.known(workspace).map(|known| &known.name);
        known.or(self.profile.stores.get(&name)).cloned().ok_or_else(|| {
            Failure::input(
                "This device does not know this workspace. Connect to the network, then try again.",
            )
        })
    }

    fn known(&self, workspace: WorkspaceId) -> Option<&Remote> {
        let listed = self.profile.workspaces.iter().find(|w| w.id == workspace);
        self.profile.local(workspace).or(listed)
    }

    /// Opens a workspace, whoever looks at it, and turns to its desk.
    pub(super) async fn open_here(&mut self, workspace: WorkspaceId) -> Result<(), Failure> {
        if self.opened(workspace).is_some() {
            self.turn_to(Some(workspace));
            return Ok(());
        }
        self.may_open(workspace)?;
        let (user, label) = (self.owner(workspace)?, self.label_of(workspace)?);
        let name = store_name(user, workspace);
        let partitions = self.known(workspace).map(|known| known.partitions);
        self.make_room().await?;
        self.turn_to(Some(workspace));
        let (replica, partitions) = (self.new_name(), partitions.unwrap_or_default());
        let meta = Meta { workspace, partitions, replica, user, copied: Counter(0) };
        match self.open_store(&name, meta).await {
            Ok(opened) => self.desk.open = Some(opened),
            Err(failure) => {
                self.desk.shut = Some(failure.clone());
                self.tell(Event::SessionChanged);
                return Err(failure);
            }
        }
        self.desk.shut = None;
        if let (Some(open), Some(last)) = (&mut self.desk.open, self.profile.contacts.get(&name)) {
            open.session.remember(last.caught_up, last.verified);
        }
        self.profile.unsent.remove(&name);
        self.profile.stores.insert(name, label);
        self.profile.last = Some(workspace);
        self.profile.open.retain(|open| *open != workspace);
        self.profile.open.push(workspace);
        if self.profile.open.len() > limits::OPEN_WORKSPACES {
            // one that an engine before this one had open, and that nobody asked for since
            self.profile.open.remove(0);
        }
        self.touched();
        self.compact().await;
        self.tell(Event::SessionChanged);
        self.tell_all();
        self.save_profile().await
    }

    pub(super) async fn open_store(&self, name: &str, meta: Meta) -> Result<Workspace<D::Store>, Failure> {
        let store = self.device.open_store(name).await.map_err(storage)?;
        let mut opened = Workspace::open(store, meta).await?;
        opened.replica.leap(self.random_number());
        if self.paused {
            opened.session.pause();
        }
        Ok(opened)
    }

    /// Keeps for the next start when the server was last heard of: now and then, and `at_once` when it goes.
    pub(super) async fn note_contact(&mut self, at_once: bool) {
        let Some(open) = &self.desk.open else { return };
        let (meta, now) = (open.replica.meta(), open.contact());
        let name = store_name(meta.user, meta.workspace);
        let before = self.profile.contacts.get(&name).copied().unwrap_or_default();
        let first = |now: Option<Timestamp>, before: Option<Timestamp>| now.is_some() && before.is_none();
        let due = first(now.caught_up, before.caught_up)
            || first(now.verified, before.verified)
            || now.caught_up.zip(before.caught_up).is_some_and(|(n, b)| n.0 - b.0 >= CONTACT_MS)
            || at_once;
        if due && now != before {
            self.profile.contacts.insert(name, now);
            // the next one tells it as well
            drop(self.save_profile().await);
        }
    }

    /// Screens that had another tab's engine before may have missed the last that it did.
    fn tell_all(&self) {
        let Some(open) = &self.desk.open else { return };
        let collections = open.replica.schema().collections().map(|(id, _)| id.clone()).collect();
        self.tell(Event::Changed { collections });
        self.tell(Event::ReviewChanged);
    }

    /// Closes this workspace; requests under way are dropped, what is unsent stays in its store.
    pub(super) async fn close(&mut self) {
        self.desk.shut = None;
        #[cfg(feature = "screens")]
        self.stop_import("The workspace was closed.");
        self.cancel_work();
        self.desk.requests.clear();
        (self.desk.tidy_at, self.desk.usage_at) = (None, None);
        self.desk.mend_at = None;
        if let Some(mut open) = self.desk.open.take() {
            self.end_views(&mut open);
            let meta = open.replica.meta();
            let name = store_name(meta.user, meta.workspace);
            self.profile.contacts.insert(name.clone(), open.contact());
            self.profile.unsent.insert(name, open.unsent());
        }
        self.seats_closed();
    }
}
