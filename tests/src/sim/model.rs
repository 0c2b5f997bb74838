//! What the server has really committed, kept beside it and folded anew: the truth that all else is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_protocol::feed::EntryKind;
use sync_protocol::limits::CONFLICTS_AT_ONCE;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, Edit, Entry, Partition, Record, RecordId, ReplicaId, Revision,
    Timestamp, WorkspaceId, reserved,
};
use sync_server::store::{Commit, Kind, PartitionId};

use super::checks::{Checks, Invariant};
use super::faults::Faults;
use super::identity::said;
use super::judge::{Expected, adds_up, expected};
use super::mirror::account::Account;
use super::plan::Weather;
use super::trace::Trace;

/// Everything that is known outside of what is checked.
#[derive(Clone)]
pub struct Model {
    /// The checks made so far.
    pub checks: Checks,
    /// The faults injected so far.
    pub faults: Faults,
    /// What happened.
    pub trace: Trace,
    /// Per partition, what is committed.
    pub parts: Vec<Part>,
    /// Every change that a replica has stored, by its id: more than one where copies of a device use the same.
    pub changes: BTreeMap<ChangeId, Vec<Change>>,
    /// The place of each, by what it says, among the acts of one life of its device.
    pub order: BTreeMap<(ChangeId, u32), (u64, u64)>,
    /// Lives of devices: one that is copied or set back begins another.
    pub lives: u64,
    /// Names of devices that were copied or set back.
    pub copied: BTreeSet<ReplicaId>,
    /// Changes that took effect before this life of their device made them: one that goes on from an image of its memory, with
    /// the numbers of then, and does the same again.
    pub made_again: BTreeSet<ChangeId>,
    /// Changes that a replica asked for without having them judged, so that their numbers are used up.
    pub asked: BTreeSet<ChangeId>,
    /// Changes that were sent by somebody who may write.
    pub permitted: BTreeSet<ChangeId>,
    /// Changes that were sent by somebody who may not.
    pub not_permitted: BTreeSet<ChangeId>,
    /// Changes of which a rejection has left the server.
    pub rejected: BTreeSet<ChangeId>,
    /// Records of which a change of that replica was rejected.
    pub refused: BTreeSet<(ReplicaId, RecordId)>,
    /// Whether the collection was deleted at some time: what is refused then is told by when the server heard of it.
    pub was_gone: bool,
    /// Of the mirrored table, where there is one.
    pub mirror: Option<Account>,
    workspace: WorkspaceId,
    /// Whether tombstones may be gone by now.
    forgetful: bool,
    last_of: BTreeMap<(u64, RecordId), (u64, ChangeId)>,
    /// Where each change took effect, and what it said.
    pub(super) judged: BTreeMap<ChangeId, (usize, u32)>,
    /// What was judged under an id in a partition.
    pub(super) names: BTreeMap<(usize, ChangeId), u32>,
    /// Changes of which a rejection was stored.
    pub(super) noted_rejected: BTreeSet<ChangeId>,
    /// The partitions to which changes of an id were sent.
    pub(super) sent: BTreeMap<ChangeId, BTreeSet<usize>>,
    /// Changes that go out under another number.
    pub(super) renamed: BTreeSet<(ChangeId, u32)>,
}

/// One partition as committed.
#[derive(Clone, Default)]
pub struct Part {
    /// The feed.
    pub feed: Vec<Arc<Entry>>,
    /// The records that it leads to; deleted ones with their last values.
    pub records: BTreeMap<RecordId, Arc<Record>>,
    /// All conflicts as they became.
    pub conflicts: BTreeMap<ChangeId, Arc<Conflict>>,
    /// The last counter that is stored per replica.
    pub counters: BTreeMap<ReplicaId, u64>,
    sums: BTreeMap<CollectionId, (u64, u128)>,
}

impl Part {
    /// The newest sequence number.
    pub fn head(&self) -> Revision {
        Revision(self.feed.len() as u64)
    }

    /// The checksums as the wire writes them.
    pub fn sums(&self) -> BTreeMap<CollectionId, String> {
        let text = |(name, (count, sum)): (&CollectionId, &(u64, u128))| {
            (name.clone(), format!("{count}:{sum:032x}"))
        };
        self.sums.iter().filter(|(_, (count, _))| *count > 0).map(text).collect()
    }

