//! What the simulated people work on: one collection with a field of most kinds, and values for numbers.

use serde_json::json;
use sync_client::api::Seen;
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, Policy, RecordId, RecordKey, Value};

/// The fields, with what they do where edits meet.
const FIELDS: [(&str, FieldType, Option<Policy>); 12] = [
    ("title", FieldType::Text, None),
    ("n", FieldType::Integer, None),
    ("m", FieldType::Integer, None),
    ("price", FieldType::Decimal, None),
    ("ratio", FieldType::Number, None),
    ("done", FieldType::YesNo, None),
    ("state", FieldType::Choice, None),
    ("last", FieldType::Integer, Some(Policy::Last)),
    ("first", FieldType::Integer, Some(Policy::First)),
    ("stock", FieldType::Counter, None),
    ("tags", FieldType::Tags, Some(Policy::Set)),
    ("prose", FieldType::LongText, Some(Policy::Text)),
];

/// Its name.
pub fn collection() -> CollectionId {
    CollectionId::from_label("things")
}

/// A record of it.
pub fn thing(key: u64) -> RecordId {
    let key =
        if key.is_multiple_of(2) { RecordKey::Int(key as i64) } else { RecordKey::Text(format!("k{key}")) };
    RecordId::new(collection(), key)
}

/// Its fields.
pub fn definition() -> Vec<Field> {
    FIELDS.iter().zip(0..).map(|((name, kind, policy), at)| field(name, *kind, *policy, at)).collect()
}

/// A field that comes and goes.
pub fn extra() -> Field {
    field("extra", FieldType::Text, None, 99)
}

fn field(name: &str, field_type: FieldType, policy: Option<Policy>, position: i64) -> Field {
    let options = if field_type == FieldType::Choice { vec!["new".into(), "old".into()] } else { Vec::new() };
    Field {
        options,
        policy,
        position,
        ..Field::new(FieldName::from_label(name), name.to_owned(), field_type)
    }
}

/// The field that a number names.
pub fn field_name(pick: u64) -> FieldName {
    let at = (pick % (FIELDS.len() as u64 + 1)) as usize;
    FieldName::from_label(FIELDS.get(at).map_or("extra", |(name, _, _)| name))
}

/// A value of a field for a number; few, so that people often mean the same.
pub fn value(field: &FieldName, seen: &Value, n: u64) -> Value {
    if n.is_multiple_of(17) && field.as_str() != "stock" {
        return Value::ABSENT;
    }
    Value(match field.as_str() {
        "title" => json!(format!("t{}", n % 4)),
        "price" => json!(["1.0", "1.00", "2.50", "1E+3"][(n % 4) as usize]),
        "ratio" => [json!(0.5), json!(1), json!(1e300), json!("NaN")][(n % 4) as usize].clone(),
        "done" => json!(n.is_multiple_of(2)),
        "state" => json!(["new", "old"][(n % 2) as usize]),
        "stock" => json!(seen.as_integer().unwrap_or(0) + 1 + (n % 3) as i64),
        "tags" => {
            let tags: Vec<&str> = ["a", "b", "c", "d"]
                .into_iter()
                .zip(0..)
                .filter(|(_, bit)| n >> bit & 1 == 1)
                .map(|(t, _)| t)
                .collect();
            return if tags.is_empty() { Value::ABSENT } else { Value::from_tags(tags) };
        }
        "prose" => json!(format!("one {} two {} three {}", n % 2, n / 2 % 2, n / 4 % 2)),
        "extra" => json!(format!("x{}", n % 3)),
        _ => json!(n % 5),
    })
}

/// Values of a new record.
pub fn values(n: u64) -> Fields {
    let mut fields = Fields::new();
    for place in 0..3 {
        let name = FieldName::from_label(FIELDS[(n >> (8 * place)) as usize % FIELDS.len()].0);
        let value = value(&name, &Value::ABSENT, n >> (4 * place));
        if !value.is_absent() {
            fields.insert(name, value);
        }
    }
    fields
}

/// A pair as a screen sends it.
pub fn seen(saw: Value, want: Value) -> Seen {
    Seen { saw, want }
}
