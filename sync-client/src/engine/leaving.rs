//! What a device keeps of a person, in every workspace: counted, exported, removed. One that is listed no longer, or cannot
//! be opened, is among them.

use serde::Serialize;
use sync_protocol::{Change, UserId, WorkspaceId};

use super::account::{AccountDone, WAIT_MS};
use super::profile::{prefix, store_name};
use super::{Done, Engine, failure};
use crate::api::{Answer, Event, Failure, FailureKind, Left, Unsent};
use crate::device::Device;
use crate::query::storage;
use crate::replica::LOCAL;
use crate::replica::people::is_own_record;
use crate::store::{Loaded, LocalStore, Quarantined, Salvaged, StoreError};
use crate::text::grouped;

/// What is unsent in one workspace, as it is exported.
#[derive(Serialize)]
struct Exported<'a> {
    workspace: WorkspaceId,
    name: &'a str,
    unsent: Vec<Change>,
    rejected: Vec<Quarantined>,
    /// Damaged rows as they are stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<String>,
    /// Why not all of it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl<D: Device> Engine<D> {
    /// Takes note of the person's stores on this device that the profile does not know.
    pub(super) async fn find_stores(&mut self) {
        // where the platform does not tell, the profile's own list counts
        let names = self.device.stores().await.unwrap_or_default();
        self.find_local(&names).await;
        let Some(user) = self.profile.user.as_ref().map(|user| user.id) else { return };
        for name in names {
            let Some(workspace) = workspace_of(user, &name) else { continue };
            if self.profile.stores.contains_key(&name) {
                continue;
            }
            let listed = self.profile.workspaces.iter().find(|w| w.id == workspace);
            let label = listed.map(|w| w.name.clone());
            // a browser keeps the name of what was emptied
            if label.is_none() && self.is_empty(&name).await {
                continue;
            }
            self.profile.stores.insert(name, label.unwrap_or_default());
        }
    }

    pub(super) async fn is_empty(&self, name: &str) -> bool {
        let Ok(store) = self.device.open_store(name).await else { return false };
        store.load().await.is_ok_and(|loaded| loaded.meta.is_none())
    }

    /// The workspaces that this device keeps of the person, each with its name.
    fn kept(&self, user: UserId) -> Vec<(WorkspaceId, String)> {
        let of = |(name, label): (&String, &String)| Some((workspace_of(user, name)?, label.clone()));
        self.profile.stores.iter().filter_map(of).collect()
    }

    /// The same without their names.
    pub(super) fn kept_of(&self, user: UserId) -> Vec<WorkspaceId> {
        self.kept(user).into_iter().map(|(id, _)| id).collect()
    }

    /// Those of them that are the person's no longer.
    pub(super) fn left(&self) -> Vec<Left> {
        let Some(user) = &self.profile.user else { return Vec::new() };
        let listed = |id: WorkspaceId| self.profile.workspaces.iter().any(|w| w.id == id);
        let kept = self.kept(user.id).into_iter().filter(|(id, _)| !listed(*id));
        kept.map(|(id, name)| Left { id, name }).collect()
    }

    /// What is nowhere else, and whether the store is damaged: then it may be a part.
    async fn found(
        &self,
        user: UserId,
        workspace: WorkspaceId,
    ) -> Result<(Salvaged, Option<StoreError>), StoreError> {
        if let Some(open) = self.opened(workspace) {
            let unsent = open.replica.outbox().map(|p| p.change.clone()).collect();
            let rejected = open.replica.quarantine().cloned().collect();
            return Ok((Salvaged { unsent, rejected, unread: Vec::new() }, None));
        }
        let store = self.device.open_store(&store_name(user, workspace)).await?;
        match store.load().await {
            Ok(Loaded { outbox, quarantine, .. }) => {
                Ok((Salvaged { unsent: outbox, rejected: quarantine, unread: Vec::new() }, None))
            }
            Err(damage @ StoreError::Corrupt(_)) => Ok((store.salvage().await?, Some(damage))),
            Err(other) => Err(other),
        }
    }

    /// How many changes are only on this device.
    async fn count(&self, user: UserId, workspace: WorkspaceId) -> Result<u64, StoreError> {
        if let Some(open) = self.opened(workspace) {
            return Ok(open.unsent());
        }
        if let Some(counted) = self.profile.unsent.get(&store_name(user, workspace)) {
            return Ok(*counted);
        }
        let (Salvaged { unsent, rejected, .. }, damage) = self.found(user, workspace).await?;
        damage.map_or(Ok(()), Err)?;
        Ok((unsent.iter().filter(|change| !is_own_record(change)).count() + rejected.len()) as u64)
    }

    /// Says what would be lost with these workspaces, if anything would.
    async fn would_lose(&self, user: UserId, kept: &[(WorkspaceId, String)]) -> Option<String> {
        let (mut counted, mut unknown) = (Vec::new(), Vec::new());
        let mut first = true;
        for (workspace, label) in kept {
            match self.count(user, *workspace).await {
                Ok(0) => {}
                Ok(n) => {
                    let of = if std::mem::take(&mut first) { " of your changes" } else { "" };
                    counted.push(format!("{}{of} in {}", grouped(n as usize), quoted(label)));
                }
                Err(error) => {
                    unknown.push(format!("What is unsent in {} cannot be counted: {error}", quoted(label)))
                }
            }
        }
        let counted = (!counted.is_empty()).then(|| format!("Only on this device: {}.", counted.join(", ")));
        let all: Vec<String> = counted.into_iter().chain(unknown).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// Everything unsent of the person, of every workspace on this device.
    pub(super) async fn export_unsent(&self) -> Result<Answer, Failure> {
        let user = self.profile.user.as_ref().map(|user| user.id);
        let kept: Vec<_> = user.into_iter().chain([LOCAL]).map(|user| (user, self.kept(user))).collect();
        if user.is_none() && kept.iter().all(|(_, kept)| kept.is_empty()) {
            return Err(failure(FailureKind::NeedsSignIn, "Sign in first."));
        }
        let kept = kept.iter().flat_map(|(user, kept)| kept.iter().map(move |of| (*user, of)));
        let mut workspaces = Vec::new();
        for (user, (workspace, name)) in kept {
            let found = self.found(user, *workspace).await;
            let (found, problem) = found.unwrap_or_else(|error| (Salvaged::default(), Some(error)));
            let Salvaged { unsent, rejected, unread } = found;
            let problem = problem.map(|error| error.to_string());
            workspaces.push(Exported { workspace: *workspace, name, unsent, rejected, unread, problem });
        }
        let all = serde_json::json!({ "workspaces": workspaces });
        Ok(Answer::Text(serde_json::to_string_pretty(&all).expect("changes are plain data")))
    }

    /// Removes the store, and all that is remembered of it.
    pub(super) async fn remove(
        &mut self,
        user: UserId,
        workspace: WorkspaceId,
        label: &str,
    ) -> Result<(), Failure> {
        let name = store_name(user, workspace);
        self.device.delete_store(&name).await.map_err(|error| {
            let failure = storage(error);
            let message = format!("The records of {} were not removed: {}", quoted(label), failure.message);
            Failure { message, ..failure }
        })?;
        self.profile.unsent.remove(&name);
        self.profile.stores.remove(&name);
        self.profile.contacts.remove(&name);
        // what was on its way there is still where it was, all of it
        self.profile.moving =
            self.profile.moving.filter(|moving| (moving.user, moving.to) != (user, workspace));
        Ok(())
    }

    pub(super) async fn remove_records(
        &mut self,
        workspace: WorkspaceId,
        unsent: Unsent,
    ) -> Result<Answer, Failure> {
        self.may_open(workspace)?;
        let user = self.owner(workspace)?;
        let kept: Vec<_> = self.kept(user).into_iter().filter(|(id, _)| *id == workspace).collect();
        if unsent != Unsent::Discard
            && let Some(lost) = self.would_lose(user, &kept).await
        {
            let message = format!("{lost} Export them, or discard them.");
            return Err(failure(FailureKind::Unsent, message));
        }
        self.close_one(workspace).await;
        if self.profile.last == Some(workspace) {
            self.profile.last = None;
        }
        let mut removed = Ok(());
        for (workspace, label) in kept {
            removed = self.remove(user, workspace, &label).await;
        }
        if removed.is_ok() {
            self.profile.local.retain(|local| local.id != workspace);
        }
        self.tell(Event::SessionChanged);
        removed?;
        self.save_profile().await?;
        Ok(Answer::Session(self.session()))
    }

    pub(super) async fn sign_out(&mut self, unsent: Unsent) -> Result<Answer, Failure> {
        let Some(user) = self.profile.user.clone() else { return Ok(Answer::Session(self.session())) };
        let kept = self.kept(user.id);
        if unsent == Unsent::Ask
            && let Some(lost) = self.would_lose(user.id, &kept).await
        {
            let message = format!(
                "{lost} Sync them first, keep them here for your next sign-in, export them, or discard them."
            );
            return Err(failure(FailureKind::Unsent, message));
        }
        self.close_all().await;
        if unsent != Unsent::Keep {
            for (workspace, label) in kept {
                if let Err(failure) = self.remove(user.id, workspace, &label).await {
                    // still signed in, at least: screens open the workspace again
                    self.tell(Event::SessionChanged);
                    drop(self.save_profile().await); // what is gone is found to be gone when it is opened
                    let message = format!("{} You are still signed in.", failure.message);
                    return Err(Failure { message, ..failure });
                }
            }
        }
        self.end_session();
        self.profile = std::mem::take(&mut self.profile).of_device();
        self.connect();
        self.save_profile().await?;
        self.tell(Event::SessionChanged);
        Ok(Answer::Session(self.session()))
    }

    /// Tells the server that the session is over. Best effort: offline, it ends by itself.
    fn end_session(&mut self) {
        let Some(transport) = self.transport.clone() else { return };
        let request = async move {
            drop(transport.post::<serde_json::Value>("/v1/sign-out", &serde_json::json!({}), WAIT_MS).await);
            Done::Account(AccountDone::SignedOut)
        };
        self.later(request);
    }
}

/// The workspace of a store, where it is that person's.
pub(super) fn workspace_of(user: UserId, store: &str) -> Option<WorkspaceId> {
    store.strip_prefix(&prefix(user))?.parse().ok()
}

fn quoted(label: &str) -> String {
    if label.is_empty() { "a workspace that is no longer yours".into() } else { format!("“{label}”") }
}
