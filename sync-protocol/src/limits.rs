//! Every limit of the wire and of records, with the sentence it follows from.

/// Bytes in a collection's or field's name: fits a CQL identifier (48) for mirrors.
pub const NAME_BYTES: usize = 48;

/// Bytes in a record's text key: room for a UUID, a path or a URL; Cassandra clustering keys stay far below 64 KiB.
pub const KEY_BYTES: usize = 512;

/// Bytes of one record as JSON: a group of changes with their records still fits one Cassandra batch.
pub const RECORD_BYTES: usize = 1 << 20;

/// Fields in one record or one collection: a form longer than this is several collections.
pub const FIELDS: usize = 512;

/// Bytes of what waits in one conflict: base, current and incoming of one largest record, with who set each of its fields.
/// A decision adds to it: so one can always be made.
pub const CONFLICT_BYTES: usize = 3 * RECORD_BYTES + (1 << 18);

/// Open conflicts of a record that the judge looks at, those of the change's replica first: more than a person looks through.
pub const CONFLICTS_AT_ONCE: usize = 16;

/// Steps that the texts of one change may take to be merged, then it is asked: as much work as reading and writing one of the
/// largest records; some 2,000 differences, however long the texts are. A part of the rules: see `docs/protocol.md`.
pub const MERGE_STEPS: usize = 1 << 22;

/// Of these, for each byte of the three texts of a field: what a small push costs stays small.
pub const MERGE_STEPS_PER_BYTE: usize = 64;

/// Depth of a JSON value: below the depth that every JSON parser in use accepts (128), with room for the envelope.
pub const JSON_DEPTH: usize = 64;

/// Digits of a decimal number, and places before or behind its point: far beyond every amount and constant in use, and one
/// number stays a text that a person can look at.
pub const DECIMAL_DIGITS: usize = 1_000;

/// Bytes of one change as JSON: what its author saw and what is wanted, each of one largest record, with room for names.
pub const CHANGE_BYTES: usize = 2 * RECORD_BYTES + (64 << 10);

/// Cells of one change: one per value, 2 per list, [`OBJECT_CELLS`] per object. A map of 2 MiB full of coordinates fits;
/// what is made to take memory (`[{"":0},{"":0}]` takes 190 times its size) stays below 50 MiB.
pub const CHANGE_CELLS: usize = 1 << 19;

/// Cells of an object: the smallest tree takes as much as so many plain values.
pub const OBJECT_CELLS: usize = 16;

/// Cells of all changes of one push: two of the dearest changes, or a full push of ordinary ones.
pub const PUSH_CELLS: usize = 2 * CHANGE_CELLS;

/// Changes in one push: one group of a commit; a larger outbox takes several pushes.
pub const PUSH_CHANGES: usize = 1_000;

/// Bytes of one request body after decompression: a full push of ordinary records, or the largest change with room.
pub const REQUEST_BYTES: usize = 4 << 20;

/// Bytes of change bodies that a replica puts into one push, leaving room for the envelope and one largest change.
pub const PUSH_BYTES: usize = 1 << 20;

/// Bytes of entries in one pull answer: a page that a slow phone link moves in some seconds.
pub const PULL_BYTES: usize = 2 << 20;

/// Longest wait of a pull, in milliseconds: below the 30 to 60 s after which common proxies cut a silent request.
pub const PULL_WAIT_MS: u64 = 25_000;

/// Records in a snapshot page, and in a page of the local store: measured best for IndexedDB (see `docs/decisions`).
pub const PAGE_RECORDS: usize = 256;

/// Bytes of pages and conflicts in one snapshot answer: some pages, so that progress is seen and a cut costs little.
pub const SNAPSHOT_BYTES: usize = 2 << 20;

/// Partitions of a new workspace, unless it asks for another number.
pub const PARTITIONS: u16 = 16;

/// Most partitions of a workspace: a cursor stays below 20 KiB.
pub const PARTITIONS_MAX: u16 = 1_024;

/// Characters in a name that people give (workspace, person, device, label).
pub const LABEL_CHARS: usize = 200;

/// Characters of what is said of a field or a collection: some lines below an input.
pub const HELP_CHARS: usize = 500;

/// Characters of a comment: a page of text.
pub const COMMENT_CHARS: usize = 4_000;

/// Bytes of a record of Mooring's own collections: each is on every device and in memory there; a choice of a thousand
/// options fits.
pub const RESERVED_BYTES: usize = 128 << 10;

/// Characters of a record's title: a line on a wide screen.
pub const TITLE_CHARS: usize = 120;

/// Versions in one answer about a record's history: some screens of a list.
pub const HISTORY_VERSIONS: usize = 50;

/// Conflicts of one record in an answer about its history: more than a person looks through.
pub const HISTORY_CONFLICTS: usize = 100;
