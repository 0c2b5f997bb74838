//! The wire: HTTP + JSON. Requests and answers, versions, problems. See `docs/protocol.md` and `/openapi.json`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

use crate::change::Change;
use crate::checksum::Checksums;
use crate::conflict::Conflict;
use crate::cursor::Cursor;
use crate::feed::{Entry, Merge};
use crate::id::{
    ChangeId, CollectionId, Counter, Digest, Partition, RecordId, ReplicaId, Revision, Timestamp, UserId,
    WorkspaceId,
};
use crate::record::Record;
use crate::verdict::Verdict;

/// The version this build speaks.
pub const VERSION: u16 = 1;
/// The oldest version this build still speaks.
pub const VERSION_MIN: u16 = 1;
/// The request header that carries the client's version.
pub const VERSION_HEADER: &str = "mooring-protocol";

/// `GET /v1/info`: what a client needs before it signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Info {
    /// Always `mooring`: tells a Mooring server from a captive portal.
    pub service: String,
    /// Program version, for people.
    pub version: String,
    /// Oldest protocol version spoken.
    pub min: u16,
    /// Newest protocol version spoken.
    pub max: u16,
    /// Whether one click signs in as the sample user (a local first run only).
    pub demo: bool,
    /// The server's clock.
    pub now: Timestamp,
}

/// `POST /v1/sign-in`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// The account's name, such as an e-mail address.
    pub name: String,
    /// The password.
    pub password: String,
    /// What people call the device that asks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
}

/// `POST /v1/me/password`: ends all sessions of the account, or only the one that asks; the answer is a new one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewPassword {
    /// The password as it is.
    pub current: String,
    /// The password as it shall be.
    pub new: String,
    /// Whether the account's other devices stay signed in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_others: bool,
}

/// What signing in gives.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// The opaque session token: `Authorization: Bearer ...`.
    pub token: String,
    /// Who signed in.
    pub user: User,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Who.
    pub id: UserId,
    /// What people call them.
    pub name: String,
}

/// `GET /v1/workspaces` and `POST /v1/workspaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Workspace {
    /// Which.
    pub id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// Into how many partitions its records are sliced; fixed when it is made.
    pub partitions: u16,
    /// What the asking user may do there.
    pub role: Role,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read.
    Reader,
    /// Read and change records, settle conflicts, make and change collections. [`crate::permit`] is the table.
    Editor,
    /// All of that, and manage the members.
    Owner,
}

/// `POST /v1/workspaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewWorkspace {
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub name: String,
    /// Number of partitions; 1 gives one total order and atomic pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1024))]
    pub partitions: Option<u16>,
}

/// `PUT /v1/workspaces/{workspace}/members/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The new role; `None` takes the membership away.
    pub role: Option<Role>,
}

/// `POST /v1/workspaces/{workspace}/push`: changes of one replica, in the order of their counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Push {
    /// Whose changes. Belongs to the first user who pushed as it.
    pub replica: ReplicaId,
    /// The replica holds an outcome for every change up to here: the server may forget those answers.
    pub settled: Counter,
    /// The sequence number of partition 0 up to which the replica knows the schema: the server judges with at least that.
    pub schema_seen: Revision,
    /// The changes, at most [`crate::limits::PUSH_CHANGES`].
    #[cfg_attr(feature = "openapi", schema(max_items = 1000))]
    pub changes: Vec<Change>,
    /// Those of the changes that are not to be judged: of one that the server knows it says how it was; the number of any
    /// other is used up by this, and it is told `taken`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub only_known: BTreeSet<Counter>,
}

/// The answer to a push: one verdict per change, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushAnswer {
    /// The verdicts.
    pub verdicts: Vec<Verdict>,
}

/// `POST /v1/workspaces/{workspace}/pull`: what happened after a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pull {
    /// Where the replica has read to.
    pub cursor: Cursor,
    /// How long to wait for something new, in milliseconds, at most [`crate::limits::PULL_WAIT_MS`].
    #[serde(default)]
    pub wait_ms: u64,
}

/// The answer to a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PullAnswer {
    /// New entries, per partition contiguous from the cursor on. Partition 0 (the schema) comes first.
    pub feeds: Vec<PartitionFeed>,
    /// Where the replica has read to once it has stored all of `feeds`.
    pub cursor: Cursor,
    /// Whether more is there already: pull again at once.
    pub more: bool,
    /// Partitions whose end this answer reaches, with their proof.
    pub ends: Vec<End>,
    /// Partitions whose next entry is beyond the horizon: the replica takes a snapshot of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expired: Vec<Partition>,
}

