//! What a field asks of the values that people give it: required, limits, length. Devices hold their own people and programs to
//! it, in forms, cells, pasted rows and imports alike; the server does not: see decision 0028.

use std::cmp::Ordering;

use super::{Field, Format};
use crate::value::decimal::Decimal;
use crate::value::{FieldType, Value};

/// What a value does not keep to. `Display` says it to people, as a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// There is none, and there must be one.
    #[error("It has to be filled in")]
    Required,
    /// A number below the smallest, or a time before the earliest.
    #[error("The smallest value is {0}")]
    TooSmall(String),
    /// A number above the largest, or a time after the latest.
    #[error("The largest value is {0}")]
    TooLarge(String),
    /// A text with more characters than the longest.
    #[error("It has at most {most} characters, this text has {has}")]
    TooLong {
        /// The most.
        most: u32,
        /// How many there are.
        has: usize,
    },
    /// A text that is not written as what it is shown as.
    #[error("{0}")]
    Written(&'static str),
    /// Another record has the same value.
    #[error("“{0}” is in another record already, and no value may be there twice")]
    Taken(String),
}

impl Field {
    /// What a value does not keep to, of what can be seen without other records.
    pub fn broken(&self, value: &Value) -> Option<Broken> {
        let details = &self.details;
        let plain = self.field_type.plain(value);
        if plain.is_absent() || plain.as_text().is_some_and(|text| text.trim().is_empty()) {
            return details.required.then_some(Broken::Required);
        }
        if let (Some(most), Some(text)) = (details.longest, plain.as_text())
            && matches!(self.field_type, FieldType::Text | FieldType::LongText)
            && text.chars().count() > most as usize
        {
            return Some(Broken::TooLong { most, has: text.chars().count() });
        }
        if let (Some(format), Some(text)) = (&details.format, plain.as_text())
            && let Some(how) = format.misfit(text)
        {
            return Some(Broken::Written(how));
        }
        let rated = details.format == Some(Format::Rating);
        if let Some(n) = plain.as_integer().filter(|_| rated) {
            if n < 0 {
                return Some(Broken::TooSmall("0".to_owned()));
            } else if n > Format::STARS {
                return Some(Broken::TooLarge(Format::STARS.to_string()));
            }
        }
        let beyond = |bound: &Value, wrong| self.field_type.compare(plain, bound) == Some(wrong);
        let shown = |bound: &Value| self.field_type.show(bound);
        if beyond(&details.smallest, Ordering::Less) {
            return Some(Broken::TooSmall(shown(&details.smallest)));
        }
        beyond(&details.largest, Ordering::Greater).then(|| Broken::TooLarge(shown(&details.largest)))
    }
}

impl FieldType {
    /// Whether its values can be told by size.
    pub fn has_size(self) -> bool {
        matches!(
            self,
            Self::Integer
                | Self::Counter
                | Self::Decimal
                | Self::Number
                | Self::Date
                | Self::DateTime
                | Self::Time
        )
    }

    /// Whether its values can name a record: yes and no, tags, what people add to and what has no fixed form cannot.
    pub fn can_be_unique(self) -> bool {
        !matches!(
            self,
            Self::YesNo
                | Self::Tags
                | Self::Counter
                | Self::Json
                | Self::Bytes
                | Self::LongText
                | Self::Unknown
        )
    }

