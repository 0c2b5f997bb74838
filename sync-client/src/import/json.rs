//! Lists of objects in JSON, with every digit that the file has.

use std::collections::BTreeMap;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use sync_protocol::gate::look::is_exact;
use sync_protocol::json;

use crate::api::Failure;

use super::file::{Cell, File, FileRow, check_headings};

/// Reads a file.
pub(super) fn read(stem: &str, text: &str) -> Result<File, Failure> {
    let objects: Vec<Object> = json::read(text).map_err(|e| {
        Failure::input(format!(
            "This is not a list of objects in JSON (line {}, column {}). Mooring imports files such as [{{\"name\": \"John\"}}, …].",
            e.line(),
            e.column()
        ))
    })?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut headings = Vec::new();
    for (name, ..) in objects.iter().flat_map(|o| &o.0) {
        if !places.contains_key(name) {
            places.insert(name.clone(), headings.len());
            headings.push(name.clone());
        }
    }
    if headings.is_empty() {
        return Err(Failure::input(
            "The file holds no records. Choose a file with at least one object that has a name and a value.",
        ));
    }
    check_headings(&headings)?;
    let mut long = BTreeMap::<String, usize>::new();
    let rows = objects
        .into_iter()
        .map(|object| {
            let mut cells = vec![Cell::Absent; headings.len()];
            for (name, value, as_text) in object.0 {
                cells[places[&name]] = if value.is_null() { Cell::Absent } else { Cell::Json(value) };
                if as_text > 0 {
                    *long.entry(name).or_default() += as_text;
                }
            }
            FileRow { line: None, cells, odd: false }
        })
        .collect();
    let note = |(name, n): (String, usize)| match n {
        1 => format!(
            "1 number in “{name}” has more digits than a number keeps: it becomes text, as it is written."
        ),
        n => format!(
            "{n} numbers in “{name}” have more digits than a number keeps: they become text, as they are written."
        ),
    };
    let notes = long.into_iter().map(note).collect();
    Ok(File { stem: stem.to_owned(), headings, rows, notes, ..File::default() })
}

/// A value of the file, and how many of the numbers within it became text, because a number would not keep their
/// digits.
fn exact(raw: &str) -> serde_json::Result<(Value, usize)> {
    // this also sees to the depth, so that what follows goes no deeper
    let value: Value = json::read(raw)?;
    let mut as_text = 0;
    let value = if is_suspicious(raw) { kept(raw, value, &mut as_text)? } else { value };
    Ok((value, as_text))
}

/// Whether a text holds a number whose digits may not all be kept: a long one or one with an exponent.
fn is_suspicious(raw: &str) -> bool {
    let mut digits = 0;
    raw.bytes().any(|b| {
        digits = match b {
            b'0'..=b'9' | b'.' => digits + 1,
            b'e' | b'E' if digits > 0 => return true,
            _ => 0,
        };
        digits > 15
    })
}

fn kept(raw: &str, value: Value, as_text: &mut usize) -> serde_json::Result<Value> {
    Ok(match value {
        Value::Number(n) => {
            if is_exact(raw) {
                Value::Number(n)
            } else {
                *as_text += 1;
                Value::String(raw.to_owned())
            }
        }
        Value::Array(_) => {
            let items: Vec<Box<RawValue>> = json::read(raw)?;
            items
                .iter()
                .map(|item| kept(item.get(), json::read(item.get())?, as_text))
                .collect::<Result<_, _>>()?
        }
        Value::Object(_) => {
            let items: BTreeMap<String, Box<RawValue>> = json::read(raw)?;
            let item = |(name, item): (String, Box<RawValue>)| {
                Ok((name, kept(item.get(), json::read(item.get())?, as_text)?))
            };
            Value::Object(items.into_iter().map(item).collect::<serde_json::Result<_>>()?)
        }
        other => other,
    })
}

/// A JSON object with its names in the order of the file, and with each value how many numbers in it became text.
struct Object(Vec<(String, Value, usize)>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
                    let (value, as_text) = exact(raw.get()).map_err(serde::de::Error::custom)?;
                    // a number alone is told beside the column's type
                    let nested = if value.is_string() { 0 } else { as_text };
                    pairs.push((name, value, nested));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_numbers_keep_every_digit_or_become_text() {
        let text = r#"[{"m": {"id": 12345678901234567890123, "n": [18446744073709551616, 1, 1.5], "ok": 100}, "t": "1E5"}]"#;
        let file = read("a", text).unwrap();
        assert_eq!(
            file.rows[0].cells[0],
            Cell::Json(
                serde_json::json!({"id": "12345678901234567890123", "n": ["18446744073709551616", 1, 1.5], "ok": 100})
            )
        );
        assert_eq!(
            file.notes,
            ["2 numbers in “m” have more digits than a number keeps: they become text, as they are written."]
        );
    }
}