/// Entries of one partition.
///
/// Each is read by itself: one that cannot be read ends the list, and does not fail the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(from = "FeedText")]
pub struct PartitionFeed {
    /// Which.
    pub partition: Partition,
    /// In order, contiguous.
    pub entries: Vec<Entry>,
    /// Whether an entry came next that this version cannot read; it and what follows it are not in `entries`.
    #[serde(skip)]
    pub unread: bool,
}

#[derive(Deserialize)]
struct FeedText {
    partition: Partition,
    entries: Vec<Box<RawValue>>,
}

impl From<FeedText> for PartitionFeed {
    fn from(text: FeedText) -> Self {
        let entries: Vec<Entry> =
            text.entries.iter().map_while(|entry| crate::json::read(entry.get()).ok()).collect();
        Self { partition: text.partition, unread: entries.len() < text.entries.len(), entries }
    }
}

/// The end of a partition's feed and the checksums there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct End {
    /// Which.
    pub partition: Partition,
    /// Its newest sequence number.
    pub head: Revision,
    /// The checksums at that number.
    pub checksums: Checksums,
}

/// `POST /v1/workspaces/{workspace}/snapshot`: the live records, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// Where to go on; `None` starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<SnapshotToken>,
    /// Only these partitions; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
}

/// Where a snapshot goes on. Opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotToken {
    /// The heads at which the partitions' snapshots started: the feed goes on from there.
    pub cursor: Cursor,
    /// The partition being read.
    pub partition: Partition,
    /// The last record sent of it, as [`crate::RecordId::to_text`]; `None` before the first.
    pub after: Option<String>,
    /// Once all records of it are sent: the last of its open conflicts sent, empty before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts_after: Option<String>,
    /// Records sent so far.
    pub done: u64,
    /// Live records when the snapshot started.
    pub total: u64,
}

/// The answer to a snapshot request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotAnswer {
    /// Pages of records, partition by partition, each sorted by key text.
    pub pages: Vec<Page>,
    /// Open conflicts. All of a partition are sent before it is finished, in as many answers as they need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Partitions finished in this answer, with the sequence number from which their feed goes on.
    pub finished: Vec<(Partition, Revision)>,
    /// Where to go on; `None` when all is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SnapshotToken>,
    /// Records sent so far, for the progress bar.
    pub done: u64,
    /// Live records when the snapshot started, for the progress bar.
    pub total: u64,
}

/// Live records of one collection in one partition, sorted by [`crate::RecordKey::to_text`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page {
    /// The partition.
    pub partition: Partition,
    /// The collection.
    pub collection: CollectionId,
    /// Key text of the first record.
    pub first: String,
    /// Key text of the last record.
    pub last: String,
    /// Number of records, 1 to [`crate::limits::PAGE_RECORDS`].
    pub count: u32,
    /// A JSON list of [`crate::Record`]; stored by replicas as it came.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Record>))]
    pub records: Box<RawValue>,
}

/// `POST /v1/workspaces/{workspace}/history`: the versions of one record, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    /// Which record.
    pub record: RecordId,
    /// Where to go on, as the answer before said; `None` starts at the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Revision>,
}

/// The answer to a history request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryAnswer {
    /// Newest first, each with its values; a deleted one without.
    pub versions: Vec<Version>,
    /// Where older ones go on; `None` at the first version, or where older ones are no longer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Revision>,
    /// Whether the record had older versions that are no longer kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// The record's newest conflicts, open and settled, oldest first: the sides that gave way. Comes with the first answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Whether it has older ones, which only an audit tells: there were more than one answer holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conflicts_cut: bool,
}

/// One version of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// The record as it was.
    pub record: Record,
    /// What a policy decided when it became so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Box<Merge>>,
}

/// `POST /v1/workspaces/{workspace}/deleted`: the records of a collection that are deleted, with their last values, as long as
/// the server keeps them. A look at a bounded piece of the collection; the client goes on until `next` is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deleted {
    /// Of which collection.
    pub collection: CollectionId,
    /// Where to go on, as the answer before said; `None` starts at the first partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<DeletedPlace>,
}

/// How far a look at deleted records has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletedPlace {
    /// In this partition,
    pub partition: Partition,
    /// behind the record of this key text; empty at the partition's start.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
}

/// The answer to a look at deleted records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletedAnswer {
    /// The records, `deleted` all of them: who deleted each and when is its `stamp`. May be empty before the end.
    pub records: Vec<Record>,
    /// Where to go on; `None` when all was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DeletedPlace>,
}

