//! Key columns and record keys.
//!
//! A record's key is what a person types to name the row: the text of its key column, or the texts of its key columns with `|`
//! between them, and as everywhere a whole number in its plain form is a number. A `|` within a text is written `~1`, a `~`
//! is written `~0`, where there are several. Fixed for good: records and their history are found by it.

use scylla::value::{CqlDecimal, CqlValue as C};
use serde_json::Value as J;
use sync_protocol::{InvalidName, RecordKey, Value};

use super::nested::{name, named};
use super::texts;
use super::types::{Kind, Plain};
use super::value::{Unfit, to_cql, to_value};

const BETWEEN: char = '|';

/// One column of a table's primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it orders rows within a partition, instead of being a part of the partition's key.
    pub clustering: bool,
}

/// The primary key of a table: the columns of the partition key, then those within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(pub Vec<KeyColumn>);

/// Why a row and a record key do not name each other. `Display` is for people and shows no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// No record has such a key.
    #[error("{0}")]
    Name(#[from] InvalidName),
    /// A part of it.
    #[error("column {column} of the key: {why}")]
    Part {
        /// The column.
        column: String,
        /// What is wrong with it.
        why: Unfit,
    },
    /// A way of writing a number by which the row could not be found again.
    #[error(
        "column {column} of the key holds a number in a form that is not its shortest; write the row again"
    )]
    Inexact {
        /// The column.
        column: String,
    },
    /// Not made as keys of this table are.
    #[error("not a key of this table, whose keys are {0}")]
    Shape(String),
}

impl Key {
    /// Why rows of such a key could not be told from each other by texts, if so; with the column.
    pub fn unusable(&self) -> Option<(&str, &'static str)> {
        let bad = self.0.iter().find_map(|column| match &column.kind {
            Kind::Plain(Plain::Duration | Plain::Counter) => Some((column, "no key is made of such values")),
            Kind::Plain(_) => None,
            // two numbers of one size are one row, and which of the two texts it has is chance
            kind if column.clustering && kind.contains(Plain::Decimal) => {
                Some((column, "decimal numbers within a collection have several texts for one row"))
            }
            // the database sorts what is in them by rules of its own, and finds the partition by that
            kind if !column.clustering && kind.any(&|kind| matches!(kind, Kind::Set(_) | Kind::Map(..))) => {
                Some((column, "the partition of a set or a map cannot be found from outside"))
            }
            _ => None,
        });
        bad.map(|(column, why)| (column.name.as_str(), why))
    }

    /// The record key of a row.
    ///
    /// # Errors
    ///
    /// A row that no record key names.
    pub fn of_row(&self, values: &[C]) -> Result<RecordKey, BadKey> {
        let parts = self.0.iter().zip(values).map(|(column, value)| column.text(value));
        let parts: Vec<String> = parts.collect::<Result<_, _>>()?;
        let key = match &parts[..] {
            [one] => RecordKey::from_input(one),
            several => RecordKey::Text(joined(several)),
        };
        key.check()?;
        Ok(key)
    }

    /// The values of a row's key columns.
    ///
    /// # Errors
    ///
    /// A record key that names no row.
    pub fn to_row(&self, key: &RecordKey) -> Result<Vec<C>, BadKey> {
        let text = key.to_string();
        let parts: Vec<String> = match self.0.len() {
            1 => vec![text],
            _ => text.split(BETWEEN).map(unescaped).collect(),
        };
        if parts.len() != self.0.len() {
            return Err(BadKey::Shape(self.shape()));
        }
        let values = self.0.iter().zip(&parts).map(|(column, part)| column.value(part));
        let values: Vec<C> = values.collect::<Result<_, _>>()?;
        // of several ways of writing it one is the row's
        if self.of_row(&values)? != *key {
            return Err(BadKey::Shape(self.shape()));
        }
        Ok(values)
    }

