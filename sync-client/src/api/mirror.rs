//! What owners ask about mirrors: ordinary tables of the server's database that are kept in step with collections.

use serde::{Deserialize, Serialize};
use sync_protocol::mirror::Direction;
#[cfg(feature = "screens")]
use sync_protocol::mirror::{Mirror, MirrorPlan, MirrorTables, NewMirror};
#[cfg(feature = "screens")]
use uuid::Uuid;

#[cfg(feature = "screens")]
/// What an owner asks. All of it needs the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MirrorAsk {
    /// The mirrors of the open workspace. Told: `All`.
    List,
    /// The tables that may be mirrored. Told: `Tables`.
    Tables,
    /// What a mirror would do. Nothing is changed. Told: `Plan`.
    Plan(NewMirror),
    /// Makes a mirror. Told: `One`.
    Add(NewMirror),
    /// Stops a mirror until it is resumed. Told: `One`.
    Pause {
        /// Which.
        id: Uuid,
    },
    /// Lets a mirror go on. Told: `One`.
    Resume {
        /// Which.
        id: Uuid,
        /// Most rows of the table are gone, and that is what was meant.
        accept_loss: bool,
    },
    /// Compares all rows by value, soon. Told: `One`.
    Resync {
        /// Which.
        id: Uuid,
    },
    /// Ends a mirror; table and records stay. Told: `All`, those that are left.
    Remove {
        /// Which.
        id: Uuid,
    },
}

#[cfg(feature = "screens")]
/// What an owner is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MirrorTold {
    /// Mirrors.
    All(Vec<Mirror>),
    /// Tables.
    Tables(Vec<MirrorTables>),
    /// What a mirror would do.
    Plan(Box<MirrorPlan>),
    /// One mirror as it is now.
    One(Box<Mirror>),
}

/// The table that a collection is kept in step with, as every device knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorNote {
    /// `keyspace.table`.
    pub table: String,
    /// Which way changes go; `None` in a way that a later version knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Why nothing goes either way at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}
