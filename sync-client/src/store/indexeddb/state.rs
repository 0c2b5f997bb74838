//! What of a store is kept in memory; how it is read, and how a batch changes it.

use js_sys::Array;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use sync_protocol::Ordered;
use sync_protocol::{CollectionId, Counter, Partition};
use wasm_bindgen::{JsCast, JsValue};

use super::base::{Base, Segment, parse, parse_text};
use super::database::{Database, Read, Write};
use super::outbox::{Outbox, Settled};
use super::tidy::Folding;
use super::{
    CONFLICTS, DECISIONS, META, OUTBOX, PAGES, QUARANTINE, SEGMENTS, SETTLED, bytes, from_bytes, number,
    page_key, platform,
};
use crate::store::{Batch, Loaded, Meta, Salvaged, StoreError, follow_memos};

const IDENTITY: &str = "identity";
const COUNTER: &str = "counter";
const CURSOR: &str = "cursor";
const SNAPSHOT: &str = "snapshot";
const RECEIPTS: &str = "receipts";
/// Before the partition's number.
const CHECKSUMS: &str = "checksums/";
/// Before a memo's name.
const MEMO: &str = "memo/";
/// Bytes of overlay at which a commit waits for it to be folded into the pages.
const HEAVY_BYTES: usize = 32 << 20;

/// What of a store is kept in memory.
#[derive(Default)]
pub(super) struct State {
    pub(super) base: Base,
    pub(super) folding: Option<Folding>,
    outbox: Outbox,
    meta: Option<Meta>,
    /// As stored; the rows of the outbox may tell of higher ones.
    counter: Counter,
}

/// Reads everything but the pages.
pub(super) async fn read(database: &Database) -> Result<(State, Loaded), StoreError> {
    let rows = database
        .read(&[
            Read::Keys(META),
            Read::All(META),
            Read::Keys(SETTLED),
            Read::All(SETTLED),
            Read::All(OUTBOX),
            Read::All(CONFLICTS),
            Read::All(QUARANTINE),
            Read::All(DECISIONS),
            Read::Keys(SEGMENTS),
            Read::All(SEGMENTS),
            Read::Keys(PAGES),
        ])
        .await?;
    let Ok::<[Array; 11], _>(
        [
            meta_keys,
            meta,
            settled_keys,
            settled,
            outbox,
            conflicts,
            quarantine,
            decisions,
            segment_keys,
            segments,
            pages,
        ],
    ) = rows.into_iter().map(JsCast::unchecked_into).collect::<Vec<_>>().try_into()
    else {
        return Err(StoreError::Gone("fewer answers than questions".into()));
    };
    let mut state = State::default();
    let mut loaded = Loaded::default();
    for (key, row) in meta_keys.iter().zip(meta.iter()) {
        state.read_meta(&key.as_string().unwrap_or_default(), &row, &mut loaded)?;
    }
    let mut bits = BTreeMap::<u64, Vec<u8>>::new();
    for (key, row) in settled_keys.iter().zip(settled.iter()) {
        bits.insert(counted(&key), bytes(&row)?);
    }
    for row in outbox.iter() {
        let changes: Vec<sync_protocol::Change> = parse("a row of the outbox", &bytes(&row)?)?;
        let bits = changes.first().and_then(|change| bits.remove(&change.id.counter.0));
        loaded.outbox.extend(state.outbox.restore(changes, bits));
    }
    loaded.conflicts = conflicts.iter().map(|row| from_json("a conflict", &row)).collect::<Result<_, _>>()?;
    loaded.quarantine =
        quarantine.iter().map(|row| from_json("a rejected change", &row)).collect::<Result<_, _>>()?;
    loaded.decisions = decisions.iter().map(|row| from_json("a decision", &row)).collect::<Result<_, _>>()?;
    for key in pages.iter() {
        let key: Array = key.unchecked_into();
        state.base.add_page(parse_page_key(&key)?);
    }
    for (key, row) in segment_keys.iter().zip(segments.iter()) {
        let segment: Segment = parse("a segment", &bytes(&row)?)?;
        state.base.follow(counted(&key), segment);
    }
    loaded.meta = state.meta.clone();
    loaded.counter = state.counter.max(state.outbox.last());
    Ok((state, loaded))
}

