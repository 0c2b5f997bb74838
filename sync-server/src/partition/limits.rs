//! Every limit of the partition engine, with the sentence it follows from.

use std::time::Duration;
use sync_protocol::limits::{PUSH_CHANGES, RECORD_BYTES};

/// Changes in one commit: measured best between 100 and a full push; more only makes everyone wait longer.
pub const GROUP_CHANGES: usize = PUSH_CHANGES;

/// Bytes of changes in one commit: keeps a commit below a tenth of a second on a slow disk.
pub const GROUP_BYTES: usize = 1 << 20;

/// Bytes that one commit writes before it takes no further change: with one largest change more it stays below the
/// 16 MiB that Cassandra takes as one mutation.
pub const GROUP_WRITE_BYTES: usize = 4 << 20;

/// Bytes of records that one commit reads: small changes to a thousand of the largest records take several commits.
pub const GROUP_READ_BYTES: usize = 16 << 20;

/// Records in the first read of a group, before anything is known of their size: 64 of the largest still fit in memory.
pub const FIRST_READ: usize = 64;

/// Bytes of one conflict: base, current and incoming of one largest record.
pub const CONFLICT_BYTES: usize = 3 * RECORD_BYTES;

/// Changes that may wait for one partition: about one second of work; then clients are asked to slow down.
pub const QUEUE_CHANGES: usize = 20_000;

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

/// Ids of changes that one server process remembers over all partitions: a push of each of a hundred replicas; some MiB.
pub const NAMES: usize = 100 * PUSH_CHANGES;

/// Replicas whose state one partition's cache holds: one small row each, read again when forgotten.
pub const REPLICAS: usize = 1_000;

/// Bytes of cached records per partition: a busy partition's working set.
pub const PARTITION_CACHE_BYTES: usize = 32 << 20;

/// Bytes of cached records of one server process.
pub const CACHE_BYTES: usize = 256 << 20;

/// How often another node's changes are looked for while somebody waits: the promise is 250 ms.
pub const POLL: Duration = Duration::from_millis(200);

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

/// Reads of one answer to an audit: a feed without anything to tell still answers within a second.
pub const AUDIT_READS: usize = 32;
