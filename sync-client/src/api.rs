//! All that a screen (or an embedding program) knows of a replica: commands and queries in, answers and events out.
//!
//! Everything here is plain data that travels as JSON: between a page and its worker, or between the desktop shell's
//! screen and its native side. Enums are tagged from outside there: serde reads those in one go, all others by way of a
//! copy of the whole, with code of its own for every type within.

use crate::store::Memos;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::message::DeletedPlace;
use sync_protocol::schema::Field;
use sync_protocol::{
    ChangeId, CollectionId, Counter, FieldName, Fields, Outcome, Policy, RecordId, RecordKey, Revision,
    Timestamp, UserId, Value, WorkspaceId,
};

mod activity;
mod failure;
#[cfg(feature = "screens")]
mod import;
#[cfg(feature = "screens")]
mod members;
mod mirror;
mod record;
mod review;
mod rows;
mod session;
#[cfg(feature = "screens")]
mod shape;
mod view;
mod write;

pub use crate::status::{Phase, Pill, Status, Transport};
pub use activity::*;
pub use failure::*;
#[cfg(feature = "screens")]
pub use import::*;
#[cfg(feature = "screens")]
pub use members::*;
pub use mirror::*;
pub use record::*;
pub use review::*;
pub use rows::*;
pub use session::*;
#[cfg(feature = "screens")]
pub use shape::*;
pub use sync_protocol::ConflictKind;
pub use view::*;
pub use write::*;

