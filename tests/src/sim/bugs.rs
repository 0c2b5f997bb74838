//! Bugs planted on purpose, to prove that the checkers see them. Each is planted in what surrounds the real parts (the
//! disk, the store, the network, who reads and writes a mirrored table), so that the product carries no switch.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// The replica's cursor is stored in a step of its own, before the data that it passes.
    CursorBeforeData,
    /// The store says "committed" and commits later.
    AckBeforeCommit,
    /// The server judges as if one field had not moved.
    FieldIgnored,
    /// A commit leaves out the replica's counter.
    CounterNotStored,
    /// An entry of the feed takes the open conflict of its record away.
    ConflictRemovedByFeed,
    /// A commit leaves the checksums to a later one.
    ChecksumOutsideBatch,
    /// Changes whose outcome is not known are sent again under new numbers.
    UnknownRetriedAsNew,
    /// A tombstone is gone at once.
    TombstoneDropped,
    /// A change leaves the outbox when its verdict comes, before its outcome is stored.
    OutboxLeftEarly,
    /// A merged change loses a field.
    MergeLosesField,
    /// An entry of the feed is stepped over.
    GapSkipped,
    /// A record with an older stamp does not replace one with a newer stamp.
    ClockForOrder,
    /// "Saved" is said of what a power cut takes.
    SavedBeforeDurable,
    /// A commit whose outcome is not known is reported as rejected.
    UnknownIsRejected,
    /// Copies of a device go on with the numbers that it had.
    NumbersUsedAgain,
    /// A mirror takes what it has written for what is there.
    WriteBelieved,
    /// A commit leaves what record and row agreed on to a later one.
    ShadowOutsideBatch,
    /// A mirror writes with the time of its clock.
    WrittenNow,
    /// A mirror that inserts a row binds null to the columns that it has no value for.
    NullBound,
    /// What one read does not show is gone.
    AbsenceBelieved,
    /// A mirror does not read one of the columns that it is to keep in step.
    ColumnOverlooked,
    /// A mirror leaves unset what it was to delete.
    UnsetForNull,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::CursorBeforeData,
        Self::AckBeforeCommit,
        Self::FieldIgnored,
        Self::CounterNotStored,
        Self::ConflictRemovedByFeed,
        Self::ChecksumOutsideBatch,
        Self::UnknownRetriedAsNew,
        Self::TombstoneDropped,
        Self::OutboxLeftEarly,
        Self::MergeLosesField,
        Self::GapSkipped,
        Self::ClockForOrder,
        Self::SavedBeforeDurable,
        Self::UnknownIsRejected,
        Self::NumbersUsedAgain,
        Self::WriteBelieved,
        Self::ShadowOutsideBatch,
        Self::WrittenNow,
        Self::NullBound,
        Self::AbsenceBelieved,
        Self::ColumnOverlooked,
        Self::UnsetForNull,
    ];

    /// The bug of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }
}
