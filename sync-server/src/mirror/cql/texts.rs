//! Values that are texts in a record: exact numbers, times of day, durations. Each has one text, and the text says all of it.

use num_bigint::BigInt;
use scylla::value::CqlDuration;
use sync_protocol::value::decimal::Decimal;

use super::value::Unfit;

/// Bytes that [`sync_protocol::limits::DECIMAL_DIGITS`] take at most: what is larger is never turned into a text, which takes time.
const BYTES: usize = 416;
const TOO_LONG: Unfit = Unfit::Beyond("a number has at most 1,000 digits and places");

/// An exact number in the form of a field: its scale is kept, `1.0` and `1.00` are two.
pub(super) fn decimal(unscaled: &[u8], scale: i32) -> Result<String, Unfit> {
    if unscaled.len() > BYTES {
        return Err(TOO_LONG);
    }
    let number = BigInt::from_signed_bytes_be(unscaled);
    let number = Decimal::read(&format!("{number}e{}", -i64::from(scale)));
    Ok(number.ok_or(TOO_LONG)?.to_string())
}

/// The number without its point, and its scale.
pub(super) fn parse_decimal(text: &str) -> Option<(Vec<u8>, i32)> {
    let number = Decimal::read(text)?;
    Some((number.unscaled().parse::<BigInt>().ok()?.to_signed_bytes_be(), number.scale()))
}

/// The same number with the least scale: what is left of it where only its size counts.
pub(super) fn by_size(text: &str) -> Option<String> {
    let number = Decimal::read(text)?;
    let unscaled = number.unscaled();
    let digits = unscaled.trim_end_matches('0');
    if digits.is_empty() {
        return Some("0".into());
    }
    let power = (unscaled.len() - digits.len()) as i64 - i64::from(number.scale());
    Some(Decimal::read(&format!("{digits}e{power}"))?.to_string())
}

/// Nanoseconds since midnight as `14:30:00.5`.
pub(super) fn time(nanos: i64) -> Result<String, Unfit> {
    const DAY: i64 = 86_400 * SECOND;
    if !(0..DAY).contains(&nanos) {
        return Err(Unfit::Beyond("a time of day lies between 00:00:00 and 23:59:59.999999999"));
    }
    let (hours, minutes) = (nanos / (3600 * SECOND), nanos / (60 * SECOND) % 60);
    Ok(format!("{hours:02}:{minutes:02}:{:0>2}", seconds(nanos.unsigned_abs() % (60 * SECOND as u64))))
}

/// What [`time`] wrote.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, rest) = rest.split_once(':')?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| (0..60).contains(n));
    Some((number(hours)? * 60 + number(minutes)?) * 60 * SECOND + parse_seconds(rest)?)
}

const SECOND: i64 = 1_000_000_000;

/// Seconds with as many digits behind the point as there are; those before it have no zeros in front.
fn seconds(nanos: u64) -> String {
    let (whole, part) = (nanos / SECOND as u64, nanos % SECOND as u64);
    let text = format!("{whole:02}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse_seconds(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if part.len() > 9 || !digits(whole) || !digits(part) {
        return None;
    }
    whole.parse::<i64>().ok()?.checked_mul(SECOND)?.checked_add(format!("{part:0<9}").parse().ok()?)
}

/// As ISO 8601 writes it: `P1Y2M3DT4H5M6.5S`, with a minus before all of it; nothing at all is `PT0S`.
pub(super) fn duration(duration: CqlDuration) -> Result<String, Unfit> {
    let CqlDuration { months, days, nanoseconds } = duration;
    let negative = months < 0 || days < 0 || nanoseconds < 0;
    if negative && (months > 0 || days > 0 || nanoseconds > 0) {
        return Err(Unfit::Beyond("the parts of a duration have one sign"));
    }
    let (months, days, nanos) = (months.unsigned_abs(), days.unsigned_abs(), nanoseconds.unsigned_abs());
    let second = SECOND as u64;
    let mut text = String::from(if negative { "-P" } else { "P" });
    let mut add = |number: String, unit: char| {
        if number != "0" && number != "00" {
            text.push_str(&number);
            text.push(unit);
        }
    };
    add((months / 12).to_string(), 'Y');
    add((months % 12).to_string(), 'M');
    add(days.to_string(), 'D');
    if nanos > 0 {
        text.push('T');
        let mut add = |number: String, unit: char| {
            if number != "0" {
                text.push_str(&number);
                text.push(unit);
            }
        };
        add((nanos / (3600 * second)).to_string(), 'H');
        add((nanos / (60 * second) % 60).to_string(), 'M');
        let rest = seconds(nanos % (60 * second));
        add(rest.strip_prefix('0').unwrap_or(&rest).to_owned(), 'S');
    } else if months == 0 && days == 0 {
        text.push_str("T0S");
    }
    Ok(text)
}

