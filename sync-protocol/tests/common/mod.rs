//! One record and those who change it: the smallest server that follows the rules.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use sync_protocol::message::ReplicaState;
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::verdict::{Facts, judge};
use sync_protocol::{
    Beside, Change, ChangeId, Choice, CollectionId, Conflict, Counter, Delta, Edit, Entry, FieldName,
    FieldType, Fields, Outcome, Policy, Record, RecordId, RecordKey, Reopening, ReplicaId, Resolution,
    Revision, Schema, Timestamp, Value, Verdict,
};

pub const NOW: i64 = 1_000_000;

pub fn replica(n: u128) -> ReplicaId {
    ReplicaId(uuid::Uuid::from_u128(n))
}

pub fn name(text: &str) -> FieldName {
    FieldName::new(text).unwrap()
}

pub fn fields(json: Json) -> Fields {
    let Json::Object(all) = json else { panic!("an object") };
    all.into_iter().map(|(n, v)| (name(&n), Value(v))).collect()
}

/// `{"n": [1, 2]}`: saw 1, wants 2; null is "absent".
pub fn deltas(json: Json) -> BTreeMap<FieldName, Delta> {
    let pair = |v: Value| Delta { base: Value(v.0[0].clone()), incoming: Value(v.0[1].clone()) };
    fields(json).into_iter().map(|(n, v)| (n, pair(v))).collect()
}

/// `{"n": "current"}`, `"incoming"`, or `{"own": value}`.
pub fn keep(json: Json) -> Outcome {
    let choice = |v: Value| match v.as_text() {
        Some("current") => Choice::Current,
        Some("incoming") => Choice::Incoming,
        _ => Choice::Own(Value(v.0["own"].clone())),
    };
    Outcome::Keep { choices: fields(json).into_iter().map(|(n, v)| (n, choice(v))).collect() }
}

pub fn field(text: &str, field_type: FieldType, policy: Option<Policy>) -> Field {
    let options =
        if field_type == FieldType::Choice { vec!["red".into(), "blue".into()] } else { Vec::new() };
    Field { options, policy, ..Field::new(name(text), text, field_type) }
}

/// `items` asks, `firsts` and `lasts` have that policy; all have the same fields, some with their own policy.
pub fn schema() -> Schema {
    static SCHEMA: std::sync::OnceLock<Schema> = std::sync::OnceLock::new();
    SCHEMA.get_or_init(make_schema).clone()
}

fn make_schema() -> Schema {
    let mut schema = Schema::default();
    for (collection, policy) in
        [("items", None), ("firsts", Some(Policy::First)), ("lasts", Some(Policy::Last))]
    {
        let collection = CollectionId::new(collection).unwrap();
        let (id, values) = collection_record(&collection, "Items", policy);
        schema.apply(&id, Some(&values));
        for field in [
            field("n", FieldType::Integer, None),
            field("m", FieldType::Integer, None),
            field("title", FieldType::Text, None),
            field("colour", FieldType::Choice, None),
            field("body", FieldType::LongText, Some(Policy::Text)),
            field("stock", FieldType::Counter, None),
            field("tags", FieldType::Tags, Some(Policy::Set)),
            field("first", FieldType::Integer, Some(Policy::First)),
            field("last", FieldType::Integer, Some(Policy::Last)),
            field("any", FieldType::Json, None),
        ] {
            let (id, values) = field_record(&collection, &field);
            schema.apply(&id, Some(&values));
        }
    }
    schema
}

pub fn id(collection: &str, key: impl Into<String>) -> RecordId {
    RecordId::new(CollectionId::new(collection).unwrap(), RecordKey::from_input(&key.into()))
}

/// One record, its conflicts, and the counters of those who change it.
pub struct World {
    pub schema: Schema,
    pub id: RecordId,
    pub record: Option<Record>,
    /// Records that keeping both made; the key "elsewhere" is of another partition.
    pub twins: BTreeMap<RecordKey, Record>,
    pub conflicts: BTreeMap<ChangeId, Conflict>,
    pub replicas: BTreeMap<ReplicaId, ReplicaState>,
    pub feed: Vec<Entry>,
    pub seq: u64,
    pub at: i64,
    minted: BTreeMap<ReplicaId, u64>,
}

impl World {
    pub fn new() -> Self {
        Self::of(id("items", "1"))
    }

    pub fn of(id: RecordId) -> Self {
        Self {
            schema: schema(),
            id,
            record: None,
            twins: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            replicas: BTreeMap::new(),
            feed: Vec::new(),
            seq: 0,
            at: NOW,
            minted: BTreeMap::new(),
        }
    }

    /// A world in which replica 9 made the record.
    pub fn with(values: Json) -> Self {
        let mut world = Self::new();
        world.insert(9, values);
        world
    }

    pub fn change(&mut self, by: u128, edit: Edit) -> Change {
        let counter = self.minted.entry(replica(by)).or_default();
        *counter += 1;
        Change {
            id: ChangeId { replica: replica(by), counter: Counter(*counter) },
            record: self.id.clone(),
            at: Timestamp(self.at),
            saw: None,
            edit,
        }
    }

