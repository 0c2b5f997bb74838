//! The one status value that everyone shows, and the one sentence that says it.

use serde::{Deserialize, Serialize};
use sync_protocol::Timestamp;

use crate::store::Usage;
use crate::text::grouped;

/// What the network side does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// No answer from the server (yet).
    #[default]
    Offline,
    /// Trying.
    Connecting,
    /// The server answered lately.
    Online,
}

/// What the replica is busy with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No workspace is open.
    #[default]
    Closed,
    /// The first sync (or a refetch) is under way.
    FirstSync,
    /// Sending or receiving.
    Syncing,
    /// Nothing to do but wait for news.
    Idle,
    /// Waiting for the person to sign in; the outbox stays.
    NeedsSignIn,
    /// This program is too old for the server; offline use goes on.
    NeedsUpdate,
    /// The person is no member of the workspace (any more); what is unsent stays until they have seen to it.
    Removed,
    /// A person or a program has paused it: nothing is sent or fetched until they let it go on.
    Paused,
    /// The workspace is on this device only: no server knows of it.
    Local,
}

/// How the replica is doing. Computed in one place; every count equals the length of the list it counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// What the network side does.
    pub transport: Transport,
    /// What the replica is busy with.
    pub phase: Phase,
    /// Changes of the person that the server has not judged.
    pub pending: u64,
    /// Those of them that wait behind a rejected one of the same record, until a person has seen to it.
    #[serde(default)]
    pub held: u64,
    /// When the oldest of them was made.
    pub oldest_pending: Option<Timestamp>,
    /// When the server last said that the replica has everything.
    pub caught_up_at: Option<Timestamp>,
    /// Open conflicts.
    pub conflicts: u64,
    /// Open conflicts that wait for this person: neither put off by them nor asked of somebody else.
    #[serde(default)]
    pub for_me: u64,
    /// Rejected changes.
    pub rejected: u64,
    /// The last problem, for people; `None` once things work again.
    pub problem: Option<String>,
    /// Why the server cannot be reached, for people; `None` while it can be.
    #[serde(default)]
    pub cause: Option<String>,
    /// When the checksums last equalled the server's.
    pub verified_at: Option<Timestamp>,
    /// Whether they equal for what the replica holds now.
    pub verified: bool,
    /// First sync: records stored, of how many.
    pub progress: Option<(u64, u64)>,
    /// When the next try is due, if waiting for one.
    pub retry_at: Option<Timestamp>,
    /// How full the local store is.
    pub usage: Usage,
    /// Something that happened on this device and that the person should know, until the program ends.
    #[serde(default)]
    pub notice: Option<String>,
    /// Whether another tab drives the sync of this workspace on this device.
    pub follower: bool,
}

/// Colour and words of the pill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pill {
    /// How it looks.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

/// How a pill looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Green: everything is in sync and proven.
    Good,
    /// Blue: busy, nothing to do for the person.
    Busy,
    /// Grey: safe, but not in sync.
    Calm,
    /// Orange: the person is asked for something.
    Attention,
    /// Red: something is wrong.
    Problem,
}

impl Status {
    /// Everything that needs review: the badge.
    pub fn review(&self) -> u64 {
        self.conflicts + self.rejected
    }

    /// What of it waits for this person.
    pub fn review_for_me(&self) -> u64 {
        self.for_me + self.rejected
    }

    /// The pill: how the sync is. What needs review is counted beside it, see [`Status::review`]. Never green while a conflict
    /// or a rejected change is open.
    pub fn pill(&self) -> Pill {
        let pill = |tone, text: String| Pill { tone, text };
        match (self.phase, self.transport) {
            (Phase::Closed, _) if self.problem.is_none() => pill(Tone::Calm, "No workspace open".into()),
            (Phase::NeedsSignIn, _) if self.pending > 0 => {
                pill(Tone::Attention, format!("Needs sign-in, {} safe on this device", changes(self.pending)))
            }
            (Phase::NeedsSignIn, _) => pill(Tone::Attention, "Needs sign-in".into()),
            (Phase::NeedsUpdate, _) => pill(Tone::Attention, "Needs an update of Mooring to sync".into()),
            (Phase::Removed, _) if self.pending > 0 => pill(
                Tone::Attention,
                format!("No longer a member, {} safe on this device", changes(self.pending)),
            ),
            (Phase::Removed, _) => pill(Tone::Attention, "No longer a member".into()),
            (Phase::Paused, _) if self.pending > 0 => {
                pill(Tone::Calm, format!("Paused, {} safe on this device", changes(self.pending)))
            }
            (Phase::Paused, _) => pill(Tone::Calm, "Paused".into()),
            // also while nothing but the first sync is under way: a percentage that stands still would say nothing
            (Phase::Local, _) if self.problem.is_none() => pill(Tone::Calm, "On this device only".into()),
            _ if self.problem.is_some() => pill(Tone::Problem, "Problem: see details".into()),
            (_, Transport::Offline) if self.pending > 0 => {
                pill(Tone::Calm, format!("Offline, {} safe on this device", changes(self.pending)))
            }
            (_, Transport::Offline) => pill(Tone::Calm, "Offline".into()),
            (Phase::FirstSync, _) => {
                let percent = self.progress.map_or(0, |(done, total)| {
                    (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(100)
                });
                pill(Tone::Busy, format!("Syncing {} %", percent.min(100)))
            }
            _ if self.pending > self.held => {
                pill(Tone::Busy, format!("Sending {}", grouped((self.pending - self.held) as usize)))
            }
            // a change that waits behind a rejected one is not being sent: the person comes first
            _ if self.held == 1 => pill(Tone::Attention, "1 change waits for review".into()),
            _ if self.held > 0 => {
                pill(Tone::Attention, format!("{} changes wait for review", grouped(self.held as usize)))
            }
            (Phase::Syncing, _) | (_, Transport::Connecting) => pill(Tone::Busy, "Syncing".into()),
            _ if self.verified => {
                let tone = if self.review() > 0 { Tone::Attention } else { Tone::Good };
                pill(tone, "Synced and verified".into())
            }
            _ => pill(Tone::Busy, "Checking".into()),
        }
    }
}

fn changes(n: u64) -> String {
    if n == 1 { "1 change".into() } else { format!("{} changes", grouped(n as usize)) }
}