    fn sum(&mut self, id: &RecordId, rev: Revision, there: bool) {
        let key = match &id.key {
            sync_protocol::RecordKey::Int(n) => n.to_string(),
            sync_protocol::RecordKey::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        };
        let hash = xxhash_rust::xxh3::xxh3_128(format!("{}/{key}@{}", id.collection, rev.0).as_bytes());
        let (count, sum) = self.sums.entry(id.collection.clone()).or_default();
        *count = if there { *count + 1 } else { count.wrapping_sub(1) };
        *sum = if there { sum.wrapping_add(hash) } else { sum.wrapping_sub(hash) };
    }
}

/// The model, shared by all that tell it something.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Model>>);

impl Shared {
    /// A model of an empty workspace.
    pub fn new(workspace: WorkspaceId, weather: &Weather, keep_trace: bool) -> Self {
        Self(Arc::new(Mutex::new(Model {
            checks: Checks::default(),
            faults: Faults::default(),
            trace: Trace::new(keep_trace),
            parts: (0..weather.partitions).map(|_| Part::default()).collect(),
            changes: BTreeMap::new(),
            order: BTreeMap::new(),
            lives: 0,
            copied: BTreeSet::new(),
            made_again: BTreeSet::new(),
            asked: BTreeSet::new(),
            permitted: BTreeSet::new(),
            not_permitted: BTreeSet::new(),
            rejected: BTreeSet::new(),
            refused: BTreeSet::new(),
            was_gone: false,
            mirror: None,
            workspace,
            forgetful: weather.short_horizon,
            last_of: BTreeMap::new(),
            judged: BTreeMap::new(),
            names: BTreeMap::new(),
            noted_rejected: BTreeSet::new(),
            sent: BTreeMap::new(),
            renamed: BTreeSet::new(),
        })))
    }

    /// The same truth for another run, of which no check was made yet; what broke stays broken.
    pub fn another(&self) -> Self {
        let mut model = self.lock().clone();
        model.checks.begin_anew();
        Self(Arc::new(Mutex::new(model)))
    }

