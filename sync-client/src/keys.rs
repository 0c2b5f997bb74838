//! Objects of programs as values of fields, and back: whatever a member is called, it comes back under that key.
//!
//! A member whose key has a name ([`FieldName::from_key`]) is the field of that name. What no field can hold is together in
//! one more, of JSON: members whose key is longer than a name, and those that are `null` ("no value", of a field).

use serde_json::{Map, Value as Json};
use sync_protocol::{FieldName, Fields, Value};

/// The field of all that has none of its own. It is no key's name.
const MORE: &str = "k___more";

/// An object as values of fields, each named by its key.
pub fn fields_of(object: Map<String, Json>) -> Fields {
    let mut fields = Fields::new();
    let mut more = Map::new();
    for (key, value) in object {
        match FieldName::from_key(&key).filter(|_| !value.is_null()) {
            Some(name) => drop(fields.insert(name, Value(value))),
            None => drop(more.insert(key, value)),
        }
    }
    if let (false, Ok(name)) = (more.is_empty(), FieldName::new(MORE)) {
        fields.insert(name, Value(Json::Object(more)));
    }
    fields
}

/// The object whose members these are. A value beats the "no value" that another device left beside it.
pub fn object_of(fields: &Fields) -> Map<String, Json> {
    let mut object = Map::new();
    let (more, plain): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(name, value)| name.as_str() == MORE && value.0.is_object());
    let more = more.into_iter().filter_map(|(_, value)| value.0.as_object()).flatten();
    object.extend(more.map(|(key, value)| (key.clone(), value.clone())));
    object.extend(plain.into_iter().map(|(name, value)| (name.to_key(), value.0.clone())));
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_object_comes_back_as_it_was() {
        let long = "x".repeat(60);
        for object in [
            json!({}),
            json!({"id": 1, "firstName": "Ada", "é": [null, {"": null}], "": "", "k___more": {"a": 1}}),
            json!({"a": null, "k___more": null, "more": 1, (long): {"b": null}}),
        ] {
            let fields = fields_of(object.as_object().cloned().unwrap_or_default());
            assert!(fields.values().all(|value| !value.is_absent()));
            assert_eq!(Json::Object(object_of(&fields)), object);
        }
    }

    #[test]
    fn a_value_beats_no_value() {
        let mut fields = fields_of(Map::from_iter([("a".to_owned(), Json::Null)]));
        fields.extend(fields_of(Map::from_iter([("a".to_owned(), json!(1))])));
        assert_eq!(Json::Object(object_of(&fields)), json!({"a": 1}));
    }
}
