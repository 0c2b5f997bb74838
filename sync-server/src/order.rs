//! What whoever runs the server asks for from the command line.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use sync_protocol::WorkspaceId;
use sync_protocol::message::Role;

use crate::admin;
use crate::archive::{self, Summary};
use crate::partition::{PartitionEngine, Settings};
use crate::store::Store;

/// What a command asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// See [`admin::add_user`].
    AddUser {
        /// The name to sign in with.
        login: String,
        /// What people call them.
        name: String,
        /// The password.
        password: String,
    },
    /// See [`admin::set_password`].
    SetPassword {
        /// The name to sign in with.
        login: String,
        /// The new password.
        password: String,
    },
    /// See [`admin::erase_user`].
    EraseUser {
        /// The name to sign in with.
        login: String,
        /// Workspaces that they have left.
        also: Vec<WorkspaceId>,
        /// Whether it is done, and not only said what would go.
        yes: bool,
    },
    /// See [`admin::add_workspace`].
    AddWorkspace {
        /// What people call it.
        name: String,
        /// Login of its owner.
        owner: String,
        /// Into how many partitions.
        partitions: u16,
    },
    /// See [`admin::check_workspace`].
    CheckWorkspace {
        /// Which.
        workspace: WorkspaceId,
        /// Whether what is found is mended.
        mend: bool,
    },
    /// See [`archive::export`].
    ExportWorkspace {
        /// Which.
        workspace: WorkspaceId,
        /// The new file, as an absolute path.
        to: PathBuf,
        /// Whether the answer is JSON.
        json: bool,
    },
    /// See [`archive::import`].
    ImportWorkspace {
        /// The file, as an absolute path.
        from: PathBuf,
        /// Whether it is only looked at.
        dry_run: bool,
        /// Whether the answer is JSON.
        json: bool,
    },
    /// See [`admin::erase_workspace`].
    EraseWorkspace {
        /// Which.
        workspace: WorkspaceId,
        /// Whether it is done, and not only said what would go.
        yes: bool,
    },
    /// See [`admin::set_member`].
    SetMember {
        /// Where.
        workspace: WorkspaceId,
        /// Whose.
        login: String,
        /// `None` is no membership.
        role: Option<Role>,
    },
}

impl Order {
    /// Carries it out; the sentence to print. `engine` is one on the same store. `progress` hears how many partitions of how many are done, where it takes long.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn carry_out(
        self,
        store: &dyn Store,
        engine: &PartitionEngine,
        progress: impl Fn(u16, u16),
    ) -> anyhow::Result<String> {
        let said = |summary: &Summary, what: &str, json: bool| match json {
            true => serde_json::to_string(summary).context("a summary is JSON"),
            false => Ok(format!("{what} {summary}.")),
        };
        match self {
            Self::ExportWorkspace { workspace, to, json } => {
                let summary = archive::export(store, workspace, &to, progress).await?;
                said(&summary, "Put away:", json)
            }
            Self::ImportWorkspace { from, dry_run, json } => {
                let horizon = Settings::default().horizon;
                let summary = archive::import(store, &from, dry_run, horizon, progress).await?;
                said(&summary, if dry_run { "Whole, and can be brought in:" } else { "Brought in:" }, json)
            }
            Self::AddUser { login, name, password } => admin::add_user(store, &login, &name, &password).await,
            Self::SetPassword { login, password } => admin::set_password(store, &login, &password).await,
            Self::EraseUser { login, also, yes } => {
                admin::erase_user(store, engine, &login, &also, yes).await
            }
            Self::AddWorkspace { name, owner, partitions } => {
                Ok(admin::add_workspace(store, &name, &owner, partitions).await?.to_string())
            }
            Self::CheckWorkspace { workspace, mend } => admin::check_workspace(store, workspace, mend).await,
            Self::EraseWorkspace { workspace, yes } => {
                admin::erase_workspace(store, workspace, yes, progress).await
            }
            Self::SetMember { workspace, login, role } => {
                admin::set_member(store, workspace, &login, role).await
            }
        }
    }
}
