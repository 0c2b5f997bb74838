//! Mooring's words and rules, shared by every replica and the server.
//!
//! This crate is pure: no I/O, no clock, no randomness, no async. Time is an argument, so both
//! sides judge with the same functions and a test can replay any history.
//!
//! Where to start: [`gate::check`] is what every change passes first, [`permit`] who may do what, [`verdict::judge`] the rule
//! book; [`message`] is the wire; [`record`],
//! [`change`] and [`conflict`] are the nouns.

pub mod change;
pub mod checksum;
pub mod conflict;
pub mod cursor;
pub mod feed;
pub mod gate;
pub mod id;
pub mod json;
pub mod limits;
pub mod merge;
pub mod message;
pub mod mirror;
mod naming;
#[cfg(feature = "openapi")]
mod openapi;
pub mod ordered;
pub mod people;
pub mod permit;
pub mod policy;
pub mod preceding;
pub mod record;
pub mod schema;
pub mod value;
pub mod verdict;

pub use change::{Change, Choice, Delta, Edit, Outcome, Reopening, Resolution};
pub use checksum::Checksum;
pub use conflict::{Conflict, ConflictKind, Reopened, Resolved, Sides};
pub use cursor::Cursor;
pub use feed::{Entry, Merge, Met};
pub use id::{
    ChangeId, CollectionId, Counter, Digest, FieldName, InvalidName, Partition, RecordId, RecordKey,
    ReplicaId, Revision, Timestamp, UserId, WorkspaceId,
};
pub use ordered::{Ordered, sort_few};
pub use policy::Policy;
pub use record::{Fields, Record, Stamp};
pub use schema::{Schema, reserved};
pub use value::{FieldType, Misfit, Value};
pub use verdict::{Beside, Judgement, Rejection, Verdict};
