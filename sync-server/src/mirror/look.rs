//! What is asked of a partition about a row, and what it says.

use std::collections::BTreeSet;
use std::time::Duration;
use sync_protocol::mirror::Expiry;
use sync_protocol::schema::{device_record, person_record};
use sync_protocol::{
    FieldName, Fields, Partition, RecordId, RecordKey, Rejection, ReplicaId, Timestamp, UserId,
};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::row::{SeenRow, Shadow};
use super::write::Write;

/// As what people see the other programs.
const NAME: &str = "Another program, through CQL";

/// What the lane has to know of a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Which.
    pub mirror: Uuid,
    /// The fields that have a column.
    pub fields: BTreeSet<FieldName>,
    /// Those of them that are never written to the table.
    pub read_only: BTreeSet<FieldName>,
    /// Whether the table's changes come in.
    pub inward: bool,
    /// Whether the records' changes go out.
    pub outward: bool,
    /// What an expiry means.
    pub expiry: Expiry,
}

/// A row as it was read.
#[derive(Clone, Debug)]
pub struct Look {
    /// The record that the row mirrors.
    pub record: RecordId,
    /// Where the shadow is: see [`shadow_key`].
    pub shadow_key: String,
    /// The shadow's version, which the caller read *before* it read the row; 0 where there was none. So an old look never
    /// passes for a new edit, whatever the clocks say.
    pub since: u64,
    /// The write that the answer at that version asked for, if it was acknowledged before the row was read. That it is there is
    /// not believed; but where it cannot be seen, something that cannot be read lies over it, and a later time is tried.
    pub wrote: Option<Write>,
    /// What there was; an absence of the row or of a cell was read twice.
    pub seen: Option<SeenRow>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// What the partition says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// What is next.
    pub answer: Answer,
    /// The shadow's version now: what the next look is since.
    pub version: u64,
    /// The shadow of that version, where something is to be written.
    pub shadow: Option<Shadow>,
    /// How far the latest cell's time is ahead of the server's, where that is worth telling.
    pub ahead: Option<Duration>,
    /// Fields that people changed and the table cannot take.
    pub unwritable: BTreeSet<FieldName>,
}

/// What is next.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Record and row agree.
    Agreed,
    /// Write this, read the row, and look again.
    Write(Write),
    /// Fields wait for a person; the others agree.
    Parked,
    /// The row cannot be a record; nothing is written to it.
    Refused(Rejection),
    /// Nothing is written to this row any more until it is another one.
    Stopped(Stop),
    /// The shadow is another one than the row was compared with: read the row anew, then look since [`Looked::version`].
    Again,
}

/// Why a row is not written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A program wrote a cell with a time so far ahead that only a write from a still later future would hold against it.
    Ahead {
        /// The cell's field.
        field: FieldName,
        /// How far.
        by: Duration,
    },
}

/// The key of a shadow: in the order of the table's tokens.
pub fn shadow_key(mirror: Uuid, token: i64, key: &RecordKey) -> String {
    format!("{}{}", token_prefix(mirror, token), key.to_text())
}

/// What the keys of all shadows of a token begin with. As text they are in the order of the tokens.
pub fn token_prefix(mirror: Uuid, token: i64) -> String {
    format!("{mirror}\t{:016x}\t", (token ^ i64::MIN).cast_unsigned())
}

/// The replica that a mirror is in a partition.
pub fn replica_of(mirror: Uuid, partition: Partition) -> ReplicaId {
    ReplicaId(derived(mirror, &[b"replica", &partition.0.to_be_bytes()[..]].concat()))
}

/// Who all programs behind a mirror are.
pub fn user_of(mirror: Uuid) -> UserId {
    UserId(derived(mirror, b"user"))
}

/// The records by which devices know who the mirror of `table` ("keyspace.table") is.
pub fn introduction(mirror: Uuid, partitions: u16, table: &str) -> Vec<(RecordId, Fields)> {
    let user = user_of(mirror);
    let device = |partition| device_record(replica_of(mirror, Partition(partition)), user, table, "mirror");
    std::iter::once(person_record(user, NAME)).chain((0..partitions).map(device)).collect()
}

/// A UUID of version 8 that follows from the mirror's own.
fn derived(mirror: Uuid, what: &[u8]) -> Uuid {
    let hash = xxh3_128(&[mirror.as_bytes(), what].concat());
    uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadows_are_in_the_order_of_the_tokens() {
        let mirror = Uuid::from_u128(7);
        let tokens = [i64::MIN, -5, -1, 0, 1, 5, i64::MAX];
        let keys: Vec<String> =
            tokens.iter().map(|token| shadow_key(mirror, *token, &RecordKey::Int(1))).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(keys[0], format!("{mirror}\t0000000000000000\t1"));
    }

    #[test]
    fn a_mirror_is_another_replica_in_each_partition_for_good() {
        let mirror = Uuid::from_u128(7);
        let one = replica_of(mirror, Partition(1));
        assert_eq!(one, replica_of(mirror, Partition(1)));
        assert_ne!(one, replica_of(mirror, Partition(2)));
        assert_ne!(one.0, user_of(mirror).0);
        assert_eq!(one.0.get_version_num(), 8);
        assert_eq!(introduction(mirror, 16, "shop.orders").len(), 17);
    }
}
