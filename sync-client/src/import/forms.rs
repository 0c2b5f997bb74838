//! How a file writes numbers and dates. What can be read in two ways is not read at all until a person says which.

use sync_protocol::gate::look::is_number;

use crate::api::{Dates, Numbers};

use super::file::{Cell, File};

/// Signs that part the thousands beside a decimal point or comma.
const GROUPS: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '’'];

/// The forms that the cells of a file show. `delimiter` decides where no cell does: a table of commas writes points.
pub(super) fn found(file: &File, delimiter: char) -> (Option<Numbers>, Option<Dates>) {
    let (mut points, mut commas, mut days, mut months) = (0usize, 0usize, 0usize, 0usize);
    for cell in file.rows.iter().filter(|row| !row.odd).flat_map(|row| &row.cells) {
        let Cell::Text(text) = cell else { continue };
        let text = text.trim();
        if text.len() > 40 || !text.starts_with(|c: char| c.is_ascii_digit() || "+-.,".contains(c)) {
            continue;
        }
        match numbers_shown(text) {
            Some(Numbers::Point) => points += 1,
            Some(Numbers::Comma) => commas += 1,
            None => {}
        }
        match dates_shown(text) {
            Some(Dates::DayFirst) => days += 1,
            Some(Dates::MonthFirst) => months += 1,
            None => {}
        }
    }
    let numbers = match (points, commas) {
        (0, 0) => (delimiter != ';').then_some(Numbers::Point),
        (_, 0) => Some(Numbers::Point),
        (0, _) => Some(Numbers::Comma),
        _ => None,
    };
    let dates = match (days, months) {
        (0, 0) => None,
        (_, 0) => Some(Dates::DayFirst),
        (0, _) => Some(Dates::MonthFirst),
        _ => None,
    };
    (numbers, dates)
}

/// The form that a number must have, where it can have only one.
fn numbers_shown(text: &str) -> Option<Numbers> {
    let digits = text.trim_start_matches(['-', '+']);
    if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
        return None;
    }
    let decimal = |c: char| if c == '.' { Numbers::Point } else { Numbers::Comma };
    let grouped = |c: char| if c == ',' { Numbers::Point } else { Numbers::Comma };
    let threes = |text: &str, c: char| {
        let mut groups = text.split(c);
        groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|g| g.len() == 3)
    };
    let last = digits.rfind(['.', ','])?;
    let sign = if digits.as_bytes()[last] == b'.' { '.' } else { ',' };
    let (whole, fraction) = (&digits[..last], &digits[last + 1..]);
    let other = if sign == '.' { ',' } else { '.' };
    match (whole.contains(sign), whole.contains(other)) {
        (false, false) if fraction.is_empty() || is_ambiguous(whole, fraction) => None,
        (false, false) => Some(decimal(sign)),
        (true, false) => threes(digits, sign).then(|| grouped(sign)),
        (false, true) => threes(whole, other).then(|| decimal(sign)),
        (true, true) => None,
    }
}

/// `1.200` is one and a fifth here and one thousand two hundred there.
fn is_ambiguous(whole: &str, fraction: &str) -> bool {
    fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0')
}

/// A number in the form that programs write, or `None` where the text is none in this form. An exponent stays.
pub(super) fn plain(text: &str, numbers: Option<Numbers>) -> Option<String> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, ""),
    };
    let digits = mantissa.trim_start_matches(['-', '+']);
    if mantissa.len() - digits.len() > 1 {
        return None;
    }
    let (point, group) = match numbers {
        Some(Numbers::Comma) => (',', Some('.')),
        Some(Numbers::Point) => ('.', Some(',')),
        None => ('.', None),
    };
    let (whole, fraction) = match digits.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if fraction.is_some_and(|fraction| !is_digits(fraction) || fraction.is_empty())
        || (numbers.is_none() && fraction.is_some_and(|fraction| is_ambiguous(whole, fraction)))
    {
        return None;
    }
    let parted = whole.chars().find(|c| !c.is_ascii_digit());
    let whole = match parted {
        None => whole.to_owned(),
        Some(c) if Some(c) == group || (numbers.is_some() && GROUPS.contains(&c)) => {
            let groups: Vec<&str> = whole.split(c).collect();
            let first = (1..=3).contains(&groups[0].len()) && !groups[0].starts_with('0');
            let even = groups.iter().all(|g| is_digits(g)) && groups[1..].iter().all(|g| g.len() == 3);
            if !first || !even {
                return None;
            }
            groups.concat()
        }
        Some(_) => return None,
    };
    if whole.is_empty() && fraction.is_none() {
        return None;
    }
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// The parts of `23.11.2026` and its like.
fn parts(text: &str) -> Option<(u8, u8, &str, char)> {
    let sign = text.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
    let mut all = text.split(sign);
    let (a, b, year) = (all.next()?, all.next()?, all.next()?);
    let short = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let fits = all.next().is_none()
        && short(a)
        && short(b)
        && year.len() == 4
        && year.bytes().all(|b| b.is_ascii_digit());
    if fits { Some((a.parse().ok()?, b.parse().ok()?, year, sign)) } else { None }
}

