//! Who is signed in where, and what a device keeps of whom.

use serde::{Deserialize, Serialize};
use sync_protocol::WorkspaceId;
use sync_protocol::message::{User, Workspace};

/// Who is signed in where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The server's address; `None` on a desktop before the first start is finished.
    pub server: Option<String>,
    /// Whether one click signs in as the sample user.
    pub demo: bool,
    /// Who; `None` when nobody is.
    pub user: Option<User>,
    /// The name that they signed in with; `None` for the sample user.
    #[serde(default)]
    pub login: Option<String>,
    /// The known workspaces.
    pub workspaces: Vec<Workspace>,
    /// The open one.
    pub open: Option<WorkspaceId>,
    /// Workspaces that are the person's no longer, and of which this device still keeps records.
    #[serde(default)]
    pub left: Vec<Left>,
    /// The server's workspaces of which this device keeps something.
    #[serde(default)]
    pub kept: Vec<WorkspaceId>,
    /// What people call this device.
    #[serde(default)]
    pub device: String,
    /// Workspaces on this device only: no server knows of them, and nobody has to be signed in.
    #[serde(default)]
    pub local: Vec<Workspace>,
    /// Where this device keeps what the person is signed in by; `None` where nobody is, and in browsers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_kept: Option<SignInKept>,
}

/// Where the token of a session is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInKept {
    /// In the key store of the system.
    KeyStore,
    /// In a file that only its owner may read.
    File,
    /// In the key store, which does not give it: it is locked, or cannot be reached.
    Unreached,
}

/// How a workspace of this device only is connected with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectHow {
    /// Its records become those of a workspace on the server: equal ones join, different ones need review.
    Combine(WorkspaceId),
    /// The server's workspace is opened; the one of this device stays beside it until it is removed.
    TakeServers(WorkspaceId),
    /// Its records become a new workspace on the server. Needs the network.
    KeepMineAsCopy,
}

/// A workspace that the server no longer lists for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Which.
    pub id: WorkspaceId,
    /// What it was called when it was last heard of; empty where that is not known.
    pub name: String,
}

/// What becomes of unsent changes, and of all else that a device keeps, when it is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// Ask the person; where nothing is unsent, all of it is removed.
    #[default]
    Ask,
    /// Keep all of it on this device for the next sign-in of the same person.
    Keep,
    /// Throw the changes away with all else.
    Discard,
}
