//! What somebody who looks after the server wants to find in its log: who signed in from where, who failed to, whose role
//! was changed by whom. Ids, addresses and keyed hashes; never a login, a name, a password or a token.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::LazyLock;
use sync_protocol::message::Role;
use sync_protocol::{UserId, WorkspaceId};
use tracing::{info, warn};
use uuid::Uuid;

/// The key of the hashes of logins, another one in each process: lines of one run can be put together, no more.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// One line of the log, with `event` as its kind. `by: None` stands for whoever runs the server.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Somebody tried to sign in.
    SignIn {
        /// What they called themselves; logged as a keyed hash.
        login: &'a str,
        /// Whose account that is, where there is one.
        user: Option<UserId>,
        /// Where they are.
        from: IpAddr,
        /// How it ended.
        end: SignInEnd,
    },
    /// A session was ended by its device.
    SignedOut {
        /// Whose.
        user: UserId,
    },
    /// Sessions were ended from another device.
    SessionsEnded {
        /// Whose.
        user: UserId,
        /// How many.
        sessions: usize,
    },
    /// A password was changed, and with it sessions ended.
    PasswordChanged {
        /// Whose.
        user: UserId,
        /// By whom.
        by: Option<UserId>,
        /// How many sessions.
        sessions: usize,
    },
    /// A workspace was made.
    WorkspaceMade {
        /// Which.
        workspace: WorkspaceId,
        /// By whom.
        by: UserId,
    },
    /// A workspace was taken away, and with it everybody's access.
    WorkspaceRemoved {
        /// Which.
        workspace: WorkspaceId,
        /// By whom.
        by: UserId,
    },
    /// All that is stored of a workspace was taken away.
    WorkspaceErased {
        /// Which.
        workspace: WorkspaceId,
        /// How many records it had.
        records: u64,
    },
    /// An invitation was made.
    InvitationMade {
        /// Which.
        invitation: Uuid,
        /// Where to.
        workspace: WorkspaceId,
        /// By whom.
        by: UserId,
        /// What whoever joins may do.
        role: Role,
    },
    /// An invitation was taken back.
    InvitationEnded {
        /// Which.
        invitation: Uuid,
        /// By whom.
        by: UserId,
    },
    /// An account was made with an invitation.
    AccountMade {
        /// Whose.
        user: UserId,
        /// With which.
        invitation: Uuid,
        /// Where they are.
        from: IpAddr,
    },
    /// A person was taken away by whoever runs the server.
    AccountErased {
        /// Who.
        user: UserId,
        /// How many workspaces knew them.
        workspaces: usize,
    },
    /// Somebody became a member with an invitation.
    Joined {
        /// Where.
        workspace: WorkspaceId,
        /// Who.
        user: UserId,
        /// With which.
        invitation: Uuid,
        /// As what.
        role: Role,
    },
    /// A member's role was set.
    Member {
        /// Where.
        workspace: WorkspaceId,
        /// By whom.
        by: Option<UserId>,
        /// Whose.
        user: UserId,
        /// To what; `None` is no member any more.
        role: Option<Role>,
    },
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInEnd {
    /// With a session.
    Succeeded,
    /// With a wrong name or password.
    Failed,
    /// Before the password was looked at: too many tries.
    Throttled,
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}

impl Event<'_> {
    /// Writes the line.
    pub fn log(self) {
        let known = |user: Option<UserId>| user.map(tracing::field::display);
        let operator = |by: Option<UserId>| by.map_or("operator".to_owned(), |user| user.to_string());
        match self {
            Self::SignIn { login, user, from, end } => {
                let login = format!("{:016x}", KEY.hash_one(login));
                let user = known(user);
                match end {
                    SignInEnd::Succeeded => {
                        info!(event = "sign_in", outcome = "ok", user, %from, login, "signed in");
                    }
                    SignInEnd::Failed => {
                        warn!(event = "sign_in", outcome = "failed", user, %from, login, "sign-in failed");
                    }
                    SignInEnd::Throttled => {
                        warn!(event = "sign_in", outcome = "throttled", user, %from, login, "sign-in slowed down");
                    }
                }
            }
            Self::SignedOut { user } => info!(event = "sign_out", %user, "signed out"),
            Self::SessionsEnded { user, sessions } => {
                info!(event = "sessions_ended", %user, sessions, "sessions ended");
            }
            Self::PasswordChanged { user, by, sessions } => {
                let by = operator(by);
                info!(event = "password_changed", %user, by, sessions, "password changed");
            }
            Self::WorkspaceMade { workspace, by } => {
                info!(event = "workspace_made", %workspace, %by, "workspace made");
            }
            Self::WorkspaceRemoved { workspace, by } => {
                info!(event = "workspace_removed", %workspace, %by, "workspace removed");
            }
            Self::WorkspaceErased { workspace, records } => {
                info!(event = "workspace_erased", %workspace, records, "all of a workspace is gone");
            }
            Self::InvitationMade { invitation, workspace, by, role } => {
                let role = role_name(role);
                info!(event = "invitation_made", %invitation, %workspace, %by, role, "invitation made");
            }
            Self::InvitationEnded { invitation, by } => {
                info!(event = "invitation_ended", %invitation, %by, "invitation taken back");
            }
            Self::AccountMade { user, invitation, from } => {
                info!(event = "account_made", %user, %invitation, %from, "account made");
            }
            Self::AccountErased { user, workspaces } => {
                info!(event = "account_erased", %user, workspaces, "account gone, and the name of who had it");
            }
            Self::Joined { workspace, user, invitation, role } => {
                let role = role_name(role);
                info!(event = "joined", %workspace, %user, %invitation, role, "joined");
            }
            Self::Member { workspace, by, user, role } => {
                let (by, role) = (operator(by), role.map_or("none", role_name));
                info!(event = "member_set", %workspace, by, %user, role, "role changed");
            }
        }
    }
}
