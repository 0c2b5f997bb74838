//! How two rows compare, for the screen only: it decides nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sync_protocol::schema::Collection;
use sync_protocol::value::decimal::Decimal;
use sync_protocol::{FieldType, Fields, RecordKey, Value};

use super::order::Wanted;
use crate::steps::step;
use crate::text::Collation;

/// What texts are compared by.
pub(super) enum Texts<'a> {
    /// Their places among all that are compared, for many at once.
    Places(BTreeMap<String, usize>),
    /// Each two by themselves.
    Collation(&'a Collation),
}

impl Texts<'_> {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Places(places) => places.get(a).cmp(&places.get(b)),
            Self::Collation(collation) => collation.compare(a, b),
        }
    }
}

/// What rows are compared by, smallest first.
pub(super) struct Comparison<'a> {
    pub(super) texts: Texts<'a>,
    /// All keys are plain.
    pub(super) plain: bool,
    /// Rows without a value come last either way: here first where all is read from its end.
    pub(super) descending: bool,
}

impl Comparison<'_> {
    pub(super) fn rows(
        &self,
        (a, key): (Option<&SortValue>, &RecordKey),
        (b, other): (Option<&SortValue>, &RecordKey),
    ) -> Ordering {
        step();
        let last = if self.descending { Ordering::Less } else { Ordering::Greater };
        match (a, b) {
            (Some(a), Some(b)) => a.compare(b, &self.texts).then_with(|| self.keys(key, other)),
            (None, Some(_)) => last,
            (Some(_), None) => last.reverse(),
            (None, None) => self.keys(key, other),
        }
    }

    /// Keys as people count: numbers by size, also within texts. Where all of them are plain, nothing is looked up.
    fn keys(&self, a: &RecordKey, b: &RecordKey) -> Ordering {
        let (a_minted, b_minted) = (a.is_minted(), b.is_minted());
        let order = match (a, b) {
            // behind the keys that people chose, in the order in which they were minted
            _ if a_minted || b_minted => a_minted.cmp(&b_minted),
            (RecordKey::Int(a), RecordKey::Int(b)) => a.cmp(b),
            (RecordKey::Text(a), RecordKey::Text(b)) if self.plain => natural(a, b),
            _ if self.plain => natural(&a.to_string(), &b.to_string()),
            _ => self.texts.compare(&a.to_string(), &b.to_string()),
        };
        order.then_with(|| a.cmp(b))
    }
}

/// Whether a key is compared without the collation.
pub(super) fn is_plain(key: &RecordKey) -> bool {
    match key {
        RecordKey::Int(_) => true,
        RecordKey::Text(text) => text.is_ascii(),
    }
}

/// All rows in order, smallest first.
pub(super) fn sorted<'a>(
    definition: &Collection,
    collation: &Collation,
    wanted: &Wanted,
    rows: impl Iterator<Item = (&'a RecordKey, &'a Fields)>,
) -> Vec<(&'a RecordKey, &'a Fields)> {
    let mut keyed: Vec<_> =
        rows.map(|(key, fields)| (wanted.value(definition, fields), (key, fields))).collect();
    let plain = keyed.iter().all(|(_, (key, _))| is_plain(key));
    let mut texts: Vec<String> = Vec::new();
    for (value, (key, _)) in &keyed {
        if let Some(SortValue::Text(text)) = value {
            texts.push(text.clone());
        }
        if !plain {
            texts.push(key.to_string());
        }
    }
    let texts = Texts::Places(collation.places(texts.iter().map(String::as_str)));
    let by = Comparison { texts, plain, descending: wanted.descending };
    keyed.sort_by(|(a, (key, _)), (b, (other, _))| by.rows((a.as_ref(), key), (b.as_ref(), other)));
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// The order of two texts of ASCII: runs of digits by their value, letters without case.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let run = |text: &[u8]| text.iter().take_while(|c| c.is_ascii_digit()).count();
                let ((x, rest_a), (y, rest_b)) = (a.split_at(run(a)), b.split_at(run(b)));
                let bare = |digits: &[u8]| digits.iter().take_while(|c| **c == b'0').count();
                let (x, y) = (&x[bare(x)..], &y[bare(y)..]);
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (a, b) = (rest_a, rest_b),
                    other => return other,
                }
            }
            (Some(x), Some(y)) => match x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase()) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                other => return other,
            },
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

/// A value as it is sorted.
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

    fn compare(&self, other: &Self, texts: &Texts<'_>) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.compare(b),
            // both zeros are one; what is no number comes last
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(a.is_nan().cmp(&b.is_nan())),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => texts.compare(a, b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Whole(_) | Self::Decimal(_) | Self::Number(_) => 1,
            Self::Time(_) => 2,
            Self::Text(_) => 3,
        }
    }
}