/// `POST /v1/workspaces/{workspace}/audit`: everything that policies and people decided where edits met, as far as the
/// feed is kept, partition by partition in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Audit {
    /// Where to go on, as the answer before said; `None` starts at the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Cursor>,
}

/// The answer to an audit request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditAnswer {
    /// Entries with a conflict or a merge, without their records.
    pub entries: Vec<Entry>,
    /// Where to go on; `None` when all is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// Sequence numbers looked at so far, over all partitions, for the progress bar.
    pub done: u64,
    /// Sequence numbers there were, for the progress bar.
    pub total: u64,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct Problem {
    /// What a program decides by.
    pub code: ProblemCode,
    /// What a person reads: what happened, why, what to do.
    pub message: String,
}

/// What a program decides by; each has one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// 400: the request is not what the protocol says.
    BadRequest,
    /// 401: sign in (again). The outbox stays.
    NeedsSignIn,
    /// 403: not permitted.
    NotPermitted,
    /// 404: no such thing, or none that the user may know of.
    NotFound,
    /// 409: it is there already.
    Exists,
    /// 413: too large.
    TooLarge,
    /// 426: this client (or server) is too old.
    Upgrade,
    /// 429: too many requests; `Retry-After` says when.
    SlowDown,
    /// 503: the database does not answer now; nothing is known to have changed; send again.
    Unavailable,
    /// 500: a defect of the server.
    Internal,
}

impl ProblemCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::NeedsSignIn,
        Self::NotPermitted,
        Self::NotFound,
        Self::Exists,
        Self::TooLarge,
        Self::Upgrade,
        Self::SlowDown,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NeedsSignIn => 401,
            Self::NotPermitted => 403,
            Self::NotFound => 404,
            Self::Exists => 409,
            Self::TooLarge => 413,
            Self::Upgrade => 426,
            Self::SlowDown => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// What the server remembers of a replica in one partition: see [`Push::settled`].
///
/// An id names one change for good. What changes said is known of those that are not settled, and of the last ones that are:
/// as far as that goes, an id that comes again is told from one that is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaState {
    /// The last counter judged in this partition.
    pub last: Counter,
    /// Rejections that the replica may not have heard of, by counter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<Counter, Verdict>,
    /// What changes said that were judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<Counter, Digest>,
    /// `said` has every judged change after this counter. `None` in states of servers that kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_after: Option<Counter>,
}

/// Settled changes of which is still known what they said: copies of requests that come late are few.
const REMEMBERED_SETTLED: usize = 64;

/// Changes of one replica in one partition of which is known what they said: a replica has one push in flight.
const REMEMBERED: usize = crate::limits::PUSH_CHANGES;

impl ReplicaState {
    /// The verdict for a change whose id was judged before, or is below one that was; `None` for a new one.
    pub fn again(&self, id: ChangeId, said: Digest) -> Option<Verdict> {
        let counter = id.counter;
        let judged = |forgotten| {
            let rejected = self.rejected.get(&counter).cloned();
            Some(rejected.unwrap_or(Verdict::Duplicate { forgotten }))
        };
        match self.said.get(&counter) {
            Some(before) if *before != said => Some(Verdict::taken()),
            Some(_) => judged(false),
            None if counter > self.last => None,
            // later ones were judged, and this one never was, or was refused so long ago that it is forgotten
            None if self.said_after.is_some_and(|after| counter > after) => Some(Verdict::taken()),
            None => judged(true),
        }
    }

    /// Takes note of a verdict.
    pub fn note(&mut self, id: ChangeId, said: Digest, verdict: &Verdict) {
        self.said_after.get_or_insert(self.last);
        self.last = self.last.max(id.counter);
        self.said.insert(id.counter, said);
        if matches!(verdict, Verdict::Rejected { .. }) {
            self.rejected.insert(id.counter, verdict.clone());
        }
        while self.said.len() > REMEMBERED {
            self.forget_first();
        }
    }

    /// Forgets the rejections before this one. Whoever sends such a change again has not heard of it, as a copy of the
    /// replica: it is told to send it under another number, as nothing came of this one.
    pub fn forget_rejections(&mut self, before: Counter) {
        let kept = self.rejected.split_off(&before);
        for counter in std::mem::replace(&mut self.rejected, kept).into_keys() {
            self.said.remove(&counter);
        }
    }

    /// Forgets what the replica has heard of.
    pub fn forget(&mut self, settled: Counter) {
        self.forget_rejections(settled.next());
        for _ in REMEMBERED_SETTLED..self.said.range(..=settled).count() {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let first = self.said.pop_first().map(|(counter, _)| counter);
        self.said_after = self.said_after.max(first);
    }
}
