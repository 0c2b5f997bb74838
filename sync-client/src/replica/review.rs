//! What needs review, and what was settled: one place for the list, the badge, the marks and the pill.

use std::collections::BTreeMap;
use sync_protocol::Ordered;

use sync_protocol::merge::{Merged, Work};
use sync_protocol::record::per_field;
use sync_protocol::schema::Collection;
use sync_protocol::{
    Change, ChangeId, Choice, CollectionId, Conflict, ConflictKind, Edit, FieldName, Fields, Merge, Outcome,
    Record, RecordId, RecordKey, Rejection, Reopening, ReplicaId, Resolution, Stamp, Timestamp, Value,
};

use super::Replica;
use super::notes::Notes;
use super::view::{fold, takes_back};
use crate::api::{
    Author, ConflictInfo, Facets, Marks, MergeInfo, Merges, RejectedInfo, Review, ReviewFilter, ReviewItem,
    ReviewQuery, ReviewTab, SettledInfo,
};
use crate::limits;
use crate::store::{Decided, Quarantined};

/// Authors by replica: lists name the same few devices again and again.
#[derive(Default)]
pub(super) struct Authors(BTreeMap<ReplicaId, Author>);

impl Authors {
    pub(super) fn of(&mut self, replica: &Replica, stamp: Stamp) -> Author {
        let author = self.0.entry(stamp.by).or_insert_with(|| replica.author(stamp));
        Author { at: stamp.at, ..author.clone() }
    }

    /// Per field of a merge, who had set the current value.
    pub(super) fn of_current(&mut self, replica: &Replica, merge: &Merge) -> BTreeMap<FieldName, Author> {
        let met = merge.fields.iter();
        met.map(|(name, met)| (name.clone(), self.of(replica, met.current_by))).ordered_map()
    }
}

impl Replica {
    /// Rejected changes that are shown as such: all but decisions whose conflict is still open, which are shown there.
    pub fn rejected(&self) -> impl Iterator<Item = &Quarantined> {
        self.quarantine().filter(|entry| !self.for_review.is_returned(entry))
    }

    /// How many these are.
    pub fn rejected_count(&self) -> usize {
        self.for_review.rejected_count()
    }

    /// Those of one record.
    pub fn rejected_of(&self, id: &RecordId) -> impl Iterator<Item = &Quarantined> {
        self.for_review.quarantine_of(id).filter(|entry| !self.for_review.is_returned(entry))
    }

    /// Decisions about a conflict that came back.
    pub fn returned(&self, conflict: &Conflict) -> impl Iterator<Item = &Quarantined> {
        self.for_review.returned(&conflict.record, conflict.id)
    }

    /// How many records of a collection need review.
    pub fn review_count(&self, collection: &CollectionId) -> usize {
        self.for_review.record_count(collection)
    }

    /// A decision about an open conflict that the server has not judged, and that was not taken back.
    pub fn decided(&self, conflict: &Conflict) -> Option<(ChangeId, &Outcome)> {
        let decisions = self.pending_of(&conflict.record).filter_map(|change| match &change.edit {
            Edit::Resolve(r) if r.conflict == conflict.id => Some((change.id, &r.outcome)),
            _ => None,
        });
        decisions.filter(|(id, _)| !self.is_taken_back(&conflict.record, *id)).last()
    }

    /// What takes a conflict's decision back; `None` where there is none, or it is taken back already.
    pub fn reopening(&self, id: ChangeId) -> Option<(RecordId, Reopening)> {
        let (conflict, resolution, outcome) = match self.settled(id) {
            Some(conflict) => {
                let resolved = conflict.resolved.as_ref()?;
                (conflict, resolved.change, &resolved.outcome)
            }
            None => {
                let conflict = self.conflict(id)?;
                let (resolution, outcome) = self.decided(conflict)?;
                (conflict, resolution, outcome)
            }
        };
        if self.is_taken_back(&conflict.record, resolution) {
            return None;
        }
        let twin = match outcome {
            Outcome::KeepBoth { key } => Some(key.clone()),
            Outcome::Keep { .. } | Outcome::Delete => None,
        };
        Some((conflict.record.clone(), Reopening { conflict: id, resolution, twin }))
    }

