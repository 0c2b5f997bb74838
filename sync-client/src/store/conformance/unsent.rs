//! What exists nowhere else: identity, outbox, conflicts, quarantine.

use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::checksum::Checksums;
use sync_protocol::message::SnapshotToken;
use sync_protocol::{Change, Conflict, Counter, Cursor, Partition, RecordId, RecordKey, Revision, Timestamp};

use super::samples::{
    PARTITIONS, Random, collection, conflict, insert, merged, meta, named, quarantined, record, resolved,
    settled,
};
use super::{Checked, Factory, holds, same};
use crate::store::{Batch, Decision, Loaded, LocalStore, Memos, Receipt, SnapshotState, StoreError, Written};

pub(super) async fn new_store_is_empty<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = factory.open(name).await?;
    same("a new store", store.load().await?, Loaded::default())?;
    let people = collection("people");
    same("a scan", store.scan(&people, None, 10).await?, Default::default())?;
    same("a look-up", store.get(&[RecordId::new(people, RecordKey::Int(1))]).await?, vec![None])?;
    same("checksums", store.checksums().await?, BTreeMap::new())?;
    while store.tidy().await? {}
    store.usage().await;
    Ok(())
}

pub(super) async fn state_survives_reopening<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    let mut sums = Checksums::default();
    sums.add(&insert(1).record, Revision(3));
    let snapshot = SnapshotState {
        partitions: vec![Partition(1), Partition(3)],
        resume: Some(SnapshotToken {
            cursor: Cursor(vec![Revision(5); 4]),
            partition: Partition(1),
            after: Some("people/\"x\"".into()),
            conflicts_after: Some(String::new()),
            done: 10,
            total: 20,
        }),
        conflicts: BTreeSet::from([insert(7).id]),
    };
    let batch = Batch {
        cursor: Some(Cursor(vec![Revision(1), Revision(0), Revision(9), Revision(1 << 50)])),
        snapshot: Some(Some(snapshot.clone())),
        checksums: BTreeMap::from([(Partition(2), sums.clone()), (Partition(0), Checksums::default())]),
        receipts: Some(vec![receipt(1), receipt(2)]),
        memos: memos(&[("a", "1"), ("a/b", "\"é\n\""), ("b", "2"), ("c", "")]),
        ..Batch::default()
    };
    store.commit(&batch).await?;
    let want = Loaded {
        meta: Some(meta()),
        cursor: batch.cursor.unwrap_or_default(),
        snapshot: Some(snapshot),
        checksums: batch.checksums,
        receipts: vec![receipt(1), receipt(2)],
        memos: memos(&[("a", "1"), ("a/b", "\"é\n\""), ("b", "2")]),
        ..Loaded::default()
    };
    same("at once", store.load().await?, want.clone())?;
    drop(store);
    let store = factory.open(name).await?;
    same("reopened", store.load().await?, want.clone())?;
    store.commit(&Batch::default()).await?;
    store.commit(&Batch { snapshot: Some(None), ..Batch::default() }).await?;
    let sums = BTreeMap::from([(Partition(0), sums)]);
    let receipts = vec![receipt(2), receipt(3)];
    store
        .commit(&Batch { checksums: sums.clone(), receipts: Some(receipts.clone()), ..Batch::default() })
        .await?;
    store.commit(&Batch { memos: memos(&[("a", ""), ("b", "3")]), ..Batch::default() }).await?;
    let memos = memos(&[("a/b", "\"é\n\""), ("b", "3")]);
    let mut want = Loaded { snapshot: None, receipts, memos, ..want };
    want.checksums.extend(sums);
    drop(store);
    same("reopened again", factory.open(name).await?.load().await?, want)
}

