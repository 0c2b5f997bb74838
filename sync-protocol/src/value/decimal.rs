//! Decimal numbers as texts: exact, with the scale that was written.

use std::cmp::Ordering;
use std::fmt;

use crate::limits::DECIMAL_DIGITS;

/// A decimal number as CQL keeps it: `unscaled × 10^-scale`. `1.0` and `1.00` are two of them, of one size.
///
/// `Display` writes it in the one way in which values hold it: plain digits; where the scale is negative, one digit before
/// the point and a power of ten (`1.5E+3`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Without leading zeros; empty for zero.
    digits: String,
    scale: i32,
}

impl Decimal {
    /// Reads a number, however it is written: `+0012.500`, `.5`, `1.5e3`. `None` where it is none, or has more than
    /// [`DECIMAL_DIGITS`] digits or places.
    pub fn read(text: &str) -> Option<Self> {
        let (negative, number) = match text.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, power) = match number.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (number, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let has_digits = whole.len() + fraction.len() > 0;
        let is_number = has_digits && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        let whole = whole.trim_start_matches('0');
        let digits = match whole {
            "" => fraction.trim_start_matches('0').to_owned(),
            whole => [whole, fraction].concat(),
        };
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(power)?;
        let fits = digits.len() <= DECIMAL_DIGITS && scale.unsigned_abs() as usize <= DECIMAL_DIGITS;
        (is_number && fits).then_some(Self { negative: negative && !digits.is_empty(), digits, scale })
    }

    /// The whole number that [`Decimal::scale`] divides, in digits with its sign.
    pub fn unscaled(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{:0>1}", self.digits)
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The digits of [`Decimal::unscaled`] without leading zeros; none for zero.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// How many digits are behind the point; negative where zeros before it were never written.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// Which of two is larger; `1.0` and `1.00` are equally large.
    pub fn compare(&self, other: &Self) -> Ordering {
        let sign = |of: &Self| match (of.digits.is_empty(), of.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        // the place of the first digit, then digit by digit
        let size = |of: &Self| of.digits.len() as i64 - i64::from(of.scale);
        let digits = |of: &'_ Self| of.digits.trim_end_matches('0').len();
        sign(self).cmp(&sign(other)).then_with(|| {
            let (a, b) = (&self.digits[..digits(self)], &other.digits[..digits(other)]);
            match sign(self) {
                0 => Ordering::Equal,
                -1 => size(other).cmp(&size(self)).then_with(|| b.cmp(a)),
                _ => size(self).cmp(&size(other)).then_with(|| a.cmp(b)),
            }
        })
    }
}

impl Decimal {
    /// Adds bytes that have the order of [`Decimal::compare`], whatever is behind them: `1.0` and `1.00` have the same.
    pub fn order_bytes(&self, bytes: &mut Vec<u8>) {
        let digits = self.digits.trim_end_matches('0').as_bytes();
        if digits.is_empty() {
            return bytes.push(1);
        }
        let size = self.digits.len() as i64 - i64::from(self.scale);
        let size = (size ^ i64::MIN).to_be_bytes();
        if self.negative {
            bytes.push(0);
            bytes.extend(size.iter().chain(digits).map(|byte| !byte));
            bytes.push(u8::MAX);
        } else {
            bytes.push(2);
            bytes.extend(size.iter().chain(digits));
            bytes.push(0);
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let places = usize::try_from(self.scale).unwrap_or(0);
        let digits = format!("{:0>width$}", self.digits, width = places + 1);
        if self.scale < 0 {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let power = rest.len() + self.scale.unsigned_abs() as usize;
            return write!(f, "{first}{point}{rest}E+{power}");
        }
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places == 0 { "" } else { "." };
        write!(f, "{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_one_way_and_keeps_its_scale() {
        for (text, want) in [
            ("12.5", "12.5"),
            ("+0012.500", "12.500"),
            ("1.0", "1.0"),
            ("1.00", "1.00"),
            ("-0.00", "0.00"),
            ("-0", "0"),
            ("000", "0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-.05", "-0.05"),
            ("1e-3", "0.001"),
            ("120e-1", "12.0"),
            ("1.50e1", "15.0"),
            ("1.5e1", "15"),
            ("1E+3", "1E+3"),
            ("1.5e3", "1.5E+3"),
            ("12E3", "1.2E+4"),
            ("-120E+1", "-1.20E+3"),
            ("0E+3", "0E+3"),
            ("9e1000", "9E+1000"),
        ] {
            let read = Decimal::read(text).map(|number| number.to_string());
            assert_eq!(read.as_deref(), Some(want), "{text}");
            let again = Decimal::read(want).map(|number| number.to_string());
            assert_eq!(again.as_deref(), Some(want));
        }
        for text in [
            "",
            "-",
            "+",
            ".",
            "e3",
            "1e",
            "1e+",
            "1_000",
            "1,5",
            "--1",
            "+-1",
            "1.2.3",
            "1e1.5",
            "0x1",
            "١",
            "NaN",
            " 1",
            "1e1001",
            "1e-1001",
            "1e99999999999",
            "1e-2147483648",
        ] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_thousand_digits_and_no_more() {
        let (most, more) = ("9".repeat(DECIMAL_DIGITS), "9".repeat(DECIMAL_DIGITS + 1));
        for (text, fits) in [
            (most.clone(), true),
            (format!("-{most}"), true),
            (format!("000{most}"), true),
            (format!("0.{most}"), true),
            (more.clone(), false),
            (format!("0.{more}"), false),
            (format!("1{most}.0"), false),
        ] {
            assert_eq!(Decimal::read(&text).is_some(), fits, "{}", text.len());
        }
    }

    #[test]
    fn numbers_are_ordered_by_their_size() {
        let rising = [
            "-1E+3", "-10", "-9.5", "-0.1", "-0.05", "0", "0.05", "0.5", "9.5", "10", "99", "1E+2", "1.5E+2",
            "2E+2",
        ];
        let read = |text: &str| Decimal::read(text).expect("a number");
        let bytes = |text: &str| {
            let mut bytes = Vec::new();
            read(text).order_bytes(&mut bytes);
            bytes
        };
        for (at, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(read(a).compare(&read(b)), at.cmp(&other), "{a} {b}");
                assert_eq!(bytes(a).cmp(&bytes(b)), at.cmp(&other), "{a} {b}");
            }
        }
        for (a, b) in [("1.0", "1.00"), ("100", "1E+2"), ("0", "0.00"), ("-0.50", "-0.5"), ("0E+9", "0")] {
            assert_eq!(read(a).compare(&read(b)), Ordering::Equal, "{a} {b}");
            assert_eq!(bytes(a), bytes(b), "{a} {b}");
            assert_ne!(read(a), read(b));
        }
    }

    #[test]
    fn both_parts_are_there_for_a_table() {
        for (text, unscaled, scale) in
            [("-12.50", "-1250", 2), ("0.00", "0", 2), ("1.5E+3", "15", -2), ("7", "7", 0), ("0.007", "7", 3)]
        {
            let read = Decimal::read(text).expect("a number");
            assert_eq!((read.unscaled().as_str(), read.scale()), (unscaled, scale), "{text}");
            let again = Decimal::read(&format!("{unscaled}e{}", -scale));
            assert_eq!(again, Some(read));
        }
    }
}
