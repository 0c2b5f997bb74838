//! How two rows compare, for the screen only: it decides nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sync_protocol::value::decimal::Decimal;
use sync_protocol::{FieldType, Fields, RecordKey, Value};

use super::wanted::Wanted;
use crate::steps::step;
use crate::text::Collation;

/// How two texts compare.
pub(super) type Texts<'a> = &'a dyn Fn(&str, &str) -> Ordering;

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
    /// The place of the key's text among all that are compared, where it is known.
    pub(super) key_place: Option<usize>,
}

impl Comparison<'_> {
    pub(super) fn rows(&self, a: &Placed<'_>, b: &Placed<'_>) -> Ordering {
        step();
        let texts = |a: &str, b: &str| self.collation.compare(a, b);
        for (by, (one, other)) in self.wanted.sort.iter().zip(a.values.iter().zip(&b.values)) {
            let order = match (one, other) {
                // the last thing that any two differ by
                _ if by.field.is_none() => self.keys(a, b),
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
        let order = self.keys(a, b);
        if self.wanted.keys_descend() { order.reverse() } else { order }
    }

    /// Keys as people count: numbers by size, also within texts. Where all of them are plain, nothing is looked up.
    fn keys(&self, a: &Placed<'_>, b: &Placed<'_>) -> Ordering {
        let (a_minted, b_minted) = (a.key.is_minted(), b.key.is_minted());
        let order = match (a.key, b.key) {
            // behind the keys that people chose, in the order in which they were minted
            _ if a_minted || b_minted => a_minted.cmp(&b_minted),
            (RecordKey::Int(a), RecordKey::Int(b)) => a.cmp(b),
            (RecordKey::Text(a), RecordKey::Text(b)) if self.plain => natural(a, b),
            (one, other) if self.plain => natural(&one.to_string(), &other.to_string()),
            (one, other) => match (a.key_place, b.key_place) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => self.collation.compare(&one.to_string(), &other.to_string()),
            },
        };
        order.then_with(|| a.key.cmp(b.key))
    }
}

/// Whether a key is compared without the collation.
pub(super) fn is_plain(key: &RecordKey) -> bool {
    match key {
        RecordKey::Int(_) => true,
        RecordKey::Text(text) => text.is_ascii(),
    }
}

/// All rows in order.
pub(super) fn sorted<'a>(
    wanted: &Wanted,
    collation: &Collation,
    rows: impl Iterator<Item = (&'a RecordKey, &'a Fields)>,
) -> Vec<&'a RecordKey> {
    let placed = rows.map(|(key, fields)| Placed { values: wanted.values(fields), key, key_place: None });
    let mut rows: Vec<Placed<'_>> = placed.collect();
    let plain = rows.iter().all(|row| is_plain(row.key));
    let keys: Vec<String> =
        if plain { Vec::new() } else { rows.iter().map(|row| row.key.to_string()).collect() };
    let values = rows.iter().flat_map(|row| &row.values).flatten();
    let texts = values.filter_map(SortValue::as_text).chain(keys.iter().map(String::as_str));
    // each text is compared with others once, for all the pairs that it is in
    let places: BTreeMap<String, usize> = collation.places(texts);
    for row in &mut rows {
        for value in row.values.iter_mut().flatten() {
            if let Some(place) = value.as_text().and_then(|text| places.get(text)) {
                *value = SortValue::Place(*place);
            }
        }
    }
    for (row, key) in rows.iter_mut().zip(&keys) {
        row.key_place = places.get(key).copied();
    }
    let by = Comparison { wanted, collation, plain };
    rows.sort_by(|a, b| by.rows(a, b));
    rows.into_iter().map(|row| row.key).collect()
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
#[derive(Debug)]
pub(super) enum SortValue {
    Whole(i64),
    Decimal(Decimal),
    Number(f64),
    /// A moment as it is stored, without the letter behind it that would come after a fraction.
    Time(String),
    Text(String),
    /// A text's place among all that are compared.
    Place(usize),
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
            (Self::Place(a), Self::Place(b)) => a.cmp(b),
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
            Self::Text(_) | Self::Place(_) => 3,
        }
    }

    /// Whether it is a number or a time.
    pub(super) fn is_ordered(&self) -> bool {
        (1..=2).contains(&self.rank())
    }

    pub(super) fn is_nan(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_nan())
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
