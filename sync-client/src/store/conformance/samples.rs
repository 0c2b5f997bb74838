//! What the checks store.

use std::collections::BTreeMap;
use sync_protocol::message::Page;
use sync_protocol::{
    Change, ChangeId, CollectionId, Conflict, ConflictKind, Counter, Edit, FieldName, Fields, Merge, Met,
    Outcome, Partition, Policy, Record, RecordId, RecordKey, Rejection, ReplicaId, Resolved, Revision, Stamp,
    Timestamp, UserId, WorkspaceId,
};

use super::Broken;
use crate::store::{Batch, Decided, Decision, LocalStore, Meta, Quarantined, StoreError};

/// Into how many partitions the samples' workspace is sliced.
pub(super) const PARTITIONS: u16 = 4;

/// Small, fast and the same everywhere (SplitMix64).
#[derive(Clone)]
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    pub(super) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub(super) fn replica() -> ReplicaId {
    ReplicaId(uuid::Uuid::from_u128(7))
}

pub(super) fn meta() -> Meta {
    Meta {
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        partitions: PARTITIONS,
        replica: replica(),
        user: UserId(uuid::Uuid::from_u128(2)),
        copied: Counter(0),
    }
}

pub(super) fn collection(name: &str) -> CollectionId {
    CollectionId::from_label(name)
}

fn stamp() -> Stamp {
    Stamp { by: replica(), at: Timestamp(1_700_000_000_000) }
}

pub(super) fn fields(rev: u64) -> Fields {
    BTreeMap::from([
        (
            FieldName::from_label("title"),
            format!("revision {rev} of “Ünïcode” \\ \"quotes\" \u{10ffff}").into(),
        ),
        (FieldName::from_label("amount"), (rev as i64 - 5).into()),
        (FieldName::from_label("done"), rev.is_multiple_of(2).into()),
    ])
}

pub(super) fn record(key: RecordKey, rev: u64) -> Record {
    Record {
        key,
        rev: Revision(rev),
        prev: (rev > 1).then(|| Revision(rev - 1)),
        alone_since: None,
        stamp: stamp(),
        created: None,
        edits: BTreeMap::new(),
        twin_of: None,
        deleted: false,
        fields: fields(rev),
    }
}

pub(super) fn deleted(key: RecordKey, rev: u64) -> Record {
    Record { deleted: true, fields: Fields::new(), ..record(key, rev) }
}

pub(super) fn insert(counter: u64) -> Change {
    Change {
        id: ChangeId { replica: replica(), counter: Counter(counter) },
        record: RecordId::new(collection("people"), RecordKey::Int(counter as i64)),
        at: Timestamp(counter as i64),
        saw: None,
        edit: Edit::Insert { fields: fields(counter) },
    }
}

pub(super) fn conflict(counter: u64) -> Conflict {
    let change = insert(counter);
    Conflict {
        id: change.id,
        record: change.record,
        rev: Revision(counter),
        kind: ConflictKind::EditEdit,
        title: "“Ünïcode”".into(),
        fields: BTreeMap::new(),
        incoming: stamp(),
        current: None,
        record_rev: None,
        resolved: None,
        reopened: None,
    }
}

pub(super) fn resolved(counter: u64) -> Resolved {
    let outcome = Outcome::Delete;
    Resolved { change: insert(counter).id, stamp: stamp(), saw: None, outcome, effect: Default::default() }
}

pub(super) fn settled(counter: u64) -> Decision {
    let conflict = Conflict { resolved: Some(resolved(counter + 1)), ..conflict(counter) };
    Decision { id: conflict.id, at: stamp().at, what: Decided::Settled(Box::new(conflict)) }
}

pub(super) fn merged(counter: u64) -> Decision {
    let change = insert(counter);
    let value = |text: &str| sync_protocol::Value::from(text);
    let met = Met {
        base: value("a"),
        current: value("b"),
        current_by: stamp(),
        incoming: value("“c”"),
        result: value("b"),
        policy: Policy::First,
    };
    let merge = Merge {
        record: change.record,
        title: "x".into(),
        incoming: stamp(),
        delete: false,
        fields: BTreeMap::from([(FieldName::from_label("title"), met)]),
    };
    Decision { id: change.id, at: stamp().at, what: Decided::Merged(Box::new(merge)) }
}

pub(super) fn quarantined(counter: u64) -> Quarantined {
    let reason = Rejection::InvalidKey { rule: "it is “odd”".into() };
    Quarantined { change: insert(counter), reason }
}

/// Pages as a server sends them: per partition and collection, sorted by key text, at most `size` records each.
pub(super) fn pages(collection: &CollectionId, records: &[Record], size: usize) -> Vec<Page> {
    let mut sorted = BTreeMap::<Partition, BTreeMap<String, &Record>>::new();
    for record in records {
        let id = RecordId::new(collection.clone(), record.key.clone());
        sorted.entry(id.partition(PARTITIONS)).or_default().insert(record.key.to_text(), record);
    }
    let mut pages = Vec::new();
    for (partition, records) in sorted {
        let records: Vec<(&String, &&Record)> = records.iter().collect();
        for chunk in records.chunks(size) {
            let list: Vec<&Record> = chunk.iter().map(|(_, record)| **record).collect();
            pages.push(Page {
                partition,
                collection: collection.clone(),
                first: chunk[0].0.clone(),
                last: chunk[chunk.len() - 1].0.clone(),
                count: chunk.len() as u32,
                records: serde_json::value::to_raw_value(&list).expect("records are JSON"),
            });
        }
    }
    pages
}

/// Everything that a scan of a collection meets, in its order.
pub(super) async fn scan_all(
    store: &impl LocalStore,
    collection: &CollectionId,
    limit: usize,
) -> Result<Vec<Record>, Broken> {
    let mut all = Vec::new();
    let mut from = None;
    loop {
        let step = store.scan(collection, from, limit).await?;
        if step.records.is_empty() && step.next.is_some() {
            return Err(Broken("a step of a scan brought nothing, and yet there is more".into()));
        }
        all.extend(step.records);
        match step.next {
            Some(next) => from = Some(next),
            None => return Ok(all),
        }
    }
}

/// A store that knows who it is.
pub(super) async fn named<S: LocalStore>(store: S) -> Result<S, StoreError> {
    store.commit(&Batch { meta: Some(meta()), ..Batch::default() }).await?;
    Ok(store)
}
