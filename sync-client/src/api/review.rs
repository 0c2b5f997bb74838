//! What a screen knows of conflicts, of what policies decided, and of a record's history.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_protocol::{
    ChangeId, CollectionId, Conflict, ConflictKind, Counter, FieldName, Fields, Merge, Outcome, Policy,
    RecordId, Rejection, Revision, Timestamp, UserId, Value,
};

use super::Author;

/// A conflict with what a screen needs to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictInfo {
    /// The conflict, open or settled.
    pub conflict: Conflict,
    /// The same in one line.
    pub item: ReviewItem,
    /// Per field, who set the value that the record has now; absent where nobody did.
    pub current_by: BTreeMap<FieldName, Author>,
    /// Per field, who wanted the incoming value.
    pub incoming_by: BTreeMap<FieldName, Author>,
    /// Per field, the policy in force: why it was (or was not) asked about.
    pub policies: BTreeMap<FieldName, Policy>,
    /// Fields that need no decision, each with the value that it ends with where the record lives and nobody decides
    /// otherwise. All others need a choice.
    pub without_choice: BTreeMap<FieldName, Value>,
    /// The record's values now as the person sees them, this device's unsent edits included: what "current" means in a
    /// decision. `None` where it is deleted.
    pub record: Option<Fields>,
    /// The live record's revision now: what a resolution names as seen. `None` where it is deleted.
    pub record_rev: Option<Revision>,
    /// What was said about it, oldest first.
    pub comments: Vec<CommentInfo>,
    /// A decision that came too late, because the record had moved or somebody else was first; its choices are kept.
    pub returned: Option<(Outcome, Rejection)>,
}

/// A conflict in one line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    /// Names it.
    pub id: ChangeId,
    /// The record.
    pub record: RecordId,
    /// What the record is called, for people.
    pub title: String,
    /// What met what.
    pub kind: ConflictKind,
    /// The fields that need a decision.
    pub clashing: Vec<FieldName>,
    /// Of the first of these the values of both sides, the current one first, where they are short. Only in a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<(Value, Value)>,
    /// Who made the incoming side.
    pub incoming: Author,
    /// Who made the current side; `None` where there is none.
    pub current: Option<Author>,
    /// A decision made on this device that the server has not judged yet.
    pub pending: Option<Outcome>,
    /// Whether a decision came back and waits for the person.
    pub returned: bool,
    /// Who was asked to look at it.
    pub assigned: Option<Person>,
    /// Put off by this person until then; `None` also once that has passed.
    pub snoozed: Option<Timestamp>,
    /// How many comments there are.
    pub comments: usize,
    /// How it was settled; `None` while it is open.
    pub settled: Option<SettledInfo>,
}

/// How a conflict was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledInfo {
    /// By whom and when.
    pub by: Author,
    /// Whether they decided; otherwise it ended by itself, for after an edit of theirs both sides were the same.
    pub decided: bool,
    /// The decision.
    pub outcome: Outcome,
    /// Whether taking it back is under way on this device.
    pub taking_back: bool,
}

/// A person who has opened the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// What people call them.
    pub name: String,
    /// Who.
    pub user: UserId,
}

/// What somebody said about a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentInfo {
    /// Who.
    pub person: String,
    /// Whether it is the person who is signed in.
    pub own: bool,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Whether it is not sent yet.
    pub unsent: bool,
}

/// A part of what needs review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewQuery {
    /// Which ones.
    #[serde(default)]
    pub filter: ReviewFilter,
    /// The first one.
    #[serde(default)]
    pub offset: usize,
    /// Instead of `offset`: so that this one is in the middle. Where the filter does not let it in, `offset` counts.
    #[serde(default)]
    pub around: Option<ChangeId>,
    /// How many, at most 500.
    pub limit: usize,
}

/// Which conflicts. Parts that are `None` or empty leave all in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewFilter {
    /// Open or settled.
    pub tab: ReviewTab,
    /// Of this collection.
    pub collection: Option<CollectionId>,
    /// Of this record.
    pub record: Option<RecordId>,
    /// One of the sides by a person of this name.
    pub person: Option<String>,
    /// One of the sides from a device of this name.
    pub device: Option<String>,
    /// What met what.
    pub kind: Option<ConflictKind>,
    /// The incoming side at least this old.
    pub older_than: Option<Timestamp>,
    /// Assigned to this person.
    pub assigned: Option<UserId>,
    /// This text in the title or in the name of a person, a device or a field; letter case does not matter.
    pub search: String,
}

