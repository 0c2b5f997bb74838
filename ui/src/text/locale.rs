//! Numbers as people here write them. The browser tells how once, at the start; without one it is as in English.

use std::cell::RefCell;
use sync_client::api::Notation;

/// How numbers are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Before the fraction.
    decimal: char,
    /// Between groups of digits; `None` where there are no groups.
    group: Option<char>,
    /// Digits of the last group, and of those before it.
    sizes: (usize, usize),
    /// Digits from which on a number has groups.
    least: usize,
}

impl Signs {
    const ENGLISH: Self = Self { decimal: '.', group: Some(','), sizes: (3, 3), least: 4 };

    /// From how 123456789.5 and 1234 are written here; `None` where that is with other digits than ours.
    pub fn read(long: &str, short: &str) -> Option<Self> {
        let (whole, last) = long.split_at(long.rfind('5').filter(|at| at + 1 == long.len() && *at > 0)?);
        let decimal = whole.chars().next_back().filter(|c| !c.is_ascii_digit())?;
        let whole = whole.strip_suffix(decimal)?;
        let parts: Vec<&str> = whole.split(|c: char| !c.is_ascii_digit()).collect();
        if parts.concat() != "123456789" || last != "5" {
            return None;
        }
        let group = whole.chars().find(|c| !c.is_ascii_digit());
        let sizes = match parts[..] {
            [.., before, last] if parts.len() > 2 => (last.len(), before.len()),
            [_, last] => (last.len(), last.len()),
            _ => (3, 3),
        };
        let least = if short.chars().all(|c| c.is_ascii_digit()) { 5 } else { 4 };
        Some(Self { decimal, group, sizes, least })
    }

    /// For reading: `-1234.5` as `-1,234.5`. What is no plain number stays as it is.
    pub fn shown(&self, number: &str) -> String {
        let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
        let (whole, fraction) =
            digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !fraction.is_none_or(plain) {
            return number.to_owned();
        }
        let mut text = sign.to_owned();
        for (at, digit) in whole.char_indices() {
            let left = whole.len() - at;
            let edge = left == self.sizes.0
                || (left > self.sizes.0 && (left - self.sizes.0).is_multiple_of(self.sizes.1));
            if let (true, Some(group)) = (at > 0 && edge && whole.len() >= self.least, self.group) {
                text.push(group);
            }
            text.push(digit);
        }
        if let Some(fraction) = fraction {
            text.push(self.decimal);
            text.push_str(fraction);
        }
        text
    }

    /// For an input: `1234.5` as `1234,5`.
    pub fn input(&self, number: &str) -> String {
        if self.decimal == '.' {
            number.to_owned()
        } else {
            number.replacen('.', &self.decimal.to_string(), 1)
        }
    }

    /// What somebody wrote, as programs write it: without groups, with a point. What is not written as numbers are here stays as it
    /// is, for the type to refuse.
    pub fn typed(&self, text: &str) -> String {
        let text = text.trim();
        let (whole, fraction) =
            text.split_once(self.decimal).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let is_group = |c: char| {
            Some(c) == self.group || (self.group.is_some_and(char::is_whitespace) && c.is_whitespace())
        };
        let (sign, digits) = match whole.strip_prefix(['-', '+']) {
            Some(rest) => (&whole[..1], rest),
            None => ("", whole),
        };
        let parts: Vec<&str> = digits.split(is_group).collect();
        let well = |(at, part): (usize, &&str)| {
            let size = if at + 1 == parts.len() { self.sizes.0 } else { self.sizes.1 };
            part.bytes().all(|b| b.is_ascii_digit())
                && if at == 0 { (1..=self.sizes.1).contains(&part.len()) } else { part.len() == size }
        };
        let digits = match parts.len() > 1 && parts.iter().enumerate().all(well) {
            true => parts.concat(),
            false => digits.to_owned(),
        };
        match fraction {
            Some(fraction) => format!("{sign}{digits}.{fraction}"),
            None => format!("{sign}{digits}"),
        }
    }
}

thread_local! {
    static SIGNS: RefCell<Signs> = const { RefCell::new(Signs::ENGLISH) };
    static DATES: RefCell<Option<(Vec<String>, String)>> = const { RefCell::new(None) };
}

/// From now on dates are written so: the names of the months, and the order of day, month and year (`dmy`).
pub fn set_dates(months: Vec<String>, order: String) {
    DATES.set(Some((months, order)));
}

/// How numbers and dates are written, for a search to find them.
pub fn notation() -> Notation {
    let (decimal, group) = SIGNS.with_borrow(|signs| (signs.decimal, signs.group));
    let (months, order) = DATES.with_borrow(Clone::clone).unwrap_or_else(|| {
        let usual = Notation::default();
        (usual.months, usual.order)
    });
    Notation { decimal, group, months, order }
}

/// What a month is called in a date that is shown, and by itself; nothing where it is a number.
pub fn month_names(shown: &str, long: &str) -> String {
    let is_name =
        |word: &&str| word.chars().any(char::is_alphabetic) && !word.contains(|c: char| c.is_ascii_digit());
    shown.split_whitespace().filter(is_name).chain(Some(long).filter(is_name)).collect::<Vec<_>>().join(" ")
}

