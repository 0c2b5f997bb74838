//! Verdicts for a group of changes, one after the other, in memory: what one commit will make true or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::message::ReplicaState;
use sync_protocol::preceding::Preceding;
use sync_protocol::verdict::{Facts, judge};
use sync_protocol::{
    Beside, Change, ChangeId, Conflict, Digest, Edit, Entry, Record, ReplicaId, Revision, Timestamp, Verdict,
    limits::CONFLICTS_AT_ONCE,
};

use super::case::{Asked, Case, Told, What, note};
use super::feed;
use super::limits::{FORGOTTEN_STAYS, GROUP_WRITE_BYTES, REJECTIONS, REPLICA_BYTES};
use super::quota;
use crate::mirror::row::{Carried, Shadow};
use crate::store::{Commit, Head, Kind, Row, feed_key};

/// What is stored of everything that a group touches, all as of one step.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// By record text; `None` where there is no record. A change whose record is not here ends the group before it.
    pub(super) records: BTreeMap<String, Option<Arc<Record>>>,
    /// By row key.
    pub(super) conflicts: BTreeMap<String, Conflict>,
    /// The open conflicts by record text.
    pub(super) open: BTreeMap<String, BTreeSet<ChangeId>>,
    /// Records whose conflicts are not all here: a change of one of them ends the group before it.
    pub(super) unread: BTreeSet<String>,
    pub(super) replicas: BTreeMap<ReplicaId, ReplicaState>,
    /// By row key; one that is not here ends the group before it.
    pub(super) shadows: BTreeMap<String, Shadow>,
    /// How far the feed was carried, by mirror.
    pub(super) carried: BTreeMap<String, Revision>,
}

impl Loaded {
    /// About how many bytes of values there are.
    pub(super) fn weight(&self) -> usize {
        let records = self.records.values().flatten().map(|record| record.size());
        let shadows = self.shadows.values().map(Shadow::size);
        records.chain(self.conflicts.values().map(Conflict::size)).chain(shadows).sum()
    }
}

/// By what a group is judged beside what is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The server's clock.
    pub(super) now: Timestamp,
    /// How long the feed is kept.
    pub(super) horizon: Duration,
    /// Changes judged at most.
    pub(super) most: usize,
}

/// The key of a conflict's row.
pub(super) fn conflict_key(record: &str, conflict: ChangeId) -> String {
    format!("{record}\t{conflict}")
}

/// The conflicts that the judge has to see with a change of that replica: the one that a resolution (or what takes one back)
/// names, and the open ones of the record, those of the same replica first and of these the newest.
pub(super) fn conflicts_of(
    replica: ReplicaId,
    about: Option<ChangeId>,
    open: Option<&BTreeSet<ChangeId>>,
) -> Vec<ChangeId> {
    let mut all: Vec<ChangeId> = open.into_iter().flatten().copied().collect();
    all.sort_unstable_by_key(|id| (id.replica != replica, std::cmp::Reverse(*id)));
    all.truncate(CONFLICTS_AT_ONCE);
    if let Some(about) = about.filter(|about| !all.contains(about)) {
        all.insert(0, about);
    }
    all
}

/// What becomes of a group if its commit succeeds.
#[derive(Debug)]
pub(super) struct Draft {
    /// Per case, the answers to what it asks next.
    pub(super) told: Vec<Vec<Told>>,
    pub(super) head: Head,
    pub(super) entries: Vec<Entry>,
    pub(super) records: BTreeMap<String, Record>,
    pub(super) conflicts: BTreeMap<String, Conflict>,
    pub(super) replicas: BTreeMap<ReplicaId, ReplicaState>,
    pub(super) shadows: BTreeMap<String, KeptShadow>,
    /// `None`: not needed any more.
    pub(super) carried: BTreeMap<String, Option<Revision>>,
}

/// A shadow as a commit leaves it.
#[derive(Debug)]
pub(super) enum KeptShadow {
    /// Of a row or a record that is there.
    Lasts(Shadow),
    /// Of what is gone: known as long as the record's tombstone.
    Expires(Shadow),
    Forgotten,
}

impl KeptShadow {
    pub(super) fn shadow(&self) -> Option<&Shadow> {
        match self {
            Self::Lasts(shadow) | Self::Expires(shadow) => Some(shadow),
            Self::Forgotten => None,
        }
    }

    /// What it counts in bytes against what a workspace may keep.
    pub(super) fn weight(&self) -> u64 {
        self.shadow().map_or(0, quota::shadow_weight)
    }

