//! How deep and how large values are, and what is cut off those that are too deep.

use serde::Deserialize;

use super::Value;
use crate::limits;

/// Whether lists and objects are nested deeper than that.
pub(crate) fn deeper_than(value: &serde_json::Value, depth: usize) -> bool {
    match value {
        serde_json::Value::Array(a) => depth == 0 || a.iter().any(|v| deeper_than(v, depth - 1)),
        serde_json::Value::Object(o) => depth == 0 || o.values().any(|v| deeper_than(v, depth - 1)),
        _ => false,
    }
}

/// What a value takes in memory, in cells ([`limits::CHANGE_CELLS`]): an object is a tree, and the smallest tree is large.
pub(crate) fn cells(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(a) => 2 + a.iter().map(cells).sum::<usize>(),
        serde_json::Value::Object(o) => {
            limits::OBJECT_CELLS + o.values().map(|v| 1 + cells(v)).sum::<usize>()
        }
        _ => 1,
    }
}

/// Bytes of the JSON, to the last one.
pub(super) fn json_size(value: &serde_json::Value) -> usize {
    let between = |len: usize| len.saturating_sub(1);
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(true) => 4,
        serde_json::Value::Bool(false) => 5,
        serde_json::Value::Number(n) => number_size(n),
        serde_json::Value::String(s) => text_size(s),
        serde_json::Value::Array(a) => 2 + between(a.len()) + a.iter().map(json_size).sum::<usize>(),
        serde_json::Value::Object(o) => {
            2 + between(o.len()) + o.iter().map(|(k, v)| text_size(k) + 1 + json_size(v)).sum::<usize>()
        }
    }
}

fn number_size(n: &serde_json::Number) -> usize {
    let digits = |n: u64| n.checked_ilog10().unwrap_or(0) as usize + 1;
    match (n.as_u64(), n.as_i64()) {
        (Some(n), _) => digits(n),
        (None, Some(n)) => 1 + digits(n.unsigned_abs()),
        (None, None) => n.to_string().len(),
    }
}

/// Bytes of a text as JSON, with its quotes and escapes.
pub(crate) fn text_size(text: &str) -> usize {
    let more = |b: u8| match b {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 1,
        0..0x20 => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(more).sum::<usize>()
}

/// Reads a side of something that was judged. Releases before this one let sides come in deeper than every parser
/// reads them in an answer; what lies too deep is cut off, so that no stored row can stop a device.
pub(crate) fn shallow<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let mut value = Value::deserialize(deserializer)?;
    if deeper_than(&value.0, limits::JSON_DEPTH) {
        cut(&mut value.0, limits::JSON_DEPTH);
    }
    Ok(value)
}

fn cut(value: &mut serde_json::Value, depth: usize) {
    match value {
        serde_json::Value::Array(_) | serde_json::Value::Object(_) if depth == 0 => *value = CUT.into(),
        serde_json::Value::Array(a) => a.iter_mut().for_each(|v| cut(v, depth - 1)),
        serde_json::Value::Object(o) => o.values_mut().for_each(|v| cut(v, depth - 1)),
        _ => {}
    }
}

/// What stands where something was cut off.
const CUT: &str = "…";