    /// As far as a row's key can be shown to a person.
    pub fn shown(&self, values: &[Option<C>]) -> String {
        const MOST: usize = 200;
        let part = |(column, value): (&KeyColumn, &Option<C>)| {
            let value = value.as_ref().and_then(|value| to_value(value, &column.kind).ok());
            value.map_or_else(|| "?".to_owned(), |value| name(&value.0))
        };
        let parts: Vec<String> = self.0.iter().zip(values).map(part).collect();
        let plain = |c: char| if c.is_control() { '␣' } else { c };
        joined(&parts).chars().map(plain).take(MOST).collect()
    }

    fn shape(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|column| column.name.as_str()).collect();
        names.join("|")
    }
}

impl KeyColumn {
    fn text(&self, value: &C) -> Result<String, BadKey> {
        let form = to_value(value, &self.kind).map_err(|why| self.bad(why))?;
        let mut text = name(&form.0);
        if self.clustering && self.kind == Kind::Plain(Plain::Decimal) {
            // 1.0 and 1.00 are one row there, and which of them is stored is chance
            text = texts::by_size(&text).ok_or_else(|| self.bad(Unfit::Retyped))?;
        } else if !same_bytes(value, &self.value(&text)?) {
            return Err(BadKey::Inexact { column: self.name.clone() });
        }
        Ok(text)
    }

    fn value(&self, text: &str) -> Result<C, BadKey> {
        let form = match &self.kind {
            Kind::Plain(plain) => named(text, *plain),
            _ => serde_json::from_str::<J>(text).ok(),
        };
        let form = form.ok_or_else(|| self.bad(Unfit::Kind("another type")))?;
        to_cql(&Value(form), &self.kind).map_err(|why| self.bad(why))
    }

    fn bad(&self, why: Unfit) -> BadKey {
        BadKey::Part { column: self.name.clone(), why }
    }
}

/// Whether the database takes both for one partition: not by what they say, by their bytes.
pub(super) fn same_bytes(one: &C, other: &C) -> bool {
    let parts = |decimal: &CqlDecimal| {
        let (unscaled, scale) = decimal.as_signed_be_bytes_slice_and_exponent();
        (unscaled.to_vec(), scale)
    };
    match (one, other) {
        (C::Double(one), C::Double(other)) => one.to_bits() == other.to_bits(),
        (C::Float(one), C::Float(other)) => one.to_bits() == other.to_bits(),
        (C::Varint(one), C::Varint(other)) => {
            one.as_signed_bytes_be_slice() == other.as_signed_bytes_be_slice()
        }
        (C::Decimal(one), C::Decimal(other)) => parts(one) == parts(other),
        // sets and maps come back in another order than the database's own, and it sorts them
        (C::Set(one), C::Set(other)) => one.len() == other.len() && one.iter().all(|part| in_it(other, part)),
        (C::Map(one), C::Map(other)) => {
            let has =
                |(key, value): &(C, C)| other.iter().any(|(k, v)| same_bytes(key, k) && same_bytes(value, v));
            one.len() == other.len() && one.iter().all(has)
        }
        (C::List(one), C::List(other)) | (C::Vector(one), C::Vector(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_bytes(one, other))
        }
        (C::Tuple(one), C::Tuple(other)) => {
            let same = |(one, other): (&Option<C>, &Option<C>)| same_optional(one.as_ref(), other.as_ref());
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (C::UserDefinedType { fields: one, .. }, C::UserDefinedType { fields: other, .. }) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((name, one), (other_name, other))| {
                    name == other_name && same_optional(one.as_ref(), other.as_ref())
                })
        }
        (one, other) => one == other,
    }
}

fn in_it(parts: &[C], one: &C) -> bool {
    parts.iter().any(|part| same_bytes(part, one))
}

fn same_optional(one: Option<&C>, other: Option<&C>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same_bytes(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn joined(parts: &[String]) -> String {
    if let [one] = parts {
        return one.clone();
    }
    let escaped = |part: &String| part.replace('~', "~0").replace(BETWEEN, "~1");
    parts.iter().map(escaped).collect::<Vec<_>>().join("|")
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "|").replace("~0", "~")
}
