//! How long something takes, in seconds, as people write it.

use crate::value::{FieldType, Misfit, Value};

use super::{Field, Format};

/// Units, largest first: how they are written, and how many seconds they are.
const UNITS: [(&str, i64); 4] = [
    ("d day days", 86_400),
    ("h hour hours", 3_600),
    ("m min minute minutes", 60),
    ("s sec second seconds", 1),
];

/// `1:30:00` for 5,400 seconds.
pub fn written(seconds: i64) -> String {
    let (sign, all) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
    format!("{sign}{}:{:02}:{:02}", all / 3_600, all / 60 % 60, all % 60)
}

/// The seconds of `1:30:00` (hours, minutes, seconds), `1:30` (hours and minutes), `1h 30m`, `90 min`, `1d`, or of a number alone.
pub fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest.trim_start()));
    // by a colon: hours, then minutes, then seconds; by a unit: each once, the largest first
    let all_of_it = rest.len();
    let (mut all, mut clock, mut units) = (0_i64, 3_600, UNITS.iter());
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (word, next) = behind.split_at(end);
        let many = number.parse::<i64>().ok()?;
        let is_clock = word == ":" || clock < 3_600;
        let one = if is_clock {
            let fits = clock == 3_600 || (number.len() == 2 && many < 60);
            let goes_on = if word == ":" { clock > 1 } else { word.is_empty() };
            (fits && goes_on).then_some(clock)?
        } else if word.is_empty() {
            // a number alone
            (rest.len() == all_of_it).then_some(1)?
        } else {
            units.find(|(names, _)| names.split(' ').any(|name| name == word.trim().to_lowercase()))?.1
        };
        all = all.checked_add(many.checked_mul(one)?)?;
        if next.is_empty() {
            return (word != ":").then_some(sign * all);
        }
        (rest, clock) = (next, if is_clock { clock / 60 } else { clock });
    }
}

impl Field {
    /// Whether its numbers are seconds that people write as durations.
    pub fn is_duration(&self) -> bool {
        self.details.format == Some(Format::Duration)
    }

    /// A value as its type shows it, and as the field is shown where that writes numbers in another way.
    pub fn show(&self, value: &Value) -> String {
        match value.as_integer().filter(|_| self.is_duration()) {
            Some(seconds) => written(seconds),
            None => self.field_type.show(value),
        }
    }

    /// What people write into the field, as a value.
    ///
    /// # Errors
    /// What does not fit.
    pub fn read(&self, text: &str) -> Result<Value, Misfit> {
        let blank = text.trim().is_empty();
        if blank || !self.is_duration() || !matches!(self.field_type, FieldType::Integer | FieldType::Counter)
        {
            return self.field_type.parse(text, &self.options);
        }
        let seconds = read(text).ok_or(Misfit::Kind("not a duration; write it as 1:30:00 or 1h 30m"))?;
        Ok(Value::from(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [0, 59, 60, 3_599, 5_400, 86_400, -5_401, 360_000_000] {
            assert_eq!(read(&written(seconds)), Some(seconds));
        }
        assert_eq!(written(-5_401), "-1:30:01");
    }

    #[test]
    fn people_write_it_in_many_ways() {
        for (text, seconds) in [
            ("1:30", 5_400),
            ("0:05:00", 300),
            ("100:00:01", 360_001),
            ("90", 90),
            ("1h 30m", 5_400),
            ("1h30", 0),
            ("90 min", 5_400),
            ("1 hour 2 minutes 3 seconds", 3_723),
            ("-15m", -900),
            ("2d", 172_800),
        ] {
            let wanted = (seconds != 0).then_some(seconds);
            assert_eq!(read(text), wanted, "{text}");
        }
        for text in [
            "",
            "1:5",
            "1:60",
            "1:00:00:00",
            "30m 1h",
            "1m 1m",
            "1.5h",
            "an hour",
            "9223372036854775807h",
            ":30",
            "1 h x",
            "0h 5",
            "-0h 5",
            "1:00h",
            "1:",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
