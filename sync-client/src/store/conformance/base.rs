//! The copy of the server's records: pages, single records, clearing, look-ups and scans.

use std::collections::BTreeMap;
use sync_protocol::checksum::Checksums;
use sync_protocol::{CollectionId, Partition, Record, RecordId, RecordKey};

use super::samples::{PARTITIONS, Random, collection, deleted, named, pages, record, scan_all};
use super::{Broken, Checked, Factory, holds, same};
use crate::store::{Batch, LocalStore};

pub(super) async fn records_change_and_vanish<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let mut store = named(factory.open(name).await?).await?;
    let key = RecordKey::Int(5);
    let steps =
        [record(key.clone(), 1), record(key.clone(), 2), deleted(key.clone(), 3), record(key.clone(), 4)];
    for step in steps.into_iter().chain([deleted(key.clone(), 5), deleted(key, 6)]) {
        let want: BTreeMap<_, _> = [step.clone()].into_iter().filter(|r| !r.deleted).map(by_key).collect();
        store.commit(&put(&people, [step])).await?;
        agrees(&store, &people, &want).await?;
        drop(store);
        store = factory.open(name).await?;
        agrees(&store, &people, &want).await?;
    }
    Ok(())
}

pub(super) async fn later_wins_in_a_batch<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    let (a, b, c) = (RecordKey::Int(1), RecordKey::Int(2), RecordKey::Int(3));
    let mut batch = put(
        &people,
        [
            record(a.clone(), 1),
            record(b.clone(), 2),
            record(a.clone(), 3),
            deleted(b.clone(), 4),
            deleted(c.clone(), 5),
            record(c.clone(), 6),
        ],
    );
    // a page of the same batch is older than its records
    batch.pages = pages(&people, &[record(a.clone(), 0), record(b, 0)], 10);
    store.commit(&batch).await?;
    let want: BTreeMap<_, _> = [record(a, 3), record(c, 6)].into_iter().map(by_key).collect();
    agrees(&store, &people, &want).await?;
    drop(store);
    agrees(&factory.open(name).await?, &people, &want).await
}

pub(super) async fn pages_and_records_meet<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    let all: Vec<Record> = (0..1_000).map(|k| record(RecordKey::Int(k * 2), 1)).collect();
    let mut want: BTreeMap<_, _> = all.iter().cloned().map(by_key).collect();
    let arriving = pages(&people, &all, 64);
    let half = arriving.len() / 2;
    store.commit(&Batch { pages: arriving[..half].to_vec(), ..Batch::default() }).await?;
    store.commit(&Batch { pages: arriving[half..].to_vec(), ..Batch::default() }).await?;
    agrees(&store, &people, &want).await?;
    let mut random = Random(3);
    for rev in 2..200 {
        let key = RecordKey::Int(random.below(2_100) as i64 - 50);
        let edit = if random.once_in(4) { deleted(key, rev) } else { record(key, rev) };
        follow(&mut want, &edit);
        store.commit(&put(&people, [edit])).await?;
    }
    agrees(&store, &people, &want).await?;
    while store.tidy().await? {
        agrees(&store, &people, &want).await?;
    }
    drop(store);
    let store = factory.open(name).await?;
    agrees(&store, &people, &want).await?;
    same("another collection", scan_all(&store, &collection("places"), 9).await?, Vec::new())
}

pub(super) async fn cleared_partition_is_empty<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    let old: Vec<Record> = (0..400).map(|k| record(RecordKey::Int(k), 1)).collect();
    store.commit(&Batch { pages: pages(&people, &old, 50), ..Batch::default() }).await?;
    store.commit(&put(&people, (300..500).map(|k| record(RecordKey::Int(k), 2)))).await?;
    store.commit(&put(&people, (0..500).step_by(7).map(|k| deleted(RecordKey::Int(k), 3)))).await?;
    let mut want = BTreeMap::new();
    for r in scan_all(&store, &people, 100).await? {
        if part(&people, &r) != Partition(2) {
            want.insert(r.key.clone(), r);
        }
    }
    let clear = vec![Partition(2)];
    store.commit(&Batch { clear: clear.clone(), ..Batch::default() }).await?;
    agrees(&store, &people, &want).await?;
    drop(store);
    let store = factory.open(name).await?;
    agrees(&store, &people, &want).await?;
    // cleared and filled again in one step; what had been deleted before is back
    let new: Vec<Record> = (0..600).map(|k| record(RecordKey::Int(k), 9)).collect();
    let new: Vec<Record> = new.into_iter().filter(|r| part(&people, r) == Partition(2)).collect();
    let newest = Record { rev: sync_protocol::Revision(10), ..new[3].clone() };
    let refill = pages(&people, &new, 50);
    store.commit(&Batch { clear, pages: refill, ..put(&people, [newest.clone()]) }).await?;
    want.extend(new.into_iter().map(by_key));
    want.extend([by_key(newest)]);
    agrees(&store, &people, &want).await?;
    while store.tidy().await? {}
    drop(store);
    agrees(&factory.open(name).await?, &people, &want).await
}

