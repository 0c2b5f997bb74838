//! Where the server keeps workspaces. Rows in partitions, and one conditional batch that commits a verdict.
//!
//! Implementations: memory, sled (the embedded default) and Apache Cassandra; one conformance suite runs on all.
//! A row's body is JSON text, so that a person can read it with `cqlsh`.

pub mod cassandra;
pub mod clock;
pub mod conformance;
pub mod front;
pub mod memory;
pub mod sled;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Role;
use sync_protocol::{Cursor, Partition, ReplicaId, Revision, Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

/// Names one partition of one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The slice.
    pub partition: Partition,
}

/// What kind of row; each kind has its own key space within a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A record (or its tombstone). Key: `RecordId::to_text`. Body: `Record`.
    Record,
    /// A group of the feed. Key: [`feed_key`] of its last sequence number. Body: list of `Entry`.
    Feed,
    /// What was judged of a replica. Key: its UUID. Body: `ReplicaState`.
    Replica,
    /// A conflict, open or closed. Key: `RecordId::to_text`, a tab, the conflict's id. Body: `Conflict`.
    Conflict,
    /// What a record and the row of a mirrored table last agreed on. Key: see `mirror::look::shadow_key`. Body: `Shadow`.
    Shadow,
    /// How far the feed was carried to a mirrored table. Key: the mirror's UUID. Body: `Carried`.
    Mirror,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Record, Self::Feed, Self::Replica, Self::Conflict, Self::Shadow, Self::Mirror];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Feed => "feed",
            Self::Replica => "replica",
            Self::Conflict => "conflict",
            Self::Shadow => "shadow",
            Self::Mirror => "mirror",
        }
    }
}

/// The key of the feed group that ends with that sequence number: 20 digits, so that text order is number order.
pub fn feed_key(last: Revision) -> String {
    format!("{:020}", last.0)
}

/// One row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What kind.
    pub kind: Kind,
    /// Its key within the kind.
    pub key: String,
    /// JSON text.
    pub body: String,
    /// How long it is kept; `None` for ever.
    pub ttl: Option<Duration>,
}

/// How many atomic steps a partition has taken; 0 for a partition that was never written.
///
/// The condition of a commit is on this and not on the revision: a step that only remembers rejections adds nothing
/// to the feed, and still no other node may judge from what was there before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u64);

impl Step {
    /// The step after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a partition keeps, counted in the same atomic step as what is counted. Rows written before there was such a
/// count are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Bytes of its live records and open conflicts.
    pub bytes: u64,
    /// Its open conflicts.
    pub open: u64,
    /// Bytes that ever went into its feed.
    pub fed: u64,
    /// Everything up to here has left the feed: no read needs to pass over what is left of it.
    pub floor: Mark,
    /// Where the feed was and when, oldest first: each becomes the floor once the horizon has passed over it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// Where a feed was at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The newest sequence number then.
    pub seq: Revision,
    /// [`Kept::fed`] then.
    pub fed: u64,
}

/// The newest sequence number of a partition, the checksums there, and what it keeps; all change in one atomic step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Moves by one with every commit.
    pub step: Step,
    /// 0 for a partition without changes.
    pub revision: Revision,
    /// Per collection.
    pub checksums: Checksums,
    /// What there is of it.
    pub kept: Kept,
}

/// One atomic step of a partition.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The step is taken only if the partition's last one is still this.
    pub expected: Step,
    /// The new head; its step is the one after `expected`.
    pub head: Head,
    /// The rows it writes.
    pub rows: Vec<Row>,
}

impl Commit {
    /// Bytes of all that it writes.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.key.len() + row.body.len()).sum()
    }
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Durable (quorum on Cassandra, fsync on sled).
    Yes,
    /// Nothing was written: another node moved the head.
    HeadMoved,
    /// It may or may not have been written (time-out, cut connection). Never report it as failed, never send it
    /// again: read the head at [`Read::Serial`] and look at the feed.
    Unknown,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Quorum: sees every commit that was acknowledged before the read began.
    Quorum,
    /// Serial: also finishes a commit that is still in doubt, so that what it shows stays.
    Serial,
}

/// Rows in partitions.
#[async_trait::async_trait]
pub trait PartitionStore: Send + Sync {
    /// The head.
    async fn head(&self, id: PartitionId, read: Read) -> Result<Head, StoreError>;

