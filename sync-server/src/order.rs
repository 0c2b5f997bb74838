//! What whoever runs the server asks for from the command line.

use serde::{Deserialize, Serialize};
use sync_protocol::WorkspaceId;
use sync_protocol::message::Role;

use crate::admin;
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
    /// Carries it out; the sentence to print.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub async fn carry_out(self, store: &dyn Store) -> anyhow::Result<String> {
        match self {
            Self::AddUser { login, name, password } => admin::add_user(store, &login, &name, &password).await,
            Self::SetPassword { login, password } => admin::set_password(store, &login, &password).await,
            Self::AddWorkspace { name, owner, partitions } => {
                Ok(admin::add_workspace(store, &name, &owner, partitions).await?.to_string())
            }
            Self::CheckWorkspace { workspace, mend } => admin::check_workspace(store, workspace, mend).await,
            Self::SetMember { workspace, login, role } => {
                admin::set_member(store, workspace, &login, role).await
            }
        }
    }
}
