//! Workspaces on this device only, and how they come to a server.

use sync_protocol::message::{Role, Workspace as Remote};
use sync_protocol::{Counter, UserId, WorkspaceId, limits as wire};

use super::leaving::workspace_of;
use super::profile::{Moving, store_name};
use super::{Engine, Reply, failure};
use crate::api::{Answer, ConnectHow, Event, Failure, FailureKind};
use crate::device::Device;
use crate::limits;
use crate::query::storage;
use crate::replica::LOCAL;
use crate::store::{Batch, Meta, Receipt, Written};
use crate::text;

/// What a workspace is called whose name is lost.
const FOUND: &str = "Found on this device";

impl<D: Device> Engine<D> {
    /// Whose the workspace's records on this device are: nobody's account, or that of the person who is signed in.
    pub(super) fn owner(&self, workspace: WorkspaceId) -> Result<UserId, Failure> {
        if self.profile.local(workspace).is_some() {
            return Ok(LOCAL);
        }
        let user = self.profile.user.as_ref().map(|user| user.id);
        user.ok_or_else(|| failure(FailureKind::NeedsSignIn, "Sign in first."))
    }

    /// A workspace that is on its way to the server's is neither edited nor removed: each record would be in one of the two.
    pub(super) fn may_open(&self, workspace: WorkspaceId) -> Result<(), Failure> {
        match self.profile.moving {
            Some(moving) if moving.from == workspace => Err(Failure::input(
                "This workspace is being connected with the server. That goes on when you connect it again, or at the next start; its records are kept.",
            )),
            _ => Ok(()),
        }
    }

    pub(super) async fn new_local(&mut self, name: &str) -> Result<Answer, Failure> {
        let label = text::label(name);
        if label.is_empty()
            || label.chars().count() > wire::LABEL_CHARS
            || label.chars().any(char::is_control)
        {
            return Err(Failure::input("The workspace needs a name of at most 200 characters, in one line."));
        }
        let id = WorkspaceId(uuid::Builder::from_random_bytes(self.device.random()).into_uuid());
        self.profile.stores.insert(store_name(LOCAL, id), label.clone());
        self.profile.local.push(local(id, label));
        self.save_profile().await?;
        self.tell(Event::SessionChanged);
        Ok(Answer::Session(self.session()))
    }

    /// Takes note of workspaces on this device only that the profile has lost.
    /// `names`: the stores on this device.
    pub(super) async fn find_local(&mut self, names: &[String]) {
        for name in names {
            let Some(workspace) = workspace_of(LOCAL, name) else { continue };
            if self.profile.local(workspace).is_none() && !self.is_empty(name).await {
                let label =
                    self.profile.stores.entry(name.clone()).or_insert_with(|| FOUND.to_owned()).clone();
                self.profile.local.push(local(workspace, label));
            }
        }
    }

    pub(super) async fn connect_local(&mut self, from: WorkspaceId, how: ConnectHow, reply: Reply) {
        if let Some(moving) = self.profile.moving.filter(|moving| moving.from == from) {
            // it was broken off: there is no other way than on
            let answer = self.move_records(moving).await;
            return drop(reply.send(answer.map(|()| Answer::Session(self.session()))));
        }
        let answer = match (self.may_connect(from), how) {
            (Err(failure), _) => Err(failure),
            (Ok(user), ConnectHow::Combine(to)) => self.begin_moving(Moving { from, to, user }).await,
            (Ok(_), ConnectHow::TakeServers(to)) => {
                self.open(to).await.map(|()| Answer::Session(self.session()))
            }
            (Ok(_), ConnectHow::KeepMineAsCopy) => {
                let name = self.profile.local(from).map(|local| local.name.clone()).unwrap_or_default();
                return self.new_workspace(name, Some(from), reply);
            }
        };
        drop(reply.send(answer));
    }