    /// Judges a change and keeps its effects, as a server does in one atomic step.
    pub fn push(&mut self, change: &Change) -> Verdict {
        let state = self.replicas.entry(change.id.replica).or_default();
        if let Some(again) = state.again(change.id, change.digest()) {
            return again;
        }
        let conflict = change.about().and_then(|about| self.conflicts.get(&about));
        let open: Vec<&Conflict> = self.conflicts.values().filter(|c| c.is_open()).collect();
        let twin = change.twin();
        let beside = Beside {
            twin: twin.as_ref().and_then(|twin| self.twins.get(&twin.key)),
            twin_is_elsewhere: twin.is_some_and(|twin| twin.key == RecordKey::Text("elsewhere".into())),
        };
        let judged = judge(
            change,
            Facts {
                schema: &self.schema,
                current: self.record.as_ref(),
                conflict,
                open: &open,
                beside,
                now: Timestamp(NOW),
                seq: Revision(self.seq + 1),
            },
        );
        state.note(change.id, change.digest(), &judged.verdict);
        let Some(kind) = judged.entry_kind() else { return judged.verdict };
        self.seq += 1;
        let before = judged.record.as_ref().and_then(|r| self.at(&r.key)).filter(|r| !r.deleted);
        self.feed.push(Entry {
            seq: Revision(self.seq),
            change: change.id,
            kind,
            collection: judged.record.as_ref().map(|_| change.record.collection.clone()),
            replaces: before.map(|r| r.rev),
            record: judged.record.clone(),
            conflict: judged.conflict.clone(),
            ended: judged.ended.clone(),
            merge: judged.merge,
            said: Some(change.digest()),
        });
        match judged.record {
            Some(record) if record.key == self.id.key => self.record = Some(record),
            Some(twin) => drop(self.twins.insert(twin.key.clone(), twin)),
            None => {}
        }
        self.conflicts.extend(judged.conflict.into_iter().chain(judged.ended).map(|c| (c.id, c)));
        judged.verdict
    }

    fn at(&self, key: &RecordKey) -> Option<&Record> {
        if *key == self.id.key { self.record.as_ref() } else { self.twins.get(key) }
    }

    pub fn does(&mut self, by: u128, edit: Edit) -> String {
        let change = self.change(by, edit);
        said(&self.push(&change))
    }

    pub fn insert(&mut self, by: u128, values: Json) -> String {
        self.does(by, Edit::Insert { fields: fields(values) })
    }

    pub fn patch(&mut self, by: u128, values: Json) -> String {
        self.does(by, Edit::Patch { fields: deltas(values) })
    }

    pub fn delete(&mut self, by: u128, seen: Json) -> String {
        self.does(by, Edit::Delete { base: fields(seen) })
    }

    /// Settles the open conflict as one who has seen all as it stands.
    pub fn resolve(&mut self, by: u128, outcome: Outcome) -> String {
        let resolution = self.resolution(outcome);
        self.does(by, Edit::Resolve(resolution))
    }

    /// Takes the newest resolution back.
    pub fn reopen(&mut self, by: u128) -> String {
        let reopening = self.reopening();
        self.does(by, Edit::Reopen(reopening))
    }

    pub fn reopening(&self) -> Reopening {
        let conflict = self.conflict();
        let resolved = conflict.resolved.as_ref().expect("it is settled");
        let twin = match &resolved.outcome {
            Outcome::KeepBoth { key } => Some(key.clone()),
            Outcome::Keep { .. } | Outcome::Delete => None,
        };
        Reopening { conflict: conflict.id, resolution: resolved.change, twin }
    }

    pub fn resolution(&self, outcome: Outcome) -> Resolution {
        let conflict = self.conflict();
        Resolution {
            conflict: conflict.id,
            saw_conflict: conflict.rev,
            saw_record: self.record.as_ref().filter(|r| !r.deleted).map(|r| r.rev),
            outcome,
        }
    }

    /// The newest conflict.
    pub fn conflict(&self) -> &Conflict {
        self.conflicts.values().max_by_key(|c| c.rev).expect("there is a conflict")
    }

    pub fn open(&self) -> usize {
        self.conflicts.values().filter(|c| c.is_open()).count()
    }

    /// `[base, current, incoming, clash]` of a field of the newest conflict.
    pub fn sides(&self, field: &str) -> Json {
        let s = &self.conflict().fields[&name(field)];
        json!([s.base, s.current, s.incoming, s.clash])
    }

    /// The live record's values; null where there is none.
    pub fn values(&self) -> Json {
        match &self.record {
            Some(record) if !record.deleted => json!(record.fields),
            _ => Json::Null,
        }
    }
}

/// A verdict in one or two words.
pub fn said(verdict: &Verdict) -> String {
    let json = json!(verdict);
    match &json["reason"]["reason"] {
        Json::String(reason) => format!("rejected: {reason}"),
        _ => json["verdict"].as_str().unwrap().to_owned(),
    }
}
