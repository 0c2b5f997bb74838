//! The invariants by their names, how often each was checked, and the first that broke.

use std::collections::BTreeMap;
use std::fmt;

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Sequence numbers are exactly 1..H; an entry once written never changes.
    Contiguous,
    /// A record's revision only grows; each change was judged against the revision just before it.
    LinearRecord,
    /// A change is judged once.
    Once,
    /// A verdict that left the server is committed.
    AckDurable,
    /// An unresolved write is never reported as rejected.
    UnknownIsNotNo,
    /// Permission is checked on every change; no answer shows another workspace.
    Tenancy,
    /// "Saved" only after record and outbox entry are durable together.
    SavedMeansDurable,
    /// Every acknowledged edit is somewhere.
    Conservation,
    /// First in first out per record; an entry leaves only with its outcome.
    OutboxOrder,
    /// The cursor moves only with the data that it passes.
    CursorFollowsData,
    /// The base is the fold of the feed up to the cursor.
    BaseIsPrefix,
    /// Applying the feed never changes pending edits.
    FeedNeverClobbers,
    /// A conflict disappears only through a resolution.
    ConflictKept,
    /// Own echo, equal values and disjoint fields never conflict.
    NoFalseConflict,
    /// A resolution made on outdated sides is never applied.
    FreshResolution,
    /// Delete against edit is a conflict, both ways.
    DeleteEditIsConflict,
    /// A value that waits for a person is replaced only by an edit on top of it, and goes only with a decision, or when it is there.
    ParkedKept,
    /// What a conflict shows is what the record and the changes say.
    SidesTrue,
    /// Settling changes no field that nobody was asked about, but as a policy says and a merge tells.
    UndecidedUntouched,
    /// Where both ways come to the same record, nothing is open.
    NothingToAsk,
    /// One owner per local store.
    SingleDriver,
    /// One rejected change blocks only its record, and is visible.
    RefusedChangeIsLocal,
    /// After healing all hold what the server holds, and see the same.
    Convergence,
    /// After healing everything is sent and read within bounded time.
    Liveness,
    /// The same seed gives the same trace.
    Deterministic,
    /// Queues, pages and retries have limits.
    Bounded,
    /// No stamp is later than the server's clock, and no order comes from one.
    ClockFree,
    /// A device says that it is in sync only with the outcome of all that was made on it.
    StatusTrue,
    /// What is in memory is what would be loaded from the disk.
    MemoryEqualsDisk,
    /// A change id names one change for good; whoever uses one again is told, and keeps its work.
    Identity,
    /// What another program wrote into a mirrored table, and a look saw, is in the record, its history or a conflict.
    ForeignWriteAccounted,
    /// A mirror takes no value of another program's away that it has not told, tells each as often as it was written, and
    /// lets none take the place of a person's that its author could not see.
    NoRevert,
    /// After quiet, table, record and what was agreed on are the same.
    MirrorConverges,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::Contiguous,
        Self::LinearRecord,
        Self::Once,
        Self::AckDurable,
        Self::UnknownIsNotNo,
        Self::Tenancy,
        Self::SavedMeansDurable,
        Self::Conservation,
        Self::OutboxOrder,
        Self::CursorFollowsData,
        Self::BaseIsPrefix,
        Self::FeedNeverClobbers,
        Self::ConflictKept,
        Self::NoFalseConflict,
        Self::FreshResolution,
        Self::DeleteEditIsConflict,
        Self::ParkedKept,
        Self::SidesTrue,
        Self::UndecidedUntouched,
        Self::NothingToAsk,
        Self::SingleDriver,
        Self::RefusedChangeIsLocal,
        Self::Convergence,
        Self::Liveness,
        Self::Deterministic,
        Self::Bounded,
        Self::ClockFree,
        Self::StatusTrue,
        Self::MemoryEqualsDisk,
        Self::Identity,
        Self::ForeignWriteAccounted,
        Self::NoRevert,
        Self::MirrorConverges,
    ];

    /// As the page of invariants calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contiguous => "contiguous",
            Self::LinearRecord => "linear_record",
            Self::Once => "once",
            Self::AckDurable => "ack_durable",
            Self::UnknownIsNotNo => "unknown_is_not_no",
            Self::Tenancy => "tenancy",
            Self::SavedMeansDurable => "saved_means_durable",
            Self::Conservation => "conservation",
            Self::OutboxOrder => "outbox_order",
            Self::CursorFollowsData => "cursor_follows_data",
            Self::BaseIsPrefix => "base_is_prefix",
            Self::FeedNeverClobbers => "feed_never_clobbers",
            Self::ConflictKept => "conflict_kept",
            Self::NoFalseConflict => "no_false_conflict",
            Self::FreshResolution => "fresh_resolution",
            Self::DeleteEditIsConflict => "delete_edit_is_conflict",
            Self::ParkedKept => "parked_kept",
            Self::SidesTrue => "sides_true",
            Self::UndecidedUntouched => "undecided_untouched",
            Self::NothingToAsk => "nothing_to_ask",
            Self::SingleDriver => "single_driver",
            Self::RefusedChangeIsLocal => "refused_change_is_local",
            Self::Convergence => "convergence",
            Self::Liveness => "liveness",
            Self::Deterministic => "deterministic",
            Self::Bounded => "bounded",
            Self::ClockFree => "clock_free",
            Self::StatusTrue => "status_true",
            Self::MemoryEqualsDisk => "memory_equals_disk",
            Self::Identity => "identity",
            Self::ForeignWriteAccounted => "foreign_write_accounted",
            Self::NoRevert => "no_revert",
            Self::MirrorConverges => "mirror_converges",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.how)
    }
}

/// The checks of one run.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    made: BTreeMap<Invariant, u64>,
    broken: Option<Broken>,
}

impl Checks {
    /// Checks one thing. The first that does not hold is kept.
    pub fn that(&mut self, invariant: Invariant, holds: bool, how: impl FnOnce() -> String) {
        *self.made.entry(invariant).or_default() += 1;
        if !holds && self.broken.is_none() {
            self.broken = Some(Broken { invariant, how: how() });
        }
    }

    /// Forgets what was made, and not what broke.
    pub fn begin_anew(&mut self) {
        self.made.clear();
    }

    /// The first that did not hold.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// How often each was checked.
    pub fn made(&self) -> &BTreeMap<Invariant, u64> {
        &self.made
    }
}
