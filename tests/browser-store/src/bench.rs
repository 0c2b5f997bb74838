//! What is measured, in milliseconds, against bare loops in JavaScript on the same records.

use js_sys::Uint8Array;
use std::collections::BTreeMap;
use sync_client::store::indexeddb::IndexedDbStore;
use sync_client::store::{Batch, LocalStore, Meta, SnapshotState, StoreError};
use sync_protocol::message::{Page, SnapshotAnswer, SnapshotToken};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Edit, FieldName, Fields, Partition, Record, RecordId,
    RecordKey, ReplicaId, Revision, Stamp, Timestamp, UserId, WorkspaceId, limits,
};
use wasm_bindgen::prelude::*;

const PARTITIONS: u16 = 16;
/// Records read in one step of a scan, as the engine does.
const SCAN_STEP: usize = 4_096;

type Answer = Result<f64, String>;

/// Writes changes as one batch, strictly, and waits until they are durable.
#[wasm_bindgen]
pub async fn bulk(name: &str, count: u32) -> Answer {
    let store = fresh(name).await?;
    let batch = Batch { enqueue: (1..=u64::from(count)).map(change).collect(), ..Batch::default() };
    let start = now();
    store.commit(&batch).await.map_err(told)?;
    Ok(now() - start)
}

/// Writes changes one by one, each strictly and waited for.
#[wasm_bindgen]
pub async fn singles(name: &str, count: u32) -> Answer {
    let store = fresh(name).await?;
    let batches: Vec<Batch> =
        (1..=u64::from(count)).map(|n| Batch { enqueue: vec![change(n)], ..Batch::default() }).collect();
    let start = now();
    for batch in &batches {
        store.commit(batch).await.map_err(told)?;
    }
    Ok(now() - start)
}

/// Snapshot answers as a server sends them, for [`first_sync`].
#[wasm_bindgen]
pub fn answers(count: u32) -> Vec<Uint8Array> {
    let mut places = BTreeMap::<Partition, BTreeMap<String, Record>>::new();
    for n in 1..=u64::from(count) {
        let change = change(n);
        let record = Record {
            key: change.record.key.clone(),
            rev: Revision(n),
            prev: None,
            alone_since: None,
            stamp: Stamp { by: meta().replica, at: change.at },
            created: None,
            twin_of: None,
            edits: BTreeMap::new(),
            deleted: false,
            fields: fields(n),
        };
        places.entry(change.record.partition(PARTITIONS)).or_default().insert(record.key.to_text(), record);
    }
    let pages = places.into_iter().flat_map(|(partition, records)| {
        let records: Vec<(String, Record)> = records.into_iter().collect();
        let page = |part: &[(String, Record)]| Page {
            partition,
            collection: people(),
            first: part[0].0.clone(),
            last: part[part.len() - 1].0.clone(),
            count: part.len() as u32,
            records: serde_json::value::to_raw_value(&part.iter().map(|(_, r)| r).collect::<Vec<_>>())
                .expect("records are JSON"),
        };
        records.chunks(limits::PAGE_RECORDS).map(page).collect::<Vec<_>>()
    });
    let mut answers = Vec::new();
    let mut waiting = Vec::new();
    let mut bytes = 0;
    let mut done = 0;
    for page in pages {
        bytes += page.records.get().len();
        done += u64::from(page.count);
        waiting.push(page);
        if bytes >= limits::SNAPSHOT_BYTES || done == u64::from(count) {
            answers.push(answer(std::mem::take(&mut waiting), done, u64::from(count)));
            bytes = 0;
        }
    }
    answers
}

fn answer(pages: Vec<Page>, done: u64, total: u64) -> Uint8Array {
    let next = SnapshotToken {
        cursor: Cursor::start(PARTITIONS),
        partition: pages[0].partition,
        after: Some(format!("people/{}", pages[pages.len() - 1].last)),
        conflicts_after: None,
        done,
        total,
    };
    let answer =
        SnapshotAnswer { pages, conflicts: Vec::new(), finished: Vec::new(), next: Some(next), done, total };
    let text = serde_json::to_vec(&answer).expect("answers are JSON");
    Uint8Array::from(&text[..])
}

