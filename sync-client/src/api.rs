//! All that a screen (or an embedding program) knows of a replica: commands and queries in, answers and events out.
//!
//! Everything here is plain data that travels as JSON: between a page and its worker, or between the desktop shell's
//! screen and its native side.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::message::{Role, User, Workspace};
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{
    ChangeId, CollectionId, Conflict, Counter, FieldName, Fields, Outcome, RecordId, RecordKey, Rejection,
    Revision, Timestamp, Value, WorkspaceId,
};

pub use crate::status::{Phase, Pill, Status, Transport};

/// What a screen asks for. Each gets exactly one [`Answer`] or [`Failure`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Who is signed in where. Answer: `Session`.
    Session,
    /// Sets the server's address (desktop, first start) and asks who it is. Needs the network. Answer: `Session`.
    Connect {
        /// `http://` or `https://` address.
        server: String,
    },
    /// Signs in. Needs the network. Answer: `Session`.
    SignIn {
        /// The account.
        name: String,
        /// The password.
        password: String,
    },
    /// Signs in as the sample user of a local first run. Answer: `Session`.
    SignInDemo,
    /// Signs out. Refused with [`FailureKind::Unsent`] while changes are unsent, unless `unsent` says what to do.
    SignOut {
        /// What becomes of unsent changes.
        #[serde(default)]
        unsent: Unsent,
    },
    /// Asks the server for the workspaces again; offline, the known ones. Answer: `Session`.
    Workspaces,
    /// Makes a workspace. Needs the network. Answer: `Session`.
    NewWorkspace {
        /// Its name.
        name: String,
    },
    /// Opens a workspace on this device; the one before is closed. Answer: `Done`.
    Open {
        /// Which.
        workspace: WorkspaceId,
    },
    /// The collections of the open workspace. Answer: `Collections`.
    Collections,
    /// Makes a collection. Works offline. Answer: `Made`.
    NewCollection {
        /// What people call it; its name is made of it.
        label: String,
        /// Its fields.
        fields: Vec<Field>,
    },
    /// Adds or changes a field of a collection. Answer: `Done`.
    SetField {
        /// The collection.
        collection: CollectionId,
        /// The field.
        field: Field,
    },
    /// Records of a collection as the person sees them. Answer: `Rows`.
    Rows(RowsQuery),
    /// One record with everything about it. Answer: `Record`.
    Record {
        /// Which.
        id: RecordId,
    },
    /// Adds a record. Answered once it is durable. Answer: `Saved`.
    Insert {
        /// Where.
        collection: CollectionId,
        /// Its key; `None` mints a UUIDv7.
        key: Option<RecordKey>,
        /// Its values.
        fields: Fields,
    },
    /// Changes fields of a record. Answered once it is durable. Answer: `Saved`.
    Edit {
        /// Which.
        id: RecordId,
        /// Per touched field, what the person saw and what the person wants.
        fields: BTreeMap<FieldName, Seen>,
    },
    /// Deletes records. Answered once it is durable. Answer: `Saved`.
    Delete {
        /// Which.
        ids: Vec<RecordId>,
    },
    /// Everything that needs review. Answer: `Review`.
    Review,
    /// Settles a conflict. Works offline. Answer: `Saved`.
    Resolve {
        /// Which.
        conflict: ChangeId,
        /// The conflict's revision that the person saw.
        saw_conflict: Revision,
        /// The record's revision that the person saw.
        saw_record: Option<Revision>,
        /// The decision.
        outcome: Outcome,
    },
    /// Sends a rejected change again as it is. Answer: `Done`.
    Retry {
        /// Which.
        counter: Counter,
    },
    /// Throws a rejected change away, for good. Answer: `Done`.
    Discard {
        /// Which.
        counter: Counter,
    },
    /// Looks at a file to import. Nothing is stored. Answer: `Preview`.
    Preview {
        /// The file's name; tells CSV from JSON.
        name: String,
        /// The file's text; empty looks at the same file again, with another plan.
        text: String,
        /// Types and key chosen so far; `None` guesses.
        plan: Option<ImportPlan>,
    },
    /// Imports the file last looked at. Progress comes as events. Answer: `Imported`.
    Import {
        /// What to do with its columns.
        plan: ImportPlan,
    },
    /// Stops the import under way; what is saved stays. Answer: `Done`.
    CancelImport,
    /// Everything unsent as JSON, for safe keeping. Answer: `Text`.
    ExportUnsent,
    /// Tries the network now. Answer: `Done`.
    SyncNow,
    /// Compares checksums of what is really stored with the server's. Answer: `Done`; the result is in the status.
    Verify,
    /// The status now; it also comes as events. Answer: `Status`.
    Status,
    /// The platform says the network came or went, or the screen was focused: a reason to try now. Answer: `Done`.
    Network {
        /// Whether the platform believes there is a network.
        online: bool,
    },
}

