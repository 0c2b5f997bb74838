//! Every limit of the partition engine, with the sentence it follows from.

use std::time::Duration;
use sync_protocol::limits::PUSH_CHANGES;

/// Changes in one commit: measured best between 100 and a full push; more only makes everyone wait longer.
pub const GROUP_CHANGES: usize = PUSH_CHANGES;

/// Bytes of changes in one commit: keeps a commit below a tenth of a second on a slow disk.
pub const GROUP_BYTES: usize = 1 << 20;

/// Bytes that one commit writes before it takes no further change.
pub const GROUP_WRITE_BYTES: usize = 4 << 20;

/// Bytes of conflicts that one commit reads: those of the first change, whatever they take, and of others while there is room.
pub const GROUP_CONFLICT_BYTES: usize = 8 << 20;

/// Bytes of records that one commit reads: small changes to a thousand of the largest records take several commits.
pub const GROUP_READ_BYTES: usize = 16 << 20;

/// Records in one read of a group, while nothing is known of their size or they are large: 16 MiB of the largest.
pub const FIRST_READ: usize = 16;

/// Bytes that one commit may write: Cassandra takes 16 MiB as one mutation and as one frame; names and keys come on top.
pub const COMMIT_BYTES: usize = 14 << 20;

/// Bytes of changes and of what they meet that are judged where they are: some milliseconds of work; handing less over
/// to another thread costs more than it takes. More never keeps other requests waiting.
pub const JUDGE_INLINE_BYTES: usize = 64 << 10;

/// Changes that may wait for one partition: about one second of work; then clients are asked to slow down.
pub const QUEUE_CHANGES: usize = 20_000;

/// Bytes of the changes that may wait for one partition: 16 groups, some seconds of work on a slow disk.
pub const QUEUE_BYTES: usize = 16 << 20;

/// Bytes of the changes that wait for all partitions of a process: with the values read from them below a GiB.
pub const QUEUED_BYTES: usize = 128 << 20;

/// Open conflicts of one record: one per device of a large team that was out for a day; each holds up to three values
/// of every field, and a person looks at all of them.
pub const CONFLICTS_PER_RECORD: usize = 50;

/// Collections of a workspace: more than a screen lists; each adds a checksum to every head that is written and sent.
pub const COLLECTIONS: u64 = 500;

/// How many times its even share a partition may take of what its workspace may keep: hashing spreads records unevenly
/// where there are few of them.
pub const QUOTA_SPREAD: u64 = 2;

/// Marks of where the feed was, for its floor: what lies between two of them is read through in vain at worst.
pub const MARKS: usize = 64;

/// Entries between two marks of a new partition; doubled whenever there are [`MARKS`] of them.
pub const MARK_ENTRIES: u64 = 256;

/// Bytes of the ends in one answer to a pull: 16 partitions of 100 collections are a tenth of it; what does not fit comes with
/// a later answer.
pub const ENDS_BYTES: usize = 1 << 20;

/// Bytes of the conflicts in an answer about one record's history: with the versions it stays an answer of a pull's size.
pub const HISTORY_CONFLICT_BYTES: usize = 1 << 20;

/// Reads of a record's conflicts for one answer: with [`RANGE_BYTES`] each, a second of work.
pub const HISTORY_READS: usize = 16;

/// Tries of one group where other nodes keep winning: each loss means somebody else's progress, so this many in a row
/// mean that something is wrong.
pub const ATTEMPTS: u32 = 12;

/// Longest pause before the second try; doubles with each further one.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(5);

/// Longest pause of all: a handful of commits.
pub const BACKOFF_MOST: Duration = Duration::from_millis(200);

/// Entries that a node which fell behind reads to catch up; beyond that, reading anew what is asked for costs less.
pub const CATCH_UP_ENTRIES: u64 = 5_000;

/// Rejections remembered per replica: a replica has one push in flight, so one push of them and as many to spare.
pub const REJECTIONS: usize = 2 * PUSH_CHANGES;

/// Bytes of what is remembered of one replica: the row is written with every push that has a rejection.
pub const REPLICA_BYTES: usize = 1 << 20;

/// Ids of changes over all partitions that one server process remembers: a push of each of a hundred replicas; some MiB.
pub const NAMES: usize = 100 * PUSH_CHANGES;

/// Of these, of one replica: the push that is judged, and one before it whose answer is not settled.
pub const NAMES_OF_ONE: usize = 2 * PUSH_CHANGES;

/// Replicas whose state one partition's cache holds: one small row each, read again when forgotten.
pub const REPLICAS: usize = 1_000;

/// Bytes of cached records per partition: a busy partition's working set.
pub const PARTITION_CACHE_BYTES: usize = 32 << 20;

/// Bytes of what mirrors last agreed on, kept by partition: about what a group of looks moves.
pub const SHADOW_CACHE_BYTES: usize = 4 << 20;

/// Bytes of cached records of one server process.
pub const CACHE_BYTES: usize = 256 << 20;

/// How long a row of a mirror that was removed stays, emptied: as short as every store can.
pub const FORGOTTEN_STAYS: Duration = Duration::from_secs(1);

/// How long a row that was refused for want of room is left alone: somebody has made some, or not.
pub const REFUSED_RESTS: Duration = Duration::from_mins(10);

/// Shadows, or keys of records, in one page: some pages of a table.
pub const MIRROR_PAGE: usize = 1_000;

/// How often another node's changes are looked for while somebody waits: the promise is 250 ms.
pub const POLL: Duration = Duration::from_millis(200);

/// How old a look at all heads may be where it is looked for news since: a notice of another node may be lost. Shorter than the
/// wait of a pull, with which each of a room's devices would look otherwise.
pub const LOOK: Duration = Duration::from_secs(10);

/// Workspaces whose feed room stays for a while when nobody waits there any more, as long as there are no more of them.
pub const ROOMS: usize = 1_024;

/// Bytes of what all feed rooms hold: heads, last groups and answers.
pub const ROOM_BYTES: usize = 64 << 20;

/// Bytes of the last groups of one partition's feed that are kept for those who wait: what is committed while they are woken.
pub const RING_BYTES: usize = 1 << 20;

/// How long an answer is given to those who come to the same place.
pub(super) const ANSWER_LIFE: Duration = Duration::from_mins(1);

/// Answers of one feed room that are kept: devices are at the same place, or one commit behind.
pub const ANSWERS: usize = 4;

/// Lists of accepted encodings for which one answer is kept packed: there are some kinds of browsers, and programs.
pub const PACKINGS: usize = 4;

/// How long the schema is used without looking whether it moved on: a change of it is rare, its effect may wait this long.
pub const SCHEMA_AGE: Duration = Duration::from_millis(250);

/// Workspaces whose schema is kept at hand: some kilobytes each.
pub const SCHEMAS: usize = 1_000;

/// Rows in one read of a range: the bytes end it sooner.
pub const RANGE_ROWS: usize = 1_000;

/// Bytes in one read of a range.
pub const RANGE_BYTES: usize = 4 << 20;

/// Partitions read at a time for one request: the store limits what is in flight altogether.
pub const PARALLEL: usize = 32;

/// Bytes of one read of an audit: an answer ends with the read that fills it, so it is never much longer than a pull's.
pub const AUDIT_BYTES: usize = 1 << 20;

/// Reads of one answer to an audit: a feed without anything to tell still answers within a second.
pub const AUDIT_READS: usize = 32;

/// Reads of one look at deleted records: a large collection in which nothing is deleted still answers within a second.
pub const DELETED_READS: usize = 16;
