//! What a person types or a cell holds, per type of field; and the texts that name something: keys, ids, moments, names.
//! Input: the type, a line end, the text.

use sync_protocol::{ChangeId, CollectionId, FieldName, FieldType, RecordKey, ReplicaId, Timestamp};

use super::head;

pub(super) fn run(data: &[u8]) {
    let Some((name, rest)) = head(data) else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let options = ["red".to_owned(), "dark blue".to_owned()];
    if let Ok(field_type) = serde_json::from_value::<FieldType>(name.into()) {
        let Ok(value) = field_type.parse(text, &options) else { return };
        if value.is_absent() {
            return;
        }
        assert_eq!(field_type.check(&value, &options), Ok(()), "what was taken is fit to be sent");
        let shown = field_type.show(&value);
        assert_eq!(field_type.parse(&shown, &options), Ok(value), "what is shown, {shown:?}, is read again");
        return;
    }
    match name {
        "key" => {
            if let Some(key) = RecordKey::from_text(text) {
                assert_eq!(RecordKey::from_text(&key.to_text()), Some(key));
            }
        }
        "moment" => {
            if let Some(text) = Timestamp::from_text(text).and_then(Timestamp::to_text) {
                let at = Timestamp::from_text(&text).expect("what was written is read");
                assert_eq!(at.to_text().as_deref(), Some(&*text));
            }
        }
        "change" => {
            if let Ok(id) = ChangeId::try_from(text.to_owned()) {
                assert_eq!(ChangeId::try_from(id.to_string()).ok(), Some(id));
            }
        }
        "replica" => {
            if let Ok(id) = text.parse::<ReplicaId>() {
                assert_eq!(id.to_string().parse::<ReplicaId>().ok(), Some(id));
            }
        }
        "name" => {
            let name = FieldName::from_label(text);
            assert_eq!(FieldName::new(name.as_str()).as_ref(), Ok(&name), "a name made of a label is one");
            if let Ok(collection) = CollectionId::new(text) {
                assert_eq!(collection.as_str(), text);
            }
        }
        _ => {}
    }
}
