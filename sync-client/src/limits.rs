//! Every limit of a replica, with the sentence it follows from.

/// Unsent changes that one replica keeps: some weeks of hard offline work or an import of a large file; about 100 MB
/// in memory.
pub const OUTBOX_CHANGES: usize = 250_000;

/// Rows that one import commits at a time: a step short enough that a click on "Stop" is heard at once.
pub const IMPORT_STEP: usize = 1_000;

/// Bytes of a file to import: it is held in memory while it is looked at.
pub const IMPORT_BYTES: usize = 64 << 20;

/// Bytes of an imported record's key and values: what the wire allows for a record, less a generous envelope.
pub const IMPORT_RECORD_BYTES: usize = sync_protocol::limits::RECORD_BYTES - (4 << 10);

/// Characters of a column's heading in a file to import: the longest question of a survey; longer is no heading but data.
pub const HEADING_CHARS: usize = 2_000;

/// Refused rows listed by name in a report; the rest is counted.
pub const REFUSED_LISTED: usize = 100;

/// Commands of other tabs whose answers are kept for the case that they ask again: they do within moments, and have
/// a handful under way.
pub const RECEIPTS: usize = 64;

/// What programs keep on this device: a version and the next number of a key for each of some hundred stores.
pub const MEMOS: usize = 2_000;

/// Entries of the log of what was sent and received: some hours of steady work, days of a quiet one.
pub const ACTIVITY: usize = 200;

/// Collections that one entry of it tells apart.
pub const ACTIVITY_COLLECTIONS: usize = 30;

/// Fields of which a list of reviews shows both values, and bytes that these take at most: what a line has room for.
pub const REVIEW_SIDES: usize = 2;
/// See [`REVIEW_SIDES`].
pub const REVIEW_SIDES_BYTES: usize = 400;

/// Bytes of a memo's name.
pub const MEMO_NAME_BYTES: usize = 2 << 10;

/// Bytes of a memo's text: the definition of a database of a hundred stores with ten indexes each.
pub const MEMO_BYTES: usize = 256 << 10;

/// Records of a collection that one event names: whoever follows more of them reads the collection anew.
pub const TOUCHED: usize = 2_000;

/// Commands of one page that may be under way: a screen has a handful, a page that asks without end is refused.
pub const UNDER_WAY: usize = 1_024;

/// New reviews that wait to be told: a notice counts them, and names a few.
pub const NEWS: usize = 1_000;

/// Rows that a screen may ask for at once.
pub const ROWS: usize = 500;

/// Workspaces that may be open at once on a device: more than anybody has tabs in; each has its records' places, its outbox and its
/// reviews in memory, and a request that waits for news.
pub const OPEN_WORKSPACES: usize = 8;

/// Views that may be open in one workspace: a dozen tabs with a handful each. The one that was looked at longest ago makes way.
pub const VIEWS: usize = 64;

/// Tests and groups in one filter: several screens full.
pub const FILTER_NODES: usize = 200;

/// Groups within groups of a filter: more cannot be shown, nor read.
pub const FILTER_DEPTH: usize = 8;

/// Values that one test of a filter compares with: the options of the longest choice.
pub const FILTER_VALUES: usize = 500;

/// Bytes of a text that is searched for, or compared with: a paragraph.
pub const VIEW_TEXT_BYTES: usize = 4 << 10;

/// Fields that rows are sorted by at once: beyond it nobody sees a difference.
pub const VIEW_SORTS: usize = 8;

/// Figures about the rows of a view: one for each of the columns that fit on a wide screen.
pub const VIEW_FIGURES: usize = 64;

/// Groups that are listed of a view: more than anybody looks through.
pub const GROUPS: usize = 1_000;

/// Records that are listed of one value that several hold.
pub const HOLDERS: usize = 20;

/// Bytes of keys in one answer: some thousands of minted ones.
pub const KEYS_BYTES: usize = 256 << 10;

/// Records read from the store in one step of a scan.
pub const SCAN_STEP: usize = 4_096;

/// Collections kept in memory for the grid: the one on the screen and the one before.
pub const TABLES: usize = 2;

/// Answers kept of each of them that nobody watches: each follows all edits, as one that is watched does.
pub const IDLE_VIEWS: usize = 2;

/// Columns kept of each of them: as many as one view can ask for, and its keys. Each is four bytes a record.
pub const COLUMNS: usize = VIEW_SORTS + 2;

/// One of so many rows may be newer than a column. Each costs a search for its place, and a new column costs all rows.
pub const COLUMN_LATE: usize = 64;

