//! Keys and rows of the one tree. Keys are big-endian, rows are JSON behind a checksum over key and row.

use ::sled::{Db, IVec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sync_protocol::{ChangeId, CollectionId, Counter, Partition, RecordKey, Revision};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Rows, Unsent, failed};
use crate::store::{Loaded, Quarantined, ScanPosition, StoreError};

pub(super) const VERSION: &[u8] = b"v";
pub(super) const META: &[u8] = b"m";
pub(super) const COUNTER: &[u8] = b"n";
pub(super) const CURSOR: &[u8] = b"k";
pub(super) const SNAPSHOT: &[u8] = b"s";
pub(super) const RECEIPTS: &[u8] = b"a";
/// Says nothing: written where something must be.
pub(super) const LOOK_AGAIN: &[u8] = b"l";
/// Records: this byte, collection, 0, partition, key text.
pub(super) const RECORD: u8 = b'r';
const CHECKSUMS: u8 = b'h';
const OUTBOX: u8 = b'o';
const CONFLICT: u8 = b'x';
const QUARANTINE: u8 = b'q';
const DECISION: u8 = b'd';
const MEMO: u8 = b'e';
const SUM_BYTES: usize = 8;

/// What identifies a record and its revision; the values are skipped.
#[derive(Deserialize)]
pub(super) struct Brief {
    pub(super) key: RecordKey,
    pub(super) rev: Revision,
}

pub(super) fn outbox(counter: Counter) -> [u8; 9] {
    numbered(OUTBOX, counter)
}

pub(super) fn quarantine(counter: Counter) -> [u8; 9] {
    numbered(QUARANTINE, counter)
}

pub(super) fn conflict(id: &ChangeId) -> Vec<u8> {
    named(CONFLICT, &id.to_string())
}

pub(super) fn decision(id: &ChangeId) -> Vec<u8> {
    named(DECISION, &id.to_string())
}

/// Keeps a memo; an empty text removes it.
pub(super) fn set_memo(rows: &mut Rows, name: &str, text: &str) {
    let key = named(MEMO, name);
    if text.is_empty() {
        rows.remove(key);
    } else {
        let row = json(&key, &text);
        rows.insert(key, row);
    }
}

pub(super) fn checksums(partition: Partition) -> [u8; 3] {
    let [a, b] = partition.0.to_be_bytes();
    [CHECKSUMS, a, b]
}

pub(super) fn collection_prefix(collection: &CollectionId) -> Vec<u8> {
    let mut key = vec![RECORD];
    key.extend(collection.as_str().bytes());
    key.push(0);
    key
}

/// The first key after all records of a collection.
pub(super) fn after_collection(collection: &CollectionId) -> Vec<u8> {
    let mut key = collection_prefix(collection);
    key.pop();
    key.push(1);
    key
}

pub(super) fn partition_prefix(collection: &CollectionId, partition: Partition) -> Vec<u8> {
    let mut key = collection_prefix(collection);
    key.extend(partition.0.to_be_bytes());
    key
}

pub(super) fn record(collection: &CollectionId, partition: Partition, key_text: &str) -> Vec<u8> {
    let mut key = partition_prefix(collection, partition);
    key.extend(key_text.bytes());
    key
}

/// Collection, partition and key text of a record's row.
pub(super) fn parse_record_key(key: &[u8]) -> Result<(CollectionId, Partition, &str), StoreError> {
    let parse = || {
        let body = key.strip_prefix(&[RECORD])?;
        let end = body.iter().position(|b| *b == 0)?;
        let collection = CollectionId::new(std::str::from_utf8(&body[..end]).ok()?).ok()?;
        let (partition, text) = body[end + 1..].split_first_chunk::<2>()?;
        Some((collection, Partition(u16::from_be_bytes(*partition)), std::str::from_utf8(text).ok()?))
    };
    parse().ok_or_else(|| StoreError::Corrupt("the key of a record".into()))
}

/// Where a scan goes on after that row: `partition/key text`.
pub(super) fn position(key: &[u8]) -> Result<ScanPosition, StoreError> {
    let (_, partition, text) = parse_record_key(key)?;
    Ok(ScanPosition(format!("{partition}/{text}")))
}

/// The first possible key after a position.
pub(super) fn after_position(collection: &CollectionId, at: &ScanPosition) -> Result<Vec<u8>, StoreError> {
    let parse = || {
        let (partition, text) = at.0.split_once('/')?;
        let mut key = record(collection, Partition(partition.parse().ok()?), text);
        key.push(0);
        Some(key)
    };
    parse().ok_or_else(|| StoreError::Corrupt("not a position of this store".into()))
}