/// Reads what is unsent row by row: one that is damaged keeps none of the others.
pub(super) async fn salvage(database: &Database) -> Result<Salvaged, StoreError> {
    let all = [Read::Keys(SETTLED), Read::All(SETTLED), Read::All(OUTBOX), Read::All(QUARANTINE)];
    let rows: Vec<Array> = database.read(&all).await?.into_iter().map(JsCast::unchecked_into).collect();
    let [settled_keys, settled, outbox, quarantine] = &rows[..] else {
        return Err(StoreError::Gone("fewer answers than questions".into()));
    };
    let of = |(key, row): (JsValue, JsValue)| Some((counted(&key), bytes(&row).ok()?));
    let mut bits: BTreeMap<u64, Vec<u8>> =
        settled_keys.iter().zip(settled.iter()).filter_map(of).ordered_map();
    let mut salvaged = Salvaged::default();
    let mut rows = Outbox::default();
    for row in outbox.iter() {
        let text = bytes(&row).unwrap_or_default();
        match parse::<Vec<sync_protocol::Change>>("a row of the outbox", &text) {
            Ok(changes) => {
                let bits = changes.first().and_then(|change| bits.remove(&change.id.counter.0));
                salvaged.unsent.extend(rows.restore(changes, bits));
            }
            Err(_) => salvaged.unread.push(String::from_utf8_lossy(&text).into_owned()),
        }
    }
    for row in quarantine.iter() {
        match from_json("a rejected change", &row) {
            Ok(rejected) => salvaged.rejected.push(rejected),
            Err(_) => salvaged.unread.push(row.as_string().unwrap_or_default()),
        }
    }
    Ok(salvaged)
}

impl State {
    /// Into how many partitions the workspace is sliced, where that is known.
    pub(super) fn partitions(&self) -> Option<u16> {
        self.meta.as_ref().map(|meta| meta.partitions)
    }

    /// Whether the overlay is more than should be in memory.
    pub(super) fn is_heavy(&self) -> bool {
        self.base.overlay_size().0 > HEAVY_BYTES
    }

