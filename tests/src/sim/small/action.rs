//! What may happen to one record on two devices, and which sequences of it are the same.
//!
//! Neither device talks to the server but in an action that says so. So an action of one device can change places with
//! one of the other, unless both meet the server: of the sequences that come to the same only the first in order is
//! played. The two devices are alike: of a sequence and its mirror image only the first in order is played.

use std::fmt;

/// One action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Something on one of the two devices.
    On(Who, Act),
    /// The server's nodes die and start again.
    Nodes,
}

/// One of the two devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The first.
    A,
    /// The second, whose clock is a day slow.
    B,
}

/// What happens on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// The person writes a title of their own, into a new record where there is none.
    Title,
    /// The person adds one to the number that they see: two who see the same mean the same.
    Number,
    /// The person deletes the record.
    Delete,
    /// The person settles the oldest conflict: the record stays as it is.
    Current,
    /// The person settles the oldest conflict: the other edit is taken.
    Incoming,
    /// The power will be cut when something is to be stored next, and comes back at once.
    Cut,
    /// All is sent and read.
    Sync,
    /// All is read; what is sent is lost.
    Read,
    /// All is sent; no answer comes back.
    Send,
}

impl Act {
    const ALL: [Self; 9] = [
        Self::Title,
        Self::Number,
        Self::Delete,
        Self::Current,
        Self::Incoming,
        Self::Cut,
        Self::Sync,
        Self::Read,
        Self::Send,
    ];

    fn meets_server(self) -> bool {
        matches!(self, Self::Sync | Self::Read | Self::Send)
    }
}

impl Action {
    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        let on = |who| Act::ALL.map(|act| Self::On(who, act));
        on(Who::A).into_iter().chain(on(Who::B)).chain([Self::Nodes])
    }

    /// The action of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|action| action.to_string() == name)
    }

    fn meets_server(self) -> bool {
        match self {
            Self::On(_, act) => act.meets_server(),
            Self::Nodes => true,
        }
    }

    /// Whether their order matters.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::On(one, _), Self::On(two, _)) if one == two => true,
            _ => self.meets_server() && other.meets_server(),
        }
    }

    fn mirrored(self) -> Self {
        match self {
            Self::On(Who::A, act) => Self::On(Who::B, act),
            Self::On(Who::B, act) => Self::On(Who::A, act),
            Self::Nodes => Self::Nodes,
        }
    }
}

/// As a person types it: `a.title`, `b.sync`, `nodes`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(who, act) => write!(f, "{}", format!("{who:?}.{act:?}").to_lowercase()),
            Self::Nodes => f.write_str("nodes"),
        }
    }
}

/// Whether a sequence that is the first among its likes stays so with one more action.
pub fn is_first_of_its_likes(before: &[Action], next: Action) -> bool {
    let could_pass = before.iter().rev().take_while(|action| !action.meets(next));
    if could_pass.into_iter().any(|action| *action > next) {
        return false;
    }
    let longer: Vec<Action> = before.iter().copied().chain([next]).collect();
    longer <= first_in_order(longer.iter().map(|action| action.mirrored()).collect())
}

/// The first in order of the sequences that come to the same.
fn first_in_order(mut left: Vec<Action>) -> Vec<Action> {
    let mut first = Vec::new();
    while !left.is_empty() {
        let can_lead = |at: &usize| !left[..*at].iter().any(|earlier| earlier.meets(left[*at]));
        let best = (0..left.len()).filter(can_lead).min_by_key(|at| left[*at]).unwrap_or(0);
        first.push(left.remove(best));
    }
    first
}