    /// Which of two values is larger; `None` where either is none of that type, or it has no size.
    pub fn compare(self, one: &Value, other: &Value) -> Option<Ordering> {
        let texts = || Some((one.as_text()?, other.as_text()?));
        match self {
            Self::Integer | Self::Counter => Some(one.as_integer()?.cmp(&other.as_integer()?)),
            Self::Number => one.as_number()?.partial_cmp(&other.as_number()?),
            Self::Decimal => {
                let (one, other) = texts()?;
                Some(Decimal::read(one)?.compare(&Decimal::read(other)?))
            }
            // written in one way each, so that their texts are in their order once the zone's letter is off
            Self::Date | Self::DateTime | Self::Time => {
                let (one, other) = texts()?;
                Some(one.trim_end_matches('Z').cmp(other.trim_end_matches('Z')))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FieldName;
    use crate::schema::Details;
    use serde_json::json;

    fn field(field_type: FieldType, details: Details) -> Field {
        let name = FieldName::new("f").expect("a name");
        Field { details, ..Field::new(name, "F", field_type) }
    }

    #[test]
    fn limits_hold_for_numbers_and_times_by_their_size() {
        use FieldType::{Counter, Date, DateTime, Decimal, Integer, Number, Time};
        for (held, smallest, largest, inside, below, above) in [
            (Integer, json!(2), json!(10), json!(9), json!(1), json!(11)),
            (Counter, json!(2), json!(10), json!(2), json!(-3), json!(11)),
            (Decimal, json!("9.5"), json!("10"), json!("10.00"), json!("9.49"), json!("10.01")),
            (Number, json!(0.5), json!(2), json!(2.0), json!(0.25), json!(2.5)),
            (
                Date,
                json!("2026-01-01"),
                json!("2026-12-31"),
                json!("2026-06-01"),
                json!("2025-12-31"),
                json!("2027-01-01"),
            ),
            (
                DateTime,
                json!("2026-01-01T00:00:00.5Z"),
                json!("2026-01-02T00:00:00Z"),
                json!("2026-01-02T00:00:00Z"),
                json!("2026-01-01T00:00:00Z"),
                json!("2026-01-02T00:00:00.1Z"),
            ),
            (
                Time,
                json!("08:00:00"),
                json!("17:00:00"),
                json!("08:00:00"),
                json!("07:59:59.9"),
                json!("17:00:00.1"),
            ),
        ] {
            let details =
                Details { smallest: Value(smallest), largest: Value(largest), ..Details::default() };
            let field = field(held, details);
            assert_eq!(field.broken(&Value(inside)), None, "{held:?}");
            assert!(matches!(field.broken(&Value(below)), Some(Broken::TooSmall(_))), "{held:?}");
            assert!(matches!(field.broken(&Value(above)), Some(Broken::TooLarge(_))), "{held:?}");
            assert_eq!(field.broken(&Value::ABSENT), None, "nothing is no number");
        }
    }

    #[test]
    fn a_format_asks_for_texts_of_its_form_and_for_few_stars() {
        let shown = |held, format| field(held, Details { format: Some(format), ..Details::default() });
        let mail = shown(FieldType::Text, Format::Email);
        assert_eq!(mail.broken(&Value::from("mia@example.org")), None);
        assert!(matches!(mail.broken(&Value::from("mia")), Some(Broken::Written(_))));
        assert_eq!(mail.broken(&Value::ABSENT), None);
        let stars = shown(FieldType::Integer, Format::Rating);
        assert_eq!([0, 5].map(|n: i64| stars.broken(&Value::from(n))), [None, None]);
        assert_eq!(stars.broken(&Value::from(6)), Some(Broken::TooLarge("5".to_owned())));
        assert_eq!(stars.broken(&Value::from(-1)), Some(Broken::TooSmall("0".to_owned())));
    }

    #[test]
    fn blanks_fill_nothing_in_and_length_is_counted_in_characters() {
        let required = field(FieldType::Text, Details { required: true, ..Details::default() });
        for nothing in [json!(null), json!(""), json!("  ")] {
            assert_eq!(required.broken(&Value(nothing)), Some(Broken::Required));
        }
        let tags = field(FieldType::Tags, Details { required: true, ..Details::default() });
        assert_eq!(tags.broken(&Value(json!([]))), Some(Broken::Required));
        assert_eq!(tags.broken(&Value(json!(["a"]))), None);
        let short = field(FieldType::Text, Details { longest: Some(3), ..Details::default() });
        assert_eq!(short.broken(&Value::from("äöü")), None);
        assert_eq!(short.broken(&Value::from("äöü!")), Some(Broken::TooLong { most: 3, has: 4 }));
    }
}