    fn row(&self, key: &str, horizon: Duration) -> Row {
        let (body, ttl) = match self {
            Self::Lasts(shadow) => (json(shadow), None),
            Self::Expires(shadow) => (json(shadow), Some(horizon)),
            // what says nothing is as good as nothing
            Self::Forgotten => (json(&Shadow::default()), Some(FORGOTTEN_STAYS)),
        };
        Row { kind: Kind::Shadow, key: key.to_owned(), body, ttl }
    }
}

/// Judges the cases in order. `known` holds what is known of changes that were judged before.
pub(super) fn judge_group(
    cases: &[&Case],
    head: &Head,
    loaded: Loaded,
    known: &BTreeMap<ChangeId, Verdict>,
    rules: &Rules,
) -> Draft {
    let mut group = Group { loaded, known, now: rules.now, written: 0, draft: Draft::on(head) };
    group.draft.head.kept.mark(rules.now, rules.horizon, head.revision);
    let mut left = rules.most;
    'group: for case in cases {
        group.draft.told.push(Vec::new());
        let mut preceding = case.preceding.clone();
        for asked in case.left() {
            if left == 0 {
                break 'group;
            }
            left -= 1;
            let Some(told) = group.next(case, asked, &preceding) else { break 'group };
            note(&mut preceding, asked, &told);
            group.draft.told.last_mut().expect("pushed above").push(told);
        }
    }
    group.draft.told.resize(cases.len(), Vec::new());
    group.draft.head.step = if group.draft.writes() { head.step.next() } else { head.step };
    group.draft
}

/// Bytes that what is remembered of a replica grows by with each change: its number, and what it said.
const SAID_BYTES: usize = 32;

/// A change as it was asked.
struct Given<'a> {
    change: &'a Change,
    said: Digest,
    taken: bool,
    twin_is_elsewhere: bool,
}

pub(super) struct Group<'a> {
    pub(super) loaded: Loaded,
    known: &'a BTreeMap<ChangeId, Verdict>,
    pub(super) now: Timestamp,
    written: usize,
    pub(super) draft: Draft,
}

