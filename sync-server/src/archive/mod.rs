//! A workspace in a file: what a server keeps of it, to be put away or taken to another store. A line of JSON for each thing,
//! told apart by `Line`; the last one says how many rows there are and what all lines before it add up to.
//!
//! What is not in it: sessions (people sign in again), invitations, and mirrors with what they agreed on with their tables,
//! which belong to one database.

mod export;
mod import;

pub use export::export;
pub use import::import;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Role;
use sync_protocol::{Partition, Revision, UserId, WorkspaceId};

use crate::store::{Kept, Kind, StoreError};

/// The version of these lines.
const FORMAT: u32 = 1;

/// What goes into the file of a partition, in this order: a record comes before what is said of it.
const KINDS: [Kind; 4] = [Kind::Record, Kind::Conflict, Kind::Replica, Kind::Feed];

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    /// The first.
    Workspace { format: u32, id: WorkspaceId, name: String, partitions: u16 },
    /// A member with their account.
    Member { user: UserId, login: String, name: String, password_hash: String, role: Role },
    /// Before a partition's rows: its head.
    Partition { partition: Partition, revision: Revision, checksums: Checksums, kept: Kept },
    /// A row, its kind by its stored name.
    Row { kind: Cow<'a, str>, key: String, body: Box<RawValue> },
    /// The last: how many rows there are, and XXH3-64 of all bytes before this line.
    End { rows: u64, digest: String },
}

/// What is in a file, or was brought in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// Into how many partitions it is sliced.
    pub partitions: u16,
    /// How many members it has.
    pub members: u64,
    /// Rows by the name of their kind.
    pub rows: BTreeMap<String, u64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |kind: Kind| self.rows.get(kind.name()).copied().unwrap_or_default();
        let some = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        write!(
            f,
            "“{}” ({}): {} and {}, deleted and settled ones among them, {}, {}",
            self.name,
            self.workspace,
            some(of(Kind::Record), "record"),
            some(of(Kind::Conflict), "review"),
            some(of(Kind::Feed), "group") + " of changes",
            some(self.members, "member")
        )
    }
}

/// Why a workspace was not put into a file, or not taken out of one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file.
    #[error("{}: {cause}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It holds no workspace, or is damaged.
    #[error("{}, line {line}: {why}. Nothing was brought in", file.display())]
    Line {
        /// Which.
        file: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// It cannot be done as things are.
    #[error("{0}")]
    Refused(String),
}
