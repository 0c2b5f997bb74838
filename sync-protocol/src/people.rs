//! The wire about people: members of a workspace, invitations to it, one's own account and its sessions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{Timestamp, UserId};
use crate::message::Role;

/// `GET /v1/workspaces/{workspace}/members`: somebody who may do something there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkspaceMember {
    /// Who.
    pub user: UserId,
    /// What people call them; empty where the account is gone.
    pub name: String,
    /// The name that they sign in with; told to owners only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// What they may do.
    pub role: Role,
}

/// `POST /v1/workspaces/{workspace}/members`: sets what a member may do; for owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetRole {
    /// Whose.
    pub user: UserId,
    /// To what; `null` is no member any more.
    pub role: Option<Role>,
}

/// `POST /v1/workspaces/{workspace}/rename` and `/delete`, `POST /v1/me/name` and `/device`: a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Named {
    /// The name.
    pub name: String,
}

/// `POST /v1/workspaces/{workspace}/invitations`: asks for a link by which people can join; for owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewInvitation {
    /// What they may do then.
    pub role: Role,
    /// For how many hours it holds, 1 to [`INVITATION_HOURS_MAX`].
    pub hours: u32,
    /// How many people it lets in, 1 to [`INVITATION_USES_MAX`].
    #[serde(default = "one")]
    pub uses: u32,
}

fn one() -> u32 {
    1
}

/// Longest life of an invitation, in hours: 30 days. A link lies about in mails for longer than anybody remembers.
pub const INVITATION_HOURS_MAX: u32 = 30 * 24;

/// Most people whom one invitation lets in: a department.
pub const INVITATION_USES_MAX: u32 = 100;

/// `GET /v1/workspaces/{workspace}/invitations`: a link that still lets somebody in. What the link says is told only once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Which.
    pub id: Uuid,
    /// What whoever joins may do.
    pub role: Role,
    /// Who made it.
    pub by: UserId,
    /// The same by name; empty where the account is gone.
    pub by_name: String,
    /// When it ends.
    pub expires: Timestamp,
    /// How many more people it lets in.
    pub uses: u32,
}

/// A new invitation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MadeInvitation {
    /// What the link carries behind its `#`: 256 random bits. The server keeps its SHA-256 only.
    pub token: String,
    /// The invitation.
    pub invitation: Invitation,
}

impl std::fmt::Debug for MadeInvitation {
    /// Without what lets people in.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeInvitation").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// `POST /v1/invitation/look` and `/v1/invitation/accept`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationToken {
    /// What the link carries behind its `#`.
    pub token: String,
}

/// What an invitation is for, as its link tells before anybody has agreed to anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invited {
    /// The workspace's name.
    pub workspace: String,
    /// What people call whoever made the invitation.
    pub by: String,
    /// What whoever joins may do.
    pub role: Role,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether an account can be made with it on this server.
    pub accounts: bool,
}

/// `POST /v1/invitation/account`: makes an account and joins the workspace with it. The answer is a session.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAccount {
    /// What the link carries behind its `#`.
    pub token: String,
    /// The name to sign in with.
    pub login: String,
    /// What people call them.
    pub name: String,
    /// The password.
    pub password: String,
    /// What people call the device that asks.
    #[serde(default)]
    pub device: String,
}

/// `GET /v1/me/sessions`: a device (or program) that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionInfo {
    /// Which: for ending it, and nothing else.
    pub id: Uuid,
    /// What people call the device; empty where it has not said so.
    pub device: String,
    /// When it signed in; `None` where that was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it was last heard of, to the hour; `None` where that was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Timestamp>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// What the address of the invitation page is, before the `#` and the token.
pub const INVITATION_PATH: &str = "/join";
