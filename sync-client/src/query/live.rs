//! The answer to one question, which follows as rows come, change and go.

use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, Fields, RecordId, RecordKey, Value};

use super::columns::Columns;
use super::order::{Ground, Order};
use super::seen::Seen;
use super::tally::{ByValue, Distinct, Tally, count_by};
use super::wanted::Wanted;
use crate::api::{Aggregate, Failure, Group, Groups, Only, Row, View, Window};
use crate::limits;
use crate::replica::Replica;
use crate::text::Collation;

/// What rows are taken from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) replica: &'a Replica,
    pub(super) definition: &'a Collection,
    pub(super) collation: &'a Collation,
    /// All rows of the collection.
    pub(super) seen: &'a Seen,
    /// Their columns.
    pub(super) columns: &'a Columns,
}

/// A view that follows.
#[derive(Debug)]
pub(super) struct Live {
    view: View,
    figures: Vec<Aggregate>,
    wanted: Wanted,
    /// The rows that wait for a person, those that are not there (any more) among them; `None` where all rows are asked for.
    waiting: Option<Seen>,
    /// `None`: all have to be put in order and counted anew.
    found: Option<Found>,
    /// Figures that are known before all are put in order: those of another order of the same rows.
    counted: Option<(Tally, ByValue)>,
    /// Rows that came, changed or went.
    moves: u64,
}

/// A group where it begins.
struct Begun<'a> {
    /// The place of its first row.
    at: usize,
    /// What its rows have in common.
    value: Value,
    tally: &'a Tally,
}

/// The rows that match.
#[derive(Debug)]
struct Found {
    order: Order,
    all: Tally,
    groups: ByValue,
}

impl Live {
    /// Fits a view to its collection; nothing is looked at yet.
    pub(super) fn new(view: View, figures: Vec<Aggregate>, definition: &Collection) -> Result<Self, Failure> {
        let wanted = Wanted::new(&view, &figures, definition)?;
        Ok(Self { view, figures, wanted, waiting: None, found: None, counted: None, moves: 0 })
    }

    /// Whether it is the answer to that.
    pub(super) fn answers(&self, view: &View, figures: &[Aggregate]) -> bool {
        self.view == *view && self.figures == figures
    }

