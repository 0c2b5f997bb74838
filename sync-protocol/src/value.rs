//! Typed values. On the wire and in every store a value is plain JSON, so that `cqlsh` shows it; its field's
//! [`FieldType`] gives it meaning and checks it. Nothing is ever coerced silently.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::gate::look::look;
use crate::limits;

/// A field's value. JSON `null` is "no value": a record never stores it, a change uses it to say "absent".
///
/// `Debug` shows the kind and size only, so that a log never carries a person's data.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub serde_json::Value);

impl Value {
    /// "No value".
    pub const ABSENT: Self = Self(serde_json::Value::Null);

    /// Whether this is "no value".
    pub fn is_absent(&self) -> bool {
        self.0.is_null()
    }

    /// The text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The whole number, if the value is one.
    pub fn as_integer(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// The tags, if the value is a list of texts.
    pub fn as_tags(&self) -> Option<BTreeSet<&str>> {
        self.0.as_array()?.iter().map(|v| v.as_str()).collect()
    }

    /// A sorted list of distinct tags.
    pub fn from_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let tags: BTreeSet<&str> = tags.into_iter().collect();
        Self(tags.into_iter().map(serde_json::Value::from).collect())
    }

    /// Whether both say the same: numbers count by value, however they are written (`1` and `1.0`). What a list of tags
    /// without a tag means is told by its field: see [`FieldType::plain`].
    pub fn same(&self, other: &Self) -> bool {
        same_json(&self.0, &other.0)
    }

    /// Bytes that the value takes as JSON, without writing it.
    pub fn size(&self) -> usize {
        json_size(&self.0)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            serde_json::Value::Null => f.write_str("absent"),
            serde_json::Value::Bool(_) => f.write_str("bool"),
            serde_json::Value::Number(_) => f.write_str("number"),
            serde_json::Value::String(s) => write!(f, "text[{}]", s.len()),
            serde_json::Value::Array(a) => write!(f, "list[{}]", a.len()),
            serde_json::Value::Object(o) => write!(f, "object[{}]", o.len()),
        }
    }
}

impl<T: Into<serde_json::Value>> From<T> for Value {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// One line of text. JSON string.
    Text,
    /// Text of many lines. JSON string.
    LongText,
    /// Whole number of 64 bits. JSON number.
    Integer,
    /// Exact decimal number of up to 28 digits. JSON string such as `"12.50"`.
    Decimal,
    /// Yes or no. JSON boolean.
    YesNo,
    /// Calendar date. JSON string `"2026-11-23"`.
    Date,
    /// Point in time, UTC. JSON string `"2026-11-23T14:30:00Z"`.
    DateTime,
    /// One of the field's options. JSON string.
    Choice,
    /// Set of texts. JSON list, sorted, without repeats.
    Tags,
    /// Whole number of 64 bits that people add to. JSON number.
    Counter,
    /// Any JSON up to [`limits::JSON_DEPTH`] deep.
    Json,
}

/// Why a value does not fit its field's type. `Display` is for people and shows no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Another kind of value.
    #[error("{0}")]
    Kind(&'static str),
    /// Not one of the options of a choice.
    #[error("not one of the choices of this field")]
    NotAnOption,
    /// JSON nested too deep.
    #[error("nested deeper than {} levels", limits::JSON_DEPTH)]
    TooDeep,
    /// A number that is another one after it was read and written again.
    #[error("a number in it has more digits than JSON numbers keep; write it as text")]
    Inexact,
    /// A name that comes twice: all but the last value would be lost.
    #[error("the same name comes twice")]
    Twice,
}

impl FieldType {
    /// All types, in the order in which screens offer them.
    pub const ALL: [Self; 11] = [
        Self::Text,
        Self::LongText,
        Self::Integer,
        Self::Decimal,
        Self::YesNo,
        Self::Date,
        Self::DateTime,
        Self::Choice,
        Self::Tags,
        Self::Counter,
        Self::Json,
    ];