    fn is_taken_back(&self, record: &RecordId, resolution: ChangeId) -> bool {
        self.pending_of(record).any(|change| takes_back(change, resolution))
    }

    /// Open conflicts of a record, oldest first.
    pub fn conflicts_of(&self, id: &RecordId) -> Vec<&Conflict> {
        let mut found: Vec<&Conflict> = self.for_review.conflicts_of(id).collect();
        sync_protocol::sort_few(&mut found, |a, b| (a.incoming.at, a.id).cmp(&(b.incoming.at, b.id)));
        found
    }

    /// Records of a collection that need review.
    pub fn in_review(&self, collection: &CollectionId) -> impl Iterator<Item = &RecordId> {
        self.for_review.records_of(collection)
    }

    /// Whether a record needs review.
    pub fn waits(&self, id: &RecordId) -> bool {
        self.for_review.holds(id)
    }

    /// What is going on with one record.
    pub fn marks_of(&self, id: &RecordId) -> Marks {
        Marks {
            unsent: !self.is_local() && self.outbox.of(id).any(|pending| pending.judged == super::Judged::No),
            review: self.for_review.conflicts_of(id).next().is_some(),
            rejected: self.rejected_of(id).next().is_some(),
        }
    }

    /// A part of the list, without reading a record.
    pub fn review(&self, now: Timestamp, query: &ReviewQuery) -> Review {
        let notes = self.notes(now);
        let mut authors = Authors::default();
        let settled = || self.decisions().filter_map(|decision| self.settled(decision.id));
        let is_snoozed = |c: &&Conflict| notes.snoozed.contains_key(&c.id);
        let of_tab: Vec<&Conflict> = match query.filter.tab {
            ReviewTab::Open => self.conflicts().collect(),
            ReviewTab::Snoozed => self.conflicts().filter(is_snoozed).collect(),
            ReviewTab::Settled => settled().collect(),
        };
        let mut facets = Facets::default();
        let mut items: Vec<ReviewItem> =
            of_tab.into_iter().map(|conflict| self.item(conflict, &notes, &mut authors)).collect();
        for item in &items {
            *facets.collections.entry(item.record.collection.clone()).or_default() += 1;
            let sides = || std::iter::once(&item.incoming).chain(&item.current);
            let people: std::collections::BTreeSet<&String> = sides().map(|side| &side.person).ordered_set();
            let devices: std::collections::BTreeSet<&String> = sides().map(|side| &side.device).ordered_set();
            for (found, names) in [(&mut facets.people, people), (&mut facets.devices, devices)] {
                for name in names.into_iter().filter(|name| !name.is_empty()) {
                    *found.entry(name.clone()).or_default() += 1;
                }
            }
        }
        items.retain(|item| lets_in(&query.filter, item));
        if query.filter.tab == ReviewTab::Settled {
            let place = |item: &ReviewItem| (item.settled.as_ref().map(|s| s.by.at), item.id);
            sync_protocol::sort_few(&mut items, |a, b| place(b).cmp(&place(a)));
        } else {
            let mut oldest: BTreeMap<RecordId, (Timestamp, ChangeId)> = BTreeMap::new();
            for item in &items {
                let at = (item.incoming.at, item.id);
                let first = oldest.entry(item.record.clone()).or_insert(at);
                *first = at.min(*first);
            }
            let place = |item: &ReviewItem| (oldest[&item.record], item.incoming.at, item.id);
            let mut placed: Vec<_> = items.into_iter().map(|item| (place(&item), item)).collect();
            sync_protocol::sort_few(&mut placed, |a, b| a.0.cmp(&b.0));
            items = placed.into_iter().map(|(_, item)| item).collect();
        }
        let around = query.around.and_then(|id| items.iter().position(|item| item.id == id));
        let first = around.map_or(query.offset, |at| at.saturating_sub(query.limit / 2));
        Review {
            matching: items.len(),
            first,
            items: items
                .into_iter()
                .skip(first)
                .take(query.limit)
                .map(|item| self.with_sides(item))
                .collect(),
            open: self.conflict_count(),
            snoozed: self.conflicts().filter(is_snoozed).count(),
            settled: settled().count(),
            rejected: self.rejected().map(|entry| self.rejected_info(now, entry, None)).collect(),
            facets,
        }
    }