/// What a screen asks for. Each gets exactly one [`Answer`] or [`Failure`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Who is signed in where. Answer: `Session`.
    Session,
    /// Sets the server's address (desktop, first start) and asks who it is. Needs the network. Answer: `Session`.
    /// Refused with [`FailureKind::Open`] where passwords and records would travel unencrypted, but for this machine's
    /// own server.
    Connect {
        /// `http://` or `https://` address.
        server: String,
    },
    /// The same once the person has said that it may be unencrypted. Answer: `Session`.
    ConnectOpenly {
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
    /// Signs in with a session's token that another program has got from the server: [`Command::SignOut`] ends that session.
    /// Needs the network. Answer: `Session`.
    SignInWith {
        /// The token.
        token: String,
    },
    /// Signs out, and removes what this device keeps of every workspace of the person, unless it shall be kept. Refused
    /// with [`FailureKind::Unsent`] while changes are unsent in any of them, unless `unsent` says what to do. Answer:
    /// `Session`.
    SignOut {
        /// What becomes of unsent changes, and of all else.
        #[serde(default)]
        unsent: Unsent,
    },
    /// Removes what this device keeps of one workspace; one that is still the person's comes again from the server when
    /// it is opened. Refused with [`FailureKind::Unsent`] while changes are unsent in it, unless `unsent` says to discard
    /// them. Answer: `Session`.
    RemoveRecords {
        /// Which.
        workspace: WorkspaceId,
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
    /// Makes a workspace of that name on this device only, without a server and without an account. Answer: `Session`.
    NewLocal(String),
    /// Connects a workspace of this device only with the server, once somebody is signed in. Nothing of it is lost, also where
    /// it is broken off: it goes on by itself. Answer: `Session`, with the server's workspace open.
    ConnectLocal {
        /// Which.
        workspace: WorkspaceId,
        /// How.
        how: ConnectHow,
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
    #[cfg(feature = "screens")]
    /// Makes a field another, and what records hold in it: one step, which can be undone. Works offline. Progress comes as
    /// events. Answer: `Reshaped`.
    Reshape(Box<Reshape>),
    /// Records of a collection as the person sees them. Answer: `Rows`.
    Rows(RowsQuery),
    /// The values of records, and nothing else about them. Answer: `Got`.
    Get {
        /// Which: at most 500.
        ids: Vec<RecordId>,
    },
    /// Records of a collection by their keys, numbers before texts. Fewer than asked for are the last ones. Answer: `Page`.
    Page {
        /// Of which collection; one that is not there has none.
        collection: CollectionId,
        /// Behind this key; `None`: from the first one on.
        #[serde(default)]
        after: Option<RecordKey>,
        /// How many, at most 500.
        limit: usize,
    },
    /// Opens a view of a collection, and says from now on what changes in its window: see [`Event::Seen`]. Answer: `Watched`.
    Watch {
        /// Which records, in which order.
        view: Box<View>,
        /// The rows that are shown.
        window: Window,
        /// Figures about the rows that match.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        figures: Vec<Aggregate>,
    },
    /// Shows other rows of an open view. Refused with [`FailureKind::Ended`] where it has ended. Answer: `Looked`.
    Look {
        /// Which view.
        id: ViewId,
        /// The rows that are shown from now on.
        window: Window,
    },
    /// Ends a view; one that has ended is no mistake. Answer: `Done`.
    Unwatch {
        /// Which.
        id: ViewId,
    },
    /// Keys of all rows that match an open view, page by page: for what is done with all of them. Refused with
    /// [`FailureKind::Ended`] where it has ended. Answer: `Keys`.
    Keys {
        /// Which view.
        id: ViewId,
        /// The first one: 0, then what the answer before said.
        #[serde(default)]
        offset: usize,
    },
    /// Where a record is among all rows that match an open view. Refused with [`FailureKind::Ended`] where it has ended. Answer:
    /// `Place`.
    Place {
        /// Which view.
        id: ViewId,
        /// Which record of its collection.
        key: RecordKey,
    },
    /// Values of a field that more than one record holds. Answer: `Duplicates`.
    Duplicates {
        /// Of which collection.
        collection: CollectionId,
        /// Which field.
        field: FieldName,
    },
    /// Says from now on which records change, and by whom: see [`Event::Touched`]. As long as this engine runs. Answer: `Done`.
    Follow,
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
    /// Brings back deleted records, as they were: those of the last deletion on this device, and those whose deletion is not
    /// sent yet. Works offline. Answer: `Saved`, with those that are back.
    Undelete {
        /// Which.
        ids: Vec<RecordId>,
    },
    /// Several edits in one step: all of them are saved, or none. Works offline. Answered once it is durable. A failure names the
    /// edit at fault. Answer: `Saved`, with the record of each edit.
    Write {
        /// The edits, in their order.
        ops: Vec<Op>,
        /// What the step is called where it can be undone.
        #[serde(default)]
        label: Option<String>,
        /// Types of fields that it adds to open collections.
        #[serde(default)]
        types: Types,
        /// What the program keeps on this device from then on, saved in the same step: texts by name; an empty one
        /// removes it. Undoing the step leaves it as it is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        memos: Memos,
    },
    /// What programs keep on this device, of the names that begin so. Answer: `Memos`.
    Memos(String),
    /// Takes the last step of this tab (or program) back that is not undone yet, by new edits: where somebody has changed the
    /// same meanwhile it stays. Works offline. Answer: `Undone`.
    Undo,
    /// Takes the last undo of this tab (or program) back, likewise. Answer: `Undone`.
    Redo,
    /// What can be undone and redone next. Answer: `Undoable`.
    Undoable,
    /// Makes a collection of that name whose fields appear as they are written; one that is there stays as it is. Made on two
    /// devices it is one. People read what the program calls it. Works offline. Answer: `Made`.
    OpenCollection(CollectionId),
    /// Deletes a collection: nobody sees its records any more. Works offline. Answer: `Done`.
    DropCollection(CollectionId),
    /// A part of what needs review, or was settled lately, without reading records. Answer: `Review`.
    Review(ReviewQuery),
    /// One conflict with everything that a screen shows of it, open or settled lately. Answer: `Conflict`.
    Conflict {
        /// Which.
        id: ChangeId,
    },
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
    /// Settles a conflict of two edits so that the record stays as it is and the incoming change becomes a record of its
    /// own beside it. Works offline. Answer: `Saved`, with the record and the new one.
    KeepBoth {
        /// Which.
        conflict: ChangeId,
        /// The conflict's revision that the person saw.
        saw_conflict: Revision,
        /// The record's revision that the person saw.
        saw_record: Option<Revision>,
    },
    /// Settles many conflicts by one rule. Works offline. With `dry_run` nothing is stored. Progress comes as events; the
    /// decisions of one call are taken back together. Answer: `Bulk`.
    ResolveMany {
        /// Which.
        which: Which,
        /// How each is settled.
        rule: BulkRule,
        /// Only count.
        dry_run: bool,
    },
    /// Takes decisions back, all in one step where they were not sent yet. Works offline. Progress comes as events.
    /// Answer: `Bulk`.
    TakeBack {
        /// The conflicts whose decisions are taken back.
        conflicts: Vec<ChangeId>,
    },
    /// Stops the bulk decision or export under way; what is saved stays. Answer: `Done`.
    CancelBulk,
    /// Asks a member to look at a conflict; `None` asks nobody any more. Works offline. Answer: `Done`.
    Assign {
        /// Which.
        conflict: ChangeId,
        /// Whom.
        to: Option<UserId>,
    },
    /// Puts a conflict off for the person who is signed in; `None` takes it up again. Works offline. Answer: `Done`.
    Snooze {
        /// Which.
        conflict: ChangeId,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// Says something about a conflict to everyone who looks at it. Works offline. Answer: `Done`.
    Comment {
        /// Which.
        conflict: ChangeId,
        /// What.
        text: String,
    },
    /// People who have opened the workspace, for assigning. Answer: `People`.
    People,
    /// What policies decided lately without asking, newest first. Answer: `Merges`.
    Merges {
        /// Only of this record.
        record: Option<RecordId>,
        /// The first one.
        offset: usize,
        /// How many, at most 500.
        limit: usize,
    },
    /// The versions of a record. Needs the network. Answer: `History`.
    History {
        /// Which.
        id: RecordId,
        /// Where to go on, as the answer before said.
        resume: Option<Revision>,
    },
    /// What this device has sent and received lately, newest first. Answer: `Activity`.
    Activity,
    /// Records of a collection that are deleted. Without `resume` those whose deletion is not sent yet, which works offline;
    /// the server's, as long as it keeps them, are behind what that answer says. Answer: `Deleted`.
    Deleted {
        /// Of which collection.
        collection: CollectionId,
        /// Where to go on, as the answer before said.
        resume: Option<DeletedPlace>,
    },
    /// Makes a record what it was in a version; one that is deleted is added again. Works offline. Answer: `Saved`.
    Restore {
        /// Which.
        id: RecordId,
        /// The values of that version.
        fields: Fields,
    },
    #[cfg(feature = "screens")]
    /// Everything that policies and people decided, as far as the server keeps it, as a file's text. Needs the network.
    /// Progress comes as events. Answer: `Text`.
    ExportAudit {
        /// How it is written.
        format: FileFormat,
    },
    /// Sets what a collection does where edits meet; `None`: each field's own. Works offline. Answer: `Done`.
    SetPolicy {
        /// Which.
        collection: CollectionId,
        /// What.
        policy: Option<Policy>,
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
    #[cfg(feature = "screens")]
    /// Looks at a file to import. Nothing is stored. Answer: `Preview`.
    Preview {
        /// The file's name; tells CSV from JSON.
        name: String,
        /// The file's text; empty looks at the same file again, with another plan.
        text: String,
        /// Types and key chosen so far; `None` guesses.
        plan: Option<ImportPlan>,
    },
    #[cfg(feature = "screens")]
    /// Imports the file last looked at. Progress comes as events. Answer: `Imported`.
    Import {
        /// What to do with its columns.
        plan: ImportPlan,
    },
    #[cfg(feature = "screens")]
    /// Stops the import under way; what is saved stays. Answer: `Done`.
    CancelImport,
    #[cfg(feature = "screens")]
    /// The rows that the last import refused, with their cells, lines and reasons, as a file's text. Answer: `Text`.
    RefusedRows,
    #[cfg(feature = "screens")]
    /// All records of a collection as the person sees them, as a file's text. Works offline. Answer: `Text`.
    Export {
        /// Which.
        collection: CollectionId,
        /// How it is written.
        format: FileFormat,
    },
    /// Everything unsent in every workspace of the person on this device as JSON, for safe keeping: a list of workspaces,
    /// each with its changes or the reason why they cannot be read. Answer: `Text`.
    ExportUnsent,
    #[cfg(feature = "screens")]
    /// Something about mirrors; for owners. Needs the network. Answer: `Mirror`.
    Mirror(Box<MirrorAsk>),
    #[cfg(feature = "screens")]
    /// Something about members, invitations and the person's own account. Answer: `Members` or `Session`.
    Members(Box<MembersAsk>),
    /// Tries the network now. Answer: `Done`.
    SyncNow,
    /// Compares checksums of what is really stored with the server's. Answer: `Done`; the result is in the status.
    Verify,
    /// The status now; it also comes as events. Answer: `Status`.
    Status,
    /// Nothing of any workspace is sent or fetched until `Resume`, whatever the network does, also of one that is opened later.
    /// Ends with the engine. Answer: `Done`.
    Pause,
    /// Goes on after `Pause`. Answer: `Done`.
    Resume,
    /// The platform says the network came or went, or the screen was focused: a reason to try now. Answer: `Done`.
    Network {
        /// Whether the platform believes there is a network.
        online: bool,
    },
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

/// What a command is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The values of each record that was asked for; `None` where there is none.
    Got(Vec<Option<Fields>>),
    /// Records, by key.
    Page(Vec<(RecordKey, Fields)>),
    /// A view that was opened.
    Watched(Box<Watched>),
    /// Rows of a view.
    Looked(Looked),
    /// Keys of a view.
    Keys(Keys),
    /// The place of a row among those of a view, from 0; `None` where it is not among them.
    Place(Option<usize>),
    /// One record.
    Record(Box<RecordInfo>),
    /// Saved on this device, durably.
    Saved {
        /// The records.
        ids: Vec<RecordId>,
    },
    #[cfg(feature = "screens")]
    /// What becomes of a field's values.
    Reshaped(Box<Reshaped>),
    /// What undoing or redoing did.
    Undone(Box<Undone>),
    /// What can be undone and redone next.
    Undoable(Undoable),
    /// What programs keep on this device: texts by name.
    Memos(Memos),
    /// What needs review.
    Review(Review),
    /// One conflict.
    Conflict(Box<ConflictInfo>),
    /// What a bulk decision did or would do.
    Bulk(BulkReport),
    /// People.
    People(Vec<Person>),
    /// What policies decided.
    Merges(Merges),
    /// Versions of a record.
    History(Box<HistoryPage>),
    /// Values that are there twice.
    Duplicates(Duplicates),
    /// Deleted records.
    Deleted(DeletedPage),
    /// What was sent and received.
    Activity(Vec<ActivityInfo>),
    #[cfg(feature = "screens")]
    /// What an import would do.
    Preview(Box<Preview>),
    #[cfg(feature = "screens")]
    /// What an import did.
    Imported(ImportReport),
    #[cfg(feature = "screens")]
    /// About mirrors.
    Mirror(Box<MirrorTold>),
    #[cfg(feature = "screens")]
    /// About members, invitations and devices.
    Members(Box<MembersTold>),
    /// The status.
    Status(Box<Status>),
    /// A text.
    Text(String),
}

/// What a screen is told without asking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The status changed.
    Status(Box<Status>),
    /// Records of these collections changed: ask again.
    Changed {
        /// Which.
        collections: Vec<CollectionId>,
    },
    /// These records may hold something else than before. Only after [`Command::Follow`].
    Touched {
        /// The tab (or program) that did it; empty where it came from the server.
        by: String,
        /// Which, by collection; an empty list: any of them.
        records: BTreeMap<CollectionId, BTreeSet<RecordKey>>,
    },
    /// Something changed in an open view. Every tab is told of all views: whose it is not leaves it.
    Seen(Box<ViewChange>),
    /// Views have ended by themselves: their workspace was closed, what they ask for is no longer there, or too many were
    /// open. Who still shows one watches it again.
    Ended {
        /// Which; `None`: all that were opened before, for another engine has taken over.
        ids: Option<Vec<ViewId>>,
    },
    /// Something that needs review came or went.
    ReviewChanged,
    /// Conflicts have just come that this device did not know: for telling the person once.
    NewReview {
        /// Which.
        items: Vec<NewReview>,
    },
    /// The session changed (signed out, token expired, other tab).
    SessionChanged,
    #[cfg(feature = "screens")]
    /// Import progress.
    Importing {
        /// Rows done.
        done: usize,
        /// Rows in all.
        total: usize,
    },
    /// Progress of a bulk decision, of taking decisions back, or of an export.
    Working {
        /// Done.
        done: usize,
        /// In all.
        total: usize,
    },
}

/// What a role may do: screens offer nothing else.
pub use sync_protocol::permit::{may_edit, may_manage, may_shape};

/// A command with the number its answer comes back under: what travels between a screen and its engine.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the screen.
    pub id: u64,
    /// The workspace that it is about; without one it is about the one that its tab or program has opened last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceId>,
    /// What it asks for.
    pub command: Command,
}

/// What travels back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
