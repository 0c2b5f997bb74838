//! Newtypes for everything that is named or counted. No bare `u64`, `Uuid` or `String` crosses a function.

use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::value::text_size;
use crate::{limits, naming};

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> { Uuid::parse_str(text).map(Self) }
        }
    )+};
}

uuid_id! {
    /// A workspace: the unit of sharing and of permission.
    WorkspaceId,
    /// One local copy of a workspace: a browser profile, a desktop install, an embedded client.
    ReplicaId,
    /// A person with an account on the server.
    UserId,
}

macro_rules! number {
    ($(#[$doc:meta] $name:ident($inner:ty)),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
    )+};
}

number! {
    /// A sequence number within one partition; the first change of a partition is 1, 0 is "nothing yet".
    Revision(u64),
    /// The n-th change that a replica minted, from 1.
    Counter(u64),
    /// A fixed slice of a workspace's records, 0 to N-1.
    Partition(u16),
    /// Milliseconds since 1970-01-01T00:00:00Z. For people to read, never for order.
    Timestamp(i64),
    /// What a change says ([`crate::Change::digest`]): tells whether its id was used before for something else.
    Digest(u32),
}

impl Revision {
    /// The sequence number after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Timestamp {
    /// As values of the type date-time are written; `None` beyond the years that have four digits.
    pub fn to_text(self) -> Option<String> {
        let nanos = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
    }

    /// Reads back what [`Timestamp::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self)
    }
}

impl Counter {
    /// The counter after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A name that breaks its rule; `Display` says which rule, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $what:literal, $reserved:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and wraps a name.
            pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
                let name = name.into();
                let body = if $reserved { name.strip_prefix('_').unwrap_or(&name) } else { &name };
                let starts = body.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
                let rest = body.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                if starts && rest && name.len() <= limits::NAME_BYTES {
                    Ok(Self(name.into()))
                } else {
                    Err(InvalidName(format!(
                        "a {} name starts with a letter a-z, has only a-z, 0-9 and _, and at most {} characters",
                        $what, limits::NAME_BYTES
                    )))
                }
            }

            /// The name of a label in NFC: the same one wherever it is made, and no other label's (see `naming`).
            /// `US Gross` becomes `us_gross`, `C++` becomes `c__` and a mark.
            pub fn from_label(label: &str) -> Self { Self(naming::of_label(label).into()) }

            /// A name that reads like the label and is told from all others by a mark made of `salt`: for a second
            /// thing beside one whose name is [`Self::from_label`].
            pub fn marked(label: &str, salt: &[u8]) -> Self { Self(naming::marked(label, salt).into()) }

            /// The name of what a program calls it, whatever characters that has: the same one wherever it is made, and no other
            /// key's. `first_name` stays as it is, `firstName` becomes `k___first_name`. `None` where a name cannot be as long.
            pub fn from_key(key: &str) -> Option<Self> { naming::of_key(key).map(|name| Self(name.into())) }

            /// What a program calls it: the key whose name this is; the name itself where it was made in another way.
            pub fn to_key(&self) -> String { naming::key_of(&self.0) }

            /// The name as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(name: String) -> Result<Self, InvalidName> { Self::new(name) }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String { name.as_str().to_owned() }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        /// By hand: records have a few names, each of them thousands of times.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                thread_local! {
                    static LATELY: Lately = Lately::default();
                }
                let read = |text: &str| $name::new(text).map(|name| name.0);
                LATELY.with(|lately| deserializer.deserialize_str(NameVisitor { lately, read }).map(Self))
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str { &self.0 }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str { &self.0 }
        }
    };
}

/// Names that were read lately, each in a place that follows from its letters: one that comes again is the same text in memory.
struct Lately([Cell<Option<Arc<str>>>; 256]);

impl Default for Lately {
    fn default() -> Self {
        Self([const { Cell::new(None) }; 256])
    }
}

impl Lately {
    fn place(&self, text: &str) -> &Cell<Option<Arc<str>>> {
        let hash =
            text.bytes().fold(text.len(), |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        &self.0[hash % self.0.len()]
    }
}

/// Reads a name.
struct NameVisitor<'l, F> {
    lately: &'l Lately,
    read: F,
}

impl<F: Fn(&str) -> Result<Arc<str>, InvalidName>> serde::de::Visitor<'_> for NameVisitor<'_, F> {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        let place = self.lately.place(text);
        let known = match place.take().filter(|known| **known == *text) {
            Some(known) => known,
            None => (self.read)(text).map_err(E::custom)?,
        };
        place.set(Some(known.clone()));
        Ok(known)
    }
}

slug! {
    /// Names a collection for good (its label may change). Names that start with `_` are Mooring's own.
    CollectionId, "collection", true
}
slug! {
    /// Names a field of a collection for good (its label may change).
    FieldName, "field", false
}

impl CollectionId {
    /// Whether this is one of Mooring's own collections (schema, people, devices).
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('_')
    }
}

/// What a record is called within its collection: a whole number or a text, chosen by the person, or a UUIDv7 as text.
///
/// Numbers sort before texts, numbers by size. JSON: `1` or `"INV-7"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum RecordKey {
    /// A whole number.
    Int(i64),
    /// A text of 1 to [`limits::KEY_BYTES`] bytes without control characters.
    Text(String),
}