    /// With the values that met, as far as a list has room for them.
    fn with_sides(&self, item: ReviewItem) -> ReviewItem {
        let fields = self.any_conflict(item.id).map(|conflict| &conflict.fields);
        let sides = item.clashing.iter().filter_map(|name| fields?.get(name)).take(limits::REVIEW_SIDES);
        let sides: Vec<(Value, Value)> = sides
            .take_while(|sides| sides.current.size() + sides.incoming.size() <= limits::REVIEW_SIDES_BYTES)
            .map(|sides| (sides.current.clone(), sides.incoming.clone()))
            .collect();
        ReviewItem { sides, ..item }
    }

    /// The open conflicts that a filter lets in, in the order of the list.
    pub fn matching(&self, now: Timestamp, filter: &ReviewFilter) -> Vec<ChangeId> {
        let query = ReviewQuery { filter: filter.clone(), limit: usize::MAX, ..ReviewQuery::default() };
        self.review(now, &query).items.into_iter().map(|item| item.id).collect()
    }

    /// A conflict in one line.
    pub(super) fn item(&self, conflict: &Conflict, notes: &Notes, authors: &mut Authors) -> ReviewItem {
        ReviewItem {
            id: conflict.id,
            record: conflict.record.clone(),
            title: title(&conflict.title, &conflict.record.key),
            kind: conflict.kind,
            clashing: conflict.fields.iter().filter(|(_, s)| s.clash).map(|(name, _)| name.clone()).collect(),
            sides: Vec::new(),
            incoming: authors.of(self, conflict.incoming),
            current: current_side(conflict).map(|stamp| authors.of(self, stamp)),
            pending: self.decided(conflict).map(|(_, outcome)| outcome.clone()),
            returned: self.returned(conflict).next().is_some(),
            assigned: notes.assigned.get(&conflict.id).cloned(),
            snoozed: notes.snoozed.get(&conflict.id).copied(),
            comments: notes.comments.get(&conflict.id).copied().unwrap_or_default(),
            settled: conflict.resolved.as_ref().map(|resolved| SettledInfo {
                by: authors.of(self, resolved.stamp),
                decided: resolved.saw.is_some(),
                outcome: resolved.outcome.clone(),
                taking_back: self.is_taken_back(&conflict.record, resolved.change),
            }),
        }
    }

    /// A conflict with what a screen needs; `base` is its record in the store.
    pub fn conflict_info(&self, now: Timestamp, conflict: &Conflict, base: Option<&Record>) -> ConflictInfo {
        let mut authors = Authors::default();
        let mut current_by = BTreeMap::new();
        let mut incoming_by = BTreeMap::new();
        for name in conflict.fields.keys() {
            // what the record has now may be newer than what the conflict met
            let by = if conflict.is_open() {
                self.current_stamp(conflict, name, base)
            } else {
                conflict.current_by(name)
            };
            current_by.extend(by.map(|stamp| (name.clone(), authors.of(self, stamp))));
            incoming_by.insert(name.clone(), authors.of(self, conflict.incoming_by(name)));
        }
        let collection = self.schema().collection(&conflict.record.collection);
        let names = conflict.fields.keys();
        let work = Work::default();
        ConflictInfo {
            item: self.item(conflict, &self.notes(now), &mut authors),
            current_by,
            incoming_by,
            policies: per_field(names.filter_map(|name| Some((name.clone(), collection?.policy(name))))),
            without_choice: per_field(conflict.fields.keys().filter_map(|name| {
                Some((name.clone(), without_choice(conflict, base, collection?, name, &work)?))
            })),
            record: self.beside(conflict, base),
            record_rev: base.map(|r| r.rev),
            comments: self.comments(conflict.id),
            returned: self.returned(conflict).last().and_then(|q| match &q.change.edit {
                Edit::Resolve(r) => Some((r.outcome.clone(), q.reason.clone())),
                _ => None,
            }),
            conflict: conflict.clone(),
        }
    }

