//! What is asked of the server about people: members of the open workspace, invitations, one's own account.

use serde::{Deserialize, Serialize};
use sync_protocol::message::NewPassword;
use sync_protocol::people::{
    Invitation, Invited, MadeInvitation, NewInvitation, SessionInfo, SetRole, WorkspaceMember,
};
use uuid::Uuid;

/// What a person asks. All of it needs the network, but for the name of the device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersAsk {
    /// The members of the open workspace. Told: `Members`.
    List,
    /// Sets what one of them may do; for owners. Told: `Members`.
    SetRole(SetRole),
    /// Calls the open workspace something else; for owners. Answer: `Session`.
    Rename(String),
    /// Is no member of the open workspace any more. Its records stay on this device. Answer: `Session`.
    Leave,
    /// Takes the open workspace of that name away, from everybody; for owners. Its records stay on this device. Answer:
    /// `Session`.
    Delete(String),
    /// The invitations to the open workspace; for owners. Told: `Invitations`.
    Invitations,
    /// Makes one; for owners. Told: `Made`.
    Invite(NewInvitation),
    /// Takes one back; for owners. Told: `Invitations`.
    Revoke(Uuid),
    /// What the invitation of a link is for; nobody has to be signed in. Told: `Invited`.
    Look(String),
    /// Joins by it. Answer: `Session`.
    Accept(String),
    /// Makes an account by it, joins and signs in. Answer: `Session`.
    MakeAccount {
        /// What the link carries.
        token: String,
        /// The name to sign in with.
        login: String,
        /// What people call them.
        name: String,
        /// The password.
        password: String,
    },
    /// The devices on which the person is signed in. Told: `Sessions`.
    Sessions,
    /// Ends one of them. Told: `Sessions`.
    EndSession(Uuid),
    /// Calls the person something else. Answer: `Session`.
    Name(String),
    /// Sets a new password. Answer: `Session`.
    Password(NewPassword),
    /// Calls this device something else. Works offline. Answer: `Session`.
    NameDevice(String),
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersTold {
    /// Members.
    Members(Vec<WorkspaceMember>),
    /// Invitations that still let somebody in.
    Invitations(Vec<Invitation>),
    /// A new invitation, with what its link carries: it is told this once.
    Made(MadeInvitation),
    /// What an invitation is for.
    Invited(Invited),
    /// Devices that are signed in.
    Sessions(Vec<SessionInfo>),
}
