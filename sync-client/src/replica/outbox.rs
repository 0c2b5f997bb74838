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
    /// It is to follow one that takes another number, and takes another one itself unless the server knows it.
    Asked,
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
    /// Those of which the server is only asked whether it knows them. They are sent with the others: the server calls what
    /// comes after a later number of its replica taken.
    asked: BTreeSet<Counter>,
    /// Those that go out under another number, with none in doubt before them and none to be asked for behind them.
    again: BTreeSet<Counter>,
}

impl Ways {
    fn put(&mut self, counter: Counter, way: Option<Way>) {
        self::put(&mut self.due, counter, matches!(way, Some(Way::Due | Way::Asked)));
        self::put(&mut self.behind, counter, way == Some(Way::Behind));
        self::put(&mut self.asked, counter, way == Some(Way::Asked));
        self::put(&mut self.again, counter, way == Some(Way::Again));
    }
}

/// The changes of a record.
#[derive(Debug, Default)]
struct Line {
    counters: BTreeSet<Counter>,
    /// Edits among them of which the server does not know whether it judged them: until the feed has told, none that was
    /// made later goes out, for they may have to go out again themselves.
    in_doubt: BTreeSet<Counter>,
    /// Those among them whose number is another one's.
    anew: BTreeSet<Counter>,
    /// How many the server is asked for: they are to follow one of those. A copy of this device may have sent them.
    asked: usize,
    /// The first rejected one, on which later ones build; it is not among them.
    rejected: Option<Counter>,
}

impl Line {
    /// Which way a change goes next, if any.
    fn way(&self, Pending { change, judged }: &Pending) -> Option<Way> {
        let follows = |of: &BTreeSet<Counter>| of.first().is_some_and(|first| *first < change.id.counter);
        match judged {
            Judged::No if follows(&self.anew) => Some(Way::Asked),
            Judged::No if is_held(change, self.rejected) => None,
            // a decision builds on nothing
            Judged::No if follows(&self.in_doubt) && change.about().is_none() => Some(Way::Behind),
            Judged::No => Some(Way::Due),
            Judged::Taken | Judged::Another => {
                (self.asked == 0 && !follows(&self.in_doubt)).then_some(Way::Again)
            }
            Judged::At(_) | Judged::Before { .. } => None,
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            in_doubt: self.in_doubt.first().copied(),
            anew: self.anew.first().copied(),
            asks: self.asked > 0,
        }
    }
}

/// What of a line says which way its changes go.
#[derive(Clone, Copy, Default)]
struct Bounds {
    /// The first edit in doubt.
    in_doubt: Option<Counter>,
    /// The first change that goes out under another number.
    anew: Option<Counter>,
    /// Whether the server is asked for one.
    asks: bool,
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

    /// Whether the server is only asked if it knows that one.
    pub(super) fn is_asked(&self, counter: Counter) -> bool {
        self.ways.asked.contains(&counter)
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
        let (before, bounds) = (self.more_by(&record), self.bounds(&record));
        let line = self.by_record.entry(record.clone()).or_default();
        line.counters.insert(counter);
        line.rejected = rejected;
        self.changes.insert(counter, Pending { change, judged: Judged::No });
        self.keep(counter, true);
        self.moved(&record, counter, bounds);
        self.follow(&record, before);
    }

    /// A change that has its outcome.
    pub(super) fn remove(&mut self, counter: Counter) -> Option<Change> {
        let record = self.changes.get(&counter)?.change.record.clone();
        let (before, bounds) = (self.more_by(&record), self.bounds(&record));
        self.keep(counter, false);
        let pending = self.changes.remove(&counter)?;
        if let Some(line) = self.by_record.get_mut(&record) {
            line.counters.remove(&counter);
        }
        self.moved(&record, counter, bounds);
        if self.by_record.get(&record).is_some_and(|line| line.counters.is_empty()) {
            self.by_record.remove(&record);
        }
        self.follow(&record, before);
        Some(pending.change)
    }