    /// The record as the person sees it, without what was decided about that conflict.
    fn beside(&self, conflict: &Conflict, base: Option<&Record>) -> Option<Fields> {
        let pending = self.pending_of(&conflict.record).filter(|change| change.about() != Some(conflict.id));
        fold(base.map(|r| r.fields.clone()), pending, |id| self.any_conflict(id))
    }

    /// Who set what a conflict's field has now: this device, where its own edit waits to be sent.
    pub(super) fn current_stamp(
        &self,
        conflict: &Conflict,
        name: &FieldName,
        base: Option<&Record>,
    ) -> Option<Stamp> {
        let own = |change: &&Change| match &change.edit {
            Edit::Insert { fields } => fields.contains_key(name),
            Edit::Patch { fields } => fields.contains_key(name),
            Edit::Resolve(Resolution { conflict: about, outcome: Outcome::Keep { choices }, .. }) => {
                *about != conflict.id && choices.get(name).is_some_and(|choice| *choice != Choice::Current)
            }
            Edit::Delete { .. } | Edit::Resolve(_) | Edit::Reopen(_) => false,
        };
        let own = self.pending_of(&conflict.record).filter(own).last();
        own.map(|change| Stamp { by: self.id(), at: change.at })
            .or_else(|| base.map(|record| record.field_stamp(name)))
            .or_else(|| conflict.current_by(name))
    }

    /// A rejected change as a screen shows it; `base` is its record in the store.
    pub fn rejected_info(&self, now: Timestamp, entry: &Quarantined, base: Option<&Record>) -> RejectedInfo {
        let about = entry.change.about().and_then(|id| self.any_conflict(id));
        let item = |conflict| Box::new(self.item(conflict, &self.notes(now), &mut Authors::default()));
        let (id, wanted) = (entry.change.record.clone(), wanted(&entry.change));
        RejectedInfo {
            counter: entry.change.id.counter,
            title: self.called(&id, base.map_or(&wanted, |record| &record.fields)),
            message: self.in_words(&id.collection, &entry.reason),
            reason: entry.reason.clone(),
            wanted,
            about: about.map(item),
            at: entry.change.at,
            id,
        }
    }

    /// What a record with these values is called, for people: its first text, or its key.
    pub fn called(&self, id: &RecordId, fields: &Fields) -> String {
        let collection = self.schema().collection(&id.collection);
        title(&collection.map(|c| c.title(&id.key, fields)).unwrap_or_default(), &id.key)
    }

    /// A reason with the label of the field that it names, as people know it.
    fn in_words(&self, collection: &CollectionId, reason: &Rejection) -> String {
        let text = reason.to_string();
        let (Rejection::Misfit { field, .. } | Rejection::Undecided { field }) = reason else { return text };
        let label = self.schema().collection(collection).and_then(|c| Some(&c.fields.get(field)?.label));
        label.map_or_else(|| text.clone(), |label| text.replace(&format!("“{field}”"), &format!("“{label}”")))
    }

    /// A conflict, open or settled lately.
    pub fn any_conflict(&self, id: ChangeId) -> Option<&Conflict> {
        self.conflict(id).or_else(|| self.settled(id))
    }