/// A row of something as JSON.
pub(super) fn json(key: &[u8], value: &impl Serialize) -> Vec<u8> {
    let mut row = vec![0; SUM_BYTES];
    serde_json::to_writer(&mut row, value).expect("what stores keep is JSON, and memory takes all of it");
    seal(key, row)
}

/// A row of JSON text as it came.
pub(super) fn text(key: &[u8], text: &str) -> Vec<u8> {
    let mut row = vec![0; SUM_BYTES];
    row.extend(text.bytes());
    seal(key, row)
}

fn seal(key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let sum = xxh3_64_with_seed(&row[SUM_BYTES..], xxh3_64(key));
    row[..SUM_BYTES].copy_from_slice(&sum.to_be_bytes());
    row
}

/// Reads a row back, if it is what was written under that key.
pub(super) fn parse<T: DeserializeOwned>(key: &[u8], row: &[u8]) -> Result<T, StoreError> {
    let name = || String::from_utf8_lossy(key.get(..1).unwrap_or_default()).into_owned();
    let body = match row.split_first_chunk::<SUM_BYTES>() {
        Some((sum, body)) if u64::from_be_bytes(*sum) == xxh3_64_with_seed(body, xxh3_64(key)) => body,
        _ => return Err(StoreError::Corrupt(format!("a row of kind {} has another checksum", name()))),
    };
    serde_json::from_slice(body).map_err(|e| StoreError::Corrupt(format!("a row of kind {}: {e}", name())))
}

/// One row, if it is there.
pub(super) fn one<T: DeserializeOwned>(db: &Db, key: &[u8]) -> Result<Option<T>, StoreError> {
    db.get(key).map_err(failed)?.map(|row| parse(key, &row)).transpose()
}

/// Everything but the base records.
pub(super) fn load(db: &Db) -> Result<Loaded, StoreError> {
    let unsent = load_unsent(db)?;
    let mut loaded = Loaded {
        meta: unsent.meta,
        counter: unsent.counter,
        cursor: one(db, CURSOR)?.unwrap_or_default(),
        snapshot: one(db, SNAPSHOT)?.flatten(),
        outbox: unsent.outbox.into_values().collect(),
        quarantine: unsent.quarantine.into_values().collect(),
        memos: unsent.memos,
        receipts: one(db, RECEIPTS)?.unwrap_or_default(),
        ..Loaded::default()
    };
    for row in all(db, CONFLICT) {
        let (key, row) = row?;
        loaded.conflicts.push(parse(&key, &row)?);
    }
    for row in all(db, DECISION) {
        let (key, row) = row?;
        loaded.decisions.push(parse(&key, &row)?);
    }
    for row in all(db, CHECKSUMS) {
        let (key, row) = row?;
        let partition = key[1..].try_into().map(u16::from_be_bytes);
        let partition = partition.map_err(|_| StoreError::Corrupt("the key of a checksum".into()))?;
        loaded.checksums.insert(Partition(partition), parse(&key, &row)?);
    }
    Ok(loaded)
}

/// What exists nowhere else.
pub(super) fn load_unsent(db: &Db) -> Result<Unsent, StoreError> {
    let mut unsent =
        Unsent { meta: one(db, META)?, counter: one(db, COUNTER)?.unwrap_or_default(), ..Unsent::default() };
    for row in all(db, OUTBOX) {
        let (key, row) = row?;
        let change: sync_protocol::Change = parse(&key, &row)?;
        unsent.outbox.insert(change.id.counter, change);
    }
    for row in all(db, QUARANTINE) {
        let (key, row) = row?;
        let rejected: Quarantined = parse(&key, &row)?;
        unsent.quarantine.insert(rejected.change.id.counter, rejected);
    }
    for row in all(db, MEMO) {
        let (key, row) = row?;
        let name = String::from_utf8(key[1..].to_vec());
        let name = name.map_err(|_| StoreError::Corrupt("the name of a memo".into()))?;
        unsent.memos.push((name, parse(&key, &row)?));
    }
    Ok(unsent)
}

fn all(db: &Db, kind: u8) -> impl Iterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
    db.scan_prefix([kind]).map(|row| row.map_err(failed))
}

fn named(kind: u8, name: &str) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(name.bytes());
    key
}

fn numbered(kind: u8, counter: Counter) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&counter.0.to_be_bytes());
    key
}