fn memos(all: &[(&str, &str)]) -> Memos {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn receipt(n: u64) -> Receipt {
    let answer = if n == 1 { Written::Done } else { Written::Saved(vec![insert(n).record]) };
    Receipt { request: format!("tab {n}"), answer }
}

pub(super) async fn outbox_keeps_its_order<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    // gaps are allowed, going back is not
    let counters: Vec<u64> = (1..=5).chain(9..=12).chain([1 << 40]).collect();
    for part in counters.chunks(3) {
        store.commit(&enqueue(part.iter().copied())).await?;
    }
    let want: Vec<Change> = counters.iter().map(|c| insert(*c)).collect();
    same("at once", store.load().await?.outbox, want.clone())?;
    drop(store);
    let store = factory.open(name).await?;
    same("reopened", store.load().await?.outbox, want)?;
    // one batch may bring a change and its outcome
    let mut both = enqueue([(1 << 40) + 1, (1 << 40) + 2]);
    both.settle = vec![Counter((1 << 40) + 1), Counter(3)];
    store.commit(&both).await?;
    drop(store);
    let left = counters.iter().copied().filter(|c| *c != 3).chain([(1 << 40) + 2]);
    let want: Vec<Change> = left.map(insert).collect();
    same("settled", factory.open(name).await?.load().await?.outbox, want)
}

pub(super) async fn counter_never_goes_back<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    store.commit(&enqueue(1..=3)).await?;
    same("queued", store.load().await?.counter, Counter(3))?;
    store.commit(&settle(1..=3)).await?;
    drop(store);
    let store = factory.open(name).await?;
    let loaded = store.load().await?;
    same("all settled", (loaded.counter, loaded.outbox), (Counter(3), Vec::new()))?;
    store.commit(&enqueue([9])).await?;
    store.commit(&settle([3, 1])).await?;
    drop(store);
    let store = factory.open(name).await?;
    same("settled twice", store.load().await?.counter, Counter(9))?;
    // settled without ever having been queued here
    store.commit(&settle([20])).await?;
    drop(store);
    same("settled from afar", factory.open(name).await?.load().await?.counter, Counter(20))
}

pub(super) async fn bulk_is_settled_in_parts<F: Factory>(factory: &F, name: &str) -> Checked {
    let mut store = named(factory.open(name).await?).await?;
    store.commit(&enqueue(1..=1_500)).await?;
    let mut left: BTreeMap<u64, Change> = (1..=1_500).map(|c| (c, insert(c))).collect();
    let mut random = Random(11);
    let mut round = 0;
    while !left.is_empty() {
        let open: Vec<u64> = left.keys().copied().collect();
        let n = 1 + random.below(300);
        let start = random.below(open.len());
        let every = 1 + random.below(16);
        let done: Vec<u64> = open.into_iter().skip(start).step_by(every).take(n).collect();
        left.retain(|c, _| !done.contains(c));
        store.commit(&settle(done)).await?;
        round += 1;
        if round % 3 == 0 {
            drop(store);
            store = factory.open(name).await?;
        }
        if round % 4 == 0 {
            while store.tidy().await? {}
        }
        let loaded = store.load().await?;
        same("counter", loaded.counter, Counter(1_500))?;
        same("outbox", loaded.outbox, left.values().cloned().collect())?;
    }
    Ok(())
}

pub(super) async fn ten_thousand_changes<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    store.commit(&enqueue(1..=10_000)).await?;
    drop(store);
    let store = factory.open(name).await?;
    let loaded = store.load().await?;
    same("how many", loaded.outbox.len(), 10_000)?;
    holds("each as it was", loaded.outbox.iter().zip(1..).all(|(change, c)| *change == insert(c)))?;
    let records =
        loaded.outbox.iter().map(|c| (c.record.collection.clone(), record(c.record.key.clone(), 1)));
    let records: Vec<_> = records.collect();
    store.commit(&Batch { records, ..settle(1..=10_000) }).await?;
    drop(store);
    let store = factory.open(name).await?;
    holds("the outbox is empty", store.load().await?.outbox.is_empty())?;
    let count: u64 = store.checksums().await?.values().flat_map(|c| c.0.values()).map(|c| c.count).sum();
    same("records", count, 10_000)
}

