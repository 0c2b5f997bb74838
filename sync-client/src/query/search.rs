//! What a search finds: every word somewhere in what a person reads of a record.

use sync_protocol::schema::Collection;
use sync_protocol::{FieldType, Fields, RecordKey};

use crate::text::{self, Folded};

/// Whether every word is somewhere in what a person reads of a record.
pub(super) fn matches(definition: &Collection, words: &[Folded], key: &RecordKey, fields: &Fields) -> bool {
    words.iter().all(|word| {
        let in_key = match key {
            RecordKey::Int(n) => word.is_in(&n.to_string()),
            RecordKey::Text(text) => word.is_in(text),
        };
        in_key
            || fields.iter().any(|(name, value)| {
                match definition.fields.get(name).map(|field| field.field_type) {
                    // nobody reads bytes, and words would be found in them by chance
                    Some(FieldType::Bytes) => false,
                    Some(FieldType::DateTime) if in_moment(word, value.as_text()) => true,
                    _ => read(word, &value.0),
                }
            })
    })
}

/// Whether a word is in a moment as screens show it, which is dear to find out: it has digits and few signs.
fn in_moment(word: &Folded, utc: Option<&str>) -> bool {
    let may_be = word.as_str().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b':');
    may_be && utc.and_then(text::local_time).is_some_and(|shown| word.is_in(&shown))
}

/// Whether a word is in what a person reads of a value.
fn read(word: &Folded, value: &serde_json::Value) -> bool {
    use serde_json::Value as J;
    match value {
        J::String(text) => word.is_in(text),
        J::Array(items) => items.iter().any(|item| read(word, item)),
        J::Object(items) => items.values().any(|item| read(word, item)),
        J::Number(n) => word.is_in(&n.to_string()),
        J::Bool(yes) => word.is_in(if *yes { "yes" } else { "no" }),
        J::Null => false,
    }
}
