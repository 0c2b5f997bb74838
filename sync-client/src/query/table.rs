//! One collection in memory as the person sees it. It follows the delta of each batch, row by row.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use sync_protocol::{CollectionId, FieldName, Fields, Partition, Record, RecordId, RecordKey};

use super::columns::Columns;
use super::live::{Live, Source};
use super::seen::Seen;
use super::unique::Holders;
use super::watching::Watching;
use crate::api::{Failure, View, ViewChange, ViewId, Watched, Window};
use crate::delta::{Delta, Move};
use crate::limits;
use crate::replica::Replica;
use crate::steps::step;
use crate::text::Collation;

/// A collection.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) collection: CollectionId,
    /// The base with what is pending on top.
    seen: Seen,
    columns: Columns,
    /// Records with pending changes.
    pending: BTreeSet<RecordKey>,
    /// What the base has of these.
    beneath: Seen,
    /// Which records hold which values, of the fields that were asked about.
    holders: RefCell<Holders>,
    /// The last answers that nobody watches, or watches any more: the same question needs no other, and another order of the
    /// same rows has their figures.
    idle: Vec<Live>,
    /// The views that screens watch.
    pub(super) watched: Vec<Watching>,
    /// Views whose question no longer fits the collection.
    pub(super) ended: Vec<ViewId>,
}

impl Table {
    /// A table of these base records.
    pub(super) fn new(
        collection: CollectionId,
        base: Seen,
        replica: &Replica,
        collation: &Collation,
    ) -> Self {
        let (pending, beneath) = (BTreeSet::new(), Seen::default());
        let (idle, watched, ended) = (Vec::new(), Vec::new(), Vec::new());
        let (columns, holders) = Default::default();
        let mut table =
            Self { collection, seen: base, columns, pending, beneath, holders, idle, watched, ended };
        let waiting: Vec<&RecordId> = replica.pending_records_of(&table.collection).collect();
        for id in waiting {
            table.row(id, None, replica, collation);
        }
        table
    }

    /// The rows, in no order that a person knows.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The records that hold such a value in a field.
    pub(super) fn holders(&self, name: &FieldName, text: &str) -> BTreeSet<RecordKey> {
        self.holders.borrow_mut().of(name, text, &self.seen)
    }

    /// The records of each value of a field that more than one holds, the first `most` of these.
    pub(super) fn twice(&self, name: &FieldName, most: usize) -> Vec<Vec<RecordKey>> {
        self.holders.borrow_mut().twice(name, &self.seen, most)
    }

