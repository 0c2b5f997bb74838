//! An open view: what a screen was told of it, and what it is told next.

use std::collections::BTreeSet;

use sync_protocol::{Ordered, RecordId, RecordKey, Value};

use super::difference::{KeyStep, Listed, between};
use super::live::{Live, Source};
use crate::api::{
    Failure, Groups, Keys, Looked, Marks, Row, RowStep, RowsChange, ViewChange, ViewId, Watched, Window,
};
use crate::limits;

/// A view that a screen watches.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) id: ViewId,
    pub(super) live: Live,
    /// When it was looked at last, among all views.
    pub(super) looked_at: u64,
    window: Window,
    /// The rows that the screen has, with their marks.
    shown: Vec<RecordKey>,
    /// What is going on with each of them.
    marks: Vec<Marks>,
    /// The same rows without an order.
    has: BTreeSet<RecordKey>,
    /// Rows among them whose values changed since.
    changed: BTreeSet<RecordKey>,
    /// Something may look otherwise than what was told.
    pub(super) touched: bool,
    /// What it asks for is not there, as long as the schema comes anew.
    pub(super) unfit: bool,
    /// What was told last.
    told: Told,
    version: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    total: usize,
    matching: usize,
    figures: Vec<Value>,
    groups: Option<Groups>,
}

impl Watching {
    pub(super) fn open(id: ViewId, mut live: Live, window: Window, of: Source<'_>) -> (Self, Watched) {
        live.ready(of);
        let told = Told::now(&live, of);
        let (figures, groups) = (told.figures.clone(), told.groups.clone());
        let mut watching = Self {
            id,
            live,
            looked_at: 0,
            window: Window::default(),
            shown: Vec::new(),
            marks: Vec::new(),
            has: BTreeSet::new(),
            changed: BTreeSet::new(),
            touched: false,
            unfit: false,
            told,
            version: 0,
        };
        let shown = watching.look(window, of);
        (watching, Watched { id, shown, groups, figures })
    }

    /// Shows other rows.
    pub(super) fn look(&mut self, window: Window, of: Source<'_>) -> Looked {
        self.live.ready(of);
        self.window = window;
        self.version += 1;
        let keys = self.live.page(of, &self.window);
        let rows = self.rows(&keys, of);
        self.shows(keys, of);
        let (total, matching) = (of.seen.len(), self.live.len());
        (self.told.total, self.told.matching) = (total, matching);
        Looked { version: self.version, total, matching, rows }
    }

    /// The values of a record changed, or it came or went.
    pub(super) fn note(&mut self, key: &RecordKey) {
        if self.has.contains(key) {
            self.changed.insert(key.clone());
        }
    }

    /// What changed since it was last told; `whole`: not as steps.
    pub(super) fn change(&mut self, whole: bool, of: Source<'_>) -> Option<ViewChange> {
        if self.unfit || !std::mem::take(&mut self.touched) {
            return None;
        }
        self.live.ready(of);
        let now = Told::now(&self.live, of);
        let keys = self.live.page(of, &self.window);
        let steps = self.steps(&keys, of);
        if steps.as_ref().is_some_and(Vec::is_empty) && now == self.told {
            return None;
        }
        let rows = match steps.filter(|_| !whole) {
            Some(steps) => RowsChange::Steps(steps),
            None => RowsChange::Whole(self.rows(&keys, of)),
        };
        let before = std::mem::replace(&mut self.told, now);
        let from = self.version;
        self.version += 1;
        self.shows(keys, of);
        let now = &self.told;
        Some(ViewChange {
            id: self.id,
            from,
            version: self.version,
            total: now.total,
            matching: now.matching,
            rows,
            groups: now.groups.clone().filter(|_| whole || now.groups != before.groups),
            figures: (whole || now.figures != before.figures).then(|| now.figures.clone()),
        })
    }

    /// The steps from the rows that the screen has to those of now; `None` where all of these are shorter.
    fn steps(&mut self, now: &[RecordKey], of: Source<'_>) -> Option<Vec<RowStep>> {
        for (key, marks) in self.shown.iter().zip(&self.marks) {
            if *marks != of.replica.marks_of(&self.record(key)) {
                self.changed.insert(key.clone());
            }
        }
        let most = now.len() / 2 + 1;
        let row = |at: usize| self.live.row(of, &now[at]);
        let set = now.iter().cloned().ordered_set();
        let before = Listed { list: &self.shown, set: &self.has };
        let mut steps = Vec::new();
        for step in between(before, Listed { list: now, set: &set }, &self.changed, most)? {
            steps.push(match step {
                KeyStep::Remove(at) => RowStep::Remove { at },
                KeyStep::Move(from, to) => RowStep::Move { from, to },
                KeyStep::Insert(at) => RowStep::Insert { at, row: row(at)? },
            });
        }
        for (at, _) in now.iter().enumerate().filter(|(_, key)| self.changed.contains(key)) {
            steps.push(RowStep::Change { at, row: row(at)? });
        }
        (steps.len() <= most).then_some(steps)
    }

    /// The next keys, as many as an answer holds.
    pub(super) fn keys(&mut self, offset: usize, of: Source<'_>) -> Keys {
        self.live.ready(of);
        let mut room = limits::KEYS_BYTES;
        let mut keys = Vec::new();
        let mut rest = self.live.keys(offset).peekable();
        while let Some(key) = rest.next_if(|key| key.to_text().len() < room) {
            // with its quotes and a comma
            room = room.saturating_sub(key.to_text().len() + 3);
            keys.push(key.clone());
        }
        let next = rest.peek().map(|_| offset + keys.len());
        Keys { keys, next, moves: self.live.moves() }
    }

    /// The place of a record.
    pub(super) fn place(&mut self, key: &RecordKey, of: Source<'_>) -> Option<usize> {
        self.live.ready(of);
        self.live.find(of, key)
    }

    fn rows(&self, keys: &[RecordKey], of: Source<'_>) -> Vec<Row> {
        keys.iter().filter_map(|key| self.live.row(of, key)).collect()
    }

    fn record(&self, key: &RecordKey) -> RecordId {
        RecordId::new(self.live.collection().clone(), key.clone())
    }

    /// The screen has these rows from now on.
    fn shows(&mut self, keys: Vec<RecordKey>, of: Source<'_>) {
        self.has = keys.iter().cloned().ordered_set();
        self.marks = keys.iter().map(|key| of.replica.marks_of(&self.record(key))).collect();
        self.shown = keys;
        self.changed.clear();
    }
}

impl Told {
    fn now(live: &Live, of: Source<'_>) -> Self {
        let (total, matching) = (of.seen.len(), live.len());
        Self { total, matching, figures: live.figures(), groups: live.groups(of) }
    }
}

/// A window as it may be.
pub(super) fn bounded(window: Window) -> Result<Window, Failure> {
    let fits = window.limit <= limits::ROWS;
    let too_many = || Failure::input(format!("At most {} rows can be asked for at once.", limits::ROWS));
    if fits { Ok(window) } else { Err(too_many()) }
}
