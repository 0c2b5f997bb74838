//! What waits to be sent, or to be met in the feed. It may be very much: whatever is asked of it again and again has its
//! answer ready, and costs what the answer says.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::{Change, CollectionId, Counter, Cursor, Edit, Partition, RecordId, Revision};

use super::{Judged, Pending, of_collection, people};
use crate::steps::counted;

/// The number of an entry of which only its partition is known: behind all others.
const UNKNOWN: Revision = Revision(u64::MAX);

/// What a change waits for that nobody has answered yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is sent next.
    Due,
    /// It is sent once nothing before it is in doubt.
    Behind,
    /// It takes another number.
    Again,
}

/// The changes that go one of these ways.
#[derive(Debug, Default)]
struct Ways {
    /// Those that have to be sent: others that the server has not judged build on a rejected one of their record, or on
    /// one in doubt.
    due: BTreeSet<Counter>,
    /// Those that build on one in doubt alone.
    behind: BTreeSet<Counter>,
    /// Those that go out under another number, with none in doubt before them.
    again: BTreeSet<Counter>,
}

impl Ways {
    fn put(&mut self, counter: Counter, way: Option<Way>) {
        for (set, of) in
            [(&mut self.due, Way::Due), (&mut self.behind, Way::Behind), (&mut self.again, Way::Again)]
        {
            if way == Some(of) {
                set.insert(counter)
            } else {
                set.remove(&counter)
            };
        }
    }
}

/// The changes of a record.
#[derive(Debug, Default)]
struct Line {
    counters: BTreeSet<Counter>,
    /// Edits among them of which the server does not know whether it judged them: until the feed has told, none that was
    /// made later goes out, for they may have to go out again themselves.
    in_doubt: BTreeSet<Counter>,
    /// The first rejected one, on which later ones build; it is not among them.
    rejected: Option<Counter>,
}

impl Line {
    /// Which way a change goes next, if any.
    fn way(&self, Pending { change, judged }: &Pending) -> Option<Way> {
        let follows = self.in_doubt.first().is_some_and(|first| *first < change.id.counter);
        match judged {
            Judged::No if is_held(change, self.rejected) => None,
            // a decision builds on nothing
            Judged::No if follows && change.about().is_none() => Some(Way::Behind),
            Judged::No => Some(Way::Due),
            Judged::Taken | Judged::Another => (!follows).then_some(Way::Again),
            Judged::At(_) | Judged::Before { .. } => None,
        }
    }
}

/// Changes without a stored outcome.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Into how many partitions the workspace is sliced.
    partitions: u16,
    changes: BTreeMap<Counter, Pending>,
    by_record: BTreeMap<RecordId, Line>,
    /// Those that the server has not judged.
    unjudged: BTreeSet<Counter>,
    /// How many of the unjudged ones the replica made about its person and itself.
    own: usize,
    /// Judged changes, by the entry that brings their outcome.
    awaited: BTreeSet<(Partition, Revision, Counter)>,
    /// How many of them were judged earlier: the number of their entry is not known.
    earlier: usize,
    ways: Ways,
    /// How many records more each collection has by them than in the base.
    more: BTreeMap<CollectionId, isize>,
}