/// Which list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewTab {
    /// What waits for a decision, put off or not.
    #[default]
    Open,
    /// What waits and was put off by the person.
    Snoozed,
    /// What was settled lately, newest first.
    Settled,
}

/// Some conflicts at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// These.
    Ids(Vec<ChangeId>),
    /// All open ones that a filter lets in.
    Filter(ReviewFilter),
}

/// How each of many conflicts is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkRule {
    /// The records stay as they are.
    Current,
    /// The incoming changes are taken.
    Incoming,
    /// Per field, whichever edit was made last.
    Newest,
    /// The side made by a person of this name; conflicts where both or neither is are left open.
    Person(String),
    /// The side from a device of this name; conflicts where both or neither is are left open.
    Device(String),
}

/// What a bulk decision did or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkReport {
    /// Settled (or taken back): what a call of `TakeBack` names to undo it.
    pub done: Vec<ChangeId>,
    /// Of these, how many end with the record as it is now.
    pub keep: usize,
    /// How many end with the incoming change.
    pub take: usize,
    /// How many end with some fields of each.
    pub mixed: usize,
    /// Left open, with the reason in words: the first 100.
    pub left: Vec<(ReviewItem, String)>,
    /// How many were left open.
    pub left_total: usize,
    /// Whether it was stopped before the end.
    pub cancelled: bool,
}

/// What policies decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merges {
    /// Newest first.
    pub merges: Vec<MergeInfo>,
    /// How many there are on this device.
    pub total: usize,
}

/// What a policy decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeInfo {
    /// The change that met others names it.
    pub id: ChangeId,
    /// The merge.
    pub merge: Merge,
    /// Who made the incoming side.
    pub incoming: Author,
    /// Per field, who had set the current value.
    pub current_by: BTreeMap<FieldName, Author>,
    /// The record's values now as the person sees them; `None` where it is deleted.
    pub record: Option<Fields>,
}

/// Versions of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Newest first.
    pub versions: Vec<VersionInfo>,
    /// Where older ones go on.
    pub next: Option<Revision>,
    /// Whether older ones are no longer kept.
    pub expired: bool,
    /// The record's conflicts, open and settled, with both sides; oldest first. Comes with the first page.
    pub conflicts: Vec<ConflictInfo>,
}

/// One version of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// Its revision.
    pub rev: Revision,
    /// Who made it so, when and from where.
    pub by: Author,
    /// Whether the record was deleted by it.
    pub deleted: bool,
    /// The values; empty where deleted.
    pub fields: Fields,
    /// The fields that differ from the version before, with the value there; empty for a first version. `None` where the
    /// version before is in the next page.
    pub changed: Option<BTreeMap<FieldName, Value>>,
    /// What a policy decided when it became so.
    pub merge: Option<Merge>,
    /// Per field of that merge, who had set the current value.
    pub current_by: BTreeMap<FieldName, Author>,
}

/// How an exported file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// A table, for spreadsheets.
    Csv,
    /// A list of objects, for programs.
    Json,
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
    /// Where the change was a decision that came too late, or the taking back of one: the conflict as it is now.
    pub about: Option<Box<ReviewItem>>,
    /// When it was made.
    pub at: Timestamp,
}

/// A part of what needs review. The badge is `open` and `rejected` together, whatever the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Open ones oldest first, those of one record together; settled ones newest first.
    pub items: Vec<ReviewItem>,
    /// The place of the first of them among all that the filter lets in, from 0.
    pub first: usize,
    /// How many the filter lets in.
    pub matching: usize,
    /// Open conflicts in all.
    pub open: usize,
    /// Of them, put off by this person.
    pub snoozed: usize,
    /// Settled ones on this device.
    pub settled: usize,
    /// Rejected changes, oldest first, whatever the filter.
    pub rejected: Vec<RejectedInfo>,
    /// What the tab's conflicts can be filtered by.
    pub facets: Facets,
}

/// What conflicts can be filtered by, each with how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// Collections.
    pub collections: BTreeMap<CollectionId, usize>,
    /// People on either side, by name.
    pub people: BTreeMap<String, usize>,
    /// Devices on either side, by name.
    pub devices: BTreeMap<String, usize>,
}
