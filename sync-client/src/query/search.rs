//! What a search finds: every word somewhere in what a person reads of a record.

use sync_protocol::schema::Collection;
use sync_protocol::{FieldType, Fields, RecordKey};

use crate::text;

/// What is searched for: each word somewhere.
pub(super) fn words(search: &str) -> Vec<String> {
    text::folded(search).split_whitespace().map(str::to_owned).collect()
}

/// Whether every word is somewhere in what a person reads of a record.
pub(super) fn matches(definition: &Collection, words: &[String], key: &RecordKey, fields: &Fields) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut all = text::folded(&key.to_string());
    for (name, value) in fields {
        all.push('\n');
        let field_type = definition.fields.get(name).map(|field| field.field_type);
        // nobody reads bytes, and words would be found in them by chance
        if field_type == Some(FieldType::Bytes) {
            continue;
        }
        let is_time = field_type == Some(FieldType::DateTime);
        if let Some(shown) = value.as_text().filter(|_| is_time).and_then(text::local_time) {
            all.push_str(&shown);
            all.push('\n');
        }
        read(&value.0, &mut all);
    }
    words.iter().all(|word| all.contains(word.as_str()))
}

/// Adds what a person reads of a value.
fn read(value: &serde_json::Value, all: &mut String) {
    use serde_json::Value as J;
    match value {
        J::String(text) => all.push_str(&text::folded(text)),
        J::Array(items) => items.iter().for_each(|item| {
            read(item, all);
            all.push('\n');
        }),
        J::Object(items) => items.values().for_each(|item| {
            read(item, all);
            all.push('\n');
        }),
        J::Number(n) => all.push_str(&n.to_string()),
        J::Bool(yes) => all.push_str(if *yes { "yes" } else { "no" }),
        J::Null => {}
    }
}
