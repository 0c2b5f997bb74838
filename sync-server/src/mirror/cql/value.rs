//! Values out of a table and back into it: exactly, or not at all.
//!
//! Each CQL value has one form in a record, and the form says all of it. A value of a record that the table would give back
//! in another form is not written: what came back would be taken for another program's edit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scylla::value::{
    Counter, CqlDate, CqlDecimal, CqlTime, CqlTimestamp, CqlTimeuuid, CqlValue as C, CqlVarint,
};
use serde_json::Value as J;
use sync_protocol::{Timestamp, Value};
use uuid::Uuid;

use super::nested;
use super::texts;
use super::types::{Kind, Plain};

/// Why a value cannot go from a table into a record, or the other way. `Display` is for people and shows no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The column has another type than it had when the table was last looked at.
    #[error("the column has another type now")]
    Retyped,
    /// No bytes, where the type has no such value: an old way of writing.
    #[error(
        "the cell holds an empty value, which is neither null nor a value of its type; write it again or delete it"
    )]
    Empty,
    /// A value that no record holds.
    #[error("{0}")]
    Beyond(&'static str),
    /// A value that the column does not take.
    #[error("the column holds {0}")]
    Kind(&'static str),
    /// A value that the table would give back in another form.
    #[error("the table would give it back in another form: {0}")]
    Form(&'static str),
}

/// A value of a table as a record holds it.
///
/// # Errors
///
/// What a record does not hold.
pub fn to_value(cql: &C, kind: &Kind) -> Result<Value, Unfit> {
    out(cql, kind).map(Value)
}

/// A value of a record as the table holds it, where the table gives back the very same.
///
/// # Errors
///
/// What the column does not take, or does not take in this form.
pub fn to_cql(value: &Value, kind: &Kind) -> Result<C, Unfit> {
    let cql = back(&value.0, kind)?;
    if to_value(&cql, kind)?.same(value) { Ok(cql) } else { Err(Unfit::Form(form(kind))) }
}

pub(super) fn out(cql: &C, kind: &Kind) -> Result<J, Unfit> {
    if matches!(cql, C::Empty) {
        return Err(Unfit::Empty);
    }
    let Kind::Plain(plain) = kind else { return nested::out(cql, kind) };
    Ok(match (plain, cql) {
        (Plain::Ascii, C::Ascii(text)) | (Plain::Text, C::Text(text)) => J::from(text.as_str()),
        (Plain::Tinyint, C::TinyInt(n)) => J::from(*n),
        (Plain::Smallint, C::SmallInt(n)) => J::from(*n),
        (Plain::Int, C::Int(n)) => J::from(*n),
        (Plain::Bigint, C::BigInt(n)) | (Plain::Counter, C::Counter(Counter(n))) => J::from(*n),
        (Plain::Varint, C::Varint(n)) => texts::decimal(n.as_signed_bytes_be_slice(), 0)?.into(),
        (Plain::Decimal, C::Decimal(n)) => {
            let (unscaled, scale) = n.as_signed_be_bytes_slice_and_exponent();
            texts::decimal(unscaled, scale)?.into()
        }
        (Plain::Float, C::Float(n)) => Value::from_number(widened(*n)).0,
        (Plain::Double, C::Double(n)) => Value::from_number(*n).0,
        (Plain::Boolean, C::Boolean(b)) => J::from(*b),
        (Plain::Date, C::Date(day)) => {
            let millis = (i64::from(day.0) - EPOCH_DAY) * DAY;
            let mut text = Timestamp(millis).to_text().ok_or(YEARS)?;
            text.truncate(DATE);
            text.into()
        }
        (Plain::Timestamp, C::Timestamp(at)) => Timestamp(at.0).to_text().ok_or(YEARS)?.into(),
        (Plain::Time, C::Time(nanos)) => texts::time(nanos.0)?.into(),
        (Plain::Duration, C::Duration(duration)) => texts::duration(*duration)?.into(),
        (Plain::Uuid, C::Uuid(uuid)) => uuid.to_string().into(),
        (Plain::Timeuuid, C::Timeuuid(uuid)) => uuid.to_string().into(),
        (Plain::Blob, C::Blob(bytes)) => STANDARD.encode(bytes).into(),
        (Plain::Inet, C::Inet(address)) => address.to_string().into(),
        _ => return Err(Unfit::Retyped),
    })
}

/// Also takes what [`to_cql`] then finds to be of another form.
pub(super) fn back(value: &J, kind: &Kind) -> Result<C, Unfit> {
    let Kind::Plain(plain) = kind else { return nested::back(value, kind) };
    let text = value.as_str();
    plain_back(value, text, *plain).ok_or(Unfit::Kind(form(kind)))
}

fn plain_back(value: &J, text: Option<&str>, plain: Plain) -> Option<C> {
    let whole = value.as_i64();
    Some(match plain {
        Plain::Ascii => C::Ascii(text.filter(|text| text.is_ascii())?.to_owned()),
        Plain::Text => C::Text(text?.to_owned()),
        Plain::Tinyint => C::TinyInt(i8::try_from(whole?).ok()?),
        Plain::Smallint => C::SmallInt(i16::try_from(whole?).ok()?),
        Plain::Int => C::Int(i32::try_from(whole?).ok()?),
        Plain::Bigint => C::BigInt(whole?),
        Plain::Counter => return None,
        Plain::Varint => match texts::parse_decimal(text?)? {
            (bytes, 0) => C::Varint(CqlVarint::from_signed_bytes_be(bytes)),
            _ => return None,
        },
        Plain::Decimal => {
            let (unscaled, scale) = texts::parse_decimal(text?)?;
            C::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(unscaled, scale))
        }
        // what has more digits than the column keeps comes back as another number, and is refused by that
        Plain::Float => C::Float(Value(value.clone()).as_number()? as f32),
        Plain::Double => C::Double(Value(value.clone()).as_number()?),
        Plain::Boolean => C::Boolean(value.as_bool()?),
        Plain::Date => {
            let midnight = Timestamp::from_text(&format!("{}T00:00:00Z", text?))?;
            C::Date(CqlDate(u32::try_from(midnight.0.div_euclid(DAY) + EPOCH_DAY).ok()?))
        }
        Plain::Timestamp => C::Timestamp(CqlTimestamp(Timestamp::from_text(text?)?.0)),
        Plain::Time => C::Time(CqlTime(texts::parse_time(text?)?)),
        Plain::Duration => C::Duration(texts::parse_duration(text?)?),
        Plain::Uuid => C::Uuid(Uuid::parse_str(text?).ok()?),
        // of version 1: the database takes no other
        Plain::Timeuuid => {
            let uuid = Uuid::parse_str(text?).ok().filter(|uuid| uuid.get_version_num() == 1)?;
            C::Timeuuid(CqlTimeuuid::from(uuid))
        }
        Plain::Blob => C::Blob(STANDARD.decode(text?).ok()?),
        Plain::Inet => C::Inet(text?.parse().ok()?),
    })
}

/// What a column of that kind holds, and in which form, for people.
fn form(kind: &Kind) -> &'static str {
    match kind {
        Kind::Plain(plain) => match plain {
            Plain::Ascii => "text of the letters and signs of ASCII",
            Plain::Text => "text",
            Plain::Tinyint => "a whole number from -128 to 127",
            Plain::Smallint => "a whole number from -32,768 to 32,767",
            Plain::Int => "a whole number from -2,147,483,648 to 2,147,483,647",
            Plain::Bigint => "a whole number of 64 bits",
            Plain::Counter => "a counter, which cannot be set",
            Plain::Varint => "a whole number of at most 1,000 digits",
            Plain::Decimal => "a decimal number of at most 1,000 digits",
            Plain::Float => "a floating-point number of 32 bits, which has about 7 digits",
            Plain::Double => "a floating-point number of 64 bits",
            Plain::Boolean => "yes or no",
            Plain::Date => "a date such as 2026-11-23",
            Plain::Timestamp => "a date and time in milliseconds, such as 2026-11-23T14:30:00.25Z",
            Plain::Time => "a time of day such as 14:30:00.5",
            Plain::Duration => {
                "a duration such as P1Y2M3DT4H5M6.5S, with less than 12 months beside the years"
            }
            Plain::Uuid => "a UUID in small letters with hyphens",
            Plain::Timeuuid => "a UUID of version 1 in small letters with hyphens",
            Plain::Blob => "bytes in base64 with padding",
            Plain::Inet => "an address of IPv4 or IPv6 in its shortest form",
        },
        Kind::List(_) => "a list",
        Kind::Set(_) => "a set: a sorted list without repeats",
        Kind::Map(..) => "a map: an object, or a sorted list of pairs",
        Kind::Tuple(_) => "a tuple: a list with a place for each of its parts",
        Kind::Vector(..) => "a vector: a list of as many numbers as it has places",
        Kind::Made(_) => "a type of its own: an object of its fields, without those that are null",
    }
}

/// The number of 64 bits that is written as this one of 32 bits is: `0.1`, and not what lies beyond its digits.
fn widened(number: f32) -> f64 {
    let shortest: f64 = number.to_string().parse().unwrap_or(f64::from(number));
    if (shortest as f32).to_bits() == number.to_bits() { shortest } else { f64::from(number) }
}

/// Days of CQL's count at 1970.
const EPOCH_DAY: i64 = 1 << 31;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Letters of a date.
const DATE: usize = 10;
const YEARS: Unfit = Unfit::Beyond("dates lie in the years 0000 to 9999");