/// What becomes of unsent changes at sign-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// Ask the person.
    #[default]
    Ask,
    /// Keep them on this device for the next sign-in of the same person.
    Keep,
    /// Throw them away with everything else of this person on this device.
    Discard,
}

/// A field's value as the person saw it and as the person wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What was on the screen when the edit began.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub saw: Value,
    /// What shall be there.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub want: Value,
}

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsQuery {
    /// Of which collection.
    pub collection: CollectionId,
    /// Only rows that contain this text somewhere; letter case does not matter.
    #[serde(default)]
    pub search: String,
    /// Sort by this field; `None` by key.
    #[serde(default)]
    pub sort: Option<FieldName>,
    /// Largest first.
    #[serde(default)]
    pub descending: bool,
    /// The first row.
    pub offset: usize,
    /// How many rows, at most 500.
    pub limit: usize,
}

/// What a command is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "is", rename_all = "snake_case")]
pub enum Answer {
    /// Nothing more to say.
    Done,
    /// Who is signed in where.
    Session(Session),
    /// The collections.
    Collections(Vec<CollectionInfo>),
    /// The new collection's name.
    Made(CollectionId),
    /// Rows.
    Rows(Rows),
    /// One record.
    Record(Box<RecordInfo>),
    /// Saved on this device, durably.
    Saved {
        /// The records.
        ids: Vec<RecordId>,
    },
    /// What needs review.
    Review(Review),
    /// What an import would do.
    Preview(Preview),
    /// What an import did.
    Imported(ImportReport),
    /// The status.
    Status(Box<Status>),
    /// A text.
    Text(String),
}

/// Who is signed in where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The server's address; `None` on a desktop before the first start is finished.
    pub server: Option<String>,
    /// Whether one click signs in as the sample user.
    pub demo: bool,
    /// Who; `None` when nobody is.
    pub user: Option<User>,
    /// The name that they signed in with; `None` for the sample user.
    #[serde(default)]
    pub login: Option<String>,
    /// The known workspaces.
    pub workspaces: Vec<Workspace>,
    /// The open one.
    pub open: Option<WorkspaceId>,
}

/// A collection with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionInfo {
    /// Its name.
    pub id: CollectionId,
    /// Its definition.
    #[serde(flatten)]
    pub collection: Collection,
    /// Number of records.
    pub records: u64,
    /// Number of records that need review.
    pub review: u64,
}

/// Some rows of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many match the search.
    pub matching: usize,
    /// How many there are.
    pub total: usize,
}

/// A record as the person sees it: the server's state with this device's unsent changes on top.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its key.
    pub key: RecordKey,
    /// Its values.
    pub fields: Fields,
    /// What is going on with it.
    #[serde(default, skip_serializing_if = "Marks::is_clean")]
    pub marks: Marks,
}

/// What is going on with a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// Has changes that the server has not judged.
    pub unsent: bool,
    /// Has an open conflict.
    pub review: bool,
    /// Has a rejected change.
    pub rejected: bool,
}

impl Marks {
    /// Whether nothing is going on.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything about a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordInfo {
    /// Which.
    pub id: RecordId,
    /// The values as the person sees them; `None` where there is no such record (any more).
    pub fields: Option<Fields>,
    /// What is going on with it.
    pub marks: Marks,
    /// Its revision on the server; `None` where the server has none.
    pub rev: Option<Revision>,
    /// The last change on the server: who and when.
    pub changed: Option<Author>,
    /// Its open conflicts.
    pub conflicts: Vec<ConflictInfo>,
    /// Its rejected changes.
    pub rejected: Vec<RejectedInfo>,
}

/// A person and a device, by the names that people know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The person; empty where unknown.
    pub person: String,
    /// The device; empty where unknown.
    pub device: String,
    /// `browser`, `desktop`, `embedded`, `mirror`; empty where unknown.
    pub channel: String,
    /// Whether it is this very device.
    pub here: bool,
    /// When, by that device's clock.
    pub at: Timestamp,
}