    /// The name in schema records and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::YesNo => "yes_no",
            Self::Date => "date",
            Self::DateTime => "date_time",
            Self::Choice => "choice",
            Self::Tags => "tags",
            Self::Counter => "counter",
            Self::Json => "json",
        }
    }

    /// The type of that [`FieldType::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// The value, where it says something: a list without a tag is "no value".
    pub fn plain(self, value: &Value) -> &Value {
        let none = self == Self::Tags && value.0.as_array().is_some_and(Vec::is_empty);
        if none { &Value::ABSENT } else { value }
    }

    /// Whether a value fits, in its canonical form. "No value" always fits. `options` are those of a choice.
    pub fn check(self, value: &Value, options: &[String]) -> Result<(), Misfit> {
        use serde_json::Value as J;
        let fits = |ok: bool, rule: &'static str| if ok { Ok(()) } else { Err(Misfit::Kind(rule)) };
        match (self, &value.0) {
            (_, J::Null) => Ok(()),
            (Self::Text, v) => fits(
                v.as_str().is_some_and(|s| !s.contains(['\n', '\r'])),
                "this field holds one line of text",
            ),
            (Self::LongText, v) => fits(v.is_string(), "this field holds text"),
            (Self::Integer | Self::Counter, v) => fits(v.is_i64(), "this field holds a whole number"),
            (Self::Decimal, v) => fits(
                v.as_str().is_some_and(|s| canonical_decimal(s).as_deref() == Some(s)),
                "this field holds a decimal number such as 12.5, as text, with at most 28 digits",
            ),
            (Self::YesNo, v) => fits(v.is_boolean(), "this field holds yes or no"),
            (Self::Date, v) => fits(
                v.as_str().is_some_and(|s| canonical_date(s).as_deref() == Some(s)),
                "this field holds a date such as 2026-11-23",
            ),
            (Self::DateTime, v) => fits(
                v.as_str().is_some_and(|s| canonical_date_time(s).as_deref() == Some(s)),
                "this field holds a date and time such as 2026-11-23T14:30:00Z",
            ),
            (Self::Choice, v) => match v.as_str() {
                None => Err(Misfit::Kind("this field holds one of its choices")),
                Some(s) if options.iter().any(|o| o == s) => Ok(()),
                Some(_) => Err(Misfit::NotAnOption),
            },
            (Self::Tags, v) => fits(
                v.as_array().is_some_and(|a| {
                    let tag = |t: &str| !t.is_empty() && t.trim() == t && !t.contains([',', ';']);
                    a.iter().all(|v| v.as_str().is_some_and(tag))
                        && a.windows(2).all(|w| w[0].as_str() < w[1].as_str())
                }),
                "this field holds a sorted list of distinct texts without , and ;",
            ),
            (Self::Json, v) => {
                if deeper_than(v, limits::JSON_DEPTH) {
                    Err(Misfit::TooDeep)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Reads what a person typed or a CSV cell holds. Empty input is "no value".
    pub fn parse(self, input: &str, options: &[String]) -> Result<Value, Misfit> {
        let trimmed = input.trim();
        if trimmed.is_empty() {
            return Ok(Value::ABSENT);
        }
        let wrong = |rule| Misfit::Kind(rule);
        let value = match self {
            Self::Text | Self::LongText => Value::from(input),
            Self::Integer | Self::Counter => {
                Value::from(trimmed.parse::<i64>().map_err(|_| wrong("not a whole number"))?)
            }
            Self::Decimal => Value::from(
                canonical_decimal(trimmed).ok_or(wrong("not a decimal number of at most 28 digits"))?,
            ),
            Self::YesNo => match trimmed.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Value::from(true),
                "false" | "no" | "0" => Value::from(false),
                _ => return Err(wrong("neither yes nor no")),
            },
            Self::Date => Value::from(canonical_date(trimmed).ok_or(wrong("not a date such as 2026-11-23"))?),
            Self::DateTime => Value::from(
                canonical_date_time(trimmed)
                    .ok_or(wrong("not a date and time such as 2026-11-23T14:30:00Z"))?,
            ),
            Self::Choice => Value::from(if options.iter().any(|o| o == input) { input } else { trimmed }),
            Self::Tags => {
                let mut tags = trimmed.split([',', ';']).map(str::trim).filter(|t| !t.is_empty()).peekable();
                // separators alone are no input
                if tags.peek().is_none() {
                    return Ok(Value::ABSENT);
                }
                Value::from_tags(tags)
            }
            Self::Json => from_json(trimmed)?,
        };
        self.check(&value, options)?;
        Ok(value)
    }

    /// The value as a person reads and edits it: what [`FieldType::parse`] reads back.
    pub fn show(self, value: &Value) -> String {
        match (self, &value.0) {
            (_, serde_json::Value::Null) => String::new(),
            (Self::YesNo, serde_json::Value::Bool(b)) => if *b { "yes" } else { "no" }.to_owned(),
            (Self::Tags, serde_json::Value::Array(tags)) => {
                tags.iter().filter_map(|t| t.as_str()).collect::<Vec<_>>().join(", ")
            }
            (Self::Json, v) => v.to_string(),
            (_, serde_json::Value::String(s)) => s.clone(),
            (_, v) => v.to_string(),
        }
    }
}

/// Reads a JSON text that somebody wrote: as it is written, or not at all.
///
/// # Errors
///
/// What would be another value after it was read and written again.
pub fn from_json(text: &str) -> Result<Value, Misfit> {
    let value = serde_json::from_str(text).map_err(|_| Misfit::Kind("not valid JSON"))?;
    let seen = look(text);
    match (seen.exact, seen.once) {
        (false, _) => Err(Misfit::Inexact),
        (true, false) => Err(Misfit::Twice),
        (true, true) => Ok(Value(value)),
    }
}

/// Plain notation without exponent, leading zeros, trailing fraction zeros, plus sign or negative zero.
pub fn canonical_decimal(text: &str) -> Option<String> {
    // the parser would take 1_000 for 1000; to a person it is a code
    if text.contains('_') {
        return None;
    }
    let number = match Decimal::from_str_exact(text) {
        Ok(n) => n,
        Err(_) if text.contains(['e', 'E']) => Decimal::from_scientific(text).ok()?,
        Err(_) => return None,
    };
    Some(number.normalize().to_string())
}

/// `2026-11-23`, and nothing else: a time beside it would be lost.
fn canonical_date(text: &str) -> Option<String> {
    let day = (text.len() == 10).then(|| moment(&format!("{text}T00:00:00Z")))??;
    Some(day.date().to_string())
}

/// In UTC, with as many digits of a second as there are. Seconds may be left out, and a space may stand for the T.
fn canonical_date_time(text: &str) -> Option<String> {
    let (date, time) = (text.get(..10)?, text.get(10..)?.strip_prefix(['T', 't', ' '])?);
    let seconds = if time.get(5..)?.starts_with(['Z', 'z', '+', '-']) { ":00" } else { "" };
    let at = moment(&format!("{date}T{}{seconds}{}", &time[..5], &time[5..]))?;
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn same_json(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value as J;
    match (a, b) {
        (J::Number(a), J::Number(b)) => same_number(a, b),
        (J::Array(a), J::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (J::Object(a), J::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    let whole = |n: &serde_json::Number| n.as_i64().map(i128::from).or(n.as_u64().map(i128::from));
    // a float of that size is whole, and no other float is nearer
    let is = |whole: i128, float: f64| float.fract() == 0.0 && float.abs() < 1e30 && float as i128 == whole;
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        (Some(n), None) => b.as_f64().is_some_and(|float| is(n, float)),
        (None, Some(n)) => a.as_f64().is_some_and(|float| is(n, float)),
        (None, None) => a == b || a.as_f64().is_some_and(|float| b.as_f64() == Some(float)),
    }
}

/// Whether lists and objects are nested deeper than that.
pub(crate) fn deeper_than(value: &serde_json::Value, depth: usize) -> bool {
    match value {
        serde_json::Value::Array(a) => depth == 0 || a.iter().any(|v| deeper_than(v, depth - 1)),
        serde_json::Value::Object(o) => depth == 0 || o.values().any(|v| deeper_than(v, depth - 1)),
        _ => false,
    }
}

/// What a value takes in memory, in cells ([`limits::CHANGE_CELLS`]): an object is a tree, and the smallest tree is large.
pub(crate) fn cells(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(a) => 2 + a.iter().map(cells).sum::<usize>(),
        serde_json::Value::Object(o) => {
            limits::OBJECT_CELLS + o.values().map(|v| 1 + cells(v)).sum::<usize>()
        }
        _ => 1,
    }
}

/// Bytes of the JSON, to the last one.
fn json_size(value: &serde_json::Value) -> usize {
    let between = |len: usize| len.saturating_sub(1);
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(true) => 4,
        serde_json::Value::Bool(false) => 5,
        serde_json::Value::Number(n) => number_size(n),
        serde_json::Value::String(s) => text_size(s),
        serde_json::Value::Array(a) => 2 + between(a.len()) + a.iter().map(json_size).sum::<usize>(),
        serde_json::Value::Object(o) => {
            2 + between(o.len()) + o.iter().map(|(k, v)| text_size(k) + 1 + json_size(v)).sum::<usize>()
        }
    }
}

fn number_size(n: &serde_json::Number) -> usize {
    let digits = |n: u64| n.checked_ilog10().unwrap_or(0) as usize + 1;
    match (n.as_u64(), n.as_i64()) {
        (Some(n), _) => digits(n),
        (None, Some(n)) => 1 + digits(n.unsigned_abs()),
        (None, None) => n.to_string().len(),
    }
}

/// Bytes of a text as JSON, with its quotes and escapes.
pub(crate) fn text_size(text: &str) -> usize {
    let more = |b: u8| match b {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 1,
        0..0x20 => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(more).sum::<usize>()
}

/// Reads a side of something that was judged. Releases before this one let sides come in deeper than every parser
/// reads them in an answer; what lies too deep is cut off, so that no stored row can stop a device.
pub(crate) fn shallow<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let mut value = Value::deserialize(deserializer)?;
    if deeper_than(&value.0, limits::JSON_DEPTH) {
        cut(&mut value.0, limits::JSON_DEPTH);
    }
    Ok(value)
}

fn cut(value: &mut serde_json::Value, depth: usize) {
    match value {
        serde_json::Value::Array(_) | serde_json::Value::Object(_) if depth == 0 => *value = CUT.into(),
        serde_json::Value::Array(a) => a.iter_mut().for_each(|v| cut(v, depth - 1)),
        serde_json::Value::Object(o) => o.values_mut().for_each(|v| cut(v, depth - 1)),
        _ => {}
    }
}

/// What stands where something was cut off.
const CUT: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_the_same_by_value() {
        let same = |a, b| Value(a).same(&Value(b));
        assert!(same(json!(1), json!(1.0)) && same(json!({"a": [1, -0.0]}), json!({"a": [1.0, 0]})));
        assert!(
            !same(json!(1), json!(1.5)) && !same(json!(1), json!("1")) && !same(json!([1]), json!([1, 1]))
        );
        assert!(!same(json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0)));
        assert!(!same(json!(i64::MAX), json!(u64::MAX)) && !same(json!(null), json!(false)));
    }

    #[test]
    fn tags_without_a_tag_are_no_value() {
        assert!(FieldType::Tags.plain(&Value(json!([]))).is_absent());
        assert!(!FieldType::Json.plain(&Value(json!([]))).is_absent());
        assert_eq!(FieldType::Tags.parse(" ,; ", &[]), Ok(Value::ABSENT));
    }

    #[test]
    fn dates_and_times_are_taken_as_machines_write_them_and_kept_in_one_way() {
        let read = |field_type: FieldType, text| {
            field_type.parse(text, &[]).ok().and_then(|v| v.as_text().map(str::to_owned))
        };
        for (text, want) in [
            ("2026-11-23T14:30:00Z", Some("2026-11-23T14:30:00Z")),
            ("2026-11-23t14:30:00z", Some("2026-11-23T14:30:00Z")),
            ("2026-11-23 14:30Z", Some("2026-11-23T14:30:00Z")),
            ("2026-11-23T14:30:00.250+02:00", Some("2026-11-23T12:30:00.25Z")),
            ("2026-01-01T00:30-01:00", Some("2026-01-01T01:30:00Z")),
            ("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z")),
            ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59Z")),
            ("2026-02-29T14:30:00Z", None),
            ("2026-11-23T14:30:00", None),
            ("2026-11-23T24:30:00Z", None),
            ("0000-01-01T00:00:00+01:00", None),
            ("2026-11-23", None),
            ("2026-11-23T", None),
            ("2026-11-23Tä:30Z", None),
        ] {
            assert_eq!(read(FieldType::DateTime, text).as_deref(), want, "{text}");
        }
        for (text, want) in [
            ("2024-02-29", Some("2024-02-29")),
            ("2023-02-29", None),
            ("20240229", None),
            ("2024-02-29T10:00", None),
            ("24-02-29", None),
            ("2024-2-29", None),
        ] {
            assert_eq!(read(FieldType::Date, text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn each_type_takes_its_own_and_refuses_the_rest() {
        use FieldType::*;
        let options = ["red".to_owned()];
        for (field_type, good, bad) in [
            (Text, json!("a"), json!("a\nb")),
            (LongText, json!("a\nb"), json!(1)),
            (Integer, json!(-7), json!(1.5)),
            (Decimal, json!("12.5"), json!("12.50")),
            (Decimal, json!("0"), json!(12.5)),
            (YesNo, json!(true), json!("true")),
            (Date, json!("2024-02-29"), json!("2023-02-29")),
            (DateTime, json!("2024-02-29T10:00:00Z"), json!("2024-02-29 10:00")),
            (Choice, json!("red"), json!("blue")),
            (Tags, json!(["a", "b"]), json!(["b", "a"])),
            (Counter, json!(3), json!("3")),
            (Json, json!({"a": [1, null]}), {
                let mut deep = json!(1);
                for _ in 0..=limits::JSON_DEPTH {
                    deep = json!([deep]);
                }
                deep
            }),
        ] {
            assert_eq!(field_type.check(&Value(good), &options), Ok(()), "{field_type:?}");
            assert!(field_type.check(&Value(bad), &options).is_err(), "{field_type:?}");
            assert_eq!(field_type.check(&Value::ABSENT, &options), Ok(()));
            assert_eq!(FieldType::from_name(field_type.name()), Some(field_type));
        }
    }

    #[test]
    fn typed_input_reads_back_as_shown() {
        use FieldType::*;
        for (field_type, input, shown) in [
            (Text, " a ", " a "),
            (Integer, " 42 ", "42"),
            (Decimal, "+0012.500", "12.5"),
            (Decimal, "1.5e3", "1500"),
            (YesNo, "Yes", "yes"),
            (Date, "2024-02-29", "2024-02-29"),
            (DateTime, "2024-02-29T10:00:00+02:00", "2024-02-29T08:00:00Z"),
            (Tags, "b, a;b", "a, b"),
            (Json, "{\"a\": 1}", "{\"a\":1}"),
        ] {
            let value = field_type.parse(input, &[]).unwrap();
            assert_eq!(field_type.show(&value), shown);
            assert_eq!(field_type.parse(shown, &[]).unwrap(), value);
        }
        assert_eq!(Integer.parse("  ", &[]).unwrap(), Value::ABSENT);
        assert!(Integer.parse("9223372036854775808", &[]).is_err());
        assert!(Decimal.parse(&"9".repeat(40), &[]).is_err());
    }

    #[test]
    fn debug_hides_content() {
        assert_eq!(format!("{:?}", Value::from("secret")), "text[6]");
    }
}