impl Group<'_> {
    /// The answer; `None` where the group ends before this.
    fn next(&mut self, case: &Case, asked: &Asked, preceding: &Preceding) -> Option<Told> {
        if !matches!(asked.what, What::Change { .. }) && self.written >= GROUP_WRITE_BYTES {
            return None;
        }
        Some(match &asked.what {
            What::Change { change, said, taken, twin_is_elsewhere } => {
                let given =
                    Given { change, said: *said, taken: *taken, twin_is_elsewhere: *twin_is_elsewhere };
                Told::Verdict(self.change(case, asked, given, preceding)?)
            }
            What::Look { look, mapped } => Told::Looked(self.look(case, asked, look, mapped)?),
            What::Own { id, fields } => Told::Verdict(self.own(case, asked, id, fields.as_ref())?),
            What::Forget { kind, key } => {
                self.forget(*kind, key);
                Told::Done
            }
            What::Carry { mirror, seq } => {
                self.carry(mirror, *seq);
                Told::Done
            }
        })
    }

    /// The verdict about a change that its replica minted.
    fn change(
        &mut self,
        case: &Case,
        asked: &Asked,
        given: Given<'_>,
        preceding: &Preceding,
    ) -> Option<Verdict> {
        let Given { change, said, taken, twin_is_elsewhere } = given;
        let id = change.id;
        let state = self.state(case.replica)?;
        if let Some(again) = state.again(id, said) {
            return Some(match again {
                Verdict::Duplicate { forgotten: false } => self.known.get(&id).cloned().unwrap_or(again),
                other => other,
            });
        }
        if self.written >= GROUP_WRITE_BYTES {
            return None;
        }
        let own = || asked.refused.clone().map(Verdict::from);
        let verdict = match own().or_else(|| preceding.verdict(change).cloned()) {
            _ if taken => Verdict::taken(),
            Some(rejected) => rejected,
            None => self.judge(case, &asked.record, change, said, twin_is_elsewhere)?,
        };
        self.note(case, id, said, &verdict);
        Some(verdict)
    }

    /// What was judged of a replica, the group so far included.
    pub(super) fn state(&self, replica: ReplicaId) -> Option<&ReplicaState> {
        self.draft.replicas.get(&replica).or(self.loaded.replicas.get(&replica))
    }

    /// The verdict, with its effects in the draft; `text` is the change's record.
    pub(super) fn judge(
        &mut self,
        case: &Case,
        text: &str,
        change: &Change,
        said: Digest,
        twin_is_elsewhere: bool,
    ) -> Option<Verdict> {
        let current = self.record(text)?;
        let twin_text = change.twin().map(|twin| twin.to_text());
        let twin = match &twin_text {
            Some(twin) if !twin_is_elsewhere => self.record(twin)?,
            Some(_) | None => None,
        };
        if self.loaded.unread.contains(text) {
            return None;
        }
        let beside = Beside { twin, twin_is_elsewhere };
        let of_record = self.loaded.open.get(text).map_or(0, BTreeSet::len);
        let is_new = matches!(&change.edit, Edit::Insert { .. }) && current.is_none_or(|r| r.deleted);
        let collection = change.record.collection.as_str();
        if let Some(full) = case.room.refusal(&self.draft.head, collection, &change.edit, is_new) {
            return Some(full.into());
        }
        let known: Vec<&Conflict> =
            conflicts_of(change.id.replica, change.about(), self.loaded.open.get(text))
                .into_iter()
                .filter_map(|id| self.conflict(text, id))
                .collect();
        let conflict = change.about().and_then(|about| known.iter().copied().find(|c| c.id == about));
        let open: Vec<&Conflict> = known.into_iter().filter(|c| c.is_open()).collect();
        let seq = self.draft.head.revision.next();
        let live = |record: Option<&Record>| record.filter(|r| !r.deleted).map(|r| r.rev);
        let (own_before, twin_before) = (live(current), live(twin));
        let facts =
            Facts { schema: &case.schema, current, conflict, open: &open, beside, now: self.now, seq };
        let judged = judge(change, facts);
        let is_open = |id: ChangeId| open.iter().any(|old| old.id == id);
        if judged.conflict.as_ref().is_some_and(|c| c.is_open() && !is_open(c.id))
            && let Some(full) = case.room.refusal_of_review(&self.draft.head, of_record)
        {
            return Some(full.into());
        }
        let is_twin = judged.record.as_ref().is_some_and(|r| r.key != change.record.key);
        let record_before = quota::weight(if is_twin { twin } else { current });
        let changed = judged.conflict.iter().chain(&judged.ended);
        let conflicts_before: Vec<_> = changed
            .map(|new| quota::open_weight(open.iter().copied().find(|old| old.id == new.id)))
            .collect();
        let kept = &mut self.draft.head.kept;
        if judged.record.is_some() {
            kept.record(record_before, judged.record.as_ref());
        }
        for (before, new) in conflicts_before.into_iter().zip(judged.conflict.iter().chain(&judged.ended)) {
            kept.conflict(before, Some(new));
        }
        if let Some(kind) = judged.entry_kind() {
            let shown = judged.record.as_ref().map(shown);
            let replaces = if is_twin { twin_before } else { own_before };
            let entry = Entry {
                seq,
                change: change.id,
                kind,
                collection: shown.as_ref().map(|_| change.record.collection.clone()),
                replaces: shown.as_ref().and(replaces),
                record: shown,
                conflict: judged.conflict.clone(),
                ended: judged.ended.clone(),
                merge: judged.merge,
                said: Some(said),
            };
            // in the feed, and what of it is stored in a row of its own
            self.written += 2 * feed::entry_size(&entry) + change.size();
            self.draft.append(entry);
        }
        for conflict in judged.conflict.into_iter().chain(judged.ended) {
            let open = self.loaded.open.entry(text.to_owned()).or_default();
            if conflict.is_open() {
                open.insert(conflict.id)
            } else {
                open.remove(&conflict.id)
            };
            self.draft.conflicts.insert(conflict_key(text, conflict.id), conflict);
        }
        if let Some(record) = judged.record {
            let key = twin_text.filter(|_| is_twin).unwrap_or_else(|| text.to_owned());
            self.draft.records.insert(key, record);
        }
        Some(judged.verdict)
    }

    /// The record as the group has made it so far; `None` where it is not at hand: the group ends before.
    pub(super) fn record(&self, text: &str) -> Option<Option<&Record>> {
        match self.draft.records.get(text) {
            Some(record) => Some(Some(record)),
            None => self.loaded.records.get(text).map(Option::as_deref),
        }
    }

    /// A conflict as the group has made it so far, if it is at hand.
    pub(super) fn conflict(&self, record: &str, id: ChangeId) -> Option<&Conflict> {
        let key = conflict_key(record, id);
        self.draft.conflicts.get(&key).or_else(|| self.loaded.conflicts.get(&key))
    }

    /// Counts bytes that the commit writes.
    pub(super) fn writes(&mut self, bytes: usize) {
        self.written += bytes;
    }

    pub(super) fn note(&mut self, case: &Case, id: ChangeId, said: Digest, verdict: &Verdict) {
        let rewritten = !self.draft.replicas.contains_key(&case.replica);
        let loaded = &self.loaded.replicas;
        let state = self
            .draft
            .replicas
            .entry(case.replica)
            .or_insert_with(|| loaded.get(&case.replica).cloned().unwrap_or_default());
        state.forget(case.settled);
        state.note(id, said, verdict);
        if let Some(first) = state.rejected.len().checked_sub(REJECTIONS)
            && let Some(kept) = state.rejected.keys().nth(first).copied()
        {
            state.forget_rejections(kept);
        }
        // what is remembered of a replica is a row of the commit, too: once whole, then what is added
        self.written += match verdict {
            _ if rewritten => json(state).len(),
            Verdict::Rejected { .. } => SAID_BYTES + json(verdict).len(),
            Verdict::Applied { .. }
            | Verdict::Merged { .. }
            | Verdict::Conflicted { .. }
            | Verdict::Duplicate { .. } => SAID_BYTES,
        };
    }
}