    /// Whether it asks for the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.answers(&other.view, &other.figures)
    }

    /// Takes the figures of another order of the same rows, which nobody asks for any more.
    pub(super) fn take_figures(&mut self, other: &mut Self) {
        let unsorted = |live: &Self| View { sort: Vec::new(), ..live.view.clone() };
        if self.counted.is_none()
            && self.wanted.counts()
            && self.figures == other.figures
            && unsorted(self) == unsorted(other)
        {
            self.counted = other.found.take().map(|found| (found.all, found.groups));
        }
    }

    /// Fits it to a schema that has changed; then it is to be forgotten.
    pub(super) fn refit(&mut self, definition: &Collection) -> Result<(), Failure> {
        self.wanted = Wanted::new(&self.view, &self.figures, definition)?;
        Ok(())
    }

    /// All have to be put in order and counted anew.
    pub(super) fn forget(&mut self) {
        self.found = None;
        self.counted = None;
        self.waiting = None;
        self.moves += 1;
    }

    /// Whether all are in order and counted.
    pub(super) fn is_ready(&self) -> bool {
        self.found.is_some()
    }

    /// What all have to be put in order by, where they are not.
    pub(super) fn unready(&self) -> Option<&Wanted> {
        (self.found.is_none() && !self.is_review()).then_some(&self.wanted)
    }

    /// Puts all in order, if they are not.
    pub(super) fn ready(&mut self, of: Source<'_>) {
        if self.found.is_some() {
            return;
        }
        if self.view.only == Some(Only::Review) {
            let mut waiting = Seen::default();
            for id in of.replica.in_review(&self.view.collection) {
                waiting.put(&id.key, waits(of, id));
            }
            self.waiting = Some(waiting);
        }
        let counted = self.counted.take();
        let on = self.ground(of);
        let order = Order::of(on);
        let (all, groups) = counted.unwrap_or_else(|| {
            let (mut all, mut groups) = (Tally::default(), ByValue::new());
            if self.wanted.counts() {
                for fields in order.from(0).filter_map(|key| on.rows.get(key)) {
                    count(&self.wanted, &mut all, &mut groups, fields, true);
                }
            }
            (all, groups)
        });
        self.found = Some(Found { order, all, groups });
    }

    /// A row goes: its values, or what is known of it, are still what they were.
    pub(super) fn without(&mut self, of: Source<'_>, key: &RecordKey) {
        self.change(of, key, false);
    }

    /// A row is now as it is.
    pub(super) fn with(&mut self, of: Source<'_>, key: &RecordKey) {
        self.change(of, key, true);
    }

    /// What waits for a person in a record may be otherwise. True where the rows are others for it.
    pub(super) fn review(&mut self, of: Source<'_>, id: &RecordId) -> bool {
        let Some(before) = self.waiting.as_ref().map(|waiting| waiting.get(&id.key)) else { return false };
        let now = waits(of, id);
        if before == now.as_ref() {
            return false;
        }
        self.change(of, &id.key, false);
        if let Some(waiting) = &mut self.waiting {
            let was_plain = waiting.is_plain();
            waiting.put(&id.key, now);
            if waiting.is_plain() != was_plain {
                // keys compare in another way now
                self.found = None;
            }
        }
        self.change(of, &id.key, true);
        true
    }

    /// Whether it is about rows that wait for a person.
    pub(super) fn is_review(&self) -> bool {
        self.view.only.is_some()
    }

    fn change(&mut self, of: Source<'_>, key: &RecordKey, comes: bool) {
        let Some(Found { order, mut all, mut groups }) = self.found.take() else { return };
        let on = self.ground(of);
        let Some(fields) = on.matching(key) else {
            self.found = Some(Found { order, all, groups });
            return;
        };
        let order = if comes { Some(order.with(on, key)) } else { order.without(on, key) };
        let is_lost = self.wanted.counts() && count(&self.wanted, &mut all, &mut groups, fields, comes);
        self.found = order.filter(|_| !is_lost).map(|order| Found { order, all, groups });
        self.moves += 1;
    }

    fn ground<'a>(&'a self, of: Source<'a>) -> Ground<'a> {
        let (rows, columns) = match &self.waiting {
            Some(waiting) => (waiting, None),
            None => (of.seen, Some(of.columns)),
        };
        Ground { definition: of.definition, collation: of.collation, wanted: &self.wanted, rows, columns }
    }

    /// How many rows match.
    pub(super) fn len(&self) -> usize {
        self.found.as_ref().map_or(0, |found| found.order.len())
    }

    /// Rows that came, changed or went since it was made.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// The keys from there on.
    pub(super) fn keys(&self, offset: usize) -> impl Iterator<Item = &RecordKey> {
        self.found.iter().flat_map(move |found| found.order.from(offset))
    }

    /// The place of a row among those that match.
    pub(super) fn find(&self, of: Source<'_>, key: &RecordKey) -> Option<usize> {
        let on = self.ground(of);
        on.matching(key)?;
        self.found.as_ref()?.order.find(on, key)
    }

    /// A row as it is shown.
    pub(super) fn row(&self, of: Source<'_>, key: &RecordKey) -> Option<Row> {
        let id = RecordId::new(self.view.collection.clone(), key.clone());
        let fields = self.ground(of).rows.get(key)?.clone();
        let gone = self.waiting.is_some() && of.seen.get(key).is_none();
        Some(Row { key: id.key.clone(), fields, marks: of.replica.marks_of(&id), gone })
    }

    /// The figures about all rows that match.
    pub(super) fn figures(&self) -> Vec<Value> {
        self.found.as_ref().map_or_else(Vec::new, |found| found.all.figures(&self.wanted.figures))
    }

    /// The first groups, where there are some.
    pub(super) fn groups(&self, of: Source<'_>) -> Option<Groups> {
        let (begun, next) = self.begun(of)?;
        let groups = begun.into_iter().map(|begun| Group {
            figures: begun.tally.figures(&self.wanted.figures),
            rows: begun.tally.rows,
            value: begun.value,
        });
        Some(Groups { groups: groups.collect(), more: next < self.len() })
    }

    /// The first groups, and the place of the first row behind them; `None` where there are none.
    fn begun(&self, of: Source<'_>) -> Option<(Vec<Begun<'_>>, usize)> {
        let (field, found) = (self.wanted.group.as_ref()?, self.found.as_ref()?);
        let rows = self.ground(of).rows;
        let mut groups = Vec::new();
        let mut next = 0;
        // the rows of a group stand together: how many they are says where the next one begins
        while next < found.order.len() && groups.len() < limits::GROUPS {
            let fields = found.order.at(next).and_then(|key| rows.get(key))?;
            let tally = found.groups.get(&Distinct::shared(field, fields))?;
            let value = field.sort_value(fields).and_then(|_| fields.get(&field.name)).cloned();
            groups.push(Begun { at: next, value: value.unwrap_or_default(), tally });
            next += tally.rows;
        }
        Some((groups, next))
    }

    /// The keys of a window.
    pub(super) fn page(&self, of: Source<'_>, window: &Window) -> Vec<RecordKey> {
        let groups = if window.folded.is_none() { None } else { self.begun(of) };
        let Some((groups, rest)) = groups else {
            return self.keys(window.offset).take(window.limit).cloned().collect();
        };
        let open = groups.into_iter().filter(|group| !window.folded.folds(&group.value));
        let open = open.map(|group| (group.at, group.tally.rows));
        // those of groups that are not told one by one are as most are
        let behind = (!window.folded.all).then_some((rest, self.len() - rest));
        let (mut keys, mut skip) = (Vec::new(), window.offset);
        for (at, rows) in open.chain(behind) {
            let here = rows.saturating_sub(skip).min(window.limit - keys.len());
            keys.extend(self.keys(at + skip.min(rows)).take(here).cloned());
            skip = skip.saturating_sub(rows);
            if keys.len() == window.limit {
                break;
            }
        }
        keys
    }

    /// Its collection.
    pub(super) fn collection(&self) -> &CollectionId {
        &self.view.collection
    }
}

/// Counts a row in or out, in all and in its group. Whether all have to be counted anew.
fn count(wanted: &Wanted, all: &mut Tally, groups: &mut ByValue, fields: &Fields, comes: bool) -> bool {
    all.count(&wanted.figures, fields, comes);
    let is_lost = wanted.group.as_ref().is_some_and(|field| {
        count_by(groups, Distinct::shared(field, fields), &wanted.figures, fields, comes)
    });
    is_lost || all.is_lost()
}

/// What a person sees of a record that waits for one, there or not; `None` where nothing of it waits.
fn waits(of: Source<'_>, id: &RecordId) -> Option<Fields> {
    let there = of.seen.get(&id.key).cloned();
    of.replica.waits(id).then(|| there.unwrap_or_else(|| of.replica.last_known(id)))
}
