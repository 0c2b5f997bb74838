//! How two rows compare, for the screen only: it decides nothing.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value as Json;
use sync_protocol::value::decimal::Decimal;
use sync_protocol::{FieldType, RecordKey, Value};

use super::wanted::Wanted;
use crate::steps::step;
use crate::text::{Collation, Keyed};

/// How two texts compare.
pub(super) type Texts<'a> = &'a dyn Fn(&str, &str) -> Ordering;

/// What the bytes of a text begin with.
pub(super) const TEXT: u8 = 3;
/// What the bytes of a key begin with that is neither below zero nor minted.
pub(super) const KEY: u8 = 9;

/// What rows are compared by: the first one first.
pub(super) struct Comparison<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) collation: &'a Collation,
    /// All keys are plain.
    pub(super) plain: bool,
}

/// A row where it is compared.
pub(super) struct Placed<'r> {
    /// What it is sorted by.
    pub(super) values: Vec<Option<SortValue>>,
    pub(super) key: &'r RecordKey,
}

impl Comparison<'_> {
    pub(super) fn rows(&self, a: &Placed<'_>, b: &Placed<'_>) -> Ordering {
        step();
        let texts = |a: &str, b: &str| self.collation.compare(a, b);
        for (by, (one, other)) in self.wanted.sort.iter().zip(a.values.iter().zip(&b.values)) {
            let order = match (one, other) {
                // the last thing that any two differ by
                _ if by.field.is_none() => compare_keys(self.plain, &texts, a.key, b.key),
                // those without a value come last, whichever way it goes
                (None, None) => continue,
                (Some(_), None) => return Ordering::Less,
                (None, Some(_)) => return Ordering::Greater,
                (Some(one), Some(other)) => one.compare(other, &texts),
            };
            if order.is_ne() {
                return if by.descending { order.reverse() } else { order };
            }
        }
        let order = compare_keys(self.plain, &texts, a.key, b.key);
        if self.wanted.keys_descend() { order.reverse() } else { order }
    }
}

/// Keys as people count: numbers by size, also within texts. Where all of them are plain, nothing is looked up.
pub(super) fn compare_keys(plain: bool, texts: Texts<'_>, a: &RecordKey, b: &RecordKey) -> Ordering {
    let kind = kind_of(a);
    let order = kind.cmp(&kind_of(b)).then_with(|| match (a, b) {
        (RecordKey::Int(a), RecordKey::Int(b)) => a.cmp(b),
        _ if kind != KEY => Ordering::Equal,
        _ if plain => {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            natural(&text_of(a), &mut one);
            natural(&text_of(b), &mut other);
            one.cmp(&other)
        }
        _ => texts(&text_of(a), &text_of(b)),
    });
    order.then_with(|| a.cmp(b))
}

/// Numbers below zero are before all other keys; minted ones are behind those that people chose, in the order in which they
/// were minted.
fn kind_of(key: &RecordKey) -> u8 {
    match key {
        RecordKey::Int(n) if *n < 0 => KEY - 1,
        key if key.is_minted() => KEY + 1,
        _ => KEY,
    }
}

fn text_of(key: &RecordKey) -> Cow<'_, str> {
    match key {
        RecordKey::Int(_) => Cow::Owned(key.to_string()),
        RecordKey::Text(text) => Cow::Borrowed(text),
    }
}

/// Adds a key as bytes that have its order. Those of two may be the same.
pub(super) fn key_bytes(
    key: &RecordKey,
    plain: bool,
    collation: &Collation,
    most: usize,
    bytes: &mut Vec<u8>,
) -> Keyed {
    let kind = kind_of(key);
    bytes.push(kind);
    match key {
        RecordKey::Int(n) if kind != KEY => bytes.extend((n ^ i64::MIN).to_be_bytes()),
        key if kind != KEY => bytes.extend(text_of(key).bytes()),
        key if plain => natural(&text_of(key), bytes),
        key => match collation.key(&text_of(key), most, bytes) {
            Keyed::Wholly => {}
            keyed => return keyed,
        },
    }
    Keyed::Openly
}