/// Takes a first sync's answers from text to committed pages, one commit for each.
#[wasm_bindgen]
pub async fn first_sync(name: &str, answers: Vec<Uint8Array>) -> Answer {
    let store = fresh(name).await?;
    let start = now();
    for answer in answers {
        let text = answer.to_vec();
        let answer: SnapshotAnswer = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
        let state =
            SnapshotState { partitions: vec![Partition(0)], resume: answer.next, ..SnapshotState::default() };
        let batch = Batch { pages: answer.pages, snapshot: Some(Some(state)), ..Batch::default() };
        store.commit(&batch).await.map_err(told)?;
    }
    Ok(now() - start)
}

/// Reads all records of a store that [`first_sync`] filled, and looks at each one's values.
#[wasm_bindgen]
pub async fn read_all(name: &str, count: u32) -> Answer {
    let store = IndexedDbStore::open(name).await.map_err(told)?;
    store.load().await.map_err(told)?;
    let people = people();
    let field = FieldName::from_label("email");
    let (mut from, mut met, mut seen) = (None, 0, 0);
    let start = now();
    loop {
        let step = store.scan(&people, from, SCAN_STEP).await.map_err(told)?;
        for record in &step.records {
            met += 1;
            seen +=
                usize::from(record.value(&field).as_text().is_some_and(|text| text.ends_with("example.com")));
        }
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    let took = now() - start;
    if met == count && seen == count as usize {
        Ok(took)
    } else {
        Err(format!("{met} records, {seen} whole"))
    }
}

/// Opens a store and loads what is in memory while it is used.
#[wasm_bindgen]
pub async fn open_and_load(name: &str) -> Answer {
    let start = now();
    let store = IndexedDbStore::open(name).await.map_err(told)?;
    store.load().await.map_err(told)?;
    Ok(now() - start)
}

async fn fresh(name: &str) -> Result<IndexedDbStore, String> {
    IndexedDbStore::delete(name).await.map_err(told)?;
    let store = IndexedDbStore::open(name).await.map_err(told)?;
    store.commit(&Batch { meta: Some(meta()), ..Batch::default() }).await.map_err(told)?;
    Ok(store)
}

fn meta() -> Meta {
    Meta {
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        partitions: PARTITIONS,
        replica: ReplicaId(uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007)),
        user: UserId(uuid::Uuid::from_u128(2)),
        copied: Counter(0),
    }
}

fn people() -> CollectionId {
    CollectionId::from_label("people")
}

pub(crate) fn change(n: u64) -> Change {
    let key = uuid::Uuid::from_u128(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    Change {
        id: ChangeId { replica: meta().replica, counter: Counter(n) },
        record: RecordId::new(people(), RecordKey::Text(key.to_string())),
        at: Timestamp(1_700_000_000_000 + n as i64),
        saw: None,
        edit: Edit::Insert { fields: fields(n) },
    }
}

/// Some 390 bytes in eight fields, as in the bare loops.
fn fields(n: u64) -> Fields {
    let name = FieldName::from_label;
    BTreeMap::from([
        (name("name"), format!("John Doe {n}").into()),
        (name("email"), format!("john{n}@example.com").into()),
        (name("phone"), format!("+1-555-{n:07}").into()),
        (name("company"), format!("Acme {}", n % 997).into()),
        (name("notes"), format!("lorem ipsum dolor sit amet {n} ").repeat(6)[..150].into()),
        (name("amount"), (n as f64 * 1.25).to_string().into()),
        (name("done"), n.is_multiple_of(2).into()),
        (name("updated_at"), "2023-11-14T22:13:20.000Z".into()),
    ])
}

fn now() -> f64 {
    js_sys::Reflect::get(&js_sys::global(), &"performance".into())
        .ok()
        .and_then(|performance| performance.dyn_into::<Performance>().ok())
        .map_or_else(js_sys::Date::now, |performance| performance.now())
}

#[wasm_bindgen]
extern "C" {
    type Performance;
    #[wasm_bindgen(method)]
    fn now(this: &Performance) -> f64;
}

fn told(error: StoreError) -> String {
    format!("{error:?}")
}