/// In which order 25 November 2019 has its day, month and year.
pub fn date_order(shown: &str) -> String {
    let parts = shown.split(|c: char| !c.is_ascii_digit()).filter_map(|part| match part {
        "25" => Some('d'),
        "11" => Some('m'),
        "2019" => Some('y'),
        _ => None,
    });
    parts.collect()
}

/// From now on numbers are written so.
pub fn set(signs: Signs) {
    SIGNS.set(signs);
}

/// A number for reading: see [`Signs::shown`].
pub fn number(number: &str) -> String {
    SIGNS.with_borrow(|signs| signs.shown(number))
}

/// A number for an input: see [`Signs::input`].
pub fn input(number: &str) -> String {
    SIGNS.with_borrow(|signs| signs.input(number))
}

/// What somebody wrote: see [`Signs::typed`].
pub fn typed(text: &str) -> String {
    SIGNS.with_borrow(|signs| signs.typed(text))
}

/// Digits of the fraction of a number.
pub fn places(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// Blanks as wide as a digit behind a number, so that it stands below others that have so many places.
pub fn aligned(shown: String, own: usize, places: usize) -> String {
    let missing = places.saturating_sub(own);
    // the sign before the fraction is about half as wide as a digit
    let sign = if own == 0 && missing > 0 { "\u{2008}" } else { "" };
    format!("{shown}{sign}{}", "\u{2007}".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(long: &str, short: &str) -> Signs {
        Signs::read(long, short).expect(long)
    }

    #[test]
    fn numbers_are_written_as_people_here_write_them() {
        for (long, short, number, wanted) in [
            ("123,456,789.5", "1,234", "-1234567.50", "-1,234,567.50"),
            ("123.456.789,5", "1.234", "1482.5", "1.482,5"),
            ("123\u{202f}456\u{202f}789,5", "1\u{202f}234", "1234567", "1\u{202f}234\u{202f}567"),
            ("12,34,56,789.5", "1,234", "1234567", "12,34,567"),
            // where four digits have no groups
            ("123.456.789,5", "1234", "1234", "1234"),
            ("123.456.789,5", "1234", "12345", "12.345"),
            ("123,456,789.5", "1,234", "6.02e23", "6.02e23"),
            ("123,456,789.5", "1,234", "12", "12"),
        ] {
            assert_eq!(signs(long, short).shown(number), wanted, "{long}");
        }
        assert_eq!(Signs::read("١٢٣٬٤٥٦٬٧٨٩٫٥", "١٬٢٣٤"), None);
        assert_eq!(Signs::read("", ""), None);
    }

    #[test]
    fn dates_tell_their_months_and_their_order() {
        for (shown, long, wanted) in [
            ("15 Feb 2024", "February", "Feb February"),
            ("15. Feb. 2024", "Februar", "Feb. Februar"),
            ("2024/02/15", "2月", ""),
        ] {
            assert_eq!(month_names(shown, long), wanted);
        }
        for (shown, wanted) in
            [("11/25/2019", "mdy"), ("25.11.2019", "dmy"), ("2019年11月25日", "ymd"), ("٢٥", "")]
        {
            assert_eq!(date_order(shown), wanted);
        }
    }

    #[test]
    fn what_is_typed_is_read_as_it_is_written_here() {
        let german = signs("123.456.789,5", "1.234");
        for (text, wanted) in [
            ("1,25", "1.25"),
            ("1.200", "1200"),
            ("-1.234.567,5", "-1234567.5"),
            ("1.25", "1.25"),
            ("12", "12"),
            ("1.2.3", "1.2.3"),
            ("a,b", "a.b"),
        ] {
            assert_eq!(german.typed(text), wanted, "{text}");
        }
        let english = signs("123,456,789.5", "1,234");
        for (text, wanted) in [("1,200.5", "1200.5"), ("1,25", "1,25"), (" +7 ", "+7"), ("1,2345", "1,2345")]
        {
            assert_eq!(english.typed(text), wanted, "{text}");
        }
        let french = signs("123\u{202f}456\u{202f}789,5", "1\u{202f}234");
        assert_eq!(french.typed("1 200,5"), "1200.5");
    }

    #[test]
    fn what_an_input_shows_is_read_back_as_the_same() {
        for (long, short) in
            [("123.456.789,5", "1.234"), ("123,456,789.5", "1,234"), ("12,34,56,789.5", "1,234")]
        {
            let signs = signs(long, short);
            for number in ["0.001", "-12.125", "1200", "1234567.125", "28000000000000000000000000.01"] {
                assert_eq!(signs.typed(&signs.input(number)), number, "{long}");
                assert_eq!(signs.typed(&signs.shown(number)), number, "{long}");
            }
        }
    }

    #[test]
    fn numbers_of_a_column_end_alike() {
        assert_eq!((places("1482.5"), places("8000000")), (1, 0));
        assert_eq!(aligned("1,482.5".into(), 1, 2), "1,482.5\u{2007}");
        assert_eq!(aligned("8".into(), 0, 2), "8\u{2008}\u{2007}\u{2007}");
        assert_eq!(aligned("8".into(), 0, 0), "8");
    }
}