    /// The answer to a question that nobody watches; it is kept for the next time.
    pub(super) fn ask<'a>(
        &'a mut self,
        view: View,
        replica: &'a Replica,
        collation: &'a Collation,
    ) -> Result<(&'a Live, Source<'a>), Failure> {
        let definition = replica.schema().collection(&self.collection).ok_or_else(no_collection)?;
        let live = match self.idle.iter().position(|live| live.answers(&view, &[])) {
            Some(at) => self.idle.remove(at),
            None => Live::new(view, Vec::new(), definition)?,
        };
        self.keep(live);
        let Self { collection, seen, columns, idle, .. } = self;
        let live = &mut idle[0];
        prepare(columns, seen, live, collation);
        let of = source(collection, (seen, columns), replica, collation).ok_or_else(no_collection)?;
        live.ready(of);
        Ok((live, of))
    }

    /// Opens a view that is watched.
    pub(super) fn watch(
        &mut self,
        id: ViewId,
        mut live: Live,
        window: Window,
        replica: &Replica,
        collation: &Collation,
    ) -> Result<Watched, Failure> {
        match self.idle.iter().position(|idle| idle.is_same(&live)) {
            Some(at) => live = self.idle.remove(at),
            None => {
                self.idle.iter_mut().for_each(|idle| live.take_figures(idle));
                self.idle.retain(Live::is_ready);
            }
        }
        let Self { collection, seen, columns, .. } = self;
        prepare(columns, seen, &live, collation);
        let of = source(collection, (seen, columns), replica, collation).ok_or_else(no_collection)?;
        let (watching, watched) = Watching::open(id, live, window, of);
        self.watched.push(watching);
        Ok(watched)
    }

    /// Nobody watches a view any more.
    pub(super) fn unwatch(&mut self, id: ViewId) {
        if let Some(at) = self.watched.iter().position(|watching| watching.id == id) {
            let live = self.watched.remove(at).live;
            self.keep(live);
        }
    }

    fn keep(&mut self, live: Live) {
        self.idle.insert(0, live);
        self.idle.truncate(limits::IDLE_VIEWS);
    }

    /// A view that is watched, with what its rows are taken from.
    pub(super) fn watching<'a>(
        &'a mut self,
        id: ViewId,
        replica: &'a Replica,
        collation: &'a Collation,
    ) -> Option<(&'a mut Watching, Source<'a>)> {
        let Self { collection, seen, columns, watched, .. } = self;
        let watching = watched.iter_mut().find(|watching| watching.id == id)?;
        prepare(columns, seen, &watching.live, collation);
        Some((watching, source(collection, (seen, columns), replica, collation)?))
    }

    /// What changed in the views that are watched since it was last told. `waits`: of which something still waits to be heard,
    /// so that steps would not fit.
    pub(super) fn changes(
        &mut self,
        replica: &Replica,
        collation: &Collation,
        waits: impl Fn(ViewId) -> bool,
    ) -> Vec<ViewChange> {
        let Self { collection, seen, columns, watched, .. } = self;
        let mut changes = Vec::new();
        for watching in watched.iter_mut().filter(|watching| watching.touched) {
            prepare(columns, seen, &watching.live, collation);
            let Some(of) = source(collection, (seen, columns), replica, collation) else { break };
            changes.extend(watching.change(waits(watching.id), of));
        }
        changes
    }

    /// Follows what the replica has followed.
    pub(super) fn follow(&mut self, delta: &Delta<'_>, replica: &Replica, collation: &Collation) {
        for moved in &delta.moves {
            match moved {
                Move::Cleared(partitions) => self.clear(partitions, replica, collation),
                // how values compare, and what a search reads of them, may be another
                Move::Schema => self.refit(replica, |_| true),
                Move::Snapshot(None) => self.refit(replica, |watching| watching.unfit),
                Move::Record(id, record) => {
                    let base = record.as_ref().map(Cow::as_ref);
                    self.row(id, Some(base), replica, collation);
                }
                Move::Queued(_)
                | Move::Settled(..)
                | Move::Opened { .. }
                | Move::Closed(..)
                | Move::Rejected(_)
                | Move::SeenTo(..)
                | Move::Decided(_)
                | Move::Forgotten(..) => {
                    if let Some(id) = moved.record() {
                        self.row(id, None, replica, collation);
                    }
                }
                // they change no values
                Move::Identity(_)
                | Move::Unread(_)
                | Move::Receipts(_)
                | Move::Memos(_)
                | Move::Head(_)
                | Move::Snapshot(Some(_))
                | Move::Checksums(_) => {}
            }
        }
    }

    fn clear(&mut self, partitions: &[Partition], replica: &Replica, collation: &Collation) {
        self.idle.clear();
        // fewer steps than a place for each of them
        self.watched.iter_mut().for_each(|watching| watching.live.forget());
        let seen = self.seen.iter().map(|(key, _)| key);
        let beneath = self.beneath.iter().map(|(key, _)| key);
        let keys: Vec<RecordKey> = seen.chain(beneath).cloned().collect();
        for key in keys {
            let id = RecordId::new(self.collection.clone(), key);
            if partitions.contains(&id.partition(replica.meta().partitions)) {
                self.row(&id, Some(None), replica, collation);
            }
        }
    }

    /// One record may be seen otherwise than before; `base` is what the store has of it, where that has changed.
    fn row(
        &mut self,
        id: &RecordId,
        base: Option<Option<&Record>>,
        replica: &Replica,
        collation: &Collation,
    ) {
        if id.collection != self.collection {
            return;
        }
        step();
        let key = &id.key;
        let before = self.seen.get(key);
        let known = if self.pending.contains(key) { self.beneath.get(key) } else { before };
        let base = match base {
            Some(record) => record.map(|record| &record.fields),
            None => known,
        };
        let base = base.cloned();
        let is_pending = replica.pending_of(id).next().is_some();
        let now = if is_pending { replica.view_of(id, base.clone()) } else { base.clone() };
        self.look(id, now, replica, collation);
        if is_pending {
            self.pending.insert(key.clone());
        } else {
            self.pending.remove(key);
        }
        self.beneath.put(key, base.filter(|_| is_pending));
    }

    /// A record is seen like this from now on: the views follow.
    fn look(&mut self, id: &RecordId, now: Option<Fields>, replica: &Replica, collation: &Collation) {
        let Self { collection, seen, columns, holders, idle, watched, .. } = self;
        let key = &id.key;
        let is_other = seen.get(key) != now.as_ref();
        let was_plain = seen.is_plain();
        let all = |of: Option<Source<'_>>, live: &mut Live, comes: bool| match of {
            Some(_) if live.is_review() || !is_other => {}
            Some(of) if comes => live.with(of, key),
            // a view finds a row by what is seen of it
            Some(of) => live.without(of, key),
            None => live.forget(),
        };
        for live in idle.iter_mut().chain(watched.iter_mut().map(|watching| &mut watching.live)) {
            all(source(collection, (seen, columns), replica, collation), live, false);
        }
        if is_other {
            holders.get_mut().moved(key, seen.get(key), now.as_ref());
            seen.put(key, now);
        }
        if seen.is_plain() != was_plain {
            // keys compare in another way now
            let views = watched.iter_mut().map(|watching| &mut watching.live);
            idle.iter_mut().chain(views).for_each(Live::forget);
        }
        let of = source(collection, (seen, columns), replica, collation);
        for live in idle {
            all(of, live, true);
            of.map(|of| live.review(of, id));
        }
        for watching in watched {
            all(of, &mut watching.live, true);
            let in_review = of.is_some_and(|of| watching.live.review(of, id));
            if is_other || in_review {
                watching.note(key);
            }
            watching.touched = true;
        }
    }

    /// The fields of collections changed: how values compare, and what a search reads of them, may be another. While they come
    /// anew from the server, what is not there yet ends no view.
    fn refit(&mut self, replica: &Replica, which: impl Fn(&Watching) -> bool) {
        self.idle.clear();
        let definition = replica.schema().collection(&self.collection);
        let (ended, all_there) = (&mut self.ended, replica.snapshot().is_none());
        self.watched.retain_mut(|watching| {
            if !which(watching) {
                return true;
            }
            watching.unfit = definition.is_none_or(|definition| watching.live.refit(definition).is_err());
            watching.live.forget();
            watching.touched = true;
            let ends = watching.unfit && all_there;
            if ends {
                ended.push(watching.id);
            }
            !ends
        });
    }

    /// What of a record is going on may be otherwise, though its values are not.
    pub(super) fn touch(&mut self, id: &RecordId) {
        for watching in self.watched.iter_mut().filter(|_| id.collection == self.collection) {
            watching.touched = true;
        }
    }
}

/// What views of a collection take rows from; `None` where it is no longer there.
fn source<'a>(
    collection: &CollectionId,
    (seen, columns): (&'a Seen, &'a Columns),
    replica: &'a Replica,
    collation: &'a Collation,
) -> Option<Source<'a>> {
    let definition = replica.schema().collection(collection)?;
    Some(Source { replica, definition, collation, seen, columns })
}

/// Has the columns at hand by which a view is put in order, where it is not.
fn prepare(columns: &mut Columns, seen: &mut Seen, live: &Live, collation: &Collation) {
    if let Some(wanted) = live.unready() {
        columns.prepare(seen, wanted, collation);
    }
}

pub(super) fn no_collection() -> Failure {
    Failure::input("This collection does not exist (any more).")
}
