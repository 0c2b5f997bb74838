//! What a device remembers beside its stores: who is signed in where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sync_protocol::message::{User, Workspace};
use sync_protocol::{Timestamp, UserId, WorkspaceId};

use crate::few::Few;

/// Saved as JSON by the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Profile {
    /// The server's address.
    #[serde(default)]
    pub server: Option<String>,
    /// Whether it lets a sample user in, as last heard.
    #[serde(default)]
    pub demo: bool,
    /// The session's token.
    #[serde(default)]
    pub token: Option<Token>,
    /// Who is signed in.
    #[serde(default)]
    pub user: Option<User>,
    /// The name that they signed in with; `None` for the sample user.
    #[serde(default)]
    pub login: Option<String>,
    /// The workspaces as last heard of.
    #[serde(default)]
    pub workspaces: Vec<Workspace>,
    /// The one that was open.
    #[serde(default)]
    pub last: Option<WorkspaceId>,
    /// Those that are open: another engine opens them again when it is asked about one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<WorkspaceId>,
    /// Unsent changes in closed stores on this device, per store name; a store that was not closed in order is not
    /// among them.
    #[serde(default)]
    pub unsent: Few<String, u64>,
    /// When the server last said that a store has everything, and when the two were last found equal, per store name.
    #[serde(default)]
    pub contacts: Few<String, Contact>,
    /// The stores on this device, also of workspaces that are listed no longer, with the workspace's name as last heard.
    #[serde(default)]
    pub stores: BTreeMap<String, String>,
    /// Workspaces on this device only.
    #[serde(default)]
    pub local: Vec<Workspace>,
    /// One of them that is on its way to the server's.
    #[serde(default)]
    pub moving: Option<Moving>,
    /// What people call this device; `None`: as the platform says.
    #[serde(default)]
    pub device: Option<DeviceName>,
    /// The name under which the system's place of secrets has the token, if it has it.
    #[cfg(not(target_arch = "wasm32"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What people call a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeviceName {
    pub name: String,
    /// Whether the server knows it for this session.
    pub told: bool,
}

/// A workspace of this device only whose records become those of one on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moving {
    /// Which.
    pub from: WorkspaceId,
    /// The server's.
    pub to: WorkspaceId,
    /// Whose that is.
    pub user: UserId,
}

impl Profile {
    /// The workspace, where it is on this device only.
    pub fn local(&self, workspace: WorkspaceId) -> Option<&Workspace> {
        self.local.iter().find(|local| local.id == workspace)
    }

    /// What stays when the account goes.
    pub fn of_device(self) -> Self {
        Self {
            token: None,
            user: None,
            login: None,
            workspaces: Vec::new(),
            last: None,
            open: Vec::new(),
            ..self
        }
    }
}

/// When a store last heard from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contact {
    pub caught_up: Option<Timestamp>,
    pub verified: Option<Timestamp>,
}

/// A session token; never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// What the names of a person's stores begin with.
pub(super) fn prefix(user: UserId) -> String {
    format!("{user}.")
}

/// One store per person and workspace: nobody's changes are ever pushed as somebody else's.
pub(super) fn store_name(user: UserId, workspace: WorkspaceId) -> String {
    format!("{}{workspace}", prefix(user))
}