/// What [`duration`] wrote.
pub(super) fn parse_duration(text: &str) -> Option<CqlDuration> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (days, time) = rest.strip_prefix('P')?.split_once('T').unwrap_or((rest.strip_prefix('P')?, ""));
    let mut parts = Parts { rest: days };
    let (years, months, whole_days) = (parts.take('Y')?, parts.take('M')?, parts.take('D')?);
    parts.rest.is_empty().then_some(())?;
    let mut parts = Parts { rest: time };
    let (hours, minutes) = (parts.take('H')?, parts.take('M')?);
    let seconds = match parts.rest {
        "" => 0,
        rest => i128::from(parse_seconds(rest.strip_suffix('S')?)?),
    };
    let nanos = (hours * 60 + minutes) * 60 * i128::from(SECOND) + seconds;
    Some(CqlDuration {
        months: i32::try_from(sign * (years * 12 + months)).ok()?,
        days: i32::try_from(sign * whole_days).ok()?,
        nanoseconds: i64::try_from(sign * nanos).ok()?,
    })
}

struct Parts<'a> {
    rest: &'a str,
}

impl Parts<'_> {
    /// The number before that unit; 0 where the unit does not come next.
    fn take(&mut self, unit: char) -> Option<i128> {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        match self.rest[end..].strip_prefix(unit) {
            Some(rest) => {
                let number: i64 = self.rest[..end].parse().ok()?;
                self.rest = rest;
                Some(i128::from(number))
            }
            None => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_numbers_keep_their_scale() {
        for (text, unscaled, scale) in [
            ("0", 0, 0),
            ("0.00", 0, 2),
            ("0E+2", 0, -2),
            ("1.0", 10, 1),
            ("1.00", 100, 2),
            ("-0.05", -5, 2),
            ("1.2E+4", 12, -3),
            ("-7", -7, 0),
        ] {
            let bytes = BigInt::from(unscaled).to_signed_bytes_be();
            assert_eq!(decimal(&bytes, scale).as_deref(), Ok(text));
            assert_eq!(parse_decimal(text), Some((bytes, scale)), "{text}");
        }
        assert_eq!(decimal(&[0x7f; 417], 0), Err(TOO_LONG));
        for scale in [1001, -1001, i32::MIN, i32::MAX] {
            assert_eq!(decimal(&[1], scale), Err(TOO_LONG));
        }
        let most = "9".repeat(1000);
        let (bytes, _) = parse_decimal(&most).unwrap();
        assert_eq!((bytes.len(), decimal(&bytes, 0)), (BYTES, Ok(most)));
    }

    #[test]
    fn a_number_by_its_size_alone_has_one_text() {
        for (one, other) in [("1.0", "1.000"), ("1E+1", "10"), ("0.00", "0E+5"), ("-20.50", "-20.5")] {
            assert_eq!(by_size(one), by_size(other));
        }
        assert_ne!(by_size("1.01"), by_size("1.1"));
        assert_eq!(by_size("-0.50").as_deref(), Some("-0.5"));
    }

    #[test]
    fn times_and_durations_have_one_text() {
        for (text, nanos) in [
            ("00:00:00", 0),
            ("14:30:05", 52_205 * SECOND),
            ("23:59:59.999999999", 86_400 * SECOND - 1),
            ("00:00:00.000000001", 1),
            ("01:02:03.5", 3_723_500_000_000),
        ] {
            assert_eq!((time(nanos).as_deref(), parse_time(text)), (Ok(text), Some(nanos)));
        }
        assert!(time(-1).is_err() && time(86_400 * SECOND).is_err() && parse_time("1:2").is_none());
        for (text, months, days, nanoseconds) in [
            ("PT0S", 0, 0, 0),
            ("P1Y2M3DT4H5M6.5S", 14, 3, 14_706_500_000_000),
            ("-P1M", -1, 0, 0),
            ("PT0.000000001S", 0, 0, 1),
            ("P10D", 0, 10, 0),
            ("PT1M", 0, 0, 60 * SECOND),
            ("-P178956970Y8M2147483648DT2562047H47M16.854775808S", i32::MIN, i32::MIN, i64::MIN),
        ] {
            let whole = CqlDuration { months, days, nanoseconds };
            assert_eq!(duration(whole).as_deref(), Ok(text));
            assert_eq!(parse_duration(text), Some(whole), "{text}");
        }
        assert!(duration(CqlDuration { months: 1, days: -1, nanoseconds: 0 }).is_err());
        for text in ["", "P", "-", "P1", "P1D2Y", "T1S", "PT1", "P99999999999999999999D", "PT1.S2"] {
            assert!(
                parse_duration(text).is_none_or(|whole| duration(whole).as_deref() != Ok(text)),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn exact_numbers_come_back(bytes in prop::collection::vec(any::<u8>(), 1..60), scale in -1100..1100_i32) {
            let number = BigInt::from_signed_bytes_be(&bytes);
            if let Ok(text) = decimal(&bytes, scale) {
                prop_assert_eq!(parse_decimal(&text), Some((number.to_signed_bytes_be(), scale)));
            }
        }

        #[test]
        fn times_come_back(nanos in 0..86_400 * SECOND) {
            prop_assert_eq!(parse_time(&time(nanos).unwrap()), Some(nanos));
        }

        #[test]
        fn durations_come_back(months: i32, days: i32, nanoseconds: i64) {
            let positive = CqlDuration { months: months & i32::MAX, days: days & i32::MAX, nanoseconds: nanoseconds & i64::MAX };
            let negative = CqlDuration { months: months | i32::MIN, days: days | i32::MIN, nanoseconds: nanoseconds | i64::MIN };
            for whole in [positive, negative] {
                prop_assert_eq!(parse_duration(&duration(whole).unwrap()), Some(whole));
            }
        }
    }
}