pub(super) async fn odd_keys<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    let texts =
        ["0", "-1", "\"", "\\", "a/b", "a\"b", "é", "\u{ffff}", "\u{10ffff}", "\u{e000}", "😀", " ", "{}"];
    let keys: Vec<RecordKey> = [0, 1, -1, 10, 9, i64::MAX, i64::MIN]
        .map(RecordKey::Int)
        .into_iter()
        .chain(texts.map(|t| RecordKey::Text(t.into())))
        .chain([RecordKey::Text("k".repeat(512)), RecordKey::Text("😀".repeat(128))])
        .chain((0..300).map(|n| RecordKey::Text(format!("\u{e000}{n}\u{10000}"))))
        .collect();
    let all: Vec<Record> = keys.iter().map(|k| record(k.clone(), 1)).collect();
    store.commit(&Batch { pages: pages(&people, &all, 5), ..Batch::default() }).await?;
    let mut want: BTreeMap<_, _> = all.into_iter().map(by_key).collect();
    agrees(&store, &people, &want).await?;
    for (n, key) in keys.iter().enumerate() {
        let edit = if n % 3 == 0 { deleted(key.clone(), 2) } else { record(key.clone(), 2) };
        follow(&mut want, &edit);
        store.commit(&put(&people, [edit])).await?;
    }
    agrees(&store, &people, &want).await?;
    while store.tidy().await? {}
    drop(store);
    agrees(&factory.open(name).await?, &people, &want).await
}

pub(super) async fn huge_record<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    let huge = |key: i64| {
        let mut r = record(RecordKey::Int(key), 1);
        r.fields.insert(sync_protocol::FieldName::from_label("text"), "ä\"".repeat(350_000).into());
        r
    };
    let mut want: BTreeMap<_, _> = (1..=3).map(huge).map(by_key).collect();
    store.commit(&Batch { pages: pages(&people, &[huge(1), huge(2)], 9), ..Batch::default() }).await?;
    store.commit(&put(&people, [huge(3)])).await?;
    for k in 10..60 {
        store.commit(&put(&people, [record(RecordKey::Int(k), 1)])).await?;
        follow(&mut want, &record(RecordKey::Int(k), 1));
    }
    while store.tidy().await? {}
    drop(store);
    agrees(&factory.open(name).await?, &people, &want).await
}

pub(super) async fn scan_meets_each_record_once<F: Factory>(factory: &F, name: &str) -> Checked {
    let people = collection("people");
    let store = named(factory.open(name).await?).await?;
    let all: Vec<Record> = (0..700).map(|k| record(RecordKey::Text(format!("k{k}")), 1)).collect();
    store.commit(&Batch { pages: pages(&people, &all[..500], 100), ..Batch::default() }).await?;
    store.commit(&put(&people, all[500..].to_vec())).await?;
    store.commit(&put(&collection("places"), all[..50].to_vec())).await?;
    let order = scan_all(&store, &people, 10_000).await?;
    same("how many", order.len(), all.len())?;
    for limit in [0, 1, 3, 100, 256, 699, 700, 701] {
        same("the same order with every limit", scan_all(&store, &people, limit).await?, order.clone())?;
        let step = store.scan(&people, None, limit).await?;
        holds("about as many as asked for", step.records.len() <= limit.max(1) + 512)?;
    }
    // a position stays good when records before and after it come and go
    let step = store.scan(&people, None, 200).await?;
    let position = step.next.ok_or_else(|| Broken("a scan of 700 ended after 200".into()))?;
    let (seen, rest) = order.split_at(step.records.len());
    let gone = [&seen[0], &rest[0], &rest[rest.len() - 1]];
    store.commit(&put(&people, gone.map(|r| deleted(r.key.clone(), 2)))).await?;
    let mut from = Some(position);
    let mut met = Vec::new();
    while let Some(at) = from {
        let step = store.scan(&people, Some(at), 90).await?;
        met.extend(step.records);
        from = step.next;
        while store.tidy().await? {}
    }
    same("the rest", met, rest[1..rest.len() - 1].to_vec())
}

fn put(collection: &CollectionId, records: impl IntoIterator<Item = Record>) -> Batch {
    Batch { records: records.into_iter().map(|r| (collection.clone(), r)).collect(), ..Batch::default() }
}

fn by_key(record: Record) -> (RecordKey, Record) {
    (record.key.clone(), record)
}

fn follow(model: &mut BTreeMap<RecordKey, Record>, edit: &Record) {
    if edit.deleted {
        model.remove(&edit.key);
    } else {
        model.insert(edit.key.clone(), edit.clone());
    }
}

fn part(collection: &CollectionId, record: &Record) -> Partition {
    RecordId::new(collection.clone(), record.key.clone()).partition(PARTITIONS)
}

/// Scan, look-ups and checksums say the same as the model. The store holds this collection only.
async fn agrees(
    store: &impl LocalStore,
    collection: &CollectionId,
    want: &BTreeMap<RecordKey, Record>,
) -> Checked {
    let scanned = scan_all(store, collection, 64).await?;
    same("number of records", scanned.len(), want.len())?;
    let scanned: BTreeMap<RecordKey, Record> = scanned.into_iter().map(by_key).collect();
    holds("a scan brings the records", scanned == *want)?;
    let ids: Vec<RecordId> = want.keys().map(|k| RecordId::new(collection.clone(), k.clone())).collect();
    let got = store.get(&ids).await?;
    holds("look-ups bring the records", got.iter().map(Option::as_ref).eq(want.values().map(Some)))?;
    let mut sums = BTreeMap::<Partition, Checksums>::new();
    for (id, record) in ids.iter().zip(want.values()) {
        sums.entry(id.partition(PARTITIONS)).or_default().add(id, record.rev);
    }
    same("checksums", store.checksums().await?, sums)
}
