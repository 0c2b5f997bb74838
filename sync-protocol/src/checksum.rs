//! Proof of sync: an order-independent sum over (record, revision) of the live records of a collection.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

use crate::feed::Entry;
use crate::id::{CollectionId, RecordId, Revision};

/// The wrapping sum of XXH3-128 over `collection/key@revision` of each live record, with their number.
/// JSON and text: `count:32 hex digits`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    /// How many records are summed.
    pub count: u64,
    sum: u128,
}

impl Checksum {
    /// Adds a live record.
    pub fn add(&mut self, id: &RecordId, rev: Revision) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(hash(id, rev));
    }

    /// Takes a record out that was added at that revision.
    pub fn remove(&mut self, id: &RecordId, rev: Revision) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(hash(id, rev));
    }

    /// Adds all that another sum holds.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

fn hash(id: &RecordId, rev: Revision) -> u128 {
    xxhash_rust::xxh3::xxh3_128(format!("{}@{rev}", id.to_text()).as_bytes())
}

/// The checksums of one partition, per collection; a collection without live records has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Checksums(pub BTreeMap<CollectionId, Checksum>);

impl Checksums {
    /// Follows one feed entry.
    pub fn apply(&mut self, entry: &Entry) {
        let (Some(collection), Some(record)) = (&entry.collection, &entry.record) else { return };
        let id = RecordId::new(collection.clone(), record.key.clone());
        let sum = self.0.entry(collection.clone()).or_default();
        if let Some(old) = entry.replaces {
            sum.remove(&id, old);
        }
        if !record.deleted {
            sum.add(&id, record.rev);
        }
        if sum.count == 0 {
            self.0.remove(collection);
        }
    }

    /// Adds a live record of a scan.
    pub fn add(&mut self, id: &RecordId, rev: Revision) {
        self.0.entry(id.collection.clone()).or_default().add(id, rev);
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:032x}", self.count, self.sum)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Checksum> for String {
    fn from(c: Checksum) -> String {
        c.to_string()
    }
}

impl TryFrom<String> for Checksum {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parse = || {
            let (count, sum) = text.split_once(':')?;
            Some(Self { count: count.parse().ok()?, sum: u128::from_str_radix(sum, 16).ok()? })
        };
        parse().ok_or_else(|| "a checksum is a count, a colon and 32 hexadecimal digits".to_owned())
    }
}