    pub(super) fn may_connect(&self, from: WorkspaceId) -> Result<UserId, Failure> {
        self.may_open(from)?;
        if self.profile.local(from).is_none() {
            return Err(Failure::input("This workspace is not on this device only (any more)."));
        }
        let signed_in = self.profile.user.as_ref().filter(|_| self.transport.is_some());
        signed_in.map(|user| user.id).ok_or_else(|| failure(FailureKind::NeedsSignIn, "Sign in first."))
    }

    /// From here on it goes on by itself until it is done, also after the program was ended.
    pub(super) async fn begin_moving(&mut self, moving: Moving) -> Result<Answer, Failure> {
        // before anything is written: whether there is such a workspace
        self.open(moving.to).await?;
        self.profile.moving = Some(moving);
        if let Err(failure) = self.save_profile().await {
            self.profile.moving = None;
            return Err(failure);
        }
        self.move_records(moving).await?;
        Ok(Answer::Session(self.session()))
    }

    /// Goes on with what was broken off, once whoever began it is signed in.
    pub(super) async fn go_on_moving(&mut self) {
        let signed_in = self.profile.user.as_ref().map(|user| user.id);
        let Some(moving) = self.profile.moving.filter(|moving| Some(moving.user) == signed_in) else {
            return;
        };
        if let Err(failure) = self.move_records(moving).await {
            tracing::warn!(%failure, "a workspace of this device is not connected with the server yet");
        }
    }

    /// Writes the records into the server's workspace, some in each commit together with how far that is; then removes
    /// what they were in.
    async fn move_records(&mut self, moving: Moving) -> Result<(), Failure> {
        // somebody else may look at it
        self.close_one(moving.from).await;
        self.open(moving.to).await?;
        let name = store_name(LOCAL, moving.from);
        let meta = Meta {
            workspace: moving.from,
            partitions: wire::PARTITIONS,
            replica: self.new_name(),
            user: LOCAL,
            copied: Counter(0),
        };
        let from = self.open_store(&name, meta).await?;
        let (changes, memos) = (from.replica.as_inserts(), from.replica.memos().clone());
        let known = self.workspace()?.replica.memos();
        let memos =
            memos.into_iter().filter(|(name, _)| !known.iter().any(|(there, _)| there == name)).collect();
        self.save(Batch { memos, ..Batch::default() }).await?;
        let done = format!("connect {} ", moving.from);
        loop {
            let replica = &self.workspace()?.replica;
            let begun = replica.receipts().iter().filter_map(|receipt| receipt.request.strip_prefix(&done));
            let at = begun.filter_map(|at| at.parse().ok()).max().unwrap_or(0_usize);
            let some: Vec<_> = changes.iter().skip(at).take(limits::MOVE_STEP).cloned().collect();
            if some.is_empty() {
                break;
            }
            let receipt = Receipt { request: format!("{done}{}", at + some.len()), answer: Written::Done };
            let mut batch = replica.adopt(some)?;
            batch.receipts = Some(replica.receipts_with(receipt));
            self.save(batch).await?;
        }
        self.remove(LOCAL, moving.from, FOUND).await?;
        self.profile.local.retain(|local| local.id != moving.from);
        self.profile.moving = None;
        self.tell(Event::SessionChanged);
        self.save_profile().await
    }

    /// Of a workspace on this device only, one change for each record is kept, where many more have gathered.
    pub(super) async fn compact(&mut self) {
        let Some(open) = self.desk.open.as_ref().filter(|open| open.replica.is_local()) else { return };
        if open.replica.outbox_count() > 2 * open.replica.pending_records().count() + limits::MOVE_STEP {
            let batch = open.replica.compacted();
            // all is as it was where it cannot be stored
            drop(self.commit(&batch).await.map_err(storage));
        }
    }
}

fn local(id: WorkspaceId, name: String) -> Remote {
    Remote { id, name, partitions: wire::PARTITIONS, role: Role::Owner }
}
