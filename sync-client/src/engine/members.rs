//! What a person asks of the server about members, invitations and their own account.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_protocol::limits as wire;
use sync_protocol::message::{SignedIn, User, Workspace as Remote};
use sync_protocol::people::{InvitationToken, Named, NewAccount};

use super::account::{AccountDone, WAIT_MS};
use super::profile::DeviceName;
use super::{Done, Engine, Reply, failure};
use crate::api::{Answer, Event, Failure, FailureKind, MembersAsk, MembersTold};
use crate::device::Device;
use crate::replica::session::SendError;
use crate::text;
use crate::transport::Transport;

/// How that ended.
pub(super) enum MembersDone {
    Told(MembersTold),
    /// What the person is called.
    Named(User),
    /// The workspaces as they are after it.
    Workspaces(Vec<Remote>),
    /// A session, with the name to sign in with where that is a new one.
    SignedIn(Option<String>, SignedIn, Vec<Remote>),
}

impl<D: Device> Engine<D> {
    pub(super) async fn members(&mut self, ask: MembersAsk, reply: Reply) {
        if let MembersAsk::NameDevice(name) = ask {
            let answer = self.name_device(&name).await;
            return drop(reply.send(answer));
        }
        let place = if is_of_workspace(&ask) {
            self.ask_path("").map(|(transport, _, path)| (transport, path))
        } else {
            let transport = self.transport.clone().map(|transport| (transport, String::new()));
            transport.ok_or_else(|| failure(FailureKind::NeedsSignIn, "Sign in first."))
        };
        let (transport, path) = match place {
            Ok(place) => place,
            Err(failure) => return drop(reply.send(Err(failure))),
        };
        let device = self.device_name();
        let request = async move {
            Done::Account(AccountDone::Members(reply, done(Asked { transport, path }, ask, device).await))
        };
        self.later(request);
    }

    pub(super) async fn members_done(&mut self, done: MembersDone) -> Result<Answer, Failure> {
        match done {
            MembersDone::Told(told) => return Ok(Answer::Members(Box::new(told))),
            MembersDone::Named(user) => {
                self.know_name(user).await;
                self.save_profile().await?;
            }
            MembersDone::Workspaces(workspaces) => self.know_workspaces(workspaces).await?,
            MembersDone::SignedIn(login, signed_in, workspaces) => {
                if login.is_some() {
                    self.profile.login = login;
                }
                return self.signed_in(signed_in, workspaces).await;
            }
        }
        Ok(Answer::Session(self.session()))
    }

    /// At once on this device and in all open workspaces; the server hears of it as soon as it can be asked.
    async fn name_device(&mut self, name: &str) -> Result<Answer, Failure> {
        let name = text::label(name);
        let fits = (1..=wire::LABEL_CHARS).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(Failure::input("A device needs a name of at most 200 characters, in one line."));
        }
        self.profile.device = Some(DeviceName { name, told: false });
        self.save_profile().await?;
        self.introduce_all(false).await;
        if self.profile.user.is_some() {
            self.ask_workspaces(None);
        }
        self.tell(Event::SessionChanged);
        Ok(Answer::Session(self.session()))
    }
}

fn is_of_workspace(ask: &MembersAsk) -> bool {
    use MembersAsk::{Delete, Invitations, Invite, Leave, List, Rename, Revoke, SetRole};
    matches!(ask, List | SetRole(_) | Rename(_) | Leave | Delete(_) | Invitations | Invite(_) | Revoke(_))
}

/// Where that is asked: `path` is that of the open workspace, with a slash at its end, where it is about one.
struct Asked {
    transport: Transport,
    path: String,
}

impl Asked {
    async fn get<A: DeserializeOwned>(&self, what: &str) -> Result<A, SendError> {
        self.transport.get(&format!("{}{what}", self.path), WAIT_MS).await
    }

    async fn post<A: DeserializeOwned>(&self, what: &str, body: &impl Serialize) -> Result<A, SendError> {
        self.transport.post(&format!("{}{what}", self.path), body, WAIT_MS).await
    }

    async fn workspaces(&self) -> Result<Vec<Remote>, SendError> {
        self.transport.get("/v1/workspaces", WAIT_MS).await
    }

    /// What a new session sees.
    async fn session(&self, login: Option<String>, signed_in: SignedIn) -> Result<MembersDone, SendError> {
        let transport = self.transport.with_token(Some(signed_in.token.clone()));
        let workspaces = transport.get("/v1/workspaces", WAIT_MS).await?;
        Ok(MembersDone::SignedIn(login, signed_in, workspaces))
    }
}

async fn done(at: Asked, ask: MembersAsk, device: String) -> Result<MembersDone, SendError> {
    use MembersDone::Told;
    let nothing = serde_json::json!({});
    Ok(match ask {
        MembersAsk::List => Told(MembersTold::Members(at.get("members").await?)),
        MembersAsk::SetRole(set) => Told(MembersTold::Members(at.post("members", &set).await?)),
        MembersAsk::Rename(name) => {
            let _: Remote = at.post("rename", &Named { name }).await?;
            MembersDone::Workspaces(at.workspaces().await?)
        }
        MembersAsk::Leave => {
            let () = at.post("leave", &nothing).await?;
            MembersDone::Workspaces(at.workspaces().await?)
        }
        MembersAsk::Delete(name) => {
            let () = at.post("delete", &Named { name }).await?;
            MembersDone::Workspaces(at.workspaces().await?)
        }
        MembersAsk::Invitations => Told(MembersTold::Invitations(at.get("invitations").await?)),
        MembersAsk::Invite(new) => Told(MembersTold::Made(at.post("invitations", &new).await?)),
        MembersAsk::Revoke(id) => {
            let what = format!("invitations/{id}/revoke");
            Told(MembersTold::Invitations(at.post(&what, &nothing).await?))
        }
        MembersAsk::Look(token) => {
            Told(MembersTold::Invited(at.post("/v1/invitation/look", &InvitationToken { token }).await?))
        }
        MembersAsk::Accept(token) => {
            let _: Remote = at.post("/v1/invitation/accept", &InvitationToken { token }).await?;
            MembersDone::Workspaces(at.workspaces().await?)
        }
        MembersAsk::MakeAccount { token, login, name, password } => {
            let new = NewAccount { token, login: login.clone(), name, password, device };
            let signed_in = at.post("/v1/invitation/account", &new).await?;
            at.session(Some(login), signed_in).await?
        }
        MembersAsk::Sessions => Told(MembersTold::Sessions(at.get("/v1/me/sessions").await?)),
        MembersAsk::EndSession(id) => {
            let what = format!("/v1/me/sessions/{id}/end");
            Told(MembersTold::Sessions(at.post(&what, &nothing).await?))
        }
        MembersAsk::Name(name) => MembersDone::Named(at.post("/v1/me/name", &Named { name }).await?),
        MembersAsk::Password(new) => {
            let signed_in = at.post("/v1/me/password", &new).await?;
            at.session(None, signed_in).await?
        }
        // done without the server
        MembersAsk::NameDevice(_) => MembersDone::Workspaces(at.workspaces().await?),
    })
}
