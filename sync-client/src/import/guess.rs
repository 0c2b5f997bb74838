//! What the columns of a file probably hold.

use std::collections::BTreeSet;

use sync_protocol::limits::LABEL_CHARS;
use sync_protocol::schema::Field;
use sync_protocol::{FieldName, FieldType, RecordKey};

use super::file::{Cell, File};
use crate::api::{ImportColumn, ImportPlan};

/// A plan for a file: a type per column that every cell fits, and a key column where one is unique.
pub fn plan(file: &File) -> ImportPlan {
    let mut names = BTreeSet::new();
    let mut columns: Vec<ImportColumn> = file
        .headings
        .iter()
        .enumerate()
        .map(|(place, heading)| {
            let name = unique(FieldName::from_label(heading), &mut names);
            let cells = file.rows.iter().filter_map(|row| row.get(place));
            let field_type = field_type(cells);
            let label = label(heading, &name);
            let field =
                Field { name, label, field_type, options: Vec::new(), policy: None, position: place as i64 };
            ImportColumn { heading: heading.clone(), field, take: true }
        })
        .collect();
    let key = key(file);
    if let Some(key) = &key
        && let Some(column) = columns.iter_mut().find(|c| c.heading == *key)
    {
        // a column called `id` is nothing but the key; any other keeps its own place among the fields
        column.take = !key.eq_ignore_ascii_case("id") && !key.eq_ignore_ascii_case("key");
    }
    ImportPlan { file: file.number, label: title(&file.stem), into: None, key, columns }
}

/// `harbour_visits-2024` as people would write it: `Harbour visits 2024`.
fn title(stem: &str) -> String {
    let words = stem.replace(['_', '-'], " ");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What people call the field: the heading as one line, and no longer than a label may be.
fn label(heading: &str, name: &FieldName) -> String {
    let line = heading.split_whitespace().collect::<Vec<_>>().join(" ");
    let label: String = line.chars().filter(|c| !c.is_control()).take(LABEL_CHARS).collect();
    if label.is_empty() { name.to_string() } else { label }
}

fn unique(name: FieldName, taken: &mut BTreeSet<FieldName>) -> FieldName {
    let mut candidate = name.clone();
    for n in 2.. {
        if taken.insert(candidate.clone()) {
            break;
        }
        candidate =
            FieldName::from_label(&format!("{}_{n}", name.as_str().chars().take(40).collect::<String>()));
    }
    candidate
}

fn field_type<'a>(cells: impl Iterator<Item = &'a Cell> + Clone) -> FieldType {
    let filled = || {
        cells
            .clone()
            .filter(|c| !matches!(c, Cell::Absent) && !matches!(c, Cell::Text(t) if t.trim().is_empty()))
    };
    if filled().next().is_none() {
        return FieldType::Text;
    }
    use FieldType::{Date, DateTime, Decimal, Integer, Json, LongText, Text, YesNo};
    [YesNo, Integer, Decimal, Date, DateTime, Text, LongText]
        .into_iter()
        .find(|t| filled().all(|cell| fits(*t, cell)))
        .unwrap_or(Json)
}

/// Whether a cell surely holds that: what a round trip would change (leading zeros, a text of digits in JSON) does not fit.
fn fits(t: FieldType, cell: &Cell) -> bool {
    use serde_json::Value as J;
    let canonical = |text: &str| {
        t.parse(text, &[]).is_ok_and(|value| !value.is_absent() && t.show(&value) == text.trim())
    };
    match (t, cell) {
        (_, Cell::Absent) => true,
        (FieldType::YesNo, Cell::Text(text)) => {
            matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no")
        }
        (FieldType::YesNo, Cell::Json(json)) => json.is_boolean(),
        (FieldType::Integer, Cell::Text(text)) => canonical(text),
        (FieldType::Integer, Cell::Json(json)) => json.is_i64(),
        (FieldType::Decimal, Cell::Text(text)) => {
            let text = text.trim();
            let digits = text.strip_prefix('-').unwrap_or(text);
            let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            !padded && !text.starts_with('+') && t.parse(text, &[]).is_ok()
        }
        (FieldType::Decimal, Cell::Json(J::Number(n))) => {
            sync_protocol::value::canonical_decimal(&n.to_string()).is_some()
        }
        (FieldType::Date | FieldType::DateTime, Cell::Text(text) | Cell::Json(J::String(text))) => {
            canonical(text)
        }
        (FieldType::Text, Cell::Text(text) | Cell::Json(J::String(text))) => {
            text.len() <= 250 && !text.contains(['\n', '\r'])
        }
        (FieldType::LongText, Cell::Text(_) | Cell::Json(J::String(_))) => true,
        (FieldType::Text | FieldType::LongText, Cell::Json(J::Number(_))) => true,
        _ => false,
    }
}

/// The first column called like a key, else the first column, if it is filled and unique.
fn key(file: &File) -> Option<String> {
    let named = |h: &String| {
        matches!(h.to_ascii_lowercase().as_str(), "id" | "key" | "code" | "uuid" | "number" | "no")
    };
    let candidates = file.headings.iter().filter(|h| named(h)).chain(file.headings.first());
    candidates.into_iter().find(|heading| is_key(file, heading)).cloned()
}

fn is_key(file: &File, heading: &str) -> bool {
    let Some(place) = file.headings.iter().position(|h| h == heading) else { return false };
    let mut seen = BTreeSet::new();
    // texts and numbers in one column are names, not keys: 300 would sort and look up apart from the others
    let kinds: BTreeSet<bool> = file
        .rows
        .iter()
        .filter_map(|row| row.get(place))
        .filter_map(|cell| match cell {
            Cell::Json(json) => Some(json.is_number()),
            Cell::Text(_) | Cell::Absent => None,
        })
        .collect();
    if kinds.len() > 1 {
        return false;
    }
    file.rows.iter().filter(|row| row.len() == file.headings.len()).all(|row| match &row[place] {
        Cell::Text(text) => {
            RecordKey::from_input(text.trim()).check().is_ok() && seen.insert(text.trim().to_owned())
        }
        Cell::Json(serde_json::Value::String(text)) => {
            RecordKey::Text(text.clone()).check().is_ok() && seen.insert(format!("t{text}"))
        }
        Cell::Json(serde_json::Value::Number(n)) => n.is_i64() && seen.insert(format!("n{n}")),
        _ => false,
    })
}