    /// Bodies of these rows, in the same order; `None` where there is none.
    async fn get(
        &self,
        id: PartitionId,
        kind: Kind,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreError>;

    /// Rows of a kind in key order: keys strictly greater than `after` (`None`: from the first), at most `limit` rows
    /// and about `bytes` bytes of bodies (at least one row if there is one). Shorter than both only at the end.
    async fn range(
        &self,
        id: PartitionId,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
        read: Read,
    ) -> Result<Vec<(String, String)>, StoreError>;

    /// One atomic, durable, conditional step.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where this commit can never be taken; the others where nothing was written.
    async fn commit(&self, id: PartitionId, commit: Commit) -> Result<Committed, StoreError>;

    /// Takes all rows of a partition away, if its last step is still this. From then on it says that it has nothing, one step later;
    /// where that was broken off, rows may be left, and the same again takes them away.
    ///
    /// # Errors
    /// As [`PartitionStore::commit`].
    async fn clear(&self, id: PartitionId, before: Step) -> Result<Committed, StoreError>;

    /// Tells other processes on the same store that a partition has moved, for [`PartitionStore::news`], in its own time. It
    /// may be lost: a pull that does not wait begins with a look at the heads themselves, and for those who wait there is one every
    /// few seconds.
    fn tell(&self, _id: PartitionId, _head: Revision) {}

    /// Whether other processes may write to it as well.
    fn is_shared(&self) -> bool {
        true
    }

    /// The newest heads of a workspace as far as other processes have told of them, in one cheap read; a partition nobody has
    /// told of counts as 0. Never asked of a store that is not shared.
    ///
    /// A store without a way to tell looks at all heads.
    async fn news(&self, workspace: WorkspaceId, partitions: u16) -> Result<Cursor, StoreError> {
        let mut heads = Cursor::start(partitions);
        for partition in (0..partitions).map(Partition) {
            let head = self.head(PartitionId { workspace, partition }, Read::Quorum).await?;
            heads.advance(partition, head.revision);
        }
        Ok(heads)
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: UserId,
    /// The name to sign in with, in lower case; unique.
    pub login: String,
    /// What people call them.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
}

/// A session, found by the SHA-256 of its token. The token itself is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose.
    pub user: UserId,
    /// When it ends, by the server's clock.
    pub expires: Timestamp,
    /// What people call the device; empty where it has not said so.
    pub device: String,
    /// When it began; `None` in rows of older releases.
    pub since: Option<Timestamp>,
    /// When it was last heard of, coarsely; `None` as above.
    pub seen: Option<Timestamp>,
}

impl SessionRow {
    /// One of a device without a name.
    pub fn new(user: UserId, expires: Timestamp) -> Self {
        Self { user, expires, device: String::new(), since: None, seen: None }
    }
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Which.
    pub id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// Into how many partitions; fixed.
    pub partitions: u16,
}

/// An invitation, found by the SHA-256 of what its link carries. That itself is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// Which, for those who manage it.
    pub id: Uuid,
    /// Where to.
    pub workspace: WorkspaceId,
    /// What whoever joins may do.
    pub role: Role,
    /// Who made it.
    pub by: UserId,
    /// When it ends, by the server's clock.
    pub expires: Timestamp,
    /// How many more people it lets in.
    pub uses: u32,
}

/// How the use of an invitation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The person is a member now, with the invitation's role.
    Yes(InvitationRow),
    /// They were one before, and nothing has changed.
    Before(Role),
    /// There is no such invitation (any more), it is used up or has expired: nobody is told which.
    No,
}