/// A deleted record goes through the feed without its values.
fn shown(record: &Record) -> Record {
    let mut shown = record.clone();
    if shown.deleted {
        shown.fields.clear();
    }
    shown
}

impl Draft {
    fn on(head: &Head) -> Self {
        Self {
            told: Vec::new(),
            head: head.clone(),
            entries: Vec::new(),
            records: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            replicas: BTreeMap::new(),
            shadows: BTreeMap::new(),
            carried: BTreeMap::new(),
        }
    }

    fn append(&mut self, entry: Entry) {
        self.head.revision = entry.seq;
        self.head.checksums.apply(&entry);
        self.head.kept.entry(&entry);
        self.entries.push(entry);
    }

    /// Whether there is anything to commit: duplicates change nothing.
    pub(super) fn writes(&self) -> bool {
        !self.replicas.is_empty() || !self.shadows.is_empty() || !self.carried.is_empty()
    }

    /// The group of the feed that its commit writes, as it is stored.
    pub(super) fn group(&self, commit: &Commit, until: Timestamp) -> Option<super::room::Group> {
        let (first, last) = (self.entries.first()?.seq, self.entries.last()?.seq);
        let row = commit.rows.iter().find(|row| row.kind == Kind::Feed)?;
        Some(super::room::Group { first, last, body: row.body.as_str().into(), until })
    }

    /// The commit on top of `before`. What nobody needs any more goes after the horizon.
    pub(super) fn commit(&self, before: &Head, horizon: Duration) -> Commit {
        let row = |kind, key: &str, body: String, ttl| Row { kind, key: key.to_owned(), body, ttl };
        let mut rows = Vec::with_capacity(self.records.len() + self.conflicts.len() + 2);
        for (key, record) in &self.records {
            rows.push(row(Kind::Record, key, json(record), record.deleted.then_some(horizon)));
        }
        for (key, conflict) in &self.conflicts {
            rows.push(row(Kind::Conflict, key, json(conflict), (!conflict.is_open()).then_some(horizon)));
        }
        for (replica, state) in &self.replicas {
            rows.push(row(Kind::Replica, &replica.to_string(), state_json(state), None));
        }
        rows.extend(self.shadows.iter().map(|(key, kept)| kept.row(key, horizon)));
        for (mirror, seq) in &self.carried {
            let body = json(&Carried { seq: seq.unwrap_or_default() });
            rows.push(row(Kind::Mirror, mirror, body, seq.is_none().then_some(FORGOTTEN_STAYS)));
        }
        if let Some(last) = self.entries.last() {
            rows.push(row(Kind::Feed, &feed_key(last.seq), json(&self.entries), Some(horizon)));
        }
        Commit { expected: before.step, head: self.head.clone(), rows }
    }
}

/// The oldest rejections go where they would take too much: the replica has had the time to hear of them.
fn state_json(state: &ReplicaState) -> String {
    let mut body = json(state);
    let mut state = state.clone();
    while body.len() > REPLICA_BYTES && state.rejected.len() > 1 {
        let middle = *state.rejected.keys().nth(state.rejected.len() / 2).expect("at least two are there");
        state.forget_rejections(middle);
        body = json(&state);
    }
    body
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("protocol types with text keys are always JSON")
}
