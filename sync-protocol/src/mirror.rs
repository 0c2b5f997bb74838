//! The words about mirrors on the wire: ordinary CQL tables that are kept in step with collections. See `docs/mirror.md`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::id::{CollectionId, Timestamp, WorkspaceId};
use crate::record::Fields;

/// Which way changes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// From the table to the records only.
    In,
    /// From the records to the table only.
    Out,
    /// From the table to the records, one time.
    Once,
}

impl Direction {
    /// All of them, the usual one first.
    pub const ALL: [Self; 4] = [Self::Both, Self::In, Self::Out, Self::Once];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::In => "in",
            Self::Out => "out",
            Self::Once => "once",
        }
    }

    /// The direction of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.name() == name)
    }
}

/// What becomes of a record's value whose cell has gone by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// It goes, too; with the last one the record.
    #[default]
    Delete,
    /// It stays, and is not written back.
    Keep,
}

impl Expiry {
    /// All of them, the usual one first.
    pub const ALL: [Self; 2] = [Self::Delete, Self::Keep];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|expiry| expiry.name() == name)
    }
}

/// The tables of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MirrorTables {
    /// The keyspace.
    pub keyspace: String,
    /// Its tables.
    pub tables: Vec<String>,
}

/// A mirror that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewMirror {
    /// The keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// The collection, by its name or by what people call it, new or there already; called like the table unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Which way changes go.
    #[serde(default)]
    pub direction: Direction,
    /// Other fields than those that are proposed, by column; an empty text leaves the column out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// What becomes of a record's value whose cell has expired.
    #[serde(default)]
    pub expiry: Expiry,
    /// Make the table for the collection.
    #[serde(default)]
    pub publish: bool,
}

/// How a mirror is to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResumeMirror {
    /// Most rows of the table are gone, and that is what was meant: their records are deleted, too.
    #[serde(default)]
    pub accept_loss: bool,
}

/// Rows that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Touched {
    /// Their keys, as their records show them: 1,000 at most.
    pub keys: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookedAt {
    /// How many rows were looked at.
    pub looked_at: usize,
    /// How many of them are still under way.
    pub left: usize,
}

/// Everything there is to know of a mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mirror {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub workspace: WorkspaceId,
    /// The collection.
    pub collection: CollectionId,
    /// `keyspace.table`.
    pub table: String,
    /// Which way changes go.
    pub direction: Direction,
    /// `running`, `paused`, `done` or `removing`.
    pub state: String,
    /// Why it is paused, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is paused because most rows of the table are gone: who resumes it says whether that was meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub loss: bool,
    /// The columns by field.
    pub columns: BTreeMap<String, String>,
    /// What becomes of a record's value whose cell has expired.
    #[serde(default)]
    pub expiry: Expiry,
    /// Who defined it.
    pub by: String,
    /// The server that works on it; `None`: none at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Uuid>,
    /// How it stands, as its server told it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<MirrorStatus>,
}

/// How a mirror stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MirrorStatus {
    /// When this was told.
    pub at: Timestamp,
    /// What its server is at.
    pub phase: MirrorPhase,
    /// How far a round over the rows has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<MirrorProgress>,
    /// Rows that are mirrored.
    pub rows: u64,
    /// The last round over the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_round: Option<MirrorRound>,
    /// Writes of other programs that were found since its server took it over.
    pub found: u64,
    /// Rows that were written to the table since then.
    pub written: u64,
    /// Rows with fields that wait for a person, of those seen since then.
    pub parked: u64,
    /// Changes of records that wait to be carried to the table.
    pub behind: u64,
    /// When all that was known then had been carried both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_step_at: Option<Timestamp>,
    /// A program that writes with a clock that is ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// How many rows and records cannot be taken as they are.
    pub refused: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_rows: Vec<RefusedRow>,
    /// What is in the way for the moment; it is tried again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a mirror's server is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MirrorPhase {
    /// Nothing yet.
    #[default]
    Starting,
    /// A round over all rows and records, by value.
    Comparing,
    /// Everything has been compared: only what changes is read.
    Following,
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MirrorProgress {
    /// Rows looked at.
    pub done: u64,
    /// Of about so many.
    pub of: u64,
}

/// A round over the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MirrorRound {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Ranges that were added up.
    pub ranges: u64,
    /// Of these, ranges whose rows were read.
    pub read: u64,
    /// Rows that were another one than was agreed on.
    pub differing: u64,
}

/// A program that writes with a clock that is ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ahead {
    /// The last row where that was seen.
    pub key: String,
    /// How far, in milliseconds.
    pub by_ms: u64,
    /// When.
    pub at: Timestamp,
}

/// A row or record that cannot be taken as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedRow {
    /// Its key.
    pub key: String,
    /// Why, for people.
    pub reason: String,
}

/// What a mirror would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MirrorPlan {
    /// Rows that were read.
    pub rows: u64,
    /// Whether the table has more; then nothing is known of records that become rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Rows that become records.
    pub new_here: u64,
    /// Records that become rows.
    pub new_there: u64,
    /// Rows that are like their records.
    pub equal: u64,
    /// Rows that are not: the policies decide, or a person.
    pub differing: u64,
    /// Rows that cannot be taken.
    pub refused: u64,
    /// Why, and how many of each; the first reasons only.
    pub reasons: BTreeMap<String, u64>,
    /// The first rows as they would become records.
    pub samples: Vec<MirrorSample>,
    /// The first rows that differ.
    pub differing_samples: Vec<MirrorSample>,
    /// What there is to say about columns.
    pub notes: Vec<ColumnNote>,
    /// The columns by field.
    pub columns: BTreeMap<String, String>,
    /// The statement that makes the table, if it is to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
}

/// A row as a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MirrorSample {
    /// Its key.
    pub key: String,
    /// Its values by field.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, crate::Value>))]
    pub row: Fields,
    /// Those of the record, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, crate::Value>>))]
    pub record: Option<Fields>,
}

/// What there is to say about a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ColumnNote {
    /// The column.
    pub column: String,
    /// Whether it is left out; else it is only read.
    pub left_out: bool,
    /// Why, and what to do.
    pub why: String,
}

/// What was added up to compare table and records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verified {
    /// Whether all three are equal.
    pub equal: bool,
    /// Rows, of which each has a record that is equal to it.
    pub rows: u64,
    /// The sum over the table.
    pub table_sum: String,
    /// The sum over what was agreed on.
    pub agreed_sum: String,
    /// The sum over the records.
    pub records_sum: String,
    /// Rows with fields that wait for a person; they are in no sum.
    pub waiting: u64,
    /// Rows that cannot be taken.
    pub refused: u64,
    /// Keys of rows and records that are not equal and wait for nobody; the first ones only.
    pub differing: Vec<String>,
}