pub(super) async fn conflicts_come_and_go<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    let with = |conflicts: Vec<Conflict>| Batch { conflicts, ..Batch::default() };
    store.commit(&with(vec![conflict(1), conflict(2), conflict(3)])).await?;
    let newer = Conflict { rev: Revision(77), ..conflict(2) };
    let closed = Conflict { resolved: Some(resolved(9)), ..conflict(1) };
    store.commit(&with(vec![newer.clone(), closed])).await?;
    drop(store);
    let store = factory.open(name).await?;
    let mut open = store.load().await?.conflicts;
    open.sort_by_key(|c| c.id);
    same("open conflicts", open, vec![newer.clone(), conflict(3)])?;
    let gone = vec![conflict(3).id, conflict(8).id];
    store.commit(&Batch { conflicts_gone: gone, ..Batch::default() }).await?;
    drop(store);
    same("what is left", factory.open(name).await?.load().await?.conflicts, vec![newer])
}

pub(super) async fn quarantine_waits_for_a_person<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    store.commit(&enqueue(1..=4)).await?;
    store.commit(&Batch { quarantine: vec![quarantined(2), quarantined(3)], ..settle([2, 3]) }).await?;
    drop(store);
    let store = factory.open(name).await?;
    let loaded = store.load().await?;
    same("quarantine", loaded.quarantine, vec![quarantined(2), quarantined(3)])?;
    same("outbox", loaded.outbox, vec![insert(1), insert(4)])?;
    // repaired: out of quarantine and back into the outbox as a new change, in one step
    store.commit(&Batch { quarantine_gone: vec![Counter(2)], ..enqueue([5]) }).await?;
    drop(store);
    let loaded = factory.open(name).await?.load().await?;
    same("what is left", loaded.quarantine, vec![quarantined(3)])?;
    same("outbox after repair", loaded.outbox, vec![insert(1), insert(4), insert(5)])
}

pub(super) async fn decisions_come_and_go<F: Factory>(factory: &F, name: &str) -> Checked {
    let store = named(factory.open(name).await?).await?;
    let with = |decisions: Vec<Decision>| Batch { decisions, ..Batch::default() };
    store.commit(&with(vec![settled(1), merged(2), merged(3)])).await?;
    let again = Decision { at: Timestamp(99), ..settled(1) };
    store.commit(&with(vec![again.clone()])).await?;
    drop(store);
    let store = factory.open(name).await?;
    let mut kept = store.load().await?.decisions;
    kept.sort_by_key(|decision| decision.id);
    same("decisions", kept, vec![again.clone(), merged(2), merged(3)])?;
    let gone = vec![merged(2).id, merged(8).id];
    store.commit(&Batch { decisions_gone: gone, ..with(vec![]) }).await?;
    drop(store);
    let mut kept = factory.open(name).await?.load().await?.decisions;
    kept.sort_by_key(|decision| decision.id);
    same("what is left", kept, vec![again, merged(3)])
}

pub(super) async fn failed_commit_leaves_nothing<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    store.commit(&enqueue(1..=3)).await?;
    let before = store.load().await?;
    let batch = Batch {
        records: vec![(people.clone(), record(RecordKey::Int(1), 4))],
        settle: vec![Counter(1)],
        conflicts: vec![conflict(2)],
        quarantine: vec![quarantined(3)],
        cursor: Some(Cursor::start(PARTITIONS)),
        ..enqueue([4])
    };
    if !factory.fail_next_commit(name, StoreError::Full) {
        return Ok(());
    }
    same("the answer", store.commit(&batch).await, Err(StoreError::Full))?;
    same("at once", store.load().await?, before.clone())?;
    drop(store);
    let store = factory.open(name).await?;
    same("reopened", store.load().await?, before)?;
    same("records", store.scan(&people, None, 5).await?, Default::default())?;
    store.commit(&batch).await?;
    same("the same batch again", store.load().await?.counter, Counter(4))
}

fn enqueue(counters: impl IntoIterator<Item = u64>) -> Batch {
    Batch { enqueue: counters.into_iter().map(insert).collect(), ..Batch::default() }
}

fn settle(counters: impl IntoIterator<Item = u64>) -> Batch {
    Batch { settle: counters.into_iter().map(Counter).collect(), ..Batch::default() }
}
