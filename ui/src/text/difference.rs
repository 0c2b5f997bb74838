//! How far apart two values are, in the way of their type.

use sync_protocol::{FieldType, Timestamp, Value};

const DAY: i64 = 24 * 60 * 60;

/// `+3`, `2 days later`; `None` where there is nothing to say beyond the values themselves.
pub fn difference(field_type: FieldType, before: &Value, after: &Value) -> Option<String> {
    if before.is_absent() || after.is_absent() || before == after {
        return None;
    }
    match field_type {
        FieldType::Integer | FieldType::Counter => {
            let apart = i128::from(after.as_integer()?) - i128::from(before.as_integer()?);
            Some(signed(apart, 0))
        }
        FieldType::Decimal => decimals(before.as_text()?, after.as_text()?),
        FieldType::Number => decimals(&field_type.show(before), &field_type.show(after)),
        FieldType::Date => {
            let seconds = |value: &Value| instant(&format!("{}T00:00:00Z", value.as_text()?));
            Some(apart((seconds(after)? - seconds(before)?) / DAY * DAY))
        }
        FieldType::DateTime => Some(apart(instant(after.as_text()?)? - instant(before.as_text()?)?)),
        FieldType::Time => {
            let seconds = |value: &Value| instant(&format!("2000-01-01T{}Z", value.as_text()?));
            Some(apart(seconds(after)? - seconds(before)?))
        }
        FieldType::Text
        | FieldType::LongText
        | FieldType::YesNo
        | FieldType::Choice
        | FieldType::Tags
        | FieldType::Json
        | FieldType::Uuid
        | FieldType::Bytes
        | FieldType::Unknown => None,
    }
}

/// Numbers of so many digits that nobody would subtract them get no word.
fn decimals(before: &str, after: &str) -> Option<String> {
    let ((a, a_places), (b, b_places)) = (decimal(before)?, decimal(after)?);
    let places = a_places.max(b_places);
    let scaled = |n: i128, has: u32| n.checked_mul(10_i128.checked_pow(places - has)?);
    match scaled(b, b_places)?.checked_sub(scaled(a, a_places)?)? {
        0 => Some("the same amount".to_owned()),
        apart => Some(signed(apart, places)),
    }
}

fn instant(text: &str) -> Option<i64> {
    Some(Timestamp::from_text(text)?.0 / 1000)
}

/// Digits without the point, and how many of them are behind it.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    Some((format!("{whole}{fraction}").parse().ok()?, fraction.len() as u32))
}

fn signed(n: i128, places: u32) -> String {
    let sign = if n < 0 { '\u{2212}' } else { '+' };
    let digits = n.unsigned_abs().to_string();
    let places = places as usize;
    if places == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{sign}{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `2 days later`, `3 hours earlier`.
fn apart(seconds: i64) -> String {
    let (n, unit) = match seconds.abs() {
        s if s < 60 => (s, "second"),
        s if s < 60 * 60 => (s / 60, "minute"),
        s if s < DAY => (s / (60 * 60), "hour"),
        s => (s / DAY, "day"),
    };
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {unit}{s} {}", if seconds < 0 { "earlier" } else { "later" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_type_has_its_own_words() {
        use FieldType::*;
        for (field_type, before, after, words) in [
            (Integer, json!(5), json!(8), Some("+3")),
            (Counter, json!(5), json!(-5), Some("\u{2212}10")),
            (Integer, json!(i64::MIN), json!(i64::MAX), Some("+18446744073709551615")),
            (Decimal, json!("12.5"), json!("12.75"), Some("+0.25")),
            (Decimal, json!("0.1"), json!("-1"), Some("\u{2212}1.1")),
            (Decimal, json!("1.5"), json!("2.5"), Some("+1")),
            (Decimal, json!("1.0"), json!("1.00"), Some("the same amount")),
            (Decimal, json!("1E+3"), json!("2"), None),
            (Decimal, json!("1"), json!("9".repeat(50)), None),
            (Number, json!(0.1), json!(0.3), Some("+0.2")),
            (Number, json!(5.0), json!(3), Some("\u{2212}2")),
            (Number, json!("NaN"), json!(3), None),
            (Time, json!("14:30:00"), json!("16:30:00.5"), Some("2 hours later")),
            (Date, json!("2026-02-27"), json!("2026-03-01"), Some("2 days later")),
            (Date, json!("2026-03-01"), json!("2026-02-28"), Some("1 day earlier")),
            (DateTime, json!("2026-03-01T10:00:00Z"), json!("2026-03-01T13:30:00Z"), Some("3 hours later")),
            (
                DateTime,
                json!("2026-03-01T10:00:00Z"),
                json!("2026-03-01T09:59:00Z"),
                Some("1 minute earlier"),
            ),
            (Integer, json!(null), json!(3), None),
            (Integer, json!(3), json!(3), None),
            (Text, json!("a"), json!("b"), None),
            (Integer, json!("a"), json!(3), None),
        ] {
            let found = difference(field_type, &Value(before), &Value(after));
            assert_eq!(found.as_deref(), words, "{field_type:?}");
        }
    }
}
