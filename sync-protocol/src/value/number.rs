//! Floating-point numbers of 64 bits. JSON has none for three of them: those are texts.

use serde_json::Value as J;

use super::Value;
use crate::gate::look::exact_float;

/// Up to here every whole number is one of 64 bits floating.
const WHOLE: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// A floating-point number as fields of [`super::FieldType::Number`] hold it: whole ones without a fraction, as every
    /// program writes them; `NaN`, `Infinity` and `-Infinity` as texts; a negative zero as `-0.0`.
    pub fn from_number(number: f64) -> Self {
        if number.is_nan() {
            return Self::from("NaN");
        }
        if number.is_infinite() {
            return Self::from(if number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        let is_minus_zero = number == 0.0 && number.is_sign_negative();
        let is_whole = number.fract() == 0.0 && number.abs() <= WHOLE && !is_minus_zero;
        if is_whole { Self::from(number as i64) } else { Self::from(number) }
    }

    /// The floating-point number, if the value is exactly one.
    pub fn as_number(&self) -> Option<f64> {
        match &self.0 {
            J::Number(n) => {
                let float = n.as_f64()?;
                let whole = n.as_i64().map(i128::from).or(n.as_u64().map(i128::from));
                whole.is_none_or(|whole| whole == float as i128).then_some(float)
            }
            J::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What a person typed; `None` where it is no number, or would become another one.
pub(super) fn read(text: &str) -> Option<Value> {
    if let special @ Some(_) = Value::from(text).as_number() {
        return special.map(Value::from_number);
    }
    let text = text.strip_prefix('+').filter(|rest| !rest.starts_with('-')).unwrap_or(text);
    exact_float(text).map(Value::from_number)
}

/// The number for reading: `5`, `0.1`, `6.02e+23`.
pub(super) fn show(value: &Value) -> Option<String> {
    let plain = Value::from_number(value.as_number()?);
    Some(plain.as_text().map_or_else(|| plain.0.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_typed_is_that_number_or_none() {
        for (text, want) in [
            ("5", Some(json!(5))),
            ("5.0", Some(json!(5))),
            ("+.5", Some(json!(0.5))),
            ("0.1", Some(json!(0.1))),
            ("-0", Some(json!(-0.0))),
            ("6.02e23", Some(json!(6.02e23))),
            ("1e-7", Some(json!(1e-7))),
            ("9007199254740992", Some(json!(9_007_199_254_740_992_i64))),
            ("1152921504606846976", None),
            ("1.152921504606847e18", Some(json!(1.152921504606847e18))),
            ("NaN", Some(json!("NaN"))),
            ("-Infinity", Some(json!("-Infinity"))),
            ("9007199254740993", None),
            ("0.12345678901234567890", None),
            ("1e400", None),
            ("1e-400", None),
            ("inf", None),
            ("++1", None),
            ("+-1", None),
            ("1,5", None),
        ] {
            assert_eq!(read(text).map(|value| value.0), want, "{text}");
        }
    }

    #[test]
    fn a_number_is_one_however_a_program_writes_it() {
        for (json, number) in [
            (json!(5), Some(5.0)),
            (json!(5.0), Some(5.0)),
            (json!(1_152_921_504_606_846_976_i64), Some(1_152_921_504_606_846_976.0)),
            (json!(u64::MAX), None),
            (json!(i64::MAX), None),
            (json!(i64::MIN), Some(-9_223_372_036_854_775_808.0)),
            (json!("Infinity"), Some(f64::INFINITY)),
            (json!("infinity"), None),
            (json!("5"), None),
            (json!(true), None),
        ] {
            assert_eq!(Value(json.clone()).as_number(), number, "{json}");
        }
        assert!(Value::from_number(f64::NAN).as_number().is_some_and(f64::is_nan));
        assert!(Value::from_number(-0.0).as_number().is_some_and(|n| n == 0.0 && n.is_sign_negative()));
    }
}