impl Outbox {
    pub(super) fn new(partitions: u16) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// All of them, in the order in which they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.changes.values().inspect(counted)
    }

    pub(super) fn get(&self, counter: Counter) -> Option<&Pending> {
        self.changes.get(&counter)
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn last(&self) -> Option<Counter> {
        self.changes.last_key_value().map(|(counter, _)| *counter)
    }

    /// Records with changes.
    pub(super) fn records(&self) -> impl Iterator<Item = &RecordId> {
        self.by_record.keys().inspect(counted)
    }

    /// Those of one collection.
    pub(super) fn records_of(&self, collection: &CollectionId) -> impl Iterator<Item = &RecordId> {
        of_collection(&self.by_record, collection).inspect(counted)
    }

    /// The changes of a record, oldest first.
    pub(super) fn of(&self, id: &RecordId) -> impl Iterator<Item = &Pending> + Clone {
        let counters = self.by_record.get(id).into_iter().flat_map(|line| &line.counters);
        counters.map(|counter| &self.changes[counter]).inspect(counted)
    }

    /// The changes of a record that are not younger than `last`, youngest first.
    pub(super) fn of_up_to(&self, id: &RecordId, last: Counter) -> impl Iterator<Item = Counter> {
        let counters =
            self.by_record.get(id).into_iter().flat_map(move |line| line.counters.range(..=last).rev());
        counters.copied().inspect(counted)
    }

    /// Changes that have to be sent, in their order.
    pub(super) fn due(&self) -> impl Iterator<Item = &Change> {
        self.ways.due.iter().map(|counter| &self.changes[counter].change).inspect(counted)
    }

    /// How many these are.
    pub(super) fn due_count(&self) -> usize {
        self.ways.due.len()
    }

    /// Changes of the person that the server has not judged, in their order.
    pub(super) fn unsent(&self) -> impl Iterator<Item = &Change> {
        let changes = self.unjudged.iter().map(|counter| &self.changes[counter].change).inspect(counted);
        changes.filter(|change| !people::is_own_record(change))
    }

    /// How many of them there are.
    pub(super) fn unsent_count(&self) -> usize {
        self.unjudged.len() - self.own
    }

    /// How many are not sent because they build on a rejected one.
    pub(super) fn held_count(&self) -> usize {
        self.unjudged.len() - self.ways.due.len() - self.ways.behind.len()
    }

    /// Whether the server has judged some whose outcome has not come.
    pub(super) fn has_judged(&self) -> bool {
        self.changes.len() > self.unjudged.len()
    }

    /// Whether it has judged some earlier, so that their entries are in the feed already.
    pub(super) fn has_judged_before(&self) -> bool {
        self.earlier > 0
    }

    /// Those that go out under another number, and can.
    pub(super) fn again(&self) -> impl Iterator<Item = &Pending> {
        self.ways.again.iter().map(|counter| &self.changes[counter]).inspect(counted)
    }

    /// Judged changes whose entries a replica with that cursor has passed.
    pub(super) fn passed(&self, cursor: &Cursor) -> impl Iterator<Item = Counter> {
        let up_to = |(partition, at): (Partition, Revision)| {
            // an entry of an unknown number is never passed
            let at = Revision(at.0.min(UNKNOWN.0 - 1));
            self.awaited.range((partition, Revision(0), Counter(0))..=(partition, at, Counter(u64::MAX)))
        };
        cursor.iter().flat_map(up_to).map(|(_, _, counter)| *counter).inspect(counted)
    }

    /// Changes of a partition that were judged earlier.
    pub(super) fn judged_before(&self, partition: Partition) -> impl Iterator<Item = &Pending> {
        let of = (partition, UNKNOWN, Counter(0))..=(partition, UNKNOWN, Counter(u64::MAX));
        self.awaited.range(of).map(|(_, _, counter)| &self.changes[counter]).inspect(counted)
    }

    /// How many records a collection has more than in the base, or fewer.
    pub(super) fn more(&self, collection: &CollectionId) -> isize {
        self.more.get(collection).copied().unwrap_or_default()
    }

    /// Takes a new change; `rejected` is the first rejected one of its record that later ones build on.
    pub(super) fn add(&mut self, change: Change, rejected: Option<Counter>) {
        let counter = change.id.counter;
        let record = change.record.clone();
        self.remove(counter);
        let before = self.more_by(&record);
        let line = self.by_record.entry(record.clone()).or_default();
        line.counters.insert(counter);
        line.rejected = rejected;
        let pending = Pending { change, judged: Judged::No };
        self.note(&pending);
        self.changes.insert(counter, pending);
        self.follow(&record, before);
    }

    /// A change that has its outcome.
    pub(super) fn remove(&mut self, counter: Counter) -> Option<Change> {
        let record = self.changes.get(&counter)?.change.record.clone();
        let before = self.more_by(&record);
        let pending = self.changes.remove(&counter)?;
        self.forget(&pending);
        if let Some(line) = self.by_record.get_mut(&record) {
            line.counters.remove(&counter);
            if line.counters.is_empty() {
                self.by_record.remove(&record);
            }
        }
        self.follow(&record, before);
        Some(pending.change)
    }

    /// Something is known of a change's verdict.
    pub(super) fn judge(&mut self, counter: Counter, judged: Judged) {
        let Some(mut pending) = self.changes.remove(&counter) else { return };
        self.forget(&pending);
        pending.judged = judged;
        self.note(&pending);
        self.changes.insert(counter, pending);
    }

    /// The first rejected change of a record that later ones build on is now that one.
    pub(super) fn hold(&mut self, record: &RecordId, rejected: Option<Counter>) {
        if let Some(line) = self.by_record.get_mut(record) {
            line.rejected = rejected;
            self.sort(record, Counter(0), Counter(u64::MAX));
        }
    }

    /// An edit is in doubt, or is so no more. Only what that moves is looked at: what lies between the edit that was the
    /// first one and the edit that is now.
    fn doubt(&mut self, change: &Change, is_in_doubt: bool) {
        let Some(line) = self.by_record.get_mut(&change.record) else { return };
        if change.about().is_some() {
            return;
        }
        let first = |line: &Line| line.in_doubt.first().copied().unwrap_or(Counter(u64::MAX));
        let before = first(line);
        if is_in_doubt {
            line.in_doubt.insert(change.id.counter)
        } else {
            line.in_doubt.remove(&change.id.counter)
        };
        let now = first(line);
        if before != now {
            self.sort(&change.record, before.min(now), before.max(now));
        }
    }

    /// What of a record goes out, of the changes in a range.
    fn sort(&mut self, record: &RecordId, from: Counter, to: Counter) {
        let Some(line) = self.by_record.get(record) else { return };
        for counter in line.counters.range(from..=to).inspect(counted) {
            // one that is just being judged is not there, and finds its way by itself
            if let Some(pending) = self.changes.get(counter) {
                self.ways.put(*counter, line.way(pending));
            }
        }
    }

    fn note(&mut self, pending: &Pending) {
        let counter = pending.change.id.counter;
        self.ways.put(counter, self.by_record.get(&pending.change.record).and_then(|line| line.way(pending)));
        let partition = || pending.change.record.partition(self.partitions);
        match pending.judged {
            Judged::No => {
                self.unjudged.insert(counter);
                self.own += usize::from(people::is_own_record(&pending.change));
            }
            Judged::At(at) => drop(self.awaited.insert((partition(), at, counter))),
            Judged::Before { forgotten, .. } => {
                self.awaited.insert((partition(), UNKNOWN, counter));
                self.earlier += 1;
                if forgotten {
                    self.doubt(&pending.change, true);
                }
            }
            Judged::Taken | Judged::Another => {}
        }
    }

    fn forget(&mut self, pending: &Pending) {
        let counter = pending.change.id.counter;
        self.ways.put(counter, None);
        let partition = || pending.change.record.partition(self.partitions);
        match pending.judged {
            Judged::No => {
                self.unjudged.remove(&counter);
                self.own -= usize::from(people::is_own_record(&pending.change));
            }
            Judged::At(at) => drop(self.awaited.remove(&(partition(), at, counter))),
            Judged::Before { forgotten, .. } => {
                self.awaited.remove(&(partition(), UNKNOWN, counter));
                self.earlier -= 1;
                if forgotten {
                    self.doubt(&pending.change, false);
                }
            }
            Judged::Taken | Judged::Another => {}
        }
    }

    /// How many records more there are by the changes of this one: counted as if nobody else had done the same meanwhile.
    fn more_by(&self, record: &RecordId) -> isize {
        let Some(Line { counters, .. }) = self.by_record.get(record) else { return 0 };
        let edit = |counter: Option<&Counter>| counter.map(|counter| &self.changes[counter].change.edit);
        let born_here = matches!(edit(counters.first()), Some(Edit::Insert { .. }));
        let gone = matches!(edit(counters.last()), Some(Edit::Delete { .. }));
        isize::from(born_here && !gone) - isize::from(gone && !born_here)
    }

    fn follow(&mut self, record: &RecordId, before: isize) {
        let by = self.more_by(record) - before;
        if by != 0 {
            *self.more.entry(record.collection.clone()).or_default() += by;
        }
    }
}

/// Whether a change builds on a rejected one. A decision about a conflict builds on nothing.
pub(super) fn is_held(change: &Change, rejected: Option<Counter>) -> bool {
    rejected.is_some_and(|rejected| change.id.counter > rejected && change.about().is_none())
}