/// A conflict with what a screen needs to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictInfo {
    /// The conflict.
    pub conflict: Conflict,
    /// What the record is called, for people: its key, or its first text field.
    pub title: String,
    /// Who made the incoming side.
    pub incoming: Author,
    /// Who made the current side; `None` where there is none.
    pub current: Option<Author>,
    /// The record's values now (the server's state); `None` where it is deleted.
    pub record: Option<Fields>,
    /// The live record's revision now: what a resolution names as seen. `None` where it is deleted.
    pub record_rev: Option<Revision>,
    /// A decision made on this device that the server has not judged yet.
    pub pending: Option<Outcome>,
    /// A decision that came too late, because the record had moved or somebody else was first; its choices are kept.
    pub returned: Option<(Outcome, Rejection)>,
}

/// A rejected change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedInfo {
    /// Names it for retry and discard.
    pub counter: Counter,
    /// The record.
    pub id: RecordId,
    /// What the record is called, for people: its first text, or its key.
    pub title: String,
    /// Why it was rejected.
    pub reason: Rejection,
    /// The same in words.
    pub message: String,
    /// The values that the change wanted.
    pub wanted: BTreeMap<FieldName, Value>,
    /// When it was made.
    pub at: Timestamp,
}

/// Everything that needs review. The badge is the length of both lists together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Open conflicts, oldest first.
    pub conflicts: Vec<ConflictInfo>,
    /// Rejected changes, oldest first.
    pub rejected: Vec<RejectedInfo>,
}

/// What to do with the columns of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// What the collection is called.
    pub label: String,
    /// The collection to add to; `None` makes a new one.
    pub into: Option<CollectionId>,
    /// The column that holds the key; `None` numbers the rows from 1.
    pub key: Option<String>,
    /// The columns, in order.
    pub columns: Vec<ImportColumn>,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportColumn {
    /// Its heading in the file.
    pub heading: String,
    /// The field it becomes.
    pub field: Field,
    /// Whether it is imported.
    pub take: bool,
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The plan, guessed or as given.
    pub plan: ImportPlan,
    /// Rows in the file.
    pub rows: usize,
    /// The first rows as they would be saved.
    pub sample: Vec<Row>,
    /// Rows that would be refused: the first 100.
    pub refused: Vec<RefusedRow>,
    /// How many would be refused.
    pub refused_total: usize,
    /// Things worth knowing, such as numbers that become text.
    pub notes: Vec<String>,
}

/// A row that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// Its place in the file, from 1, without the heading.
    pub row: usize,
    /// The column at fault; empty for the row as a whole.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Where the rows are.
    pub collection: CollectionId,
    /// Rows saved on this device.
    pub saved: usize,
    /// Rows refused: the first 100.
    pub refused: Vec<RefusedRow>,
    /// How many were refused.
    pub refused_total: usize,
    /// Whether it was stopped before the end.
    pub cancelled: bool,
}

/// What a screen is told without asking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "is", rename_all = "snake_case")]
pub enum Event {
    /// The status changed.
    Status(Box<Status>),
    /// Records of these collections changed: ask again.
    Changed {
        /// Which.
        collections: Vec<CollectionId>,
    },
    /// Something that needs review came or went.
    ReviewChanged,
    /// The session changed (signed out, token expired, other tab).
    SessionChanged,
    /// Import progress.
    Importing {
        /// Rows done.
        done: usize,
        /// Rows in all.
        total: usize,
    },
}

/// Why a command was not done: what happened, why, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the screen decides by.
    pub kind: FailureKind,
    /// What the person reads.
    pub message: String,
    /// The field at fault, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldName>,
}

/// What a screen decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The input is wrong: show the message at the field.
    Input,
    /// This needs the network: try again later.
    Offline,
    /// Sign in (again).
    NeedsSignIn,
    /// Changes are unsent: ask the person.
    Unsent,
    /// The device's storage did not do it: nothing was saved.
    Storage,
    /// The server refused it.
    Refused,
    /// A defect.
    Internal,
}

impl Failure {
    /// A failure about the input as a whole.
    pub fn input(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Input, message: message.into(), field: None }
    }
}

/// May the role change records?
pub fn may_edit(role: Role) -> bool {
    role >= Role::Editor
}

/// A command with the number its answer comes back under: what travels between a screen and its engine.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the screen.
    pub id: u64,
    /// What it asks for.
    pub command: Command,
}

/// What travels back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Response {
    /// The end of a command.
    Answer {
        /// The request's number.
        id: u64,
        /// How it ended.
        result: Result<Answer, Failure>,
    },
    /// Something happened.
    Event {
        /// What.
        event: Event,
    },
}
