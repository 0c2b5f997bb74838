//! A server in ordered maps: one total order per partition, judged by the rules, nothing else.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::checksum::Checksums;
use sync_protocol::message::{
    End, Page, PartitionFeed, Pull, PullAnswer, Push, PushAnswer, ReplicaState, Snapshot, SnapshotAnswer,
    SnapshotToken,
};
use sync_protocol::preceding::Preceding;
use sync_protocol::verdict::{Facts, judge};
use sync_protocol::{
    Beside, Change, ChangeId, Conflict, Counter, Cursor, Entry, Partition, Record, RecordId, Rejection,
    ReplicaId, Revision, Schema, Timestamp, Verdict,
};

#[derive(Default)]
pub struct Part {
    pub records: BTreeMap<RecordId, Record>,
    pub conflicts: BTreeMap<ChangeId, Conflict>,
    pub replicas: BTreeMap<ReplicaId, ReplicaState>,
    pub feed: Vec<Entry>,
    pub sums: Checksums,
    /// Entries up to here are beyond the horizon.
    pub expired: u64,
}

impl Part {
    pub fn head(&self) -> Revision {
        Revision(self.feed.len() as u64)
    }
}

pub struct Server {
    pub parts: Vec<Part>,
    pub schema: Schema,
    /// Changes of these records are not permitted at the moment.
    pub refuse: BTreeSet<RecordId>,
    pub page: usize,
    pub now: Timestamp,
    /// Every change judged so far, with its verdict: to see that none is judged twice.
    pub judged: BTreeMap<ChangeId, Verdict>,
    /// Where the ids of changes were used first: as a server process knows it over all partitions.
    pub used: BTreeMap<ChangeId, usize>,
}

