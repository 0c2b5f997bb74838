//! Keys and values as bytes.
//!
//! Row key: workspace (16 bytes), partition (2, big-endian), kind (1), key text. A head's key is the first 18 alone.
//! Value: XXH3-64 of key, expiry and body (8 bytes), expiry in milliseconds (8, big-endian, 0: never), body.

use sync_protocol::Timestamp;
use xxhash_rust::xxh3::Xxh3;

use crate::store::{Kind, PartitionId, StoreError};

const PREFIX: usize = 18;
const CHECKSUM: usize = 8;
const ENVELOPE: usize = 16;

pub(super) fn prefix(id: PartitionId) -> [u8; PREFIX] {
    let mut key = [0; PREFIX];
    key[..16].copy_from_slice(id.workspace.0.as_bytes());
    key[16..].copy_from_slice(&id.partition.0.to_be_bytes());
    key
}

pub(super) fn row_key(id: PartitionId, kind: Kind, key: &str) -> Vec<u8> {
    let mut bytes = prefix(id).to_vec();
    bytes.push(match kind {
        Kind::Record => 1,
        Kind::Feed => 2,
        Kind::Replica => 3,
        Kind::Conflict => 4,
        Kind::Shadow => 5,
        Kind::Mirror => 6,
    });
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

/// Where a row is, for the log: never the key itself, which can hold a login or what a record is called.
pub(super) fn place(key: &[u8]) -> String {
    if let Some(colon) = key.iter().position(|byte| *byte == b':')
        && key[..colon].iter().all(u8::is_ascii_lowercase)
        && colon > 0
    {
        return format!("a row of {} in the directory", key[..colon].escape_ascii());
    }
    let kind = match key.get(PREFIX) {
        None => "the head",
        Some(1) => "a record",
        Some(2) => "a feed row",
        Some(3) => "a replica",
        Some(4) => "a conflict",
        Some(5) => "a shadow",
        Some(_) => "a mirror",
    };
    match (key.get(..16).and_then(|id| uuid::Uuid::from_slice(id).ok()), key.get(16..PREFIX)) {
        (Some(workspace), Some([high, low])) => {
            format!("{kind} of workspace {workspace}, partition {}", u16::from_be_bytes([*high, *low]))
        }
        _ => "a row".into(),
    }
}

pub(super) fn same_kind(one: &[u8], other: &[u8]) -> bool {
    one.get(..=PREFIX) == other.get(..=PREFIX)
}

pub(super) fn text_key(key: &[u8]) -> Result<String, StoreError> {
    let text = key.get(PREFIX + 1..).unwrap_or_default().to_vec();
    String::from_utf8(text).map_err(|_| StoreError::Corrupt("a key is not text".into()))
}

pub(super) fn encode(key: &[u8], expires: Option<Timestamp>, body: &str) -> Vec<u8> {
    let expires = expires.map_or(0, |at| at.0.max(1)).to_be_bytes();
    let mut value = Vec::with_capacity(ENVELOPE + body.len());
    value.extend_from_slice(&checksum(key, &expires, body.as_bytes()));
    value.extend_from_slice(&expires);
    value.extend_from_slice(body.as_bytes());
    value
}

/// The body; `None` once it has expired.
pub(super) fn decode(key: &[u8], value: &[u8], now: Timestamp) -> Result<Option<String>, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("{} does not match its checksum", place(key)));
    if value.len() < ENVELOPE
        || checksum(key, &value[CHECKSUM..ENVELOPE], &value[ENVELOPE..]) != value[..CHECKSUM]
    {
        return Err(corrupt());
    }
    if expired(value, now) {
        return Ok(None);
    }
    String::from_utf8(value[ENVELOPE..].to_vec()).map(Some).map_err(|_| corrupt())
}

pub(super) fn expired(value: &[u8], now: Timestamp) -> bool {
    let Some(bytes) = value.get(CHECKSUM..ENVELOPE).and_then(|b| b.try_into().ok()) else { return false };
    let at = i64::from_be_bytes(bytes);
    at != 0 && at <= now.0
}

fn checksum(key: &[u8], expires: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(expires);
    hash.update(body);
    hash.digest().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_the_place_of_a_row_and_never_its_key() {
        let id = PartitionId {
            workspace: sync_protocol::WorkspaceId(uuid::Uuid::from_u128(7)),
            partition: sync_protocol::Partition(3),
        };
        let record = decode(&row_key(id, Kind::Record, "patients/\"Eve Smith\""), b"torn", Timestamp(0));
        let login = decode(b"login:eve@example.org", b"torn", Timestamp(0));
        for (error, place) in [(record, "partition 3"), (login, "login")] {
            let told = error.expect_err("torn").to_string();
            assert!(told.contains(place) && !told.to_lowercase().contains("eve"), "{told}");
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let (key, now) = (b"k".as_slice(), Timestamp(5));
        let value = encode(key, Some(Timestamp(9)), "{}");
        assert_eq!(decode(key, &value, now), Ok(Some("{}".into())));
        assert_eq!(decode(key, &value, Timestamp(9)), Ok(None), "expired");
        assert!(decode(b"j", &value, now).is_err(), "another row's value");
        assert!(decode(key, &value[..3], now).is_err(), "cut short");
        for bit in 0..value.len() * 8 {
            let mut torn = value.clone();
            torn[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode(key, &torn, now), Err(StoreError::Corrupt(_))), "bit {bit}");
        }
    }
}
