//! What a search finds: every word somewhere in what a person reads of a record.

use sync_protocol::schema::Collection;
use sync_protocol::{FieldType, Fields, RecordKey};

use crate::api::Notation;
use crate::text::{self, Folded, folded};

/// A word of a search, with what it can mean of numbers and dates as the screen writes them.
#[derive(Debug)]
pub(super) struct Word {
    text: Folded,
    /// The same without the signs around it, which dates have: `6,`.
    bare: Folded,
    /// As programs write the number, where that is something else.
    number: Option<Folded>,
    /// The months that it names, a bit each.
    months: u16,
    /// The day that it is, as records hold days.
    day: Option<String>,
}

impl Word {
    /// All words of a search.
    pub(super) fn all(search: &str, notation: &Notation) -> Vec<Self> {
        let one = |text: Folded| {
            let word = text.as_str();
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            let names = |month: &String| folded(month).split_whitespace().any(|name| name.starts_with(bare));
            // one letter is in too many names to mean a month
            let is_name = bare.chars().count() > 1 && !bare.contains(|c: char| c.is_ascii_digit());
            let months = notation.months.iter().take(12).enumerate();
            let months = months.filter(|(_, month)| is_name && names(month)).map(|(at, _)| 1 << at).sum();
            let bare = Folded::new(if bare.is_empty() { word } else { bare });
            Self { number: number(word, notation), months, day: day(word, &notation.order), bare, text }
        };
        Folded::words(search).into_iter().map(one).collect()
    }

    fn is_in_day(&self, day: &str) -> bool {
        let month =
            || day.get(5..7).and_then(|month| month.parse::<u32>().ok()).filter(|n| (1..13).contains(n));
        self.bare.is_in(day)
            || self.day.as_deref().is_some_and(|wanted| day.starts_with(wanted))
            || (self.months != 0 && month().is_some_and(|month| self.months >> (month - 1) & 1 == 1))
    }

    /// Whether it is in a moment as screens show it, which is dear to find out: only what may be there is looked for.
    fn is_in_moment(&self, utc: Option<&str>) -> bool {
        let signs = |byte: u8| byte.is_ascii_digit() || byte == b'-' || byte == b':';
        let may_be = self.months != 0 || self.day.is_some() || self.bare.as_str().bytes().all(signs);
        may_be && utc.and_then(text::local_time).is_some_and(|shown| self.is_in_day(&shown))
    }

    /// Whether it is in what a person reads of a value.
    fn is_in(&self, value: &serde_json::Value) -> bool {
        use serde_json::Value as J;
        match value {
            J::String(text) => self.text.is_in(text),
            J::Array(items) => items.iter().any(|item| self.is_in(item)),
            J::Object(items) => items.values().any(|item| self.is_in(item)),
            J::Number(n) => self.text.is_in(&n.to_string()),
            J::Bool(yes) => self.text.is_in(if *yes { "yes" } else { "no" }),
            J::Null => false,
        }
    }

    fn is_in_number(&self, value: &serde_json::Value) -> bool {
        let Some(number) = &self.number else { return false };
        match value.as_str() {
            Some(text) => number.is_in(text),
            None => number.is_in(&value.to_string()),
        }
    }
}

/// A number as programs write it: without groups, with a point; `None` where that is the same, or it is none.
fn number(word: &str, notation: &Notation) -> Option<Folded> {
    let is_group = |c: char| notation.group == Some(c) && c != notation.decimal;
    let is_number = word.contains(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || c == '-' || c == notation.decimal || is_group(c));
    let plain: String =
        word.chars().filter(|c| !is_group(*c)).map(|c| if c == notation.decimal { '.' } else { c }).collect();
    (is_number && plain != word).then(|| Folded::new(&plain))
}

/// A day that is written in numbers, as records hold it.
fn day(word: &str, order: &str) -> Option<String> {
    let parts = word.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let parts: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().ok()?;
    let part = |sign: char| order.find(sign).and_then(|at| parts.get(at)).copied();
    let (year, month, day) = (part('y')?, part('m')?, part('d')?);
    (parts.len() == 3 && month < 13 && day < 32).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Whether every word is somewhere in what a person reads of a record.
pub(super) fn matches(definition: &Collection, words: &[Word], key: &RecordKey, fields: &Fields) -> bool {
    use FieldType::{Bytes, Counter, Date, DateTime, Decimal, Integer, Number};
    words.iter().all(|word| {
        let in_key = match key {
            RecordKey::Int(n) => word.text.is_in(&n.to_string()),
            RecordKey::Text(text) => word.text.is_in(text),
        };
        in_key
            || fields.iter().any(|(name, value)| {
                match definition.fields.get(name).map(|field| field.field_type) {
                    // nobody reads bytes, and words would be found in them by chance
                    Some(Bytes) => false,
                    Some(Date) if value.as_text().is_some_and(|day| word.is_in_day(day)) => true,
                    Some(DateTime) if word.is_in_moment(value.as_text()) => true,
                    Some(Integer | Counter | Decimal | Number) if word.is_in_number(&value.0) => true,
                    _ => word.is_in(&value.0),
                }
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_numbers_and_dates_as_they_are_written_here() {
        let german = Notation {
            decimal: ',',
            group: Some('.'),
            months: ["Jan Januar", "Feb. Februar", "März"].map(str::to_owned).to_vec(),
            order: "dmy".to_owned(),
        };
        let japanese = Notation { months: Vec::new(), order: "ymd".to_owned(), ..Notation::default() };
        let word = |text: &str, notation: &Notation| Word::all(text, notation).remove(0);
        for (text, notation, stored, wanted) in [
            ("1.482,5", &german, "1482.5", true),
            ("1.482,5", &Notation::default(), "1482.5", false),
            ("1,482.5", &Notation::default(), "1482.5", true),
            ("82,5", &german, "1482.5", true),
        ] {
            let found = word(text, notation).is_in_number(&serde_json::Value::from(stored));
            assert_eq!(found, wanted, "{text}");
        }
        for (text, notation, stored, wanted) in [
            ("Feb", &Notation::default(), "2012-02-06", true),
            ("february", &Notation::default(), "2012-02-06", true),
            ("feb", &Notation::default(), "2012-03-06", false),
            ("Feb.", &german, "2012-02-06", true),
            ("Maerz", &german, "2012-03-06", false),
            ("marz", &german, "2012-03-06", true),
            ("06.02.2012", &german, "2012-02-06", true),
            ("6.2.2012", &german, "2012-06-02", false),
            ("2/6/2012", &Notation::default(), "2012-02-06", true),
            ("2012年2月6日", &japanese, "2012-02-06", true),
            ("2012/02/06", &japanese, "2012-02-06", true),
            ("f", &Notation::default(), "2012-02-06", false),
            ("6,", &Notation::default(), "2012-02-06", true),
            ("7,", &Notation::default(), "2012-02-06", false),
        ] {
            assert_eq!(word(text, notation).is_in_day(stored), wanted, "{text}");
        }
    }
}