/// Accounts, sessions, workspaces, members, owners of replicas.
#[async_trait::async_trait]
pub trait DirectoryStore: Send + Sync {
    /// Makes an account; false if the login is taken.
    async fn add_account(&self, account: &Account) -> Result<bool, StoreError>;
    /// The account of a login.
    async fn account(&self, login: &str) -> Result<Option<Account>, StoreError>;
    /// The account of a user.
    async fn account_of(&self, user: UserId) -> Result<Option<Account>, StoreError>;
    /// Replaces the password of an account; nothing happens where there is no such account.
    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), StoreError>;
    /// Replaces what people call somebody; nothing happens where there is no such account.
    async fn set_name(&self, user: UserId, name: &str) -> Result<(), StoreError>;
    /// Takes an account away that was made a moment ago, with its login.
    async fn remove_account(&self, account: &Account) -> Result<(), StoreError>;
    /// Stores a session under the hash of its token until it expires.
    async fn add_session(&self, token_hash: &[u8; 32], session: &SessionRow) -> Result<(), StoreError>;
    /// The session of a token's hash; `None` also once it has expired (the caller compares with its clock, too).
    async fn session(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError>;
    /// The sessions of a user, each under the hash of its token, at most so many. Those of older releases are among them once
    /// they were noted with [`DirectoryStore::note_session`].
    async fn sessions_of(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<([u8; 32], SessionRow)>, StoreError>;
    /// Writes when a session was last heard of, and what its device is called where that is new; nothing happens where it
    /// has ended.
    async fn note_session(
        &self,
        token_hash: &[u8; 32],
        device: Option<&str>,
        seen: Timestamp,
    ) -> Result<(), StoreError>;
    /// Ends a session.
    async fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError>;
    /// Ends all sessions of a user; how many there were.
    async fn end_sessions(&self, user: UserId) -> Result<usize, StoreError>;
    /// Makes a workspace; false if the id is taken.
    async fn add_workspace(&self, workspace: &WorkspaceRow) -> Result<bool, StoreError>;
    /// One workspace.
    async fn workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError>;
    /// Replaces what people call a workspace; nothing happens where there is none.
    async fn rename_workspace(&self, id: WorkspaceId, name: &str) -> Result<(), StoreError>;
    /// Takes a workspace away: it is in nobody's reach from then on. Its rows in partitions, and its members, are not
    /// touched.
    async fn remove_workspace(&self, id: WorkspaceId) -> Result<(), StoreError>;
    /// Sets a member's role; `None` takes the membership away.
    async fn set_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), StoreError>;
    /// A user's role in a workspace.
    async fn role(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Role>, StoreError>;
    /// The workspaces of a user with the role there.
    async fn workspaces_of(&self, user: UserId) -> Result<BTreeMap<WorkspaceId, Role>, StoreError>;
    /// The members of a workspace, at most so many.
    async fn members_of(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<BTreeMap<UserId, Role>, StoreError>;
    /// Binds a replica to a user if it is not bound yet; gives the user it is bound to.
    async fn claim_replica(&self, replica: ReplicaId, user: UserId) -> Result<UserId, StoreError>;
}

/// Invitations to workspaces. Each goes by itself once it has expired.
#[async_trait::async_trait]
pub trait InvitationStore: Send + Sync {
    /// Stores an invitation under the hash of its token.
    async fn add_invitation(&self, token_hash: &[u8; 32], row: &InvitationRow) -> Result<(), StoreError>;
    /// The invitation of a token's hash; `None` also once it is used up or has expired.
    async fn invitation(&self, token_hash: &[u8; 32]) -> Result<Option<InvitationRow>, StoreError>;
    /// Those of a workspace that still let somebody in, each under the hash of its token.
    async fn invitations_of(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<([u8; 32], InvitationRow)>, StoreError>;
    /// Takes an invitation away.
    async fn end_invitation(&self, token_hash: &[u8; 32], workspace: WorkspaceId) -> Result<(), StoreError>;
    /// Makes somebody a member by an invitation. Whether it still holds and how many it lets in is judged by the write that
    /// takes a place: of two who want the last one, one gets it. Asking again after an error is safe.
    async fn join(&self, token_hash: &[u8; 32], user: UserId, now: Timestamp) -> Result<Joined, StoreError>;
}

/// A whole store.
pub trait Store: PartitionStore + DirectoryStore + InvitationStore {}
impl<T: PartitionStore + DirectoryStore + InvitationStore> Store for T {}

/// Why a store did not answer, sorted by what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It does not answer now; nothing is known to have changed; try again later.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// The disk is full; nothing was written.
    #[error("the disk is full: {0}")]
    Full(String),
    /// It may not be written to; nothing was written.
    #[error("the disk may not be written: {0}")]
    ReadOnly(String),
    /// It can never take this, whoever sends it how often: it is larger than the store takes. Nothing was written.
    #[error("the store refuses this for good: {0}")]
    Refused(String),
    /// So many rows that have expired lie before what was asked for that the store does not go through them.
    #[error("what was asked for lies behind too many expired rows: {0}")]
    Expired(String),
    /// What is stored cannot be read; a person must look.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// Another server process has the store open.
    #[error("another server process has this store open: {0}")]
    InUse(String),
    /// A newer version of this program wrote it; nothing was touched.
    #[error("a newer version of this program wrote this store: {0}")]
    Newer(String),
}