fn dates_shown(text: &str) -> Option<Dates> {
    match parts(text)? {
        (13..=31, 1..=12, ..) => Some(Dates::DayFirst),
        (1..=12, 13..=31, ..) => Some(Dates::MonthFirst),
        // nobody writes the month first with dots
        (1..=12, 1..=12, _, '.') => Some(Dates::DayFirst),
        _ => None,
    }
}

/// A date as `2026-11-23`, or `None` where the text is none in this form.
pub(super) fn date(text: &str, dates: Option<Dates>) -> Option<String> {
    let (a, b, year, _) = parts(text)?;
    let (day, month) = match dates? {
        Dates::DayFirst => (a, b),
        Dates::MonthFirst => (b, a),
    };
    Some(format!("{year}-{month:02}-{day:02}"))
}

/// Whether a text could be a date if one knew in which order it is written.
pub(super) fn is_date_of_some_order(text: &str) -> bool {
    parts(text)
        .is_some_and(|(a, b, ..)| (1..=31).contains(&a) && (1..=31).contains(&b) && (a <= 12 || b <= 12))
}

/// Whether a text is a number that is read in two ways.
pub(super) fn is_number_of_two_forms(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let parted = digits.split_once('.').or(digits.split_once(','));
    parted.is_some_and(|(whole, fraction)| {
        whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) && is_ambiguous(whole, fraction)
    })
}

/// Whether a text is data rather than the name of a column.
pub(super) fn is_number_or_date(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.,".contains(c)) {
        return false;
    }
    let number = [Numbers::Point, Numbers::Comma]
        .into_iter()
        .any(|form| plain(text, Some(form)).is_some_and(|plain| is_number(&plain)));
    let day = sync_protocol::FieldType::Date;
    number || parts(text).is_some() || day.parse(text, &[]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_form_and_in_no_other() {
        use Numbers::{Comma, Point};
        for (text, form, number) in [
            ("1.5", Some(Point), Some("1.5")),
            ("1,5", Some(Point), None),
            ("1,234.5", Some(Point), Some("1234.5")),
            ("1,200", Some(Point), Some("1200")),
            ("12,00", Some(Point), None),
            ("1,234,56", Some(Point), None),
            ("1.5", Some(Comma), None),
            ("1.200", Some(Comma), Some("1200")),
            ("1.234,56", Some(Comma), Some("1234.56")),
            ("-0,90", Some(Comma), Some("-0.90")),
            ("1 234,5", Some(Comma), Some("1234.5")),
            ("1'234.5", Some(Point), Some("1234.5")),
            ("0,123", Some(Point), None),
            ("1.200", None, None),
            ("1,200", None, None),
            ("0.125", None, Some("0.125")),
            ("12.25", None, Some("12.25")),
            ("12", None, Some("12")),
            ("1.", Some(Point), None),
            (".097", Some(Point), Some(".097")),
            ("--1", Some(Point), None),
            ("", Some(Point), None),
            ("10.0.0.1", Some(Comma), None),
        ] {
            assert_eq!(plain(text, form).as_deref(), number, "{text} {form:?}");
        }
    }

    #[test]
    fn dates_are_read_in_their_order() {
        assert_eq!(date("24.12.2025", Some(Dates::DayFirst)).as_deref(), Some("2025-12-24"));
        assert_eq!(date("12/24/2025", Some(Dates::MonthFirst)).as_deref(), Some("2025-12-24"));
        assert_eq!(date("1.2.2025", Some(Dates::DayFirst)).as_deref(), Some("2025-02-01"));
        assert_eq!(date("24.12.25", Some(Dates::DayFirst)), None);
        assert_eq!(date("24.12.2025", None), None);
    }
}
