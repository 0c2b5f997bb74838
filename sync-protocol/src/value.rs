//! Typed values. On the wire and in every store a value is plain JSON, so that `cqlsh` shows it; its field's
//! [`FieldType`] gives it meaning and checks it. Nothing is ever coerced silently.

pub mod bytes;
pub mod decimal;
mod field_type;
mod moment;
mod number;
mod size;

use crate::Ordered;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

pub use field_type::{FieldType, Misfit, from_json};
pub(crate) use size::{cells, deeper_than, shallow, text_size};

/// A field's value. JSON `null` is "no value": a record never stores it, a change uses it to say "absent".
///
/// `Debug` shows the kind and size only, so that a log never carries a person's data.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub serde_json::Value);

impl Value {
    /// "No value".
    pub const ABSENT: Self = Self(serde_json::Value::Null);

    /// Whether this is "no value".
    pub fn is_absent(&self) -> bool {
        self.0.is_null()
    }

    /// The text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The whole number, if the value is one.
    pub fn as_integer(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// The tags, if the value is a list of texts.
    pub fn as_tags(&self) -> Option<BTreeSet<&str>> {
        let tags = self.0.as_array()?;
        let texts = tags.iter().filter_map(|v| v.as_str()).ordered_set();
        tags.iter().all(serde_json::Value::is_string).then_some(texts)
    }

    /// A sorted list of distinct tags.
    pub fn from_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let tags: BTreeSet<&str> = tags.into_iter().ordered_set();
        Self(tags.into_iter().map(serde_json::Value::from).collect())
    }

    /// Whether both say the same: numbers count by value, however they are written (`1` and `1.0`). What a list of tags
    /// without a tag means is told by its field: see [`FieldType::plain`].
    pub fn same(&self, other: &Self) -> bool {
        same_json(&self.0, &other.0)
    }

    /// Bytes that the value takes as JSON, without writing it.
    pub fn size(&self) -> usize {
        size::json_size(&self.0)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            serde_json::Value::Null => f.write_str("absent"),
            serde_json::Value::Bool(_) => f.write_str("bool"),
            serde_json::Value::Number(_) => f.write_str("number"),
            serde_json::Value::String(s) => write!(f, "text[{}]", s.len()),
            serde_json::Value::Array(a) => write!(f, "list[{}]", a.len()),
            serde_json::Value::Object(o) => write!(f, "object[{}]", o.len()),
        }
    }
}

impl<T: Into<serde_json::Value>> From<T> for Value {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

fn same_json(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value as J;
    match (a, b) {
        (J::Number(a), J::Number(b)) => same_number(a, b),
        (J::Array(a), J::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (J::Object(a), J::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    let whole = |n: &serde_json::Number| n.as_i64().map(i128::from).or(n.as_u64().map(i128::from));
    // a float of that size is whole, and no other float is nearer
    let is = |whole: i128, float: f64| float.fract() == 0.0 && float.abs() < 1e30 && float as i128 == whole;
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        (Some(n), None) => b.as_f64().is_some_and(|float| is(n, float)),
        (None, Some(n)) => a.as_f64().is_some_and(|float| is(n, float)),
        (None, None) => a == b || a.as_f64().is_some_and(|float| b.as_f64() == Some(float)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_the_same_by_value() {
        let same = |a, b| Value(a).same(&Value(b));
        assert!(same(json!(1), json!(1.0)) && same(json!({"a": [1, -0.0]}), json!({"a": [1.0, 0]})));
        assert!(
            !same(json!(1), json!(1.5)) && !same(json!(1), json!("1")) && !same(json!([1]), json!([1, 1]))
        );
        assert!(!same(json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0)));
        assert!(!same(json!(i64::MAX), json!(u64::MAX)) && !same(json!(null), json!(false)));
    }

    #[test]
    fn debug_hides_content() {
        assert_eq!(format!("{:?}", Value::from("secret")), "text[6]");
    }
}