/// Adds a value as bytes that have its order among values of its field.
pub(super) fn value_bytes(
    field_type: FieldType,
    value: &Value,
    collation: &Collation,
    most: usize,
    bytes: &mut Vec<u8>,
) -> Keyed {
    let kind = bytes.len();
    bytes.push(1);
    match (field_type, &value.0) {
        (FieldType::Integer | FieldType::Counter, Json::Number(n)) if n.is_i64() => {
            bytes.extend((n.as_i64().unwrap_or_default() ^ i64::MIN).to_be_bytes());
        }
        (FieldType::Date | FieldType::DateTime | FieldType::Time, Json::String(at)) => {
            bytes[kind] = 2;
            bytes.extend(at.trim_end_matches('Z').bytes());
        }
        (FieldType::Text | FieldType::LongText | FieldType::Choice | FieldType::Uuid, Json::String(text)) => {
            bytes[kind] = TEXT;
            return collation.key(text, most, bytes);
        }
        _ => match SortValue::of(field_type, value) {
            SortValue::Decimal(decimal) => decimal.order_bytes(bytes),
            SortValue::Number(number) => bytes.extend(number_bytes(number)),
            SortValue::Flag(flag) => {
                bytes[kind] = 0;
                bytes.push(u8::from(flag));
            }
            SortValue::Text(text) => {
                bytes[kind] = TEXT;
                return collation.key(&text, most, bytes);
            }
            // they are above
            SortValue::Whole(_) | SortValue::Time(_) => {}
        },
    }
    Keyed::Wholly
}

/// Both zeros are one; what is no number comes last.
fn number_bytes(number: f64) -> [u8; 8] {
    let bits = match number {
        0.0 => 0,
        number if number.is_nan() => return [u8::MAX; 8],
        number => number.to_bits(),
    };
    let order = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    order.to_be_bytes()
}

/// Whether a key is compared without the collation.
pub(super) fn is_plain(key: &RecordKey) -> bool {
    match key {
        RecordKey::Int(_) => true,
        RecordKey::Text(text) => text.is_ascii(),
    }
}

/// Adds a text of ASCII as bytes that have its order: runs of digits by their value, letters without case.
fn natural(text: &str, bytes: &mut Vec<u8>) {
    let text = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            bytes.push(byte.to_ascii_lowercase());
            at += 1;
            continue;
        }
        let value = &text[at..at + digits];
        let value = &value[value.iter().take_while(|digit| **digit == b'0').count()..];
        bytes.push(b'0');
        bytes.extend((value.len() as u32).to_be_bytes());
        bytes.extend(value);
        at += digits;
    }
}

/// A value as it is sorted.
#[derive(Clone, Debug)]
pub(super) enum SortValue {
    Whole(i64),
    Decimal(Decimal),
    Number(f64),
    /// A moment as it is stored, without the letter behind it that would come after a fraction.
    Time(String),
    Text(String),
    Flag(bool),
}

impl SortValue {
    pub(super) fn of(field_type: FieldType, value: &Value) -> Self {
        match (field_type, &value.0) {
            (FieldType::Integer | FieldType::Counter, v) if v.is_i64() => {
                Self::Whole(v.as_i64().unwrap_or_default())
            }
            (FieldType::Decimal, v) => {
                v.as_str().and_then(Decimal::read).map_or_else(|| Self::Text(v.to_string()), Self::Decimal)
            }
            (FieldType::Number, v) => {
                value.as_number().map_or_else(|| Self::Text(v.to_string()), Self::Number)
            }
            (FieldType::Date | FieldType::DateTime | FieldType::Time, serde_json::Value::String(at)) => {
                Self::Time(at.trim_end_matches('Z').to_owned())
            }
            (_, serde_json::Value::Bool(b)) => Self::Flag(*b),
            (t, _) => Self::Text(t.show(value)),
        }
    }

    pub(super) fn compare(&self, other: &Self, texts: Texts<'_>) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.compare(b),
            // both zeros are one; what is no number comes last
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(a.is_nan().cmp(&b.is_nan())),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => texts(a, b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// Values of another kind are on neither side of one.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Whole(_) | Self::Decimal(_) | Self::Number(_) => 1,
            Self::Time(_) => 2,
            Self::Text(_) => 3,
        }
    }

    /// Whether it is a number or a time.
    pub(super) fn is_ordered(&self) -> bool {
        (1..=2).contains(&self.rank())
    }

    pub(super) fn is_nan(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_nan())
    }
}