/// First wait after a failed request, in milliseconds.
pub const RETRY_FIRST_MS: u64 = 500;

/// Longest wait after failed requests, in milliseconds: a person who looks again after a minute finds it working.
pub const RETRY_CAP_MS: u64 = 60_000;

/// Longest wait that a server may ask for, in milliseconds: a person who looks again after a coffee finds it working.
pub const RETRY_MOST_MS: u64 = 600_000;

/// Wait before a server that speaks another version is asked again, in milliseconds: an update takes somebody's hands.
pub const UPDATE_RETRY_MS: u64 = 600_000;

/// Time for the answer to a push or a snapshot page to begin, in milliseconds, once the request is on its way: a server
/// that commits a full push while much else goes on.
pub const ANSWER_MS: u64 = 60_000;

/// Time for the next piece of an answer that has begun, in milliseconds: then the connection counts as dead. However long
/// the whole takes, over a slow link too it comes to an end.
pub const SILENCE_MS: u64 = 15_000;

/// Bytes of a request that the slowest link in use moves in a millisecond: 32 kbit/s, half of what a telephone of the
/// second generation does at its edge. A request has so much more time as it is longer.
pub const SLOWEST_BYTES_PER_MS: u64 = 4;

/// Bytes of the smallest push, to which pushes that do not get through shrink: four seconds on the slowest link in use.
pub const PUSH_LEAST_BYTES: usize = 16 << 10;

/// Least time from one push to the next in milliseconds, where changes were made while the first was under way and do not fill
/// one: a person does not see it, and a program that writes without a pause is not held up by twenty requests a second.
pub const PUSH_GATHER_MS: i64 = 50;

/// Least time from one answer with news to the next question for some in milliseconds, while more than one push waits: what one's own
/// changes came to is brought by few full answers, and others' changes come a moment later to whoever sends for seconds anyway.
pub const PULL_HOLD_MS: i64 = 1_000;

/// Times that a request is sent on to another address of the same host: from plain to encrypted, and within it.
pub const REDIRECTS: usize = 5;

/// Bytes of an answer: many times what the protocol allows for a page; more is not from a Mooring server.
pub const ANSWER_BYTES: usize = 64 << 20;

/// Time beyond its own wait for the answer to a pull to begin, in milliseconds: then the connection counts as dead.
pub const PULL_GRACE_MS: u64 = 15_000;

/// Pulls in a row that may bring nothing while saying there is more, before the answer counts as broken.
pub const STALE_PULLS: u32 = 3;

/// Bodies from this size on are sent compressed: below it the header costs more than it saves.
pub const COMPRESS_BYTES: usize = 1_024;

/// Decisions of people and policies kept on a device: some weeks of a busy team; older ones are on the server.
pub const DECISIONS: usize = 2_000;

/// Bytes of them: they are all in memory.
pub const DECISION_BYTES: usize = 8 << 20;

/// Conflicts that one step of a bulk decision settles: short enough that a click on "Stop" is heard at once.
pub const BULK_STEP: usize = 100;

/// Conflicts that one bulk decision settles at most: as many as the outbox has room for with ease.
pub const BULK: usize = 20_000;

/// Values that a change of a field would not keep, listed by name; the rest is counted. A screen full.
pub const UNFIT_LISTED: usize = 20;

/// Characters of a value in such a list: a line.
pub const SAMPLE_CHARS: usize = 80;

/// Different values of a field that are listed with how many records hold each: more are nothing to choose from.
pub const DISTINCT_VALUES: usize = 200;

/// Conflicts left open that are listed by name in a report; the rest is counted.
pub const LEFT_LISTED: usize = 100;

/// Entries of an exported audit: a file that a spreadsheet still opens.
pub const AUDIT_ENTRIES: usize = 500_000;

/// Edits in one step of a program: a file's worth of rows is saved within a second, and other tabs wait no longer.
pub const STEP_OPS: usize = 20_000;

/// Bytes of them: one transaction of a browser's storage, and one row of the outbox there.
pub const STEP_BYTES: usize = 16 << 20;

/// Changes of a workspace on this device only that are moved to the server's in one commit.
pub const MOVE_STEP: usize = 1_000;

/// Bytes of the steps that can be undone, of all tabs: thousands of usual records. What is older is in every record's history.
pub const UNDO_BYTES: usize = 8 << 20;

/// Steps of one tab that can be undone: more than a person takes back one by one.
pub const UNDO_STEPS: usize = 200;

/// Tabs and programs whose steps can be undone: more than a person works in.
pub const UNDO_TABS: usize = 64;