    /// Changes the state as a batch says. Returns what has to be stored for it to be true.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        if let Some(meta) = &batch.meta {
            writes.push(put_json(META, &IDENTITY.into(), meta));
            self.meta = Some(meta.clone());
        }
        self.apply_base(batch, &mut writes)?;
        self.apply_unsent(batch, &mut writes);
        if let Some(cursor) = &batch.cursor {
            writes.push(put_json(META, &CURSOR.into(), cursor));
        }
        match &batch.snapshot {
            None => {}
            Some(None) => writes.push(Write::Delete(META, SNAPSHOT.into())),
            Some(Some(snapshot)) => writes.push(put_json(META, &SNAPSHOT.into(), snapshot)),
        }
        if let Some(receipts) = &batch.receipts {
            writes.push(put_json(META, &RECEIPTS.into(), receipts));
        }
        for (name, text) in &batch.memos {
            let key = format!("{MEMO}{name}").into();
            let gone = text.is_empty();
            writes.push(if gone { Write::Delete(META, key) } else { Write::Put(META, key, text.into()) });
        }
        for (partition, sums) in &batch.checksums {
            writes.push(put_json(META, &format!("{CHECKSUMS}{partition}").into(), sums));
        }
        Ok(writes)
    }

    fn apply_base(&mut self, batch: &Batch, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        if batch.clear.is_empty() && batch.pages.is_empty() && batch.records.is_empty() {
            return Ok(());
        }
        let partitions =
            self.partitions().ok_or_else(|| StoreError::Corrupt("the store has no identity yet".into()))?;
        let segment = self.base.segment(batch, partitions);
        for partition in &batch.clear {
            // an empty list sorts after every name
            let from = Array::of1(&JsValue::from(partition.0));
            let to = Array::of2(&JsValue::from(partition.0), &Array::new());
            writes.push(Write::Delete(PAGES, platform::key_range(&from, &to)));
            self.base.forget(*partition, true);
        }
        for page in &batch.pages {
            let key = ((page.collection.clone(), page.partition), page.first.clone());
            writes.push(Write::Put(PAGES, page_key(&key), from_bytes(page.records.get().as_bytes())));
            self.base.add_page(key);
        }
        if let Some((number_, segment)) = segment {
            let text = serde_json::to_vec(&segment).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            writes.push(Write::Put(SEGMENTS, number(number_), from_bytes(&text)));
            self.base.follow(number_, segment);
        }
        Ok(())
    }

    fn apply_unsent(&mut self, batch: &Batch, writes: &mut Vec<Write>) {
        for (first, text) in self.outbox.add(&batch.enqueue) {
            writes.push(Write::Put(OUTBOX, number(first), from_bytes(&text)));
        }
        let reached = batch.settle.iter().copied().max().unwrap_or_default().max(self.outbox.last());
        if !batch.settle.is_empty() && reached > self.counter {
            // with the rows goes what they tell of the counter
            self.counter = reached;
            writes.push(put_json(META, &COUNTER.into(), &reached));
        }
        for (first, became) in self.outbox.settle(&batch.settle) {
            match became {
                Settled::Some(bits) => writes.push(Write::Put(SETTLED, number(first), from_bytes(&bits))),
                Settled::All => {
                    writes.push(Write::Delete(OUTBOX, number(first)));
                    writes.push(Write::Delete(SETTLED, number(first)));
                }
            }
        }
        for conflict in &batch.conflicts {
            let key = JsValue::from_str(&conflict.id.to_string());
            writes.push(if conflict.is_open() {
                put_json(CONFLICTS, &key, conflict)
            } else {
                Write::Delete(CONFLICTS, key)
            });
        }
        for id in &batch.conflicts_gone {
            writes.push(Write::Delete(CONFLICTS, JsValue::from_str(&id.to_string())));
        }
        for rejected in &batch.quarantine {
            writes.push(put_json(QUARANTINE, &number(rejected.change.id.counter.0), rejected));
        }
        for counter in &batch.quarantine_gone {
            writes.push(Write::Delete(QUARANTINE, number(counter.0)));
        }
        for decision in &batch.decisions {
            writes.push(put_json(DECISIONS, &JsValue::from_str(&decision.id.to_string()), decision));
        }
        for id in &batch.decisions_gone {
            writes.push(Write::Delete(DECISIONS, JsValue::from_str(&id.to_string())));
        }
    }

    fn read_meta(&mut self, key: &str, row: &JsValue, loaded: &mut Loaded) -> Result<(), StoreError> {
        match key {
            IDENTITY => self.meta = Some(from_json("the identity", row)?),
            COUNTER => self.counter = from_json("the counter", row)?,
            CURSOR => loaded.cursor = from_json("the cursor", row)?,
            RECEIPTS => loaded.receipts = from_json("the receipts", row)?,
            SNAPSHOT => loaded.snapshot = Some(from_json("the snapshot's state", row)?),
            _ => {
                if let Some(partition) = key.strip_prefix(CHECKSUMS).and_then(|p| p.parse().ok()) {
                    loaded.checksums.insert(Partition(partition), from_json("a checksum", row)?);
                } else if let Some(name) = key.strip_prefix(MEMO) {
                    let memo = (name.to_owned(), row.as_string().unwrap_or_default());
                    follow_memos(&mut loaded.memos, &vec![memo]);
                }
            }
        }
        Ok(())
    }
}

fn parse_page_key(key: &Array) -> Result<super::PageKey, StoreError> {
    let parse = || {
        let collection = CollectionId::new(key.get(1).as_string()?).ok()?;
        Some(((collection, Partition(key.get(0).as_f64()? as u16)), key.get(2).as_string()?))
    };
    parse().ok_or_else(|| StoreError::Corrupt("the key of a page".into()))
}

fn counted(key: &JsValue) -> u64 {
    key.as_f64().unwrap_or_default() as u64
}

fn put_json(store: &'static str, key: &JsValue, value: &impl Serialize) -> Write {
    let text = serde_json::to_string(value).expect("what stores keep is JSON, and memory takes all of it");
    Write::Put(store, key.clone(), JsValue::from_str(&text))
}

fn from_json<T: DeserializeOwned>(what: &str, row: &JsValue) -> Result<T, StoreError> {
    parse_text(what, &row.as_string().unwrap_or_default())
}
