//! A server that follows the rules and devices that talk to it, step by step and without I/O or clocks.

pub mod check;
pub mod device;
pub mod reached;
pub mod scene;
pub mod server;

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sync_client::api::Seen;
use sync_protocol::schema::Field;
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, Policy, RecordId, RecordKey, Value};

/// Numbers that a seed decides.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n.max(1)
    }

    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub fn name(text: &str) -> FieldName {
    FieldName::new(text).unwrap()
}

pub fn collection() -> CollectionId {
    CollectionId::new("items").unwrap()
}

pub fn item(key: i64) -> RecordId {
    RecordId::new(collection(), RecordKey::Int(key))
}

pub fn fields(json: Json) -> Fields {
    let Json::Object(all) = json else { panic!("an object") };
    all.into_iter().map(|(n, v)| (name(&n), Value(v))).collect()
}

/// `{"n": [1, 2]}`: saw 1, wants 2.
pub fn seen(json: Json) -> BTreeMap<FieldName, Seen> {
    let pair = |v: Value| Seen { saw: Value(v.0[0].clone()), want: Value(v.0[1].clone()) };
    fields(json).into_iter().map(|(n, v)| (n, pair(v))).collect()
}

/// The fields of the collection that all tests use.
pub fn definition() -> Vec<Field> {
    let field = |text: &str, field_type, policy| Field { policy, ..Field::new(name(text), text, field_type) };
    vec![
        field("n", FieldType::Integer, None),
        field("m", FieldType::Integer, None),
        field("k", FieldType::Integer, None),
        field("last", FieldType::Integer, Some(Policy::Last)),
        field("stock", FieldType::Counter, None),
    ]
}