/// By hand: stores read every record's key, and what serde derives for it copies each one first.
impl<'de> Deserialize<'de> for RecordKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl serde::de::Visitor<'_> for KeyVisitor {
    type Value = RecordKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record's key: a whole number or a text")
    }

    fn visit_i64<E>(self, n: i64) -> Result<RecordKey, E> {
        Ok(RecordKey::Int(n))
    }

    fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<RecordKey, E> {
        i64::try_from(n)
            .map(RecordKey::Int)
            .map_err(|_| E::custom("a record's key has at most 64 bits with its sign"))
    }

    fn visit_str<E>(self, text: &str) -> Result<RecordKey, E> {
        Ok(RecordKey::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<RecordKey, E> {
        Ok(RecordKey::Text(text))
    }
}

impl RecordKey {
    /// Why the key cannot be used, if so.
    pub fn check(&self) -> Result<(), InvalidName> {
        match self {
            Self::Int(_) => Ok(()),
            Self::Text(t) if t.is_empty() => Err(InvalidName("a record's key must not be empty".into())),
            Self::Text(t) if t.len() > limits::KEY_BYTES => {
                Err(InvalidName(format!("a record's key has at most {} bytes", limits::KEY_BYTES)))
            }
            Self::Text(t) if t.chars().any(char::is_control) => {
                Err(InvalidName("a record's key must not contain control characters".into()))
            }
            Self::Text(_) => Ok(()),
        }
    }

    /// Bytes that the key takes as JSON, at most.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Int(_) => 20,
            Self::Text(text) => text_size(text),
        }
    }

    /// The canonical text, `1` or `"INV-7"`: what stores sort and look up by.
    pub fn to_text(&self) -> String {
        match self {
            Self::Int(n) => n.to_string(),
            Self::Text(t) => serde_json::to_string(t).expect("a text is JSON, and memory takes all of it"),
        }
    }

    /// Reads back what [`RecordKey::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        crate::json::read(text).ok()
    }

    /// Whether it is a UUID: minted, and chosen by nobody. Its digits are no numbers that people count by.
    pub fn is_minted(&self) -> bool {
        let Self::Text(text) = self else { return false };
        text.len() == 36
            && text.bytes().enumerate().all(|(at, c)| match at {
                8 | 13 | 18 | 23 => c == b'-',
                _ => c.is_ascii_hexdigit(),
            })
    }

    /// What a person typed: a whole number in its plain form is a number, all else is text.
    pub fn from_input(input: &str) -> Self {
        match input.parse::<i64>() {
            Ok(n) if n.to_string() == input => Self::Int(n),
            _ => Self::Text(input.to_owned()),
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Text(t) => f.write_str(t),
        }
    }
}

/// Names a record within a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordId {
    /// The collection that the record is in.
    pub collection: CollectionId,
    /// The record's key there.
    pub key: RecordKey,
}

impl RecordId {
    /// Puts a collection and a key together.
    pub fn new(collection: CollectionId, key: RecordKey) -> Self {
        Self { collection, key }
    }

    /// The canonical text `collection/key`, where `key` is [`RecordKey::to_text`].
    pub fn to_text(&self) -> String {
        let key = self.key.to_text();
        [self.collection.as_str(), &key].join("/")
    }

    /// Reads back what [`RecordId::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let (collection, key) = text.split_once('/')?;
        Some(Self { collection: CollectionId::new(collection).ok()?, key: RecordKey::from_text(key)? })
    }

    /// The partition of this record in a workspace of `count` partitions.
    ///
    /// Mooring's own collections live in partition 0, so that the schema has one order. All others: XXH3-64
    /// of [`RecordId::to_text`], modulo `count`. Fixed for good: stored data depends on it.
    pub fn partition(&self, count: u16) -> Partition {
        if self.collection.is_reserved() {
            return Partition(0);
        }
        let hash = xxhash_rust::xxh3::xxh3_64(self.to_text().as_bytes());
        Partition((hash % u64::from(count.max(1))) as u16)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Names a change for good: minted and stored by its replica before it is sent. Text form `replica.counter`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChangeId {
    /// Who minted it.
    pub replica: ReplicaId,
    /// Its place among that replica's changes.
    pub counter: Counter,
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.counter)
    }
}

impl fmt::Debug for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeId({self})")
    }
}

impl From<ChangeId> for String {
    fn from(id: ChangeId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for ChangeId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let parse = || {
            let (replica, counter) = text.split_once('.')?;
            Some(Self { replica: replica.parse().ok()?, counter: Counter(counter.parse().ok()?) })
        };
        parse().ok_or_else(|| InvalidName("a change id is a replica's UUID, a dot and a number".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_and_sort_as_people_expect() {
        let keys = [RecordKey::Int(-1), RecordKey::Int(2), RecordKey::Int(10), RecordKey::Text("10".into())];
        assert!(keys.is_sorted());
        for key in keys {
            assert_eq!(RecordKey::from_text(&key.to_text()), Some(key.clone()));
        }
        assert_eq!(RecordKey::from_input("007"), RecordKey::Text("007".into()));
        assert_eq!(RecordKey::from_input("7"), RecordKey::Int(7));
        assert!(RecordKey::Text("a\nb".into()).check().is_err());
        let id = RecordId::new(CollectionId::new("a").unwrap(), RecordKey::Text("x/\"y".into()));
        assert_eq!(RecordId::from_text(&id.to_text()), Some(id));
    }

    #[test]
    fn partitions_are_fixed_for_good() {
        let id = |c: &str, k| RecordId::new(CollectionId::new(c).unwrap(), RecordKey::Int(k));
        let got: Vec<u16> = (1..=6).map(|k| id("airports", k).partition(16).0).collect();
        assert_eq!(got, [4, 12, 8, 1, 0, 2], "stored data depends on this hash");
        assert_eq!(id("_fields", 3).partition(16), Partition(0));
    }
}