    /// What policies decided lately, newest first.
    pub fn merges(&self, record: Option<&RecordId>, offset: usize, limit: usize) -> Merges {
        let mut found: Vec<(Timestamp, ChangeId, &Merge)> = self
            .decisions()
            .filter_map(|decision| match &decision.what {
                Decided::Merged(merge) => Some((decision.at, decision.id, &**merge)),
                Decided::Settled(_) => None,
            })
            .filter(|(.., merge)| record.is_none_or(|id| merge.record == *id))
            .collect();
        sync_protocol::sort_few(&mut found, |a, b| (b.0, b.1).cmp(&(a.0, a.1)));
        let mut authors = Authors::default();
        let total = found.len();
        let page = found.into_iter().skip(offset).take(limit);
        let merges = page.map(|(_, id, merge)| MergeInfo {
            id,
            incoming: authors.of(self, merge.incoming),
            current_by: authors.of_current(self, merge),
            record: None,
            merge: merge.clone(),
        });
        Merges { merges: merges.collect(), total }
    }
}

/// Who made the side that the incoming change met: of the fields that clash, the last to set one. A change of other fields,
/// or taking a decision back, does not count.
pub(super) fn current_side(conflict: &Conflict) -> Option<Stamp> {
    if conflict.kind != ConflictKind::EditEdit {
        return conflict.current;
    }
    let clashing = conflict.fields.iter().filter(|(_, sides)| sides.clash);
    let set = clashing.filter_map(|(name, _)| conflict.current_by(name));
    set.max_by_key(|stamp| stamp.at).or(conflict.current)
}

fn title(title: &str, key: &RecordKey) -> String {
    if title.is_empty() { key.to_string() } else { title.to_owned() }
}

fn lets_in(filter: &ReviewFilter, item: &ReviewItem) -> bool {
    let sides = || std::iter::once(&item.incoming).chain(&item.current);
    let search = filter.search.trim().to_lowercase();
    let found = |text: &str| text.to_lowercase().contains(&search);
    filter.collection.as_ref().is_none_or(|c| item.record.collection == *c)
        && filter.record.as_ref().is_none_or(|id| item.record == *id)
        && filter.person.as_ref().is_none_or(|name| sides().any(|side| side.person == *name))
        && filter.device.as_ref().is_none_or(|name| sides().any(|side| side.device == *name))
        && filter.kind.is_none_or(|kind| item.kind == kind)
        && filter.older_than.is_none_or(|at| item.incoming.at <= at)
        && filter.assigned.is_none_or(|user| item.assigned.as_ref().is_some_and(|p| p.user == user))
        && (search.is_empty()
            || found(&item.title)
            || item.clashing.iter().any(|name| found(name.as_str()))
            || sides().any(|side| found(&side.person) || found(&side.device)))
}

/// What a field ends with where nobody chooses, as the judge will say; `None` where somebody has to.
fn without_choice(
    conflict: &Conflict,
    base: Option<&Record>,
    collection: &Collection,
    name: &FieldName,
    work: &Work,
) -> Option<Value> {
    let current = || base.map_or(Value::ABSENT, |record| record.value(name).clone());
    match conflict.merged(name, base, collection, work) {
        Merged::Keep => Some(current()),
        Merged::Set(value) | Merged::Combined(value) => Some(value),
        Merged::Clash => None,
    }
}

fn wanted(change: &Change) -> BTreeMap<FieldName, Value> {
    match &change.edit {
        Edit::Insert { fields } => fields.clone(),
        Edit::Patch { fields } => {
            fields.iter().map(|(name, delta)| (name.clone(), delta.incoming.clone())).ordered_map()
        }
        Edit::Resolve(Resolution { outcome: Outcome::Keep { choices }, .. }) => choices
            .iter()
            .filter_map(|(name, choice)| Some((name.clone(), choice.own()?.clone())))
            .ordered_map(),
        Edit::Delete { .. } | Edit::Resolve(_) | Edit::Reopen(_) => BTreeMap::new(),
    }
}