    /// Looks at it or changes it. Never held over a wait.
    pub fn lock(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// A partition.
    pub fn part(&self, partition: Partition) -> &Part {
        &self.parts[usize::from(partition.0)]
    }

    /// Where a change stands in the feed, if it does.
    pub fn seq_of(&self, change: &Change) -> Option<Revision> {
        let (place, says) = *self.judged.get(&change.id)?;
        let entry = self.parts[place].feed.iter().rev().find(|entry| entry.change == change.id);
        entry.filter(|_| says == said(change)).map(|entry| entry.seq)
    }

    /// Whether the server has stored a verdict of the change, be it a rejection.
    pub fn is_noted(&self, partition: Partition, change: ChangeId) -> bool {
        self.part(partition).counters.get(&change.replica).is_some_and(|last| *last >= change.counter.0)
    }

    /// The server's store has taken a step. `now` is the clock of the node that judged.
    pub fn committed(&mut self, id: PartitionId, commit: &Commit, now: Timestamp) {
        if id.workspace != self.workspace {
            return;
        }
        let place = usize::from(id.partition.0);
        let mut entries = Vec::new();
        for row in &commit.rows {
            match row.kind {
                Kind::Feed => match serde_json::from_str::<Vec<Entry>>(&row.body) {
                    Ok(group) => {
                        let last = group.last().map(|entry| format!("{:020}", entry.seq.0));
                        let named = last.as_deref() == Some(row.key.as_str());
                        self.checks
                            .that(Invariant::Contiguous, named, || format!("a group named {}", row.key));
                        entries = group;
                    }
                    Err(error) => self.checks.that(Invariant::Contiguous, false, || error.to_string()),
                },
                Kind::Replica => {
                    let state: serde_json::Value = serde_json::from_str(&row.body).unwrap_or_default();
                    if let (Ok(replica), Some(last)) = (row.key.parse(), state["last"].as_u64()) {
                        self.remembered(place, replica, &state);
                        let before = self.parts[place].counters.insert(replica, last).unwrap_or(0);
                        self.checks.that(Invariant::Once, before <= last, || {
                            format!("the counter of {replica} goes back from {before} to {last}")
                        });
                    }
                }
                Kind::Record | Kind::Conflict | Kind::Shadow | Kind::Mirror => {}
            }
        }
        for entry in entries {
            self.entry(place, Arc::new(entry), now);
        }
        self.agreed(&commit.rows);
        let head = self.parts[place].head();
        self.checks.that(Invariant::Contiguous, commit.head.revision == head, || {
            format!("partition {place} is at {head}, its head says {}", commit.head.revision)
        });
        let sums = self.parts[place].sums();
        let said: BTreeMap<CollectionId, String> =
            commit.head.checksums.0.iter().map(|(name, sum)| (name.clone(), sum.to_string())).collect();
        self.checks.that(Invariant::Convergence, said == sums, || {
            format!("the checksums of partition {place} at {head} are {said:?}, the records sum to {sums:?}")
        });
        self.trace.line(format!("  committed {place} to {head}"));
    }

    fn entry(&mut self, place: usize, entry: Arc<Entry>, now: Timestamp) {
        let part = &self.parts[place];
        let next = part.head().next();
        self.checks.that(Invariant::Contiguous, entry.seq == next, || {
            format!("partition {place}: entry {} follows {}", entry.seq, part.head())
        });
        self.of_mirror(place, &entry, now);
        self.named(place, &entry);
        let last = self.parts[place].counters.get(&entry.change.replica).copied().unwrap_or(0);
        self.checks.that(Invariant::Once, last >= entry.change.counter.0, || {
            format!("{} takes effect, its replica's counter stays at {last}", entry.change)
        });
        let refused = self.rejected.contains(&entry.change);
        self.checks.that(Invariant::UnknownIsNotNo, !refused, || {
            format!("{} was reported as rejected and takes effect", entry.change)
        });
        let Some(change) = self.change_of(&entry) else {
            self.checks.that(Invariant::SavedMeansDurable, false, || {
                format!("{} was sent and never stored on its device", entry.change)
            });
            return;
        };
        let own = matches!(change.record.collection.as_str(), "_people" | "_devices");
        let may = own || self.permitted.contains(&change.id);
        self.checks.that(Invariant::Tenancy, may, || format!("{} of a reader takes effect", change.id));
        self.ordered(&change);
        self.linear(place, &entry, &change, now);
        self.as_expected(place, &entry, &change, now);
        self.conflict(place, &entry, &change);
        let known = !change.record.collection.is_reserved() && !self.was_gone;
        let of = |model: &Self| model.parts[place].records.get(&change.record).cloned();
        let before = of(self);
        self.fold(place, entry.clone());
        if known && !(self.forgetful && before.as_ref().is_none_or(|r| r.deleted)) {
            let after = of(self);
            self.parked(place, &entry, &change, (before.as_deref(), after.as_deref()), now);
            self.fold_conflicts(place, &entry);
            self.nothing_to_ask(place, &change);
        } else {
            self.fold_conflicts(place, &entry);
        }
    }

    /// Per record, the server meets a replica's edits as they were made.
    fn ordered(&mut self, change: &Change) {
        let Some((life, order)) = self.order.get(&(change.id, said(change))).copied() else { return };
        if change.about().is_some() {
            return;
        }
        let key = (life, change.record.clone());
        if let Some((before, other)) = self.last_of.insert(key, (order, change.id)) {
            self.checks.that(Invariant::OutboxOrder, before < order, || {
                format!("{} was judged before {}, which was made earlier", other, change.id)
            });
        }
    }

    fn linear(&mut self, place: usize, entry: &Entry, change: &Change, now: Timestamp) {
        let (Some(collection), Some(record)) = (&entry.collection, &entry.record) else { return };
        let id = RecordId::new(collection.clone(), record.key.clone());
        let before = self.parts[place].records.get(&id);
        let live = before.filter(|r| !r.deleted).map(|r| r.rev);
        let mut prev = before.map(|r| r.rev) == record.prev;
        // a tombstone may have been forgotten
        prev |= self.forgetful && record.prev.is_none() && before.is_some_and(|r| r.deleted);
        let own = id == change.record || change.twin().as_ref() == Some(&id);
        let holds = record.rev == entry.seq && live == entry.replaces && prev && own;
        self.checks.that(Invariant::LinearRecord, holds, || {
            format!(
                "{id} becomes {} (was {:?}, replaces {:?}, prev {:?}) by {} of {}",
                record.rev,
                before.map(|r| (r.rev, r.deleted)),
                entry.replaces,
                record.prev,
                change.id,
                change.record
            )
        });
        self.checks.that(Invariant::ClockFree, record.stamp.at <= now, || {
            format!("{id} is stamped {}, the server's clock shows {now}", record.stamp.at)
        });
    }

    /// Judged anew by the reference.
    fn as_expected(&mut self, place: usize, entry: &Entry, change: &Change, now: Timestamp) {
        if change.record.collection.is_reserved() {
            return;
        }
        let part = &self.parts[place];
        let before = part.records.get(&change.record).map(Arc::as_ref);
        let named = change.about().and_then(|about| part.conflicts.get(&about)).map(Arc::as_ref);
        let own = |c: &&Conflict| {
            c.resolved.is_none() && c.record == change.record && c.id.replica == change.id.replica
        };
        let mut parked: Vec<&Conflict> = part.conflicts.values().map(Arc::as_ref).filter(own).collect();
        parked.sort_by_key(|c| std::cmp::Reverse(c.id));
        parked.truncate(CONFLICTS_AT_ONCE);
        let forgotten = self.forgetful && before.is_some_and(|r| r.deleted);
        if forgotten || self.was_gone && change.about().is_some() {
            return;
        }
        let expected = expected(change, before, &parked, named, now);
        let conflicted = entry.kind == EntryKind::Conflicted;
        let around_delete = matches!(change.edit, Edit::Delete { .. }) || before.is_none_or(|r| r.deleted);
        let (invariant, holds) = match (&expected, conflicted) {
            (Expected::Open, _) => return,
            (Expected::Conflict(holder), got) => {
                let which =
                    if around_delete { Invariant::DeleteEditIsConflict } else { Invariant::LinearRecord };
                (which, got && entry.conflict.as_ref().map(|c| c.id) == Some(holder.unwrap_or(change.id)))
            }
            (_, true) => (Invariant::NoFalseConflict, false),
            (Expected::Values(None), false) => (Invariant::LinearRecord, entry.record.is_none()),
            (Expected::Values(Some(fields)) | Expected::Twin(fields), false) => {
                let got = entry.record.as_ref().filter(|r| !r.deleted).map(|r| &r.fields);
                (Invariant::LinearRecord, got == Some(fields))
            }
            (Expected::Gone, false) => {
                (Invariant::LinearRecord, entry.record.as_ref().is_some_and(|r| r.deleted))
            }
        };
        self.checks.that(Invariant::NoFalseConflict, invariant != Invariant::NoFalseConflict, || {
            format!("{} of {} does not clash and became a conflict", change.id, change.record)
        });
        self.checks.that(invariant, holds, || {
            format!(
                "{} of {} became {:?} with {}, expected {}",
                change.id,
                change.record,
                entry.kind,
                serde_json::json!(entry.record.as_ref().map(|r| &r.fields)),
                match &expected {
                    Expected::Values(fields) => serde_json::json!(fields).to_string(),
                    other => format!("{other:?}"),
                }
            )
        });
    }

    fn conflict(&mut self, place: usize, entry: &Entry, change: &Change) {
        let Some(conflict) = &entry.conflict else {
            let none = matches!(entry.kind, EntryKind::Applied | EntryKind::Merged);
            self.checks
                .that(Invariant::ConflictKept, none, || format!("entry {} without its conflict", entry.seq));
            return;
        };
        let part = &self.parts[place];
        let before = part.conflicts.get(&conflict.id);
        let was_open = before.is_some_and(|c| c.resolved.is_none());
        let holds = match (entry.kind, &change.edit) {
            (EntryKind::Conflicted, Edit::Insert { .. } | Edit::Patch { .. } | Edit::Delete { .. }) => {
                conflict.resolved.is_none() && (conflict.id == change.id || was_open)
            }
            // nothing was left to ask
            (EntryKind::Resolved, Edit::Insert { .. } | Edit::Patch { .. } | Edit::Delete { .. }) => {
                was_open && ended_by(conflict, change)
            }
            (EntryKind::Resolved, Edit::Resolve(r)) => {
                r.conflict == conflict.id
                    && was_open
                    && conflict.resolved.as_ref().is_some_and(|r| r.change == change.id)
            }
            (EntryKind::Reopened, Edit::Reopen(r)) => {
                r.conflict == conflict.id && !was_open && before.is_some()
            }
            _ => false,
        };
        let is_open = |c: &Conflict| part.conflicts.get(&c.id).is_some_and(|c| c.resolved.is_none());
        let others = entry.ended.iter().all(|other| is_open(other) && ended_by(other, change));
        self.checks.that(Invariant::ConflictKept, holds && others, || {
            format!("{:?} of {} by {}", entry.kind, conflict.id, change.id)
        });
        if entry.kind == EntryKind::Conflicted {
            let whole = kept_whole(conflict, before.map(Arc::as_ref).filter(|_| was_open), change);
            self.checks.that(Invariant::Conservation, whole, || {
                format!("the conflict {} does not hold all of {}", conflict.id, change.id)
            });
        }
        if let Edit::Resolve(resolution) = &change.edit {
            let by_others_since = |saw: Revision, what: &dyn Fn(&Entry) -> bool| {
                let mut newer = part.feed.iter().rev().take_while(|e| e.seq > saw);
                newer.any(|e| what(e) && e.change.replica != change.id.replica)
            };
            let of_conflict = |e: &Entry| e.conflict.as_ref().is_some_and(|c| c.id == resolution.conflict);
            let of_record = |e: &Entry| {
                e.collection.as_ref() == Some(&change.record.collection)
                    && e.record.as_ref().is_some_and(|r| r.key == change.record.key)
            };
            let stale = by_others_since(resolution.saw_conflict, &of_conflict)
                || resolution.saw_record.is_some_and(|saw| by_others_since(saw, &of_record));
            self.checks.that(Invariant::FreshResolution, !stale, || {
                format!("{} settles {} without having seen it as it is", change.id, conflict.id)
            });
        }
    }

    fn fold(&mut self, place: usize, entry: Arc<Entry>) {
        let defines = entry.collection.as_ref().is_some_and(|c| c.as_str() == reserved::COLLECTIONS);
        self.was_gone |= defines && entry.record.as_ref().is_some_and(|r| r.deleted);
        let part = &mut self.parts[place];
        if let (Some(collection), Some(record)) = (&entry.collection, &entry.record) {
            let id = RecordId::new(collection.clone(), record.key.clone());
            let old = part.records.get(&id).cloned();
            if let Some(old) = old.as_ref().filter(|r| !r.deleted) {
                part.sum(&id, old.rev, false);
            }
            let mut record = record.clone();
            if record.deleted {
                record.fields = old.map(|r| r.fields.clone()).unwrap_or_default();
            } else {
                part.sum(&id, record.rev, true);
            }
            part.records.insert(id, Arc::new(record));
        }
        part.feed.push(entry);
    }

    fn fold_conflicts(&mut self, place: usize, entry: &Entry) {
        let conflicts = &mut self.parts[place].conflicts;
        conflicts.extend(entry.conflicts().map(|conflict| (conflict.id, Arc::new(conflict.clone()))));
    }
}

/// Whether the conflict says that it ended with this change, without anybody's decision.
fn ended_by(conflict: &Conflict, change: &Change) -> bool {
    conflict.resolved.as_ref().is_some_and(|r| r.change == change.id && r.saw.is_none())
}

/// Whether a conflict holds every value of the change that it parked, and all that it held before.
fn kept_whole(conflict: &Conflict, before: Option<&Conflict>, change: &Change) -> bool {
    let known = |name: &sync_protocol::FieldName| before.is_some_and(|c| c.fields.contains_key(name));
    let holds =
        |name: &sync_protocol::FieldName, base: &sync_protocol::Value, wants: &sync_protocol::Value| {
            let Some(sides) = conflict.fields.get(name) else { return false };
            if known(name) {
                return adds_up(name) || sides.incoming == *wants;
            }
            sides.incoming == *wants && sides.base == *base
        };
    let none = sync_protocol::Value::ABSENT;
    let all = match &change.edit {
        Edit::Insert { fields } => {
            fields.iter().all(|(name, value)| value.0.is_null() || holds(name, &none, value))
        }
        Edit::Patch { fields } => {
            fields.iter().all(|(name, d)| d.base == d.incoming || holds(name, &d.base, &d.incoming))
        }
        Edit::Delete { base } => base.iter().all(|(name, value)| holds(name, value, &none)),
        Edit::Resolve(_) | Edit::Reopen(_) => true,
    };
    all && before.is_none_or(|c| c.fields.keys().all(|name| conflict.fields.contains_key(name)))
}