impl Server {
    pub fn new(partitions: u16) -> Self {
        Self {
            parts: (0..partitions).map(|_| Part::default()).collect(),
            schema: Schema::default(),
            refuse: BTreeSet::new(),
            page: 1_000,
            now: Timestamp(1_000_000),
            judged: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    pub fn count(&self) -> u16 {
        self.parts.len() as u16
    }

    pub fn part(&self, id: &RecordId) -> &Part {
        &self.parts[usize::from(id.partition(self.count()).0)]
    }

    /// A live record.
    pub fn record(&self, id: &RecordId) -> Option<&Record> {
        self.part(id).records.get(id).filter(|r| !r.deleted)
    }

    pub fn open_conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.parts.iter().flat_map(|p| p.conflicts.values()).filter(|c| c.is_open())
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.parts.iter().flat_map(|p| &p.feed)
    }

    pub fn push(&mut self, push: &Push) -> PushAnswer {
        let mut preceding = Preceding::default();
        let mut verdicts = Vec::new();
        for change in &push.changes {
            let follows = preceding.verdict(change).cloned();
            let verdict =
                self.judge(change, push.settled, push.only_known.contains(&change.id.counter), follows);
            preceding.note(change, &verdict);
            verdicts.push(verdict);
        }
        PushAnswer { verdicts }
    }

    fn judge(
        &mut self,
        change: &Change,
        settled: Counter,
        only_known: bool,
        follows: Option<Verdict>,
    ) -> Verdict {
        let partitions = self.count();
        let at = usize::from(change.record.partition(partitions).0);
        let part = &mut self.parts[at];
        let state = part.replicas.entry(change.id.replica).or_default();
        if let Some(again) = state.again(change.id, change.digest()) {
            return again;
        }
        if *self.used.entry(change.id).or_insert(at) != at {
            let taken = Verdict::taken();
            state.note(change.id, change.digest(), &taken);
            return taken;
        }
        let verdict = if only_known {
            Verdict::taken()
        } else if self.refuse.contains(&change.record) {
            Rejection::NotPermitted.into()
        } else if let Some(follows) = follows {
            follows
        } else {
            accept(part, change, &self.schema, partitions, self.now)
        };
        let state = part.replicas.entry(change.id.replica).or_default();
        state.forget(settled);
        state.note(change.id, change.digest(), &verdict);
        let twice = self.judged.insert(change.id, verdict.clone());
        assert_eq!(twice, None, "once: {:?} was judged before", change.id);
        if change.record.collection.is_reserved() {
            let record = part.records.get(&change.record).filter(|r| !r.deleted);
            self.schema.apply(&change.record, record.map(|r| &r.fields));
        }
        verdict
    }

    pub fn pull(&self, pull: &Pull) -> PullAnswer {
        let mut answer = PullAnswer {
            feeds: Vec::new(),
            cursor: pull.cursor.clone(),
            more: false,
            ends: Vec::new(),
            expired: Vec::new(),
        };
        let mut room = self.page;
        for (n, part) in self.parts.iter().enumerate() {
            let partition = Partition(n as u16);
            let from = pull.cursor.get(partition);
            if from.0 < part.expired {
                answer.expired.push(partition);
                continue;
            }
            let entries: Vec<Entry> = part.feed[from.0 as usize..].iter().take(room).cloned().collect();
            room -= entries.len();
            let to = Revision(from.0 + entries.len() as u64);
            if to < part.head() {
                answer.more = true;
            } else {
                answer.ends.push(End { partition, head: to, checksums: part.sums.clone() });
            }
            answer.cursor.advance(partition, to);
            if !entries.is_empty() {
                answer.feeds.push(PartitionFeed { partition, entries, ..PartitionFeed::default() });
            }
        }
        answer
    }

    pub fn snapshot(&self, asked: &Snapshot) -> SnapshotAnswer {
        let wanted: Vec<Partition> = match asked.partitions.is_empty() {
            true => (0..self.count()).map(Partition).collect(),
            false => asked.partitions.clone(),
        };
        let live = |p: &Part| p.records.values().filter(|r| !r.deleted).count() as u64;
        let mut token = asked.resume.clone().unwrap_or_else(|| SnapshotToken {
            cursor: Cursor(self.parts.iter().map(Part::head).collect()),
            partition: wanted[0],
            after: None,
            conflicts_after: None,
            done: 0,
            total: wanted.iter().map(|p| live(&self.parts[usize::from(p.0)])).sum(),
        });
        let mut answer = SnapshotAnswer {
            pages: Vec::new(),
            conflicts: Vec::new(),
            finished: Vec::new(),
            next: None,
            done: 0,
            total: token.total,
        };
        let mut room = self.page;
        let begin = token.partition;
        for partition in wanted.iter().copied().filter(|p| *p >= begin) {
            if partition > token.partition {
                (token.after, token.conflicts_after) = (None, None);
            }
            token.partition = partition;
            let part = &self.parts[usize::from(partition.0)];
            let mut texts: BTreeMap<String, (&RecordId, &Record)> = BTreeMap::new();
            for (id, record) in part.records.iter().filter(|(_, r)| !r.deleted) {
                texts.insert(id.to_text(), (id, record));
            }
            let after = token.after.clone().unwrap_or_default();
            if token.conflicts_after.is_none() {
                let mut rest = texts.into_iter().filter(|(text, _)| *text > after);
                for (text, (id, record)) in rest.by_ref().take(room) {
                    room -= 1;
                    token.done += 1;
                    token.after = Some(text);
                    answer.pages.push(page(partition, id, record));
                }
                if rest.next().is_some() || room == 0 {
                    answer.done = token.done;
                    answer.next = Some(token);
                    return answer;
                }
            }
            let after = token.conflicts_after.take().unwrap_or_default();
            let open: BTreeMap<String, &Conflict> =
                part.conflicts.values().filter(|c| c.is_open()).map(|c| (c.id.to_string(), c)).collect();
            let mut rest = open.into_iter().filter(|(id, _)| *id > after);
            for (id, conflict) in rest.by_ref().take(room) {
                room -= 1;
                token.conflicts_after = Some(id);
                answer.conflicts.push(conflict.clone());
            }
            if rest.next().is_some() || room == 0 {
                token.conflicts_after.get_or_insert(after);
                answer.done = token.done;
                answer.next = Some(token);
                return answer;
            }
            answer.finished.push((partition, token.cursor.get(partition)));
        }
        answer.done = token.done;
        answer
    }
}

fn page(partition: Partition, id: &RecordId, record: &Record) -> Page {
    let text = serde_json::to_string(&[record]).unwrap();
    Page {
        partition,
        collection: id.collection.clone(),
        first: id.key.to_text(),
        last: id.key.to_text(),
        count: 1,
        records: serde_json::value::RawValue::from_string(text).unwrap(),
    }
}

fn accept(part: &mut Part, change: &Change, schema: &Schema, partitions: u16, now: Timestamp) -> Verdict {
    let current = part.records.get(&change.record);
    let conflict = change.about().and_then(|about| part.conflicts.get(&about));
    let open: Vec<&Conflict> =
        part.conflicts.values().filter(|c| c.is_open() && c.record == change.record).collect();
    let twin = change.twin();
    let beside = Beside {
        twin: twin.as_ref().and_then(|twin| part.records.get(twin)),
        twin_is_elsewhere: twin
            .as_ref()
            .is_some_and(|t| t.partition(partitions) != change.record.partition(partitions)),
    };
    let seq = part.head().next();
    let judged = judge(change, Facts { schema, current, conflict, open: &open, beside, now, seq });
    let Some(kind) = judged.entry_kind() else { return judged.verdict };
    let written =
        judged.record.as_ref().map(|r| RecordId::new(change.record.collection.clone(), r.key.clone()));
    let mut shown = judged.record.clone();
    if let Some(gone) = shown.as_mut().filter(|r| r.deleted) {
        gone.fields.clear();
    }
    let entry = Entry {
        seq,
        change: change.id,
        kind,
        collection: shown.as_ref().map(|_| change.record.collection.clone()),
        replaces: written.as_ref().and_then(|id| part.records.get(id)).filter(|r| !r.deleted).map(|r| r.rev),
        record: shown,
        conflict: judged.conflict.clone(),
        ended: judged.ended.clone(),
        merge: judged.merge,
        said: Some(change.digest()),
    };
    part.sums.apply(&entry);
    part.feed.push(entry);
    if let (Some(record), Some(id)) = (judged.record, written) {
        part.records.insert(id, record);
    }
    part.conflicts.extend(judged.conflict.into_iter().chain(judged.ended).map(|c| (c.id, c)));
    judged.verdict
}