    /// Something is known of a change's verdict.
    pub(super) fn judge(&mut self, counter: Counter, judged: Judged) {
        let Some(record) = self.changes.get(&counter).map(|pending| pending.change.record.clone()) else {
            return;
        };
        let bounds = self.bounds(&record);
        self.keep(counter, false);
        if let Some(pending) = self.changes.get_mut(&counter) {
            pending.judged = judged;
        }
        self.keep(counter, true);
        self.moved(&record, counter, bounds);
    }

    /// The first rejected change of a record that later ones build on is now that one.
    pub(super) fn hold(&mut self, record: &RecordId, rejected: Option<Counter>) {
        if let Some(line) = self.by_record.get_mut(record) {
            line.rejected = rejected;
            self.sort(record, Counter(0), Counter(u64::MAX));
        }
    }

    /// Counts a change among those of its kind, or no more.
    fn keep(&mut self, counter: Counter, is_kept: bool) {
        let Some(Pending { change, judged }) = self.changes.get(&counter) else { return };
        let Some(line) = self.by_record.get_mut(&change.record) else { return };
        let partition = change.record.partition(self.partitions);
        match *judged {
            Judged::No => {
                put(&mut self.unjudged, counter, is_kept);
                if people::is_own_record(change) {
                    count(&mut self.own, is_kept);
                }
            }
            Judged::At(at) => put(&mut self.awaited, (partition, at, counter), is_kept),
            Judged::Before { forgotten, .. } => {
                put(&mut self.awaited, (partition, UNKNOWN, counter), is_kept);
                count(&mut self.earlier, is_kept);
                // nothing builds on a decision
                if forgotten && change.about().is_none() {
                    put(&mut line.in_doubt, counter, is_kept);
                }
            }
            Judged::Taken | Judged::Another => put(&mut line.anew, counter, is_kept),
        }
    }

    fn bounds(&self, record: &RecordId) -> Bounds {
        self.by_record.get(record).map(Line::bounds).unwrap_or_default()
    }

    /// Puts a change where it goes next, and with it what it moves of its record, which had these bounds before it: what lies
    /// between the edit that was the first one and the edit that is now, and what takes another number once nothing behind it
    /// is asked for. Nothing else is looked at.
    fn moved(&mut self, record: &RecordId, counter: Counter, before: Bounds) {
        self.place(record, counter);
        let now = self.bounds(record);
        for (before, now) in [(before.in_doubt, now.in_doubt), (before.anew, now.anew)] {
            if before != now {
                let end = |end: Option<Counter>| end.unwrap_or(Counter(u64::MAX));
                self.sort(record, end(before).min(end(now)), end(before).max(end(now)));
            }
        }
        if self.bounds(record).asks != before.asks {
            let line = self.by_record.get(record);
            let anew: Vec<Counter> = line.into_iter().flat_map(|line| &line.anew).copied().collect();
            anew.into_iter().for_each(|counter| self.place(record, counter));
        }
    }

    /// What of a record goes out, of the changes in a range.
    fn sort(&mut self, record: &RecordId, from: Counter, to: Counter) {
        let Some(line) = self.by_record.get(record) else { return };
        let counters: Vec<Counter> = line.counters.range(from..=to).copied().collect();
        counters.into_iter().for_each(|counter| self.place(record, counter));
    }

    /// Puts a change where it goes next.
    fn place(&mut self, record: &RecordId, counter: Counter) {
        counted(&counter);
        let Some(line) = self.by_record.get_mut(record) else { return };
        line.asked -= usize::from(self.ways.asked.contains(&counter));
        self.ways.put(counter, self.changes.get(&counter).and_then(|pending| line.way(pending)));
        line.asked += usize::from(self.ways.asked.contains(&counter));
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

/// An item is in a set, or not.
fn put<T: Ord>(set: &mut BTreeSet<T>, item: T, is_in: bool) {
    if is_in {
        set.insert(item)
    } else {
        set.remove(&item)
    };
}

fn count(of: &mut usize, one_more: bool) {
    *of = if one_more { *of + 1 } else { *of - 1 };
}

/// Whether a change builds on a rejected one. A decision about a conflict builds on nothing.
pub(super) fn is_held(change: &Change, rejected: Option<Counter>) -> bool {
    rejected.is_some_and(|rejected| change.id.counter > rejected && change.about().is_none())
}
