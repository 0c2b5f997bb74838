//! As what the values of a field are shown and written, beyond their type: they are stored as ever, so that a version (or a
//! table) that knows nothing of it has them all the same.

use serde::{Deserialize, Serialize};

use crate::value::FieldType;

/// As what values are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Format {
    /// A number of hundredths: 45 is shown as 45 %.
    Percent,
    /// An amount of money, by the code of its currency: three capital letters.
    Currency(String),
    /// Stars, from none to [`Format::STARS`].
    Rating,
    /// Seconds, as hours, minutes and seconds: 5,400 is shown as 1:30:00.
    Duration,
    /// An e-mail address.
    Email,
    /// A number to call.
    Phone,
    /// The address of a page.
    Link,
    /// What only a later version knows: it is kept.
    Other(String),
}

impl Format {
    /// The most stars.
    pub const STARS: i64 = 5;

    /// Whether values of a type can be shown so.
    pub fn fits(&self, field_type: FieldType) -> bool {
        use FieldType::{Counter, Decimal, Integer, Number, Text};
        match self {
            Self::Percent | Self::Currency(_) => matches!(field_type, Integer | Counter | Decimal | Number),
            Self::Rating => field_type == Integer,
            Self::Duration => matches!(field_type, Integer | Counter),
            Self::Email | Self::Phone | Self::Link => field_type == Text,
            Self::Other(_) => true,
        }
    }

    /// How a text has to be written for this, where it is not: as a sentence.
    pub fn misfit(&self, text: &str) -> Option<&'static str> {
        let text = text.trim();
        let blank = text.contains(char::is_whitespace);
        match self {
            Self::Email => {
                let parts = text.split_once('@');
                let fits = parts.is_some_and(|(who, at)| {
                    !who.is_empty() && !at.is_empty() && !at.contains('@') && !at.starts_with('.')
                });
                (!fits || blank).then_some("Write an e-mail address, such as name@example.org")
            }
            Self::Phone => {
                let sign = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-()/.,*#".contains(c);
                let digits = text.chars().filter(char::is_ascii_digit).count();
                (digits < 3 || !text.chars().all(sign))
                    .then_some("Write a phone number, such as +49 40 123456")
            }
            Self::Link => {
                let page = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
                let fits = page.is_some_and(|page| !page.is_empty() && !page.starts_with('/'));
                (!fits || blank).then_some("Write the address of a page, such as https://example.org")
            }
            Self::Percent | Self::Currency(_) | Self::Rating | Self::Duration | Self::Other(_) => None,
        }
    }
}

impl From<String> for Format {
    fn from(name: String) -> Self {
        let code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        match name.as_str() {
            "percent" => Self::Percent,
            "rating" => Self::Rating,
            "duration" => Self::Duration,
            "email" => Self::Email,
            "phone" => Self::Phone,
            "link" => Self::Link,
            other => match other.strip_prefix("currency ").filter(|other| code(other)) {
                Some(code) => Self::Currency(code.to_owned()),
                None => Self::Other(name),
            },
        }
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        match format {
            Format::Percent => "percent".to_owned(),
            Format::Currency(code) => format!("currency {code}"),
            Format::Rating => "rating".to_owned(),
            Format::Duration => "duration".to_owned(),
            Format::Email => "email".to_owned(),
            Format::Phone => "phone".to_owned(),
            Format::Link => "link".to_owned(),
            Format::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_later_ones_are_kept() {
        for name in [
            "percent",
            "currency EUR",
            "rating",
            "duration",
            "email",
            "phone",
            "link",
            "currency euro",
            "barcode 13",
        ] {
            assert_eq!(String::from(Format::from(name.to_owned())), name);
        }
        assert_eq!(Format::from("currency euro".to_owned()), Format::Other("currency euro".to_owned()));
    }

    #[test]
    fn texts_are_held_to_what_can_be_called_and_opened() {
        for (format, fits, not) in [
            (Format::Email, ["a@b", "mia.o'neil@example.org"], ["mia", "a b@c", "@b", "a@b@c"]),
            (Format::Phone, ["+49 (40) 123-456", "112"], ["call me", "12", "", "+49x"]),
            (
                Format::Link,
                ["https://example.org/a?b#c", "http://x"],
                ["example.org", "https://", "javascript:x", "https://a b"],
            ),
        ] {
            assert!(fits.iter().all(|text| format.misfit(text).is_none()), "{format:?}");
            assert!(not.iter().all(|text| format.misfit(text).is_some()), "{format:?}");
        }
        assert!(Format::Rating.fits(FieldType::Integer) && !Format::Rating.fits(FieldType::Text));
    }
}
