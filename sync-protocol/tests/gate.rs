//! The gate: what it lets through is as large as it is said to be, and readable; what it refuses is told by name.

use crate::common::{World, deltas, fields, id, name};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sync_protocol::message::Role;
use sync_protocol::permit::{Author, Standing, refusal};
use sync_protocol::{
    Change, ChangeId, Choice, CollectionId, Counter, Edit, Outcome, RecordId, RecordKey, Rejection,
    ReplicaId, Resolution, Revision, Timestamp, UserId, Value, gate, limits, reserved,
};
use uuid::Uuid;

fn change(record: RecordId, edit: Edit) -> Change {
    let id = ChangeId { replica: ReplicaId(Uuid::from_u128(7)), counter: Counter(1) };
    Change { id, record, at: Timestamp(crate::common::NOW), saw: None, edit }
}

fn nested(levels: usize) -> Json {
    (0..levels)
        .fold(json!(1), |value, level| if level % 2 == 0 { json!([value]) } else { json!({ "a": value }) })
}

fn keep(choice: Json) -> Edit {
    let outcome = Outcome::Keep { choices: [(name("any"), Choice::Own(Value(choice)))].into() };
    let id = ChangeId { replica: ReplicaId(Uuid::from_u128(7)), counter: Counter(1) };
    Edit::Resolve(Resolution { conflict: id, saw_conflict: Revision(1), saw_record: None, outcome })
}

#[test]
fn every_value_of_a_change_has_its_depth() {
    let edits = |v: Json| {
        [
            Edit::Insert { fields: fields(json!({ "any": v })) },
            Edit::Patch { fields: deltas(json!({ "any": [v, 1] })) },
            Edit::Patch { fields: deltas(json!({ "any": [1, v] })) },
            Edit::Delete { base: fields(json!({ "any": v })) },
            keep(v),
        ]
    };
    for edit in edits(nested(limits::JSON_DEPTH)) {
        assert_eq!(gate::form(&change(id("items", "1"), edit)), Ok(()));
    }
    for edit in edits(nested(limits::JSON_DEPTH + 1)) {
        let refused = gate::form(&change(id("items", "1"), edit));
        assert!(
            matches!(refused, Err(Rejection::Misfit { ref field, .. }) if *field == name("any")),
            "{refused:?}"
        );
    }
}

#[test]
fn what_takes_many_times_its_size_in_memory_is_refused() {
    let bomb = Json::Array(vec![json!({ "": 0 }); 100_000]);
    for edit in [
        Edit::Insert { fields: fields(json!({ "any": bomb })) },
        Edit::Patch { fields: deltas(json!({ "any": [bomb, 1] })) },
        Edit::Delete { base: fields(json!({ "any": bomb })) },
    ] {
        let refused = gate::form(&change(id("items", "1"), edit));
        assert!(matches!(refused, Err(Rejection::TooLarge { .. })), "{refused:?}");
    }
    let map = Json::Array((0..40_000).map(|n| json!([n, f64::from(n) / 7.0])).collect());
    let edit = Edit::Patch { fields: deltas(json!({ "any": [map, map] })) };
    assert_eq!(gate::form(&change(id("items", "1"), edit)), Ok(()), "a map full of coordinates");
}

#[test]
fn control_characters_count_as_they_are_written() {
    let text = |n: usize| json!("\u{1}".repeat(n));
    let fits = change(id("items", "1"), Edit::Insert { fields: fields(json!({ "body": text(170_000) })) });
    assert_eq!(gate::form(&fits), Ok(()));
    assert!(serde_json::to_vec(&fits).unwrap().len() <= limits::CHANGE_BYTES);
    let more = change(id("items", "1"), Edit::Insert { fields: fields(json!({ "body": text(180_000) })) });
    assert!(matches!(gate::form(&more), Err(Rejection::TooLarge { .. })));
}

#[test]
fn a_text_as_large_as_a_record_can_be_edited() {
    let (was, is) = ("x".repeat(1_000_000), "y".repeat(1_000_000));
    let mut w = World::with(json!({ "body": was }));
    assert_eq!(w.patch(1, json!({ "body": [was, is] })), "merged");
}

#[test]
fn moorings_own_records_are_short() {
    let own = |collection: &'static str, field: &str, text: String| {
        let record = RecordId::new(reserved::collection(collection), RecordKey::Text("k".into()));
        gate::form(&change(record, Edit::Insert { fields: fields(json!({ field: text })) }))
    };
    for (collection, field, most) in [
        (reserved::COLLECTIONS, "label", limits::LABEL_CHARS),
        (reserved::FIELDS, "label", limits::LABEL_CHARS),
        (reserved::PEOPLE, "name", limits::LABEL_CHARS),
        (reserved::DEVICES, "name", limits::LABEL_CHARS),
        (reserved::DEVICES, "channel", limits::LABEL_CHARS),
        (reserved::ASSIGNMENTS, "user", limits::LABEL_CHARS),
        (reserved::COMMENTS, "text", limits::COMMENT_CHARS),
        (reserved::MIRRORS, "table", limits::LABEL_CHARS),
        (reserved::MIRRORS, "reason", limits::COMMENT_CHARS),
        (reserved::VIEWS, "name", limits::LABEL_CHARS),
        (reserved::VIEWS, "query", limits::COMMENT_CHARS),
    ] {
        assert_eq!(own(collection, field, "ü".repeat(most)), Ok(()));
        assert!(own(collection, field, "ü".repeat(most + 1)).is_err(), "{collection}.{field}");
    }
    assert!(own(reserved::PEOPLE, "name", "two\nlines".into()).is_err());
    assert_eq!(own(reserved::COMMENTS, "text", "two\nlines".into()), Ok(()));
    let options = Json::from(vec!["x"; 50_000]);
    let record = RecordId::new(reserved::collection(reserved::FIELDS), RecordKey::Text("a.b".into()));
    let fields = fields(json!({ "type": "choice", "options": options }));
    assert!(matches!(gate::form(&change(record, Edit::Insert { fields })), Err(Rejection::TooLarge { .. })));
}

/// Who may do what, as the documents say it: role, collection, key, edit.
#[test]
fn the_table_of_rights() {
    let (user, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let replica = ReplicaId(Uuid::from_u128(7));
    let insert = |user: UserId| Edit::Insert { fields: fields(json!({ "user": user.to_string() })) };
    let plain = Edit::Insert { fields: fields(json!({ "name": "x" })) };
    let delete = Edit::Delete { base: Default::default() };
    let both = |key: String| {
        let outcome = Outcome::KeepBoth { key: RecordKey::Text(key) };
        let conflict = ChangeId { replica, counter: Counter(1) };
        Edit::Resolve(Resolution { conflict, saw_conflict: Revision(1), saw_record: None, outcome })
    };
    let (mine, theirs) = (user.to_string(), other.to_string());
    // reader, editor
    for (collection, key, edit, may) in [
        ("items", "1".to_owned(), plain.clone(), [false, true]),
        ("items", "1".to_owned(), delete.clone(), [false, true]),
        (reserved::COLLECTIONS, "items".to_owned(), plain.clone(), [false, true]),
        (reserved::FIELDS, "items.n".to_owned(), delete.clone(), [false, true]),
        (reserved::PEOPLE, mine.clone(), plain.clone(), [true, true]),
        (reserved::PEOPLE, mine.clone(), delete.clone(), [false, true]),
        (reserved::PEOPLE, theirs.clone(), plain.clone(), [false, false]),
        (reserved::PEOPLE, mine.clone(), both(theirs.clone()), [false, false]),
        (reserved::DEVICES, replica.to_string(), insert(user), [true, true]),
        (reserved::DEVICES, replica.to_string(), insert(other), [false, false]),
        (reserved::DEVICES, theirs.clone(), insert(user), [false, false]),
        (reserved::ASSIGNMENTS, "x".to_owned(), insert(other), [false, true]),
        (reserved::COMMENTS, format!("{mine}/1"), insert(user), [false, true]),
        (reserved::COMMENTS, format!("{mine}/1"), insert(other), [false, false]),
        (reserved::COMMENTS, format!("{theirs}/1"), insert(user), [false, false]),
        (reserved::SNOOZES, format!("{mine}/1"), plain.clone(), [false, true]),
        (reserved::SNOOZES, format!("{mine}/1"), both(format!("{theirs}/1")), [false, false]),
        (reserved::MIRRORS, "x".to_owned(), plain.clone(), [false, false]),
        (reserved::MIRRORS, mine.clone(), delete.clone(), [false, false]),
        (reserved::VIEWS, "x".to_owned(), insert(other), [false, true]),
        (reserved::VIEWS, "x".to_owned(), delete, [false, true]),
        ("_unheard_of", "x".to_owned(), plain, [false, false]),
    ] {
        let record = RecordId::new(CollectionId::new(collection).unwrap(), RecordKey::Text(key));
        let change = change(record, edit);
        for (role, may) in [(Role::Reader, may[0]), (Role::Editor, may[1]), (Role::Owner, may[1])] {
            let author = Author { replica, user, standing: role.into() };
            assert_eq!(refusal(&author, &change).is_none(), may, "{role:?} {change:?}");
        }
        // the server writes what editors may, and alone what it mirrors
        let server = Author { replica, user, standing: Standing::Server };
        let may = may[1] || change.record.collection.as_str() == reserved::MIRRORS;
        assert_eq!(refusal(&server, &change).is_none(), may, "server {change:?}");
    }
    // a number is nobody's key
    let record = RecordId::new(reserved::collection(reserved::PEOPLE), RecordKey::Int(7));
    let change = change(record, Edit::Insert { fields: fields(json!({ "name": "x" })) });
    assert!(refusal(&Author { replica, user, standing: Role::Owner.into() }, &change).is_some());
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[\\PC\\x00-\\x1f\"\\\\/]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map("[a-z\"\\x00-\\x1fé]{0,4}", inner, 0..6)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Limits count what is written, not what it was taken for.
    #[test]
    fn a_size_is_never_less_than_what_is_written(value in value(), key in "[a-z\"\\\\é]{1,8}") {
        let written = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(Value(value.clone()).size(), written.len());
        let record = RecordId::new(CollectionId::new("items").unwrap(), RecordKey::Text(key));
        for edit in [
            Edit::Insert { fields: fields(json!({ "any": value })) },
            Edit::Patch { fields: deltas(json!({ "any": [value, value] })) },
            Edit::Delete { base: fields(json!({ "any": value })) },
            keep(value.clone()),
        ] {
            let change = change(record.clone(), edit);
            let written = serde_json::to_string(&change).unwrap().len();
            prop_assert!(change.size() >= written, "{} < {written}", change.size());
        }
        let mut w = World::with(json!({ "any": value, "n": 1 }));
        w.patch(1, json!({ "any": [1, value], "n": [7, 8], "body": [null, "x\n"] }));
        w.patch(2, json!({ "n": [1, 2], "stock": [null, 3] }));
        w.patch(1, json!({ "n": [8, 9] }));
        let record = w.record.as_ref().unwrap();
        prop_assert!(record.size() >= serde_json::to_string(record).unwrap().len());
        for conflict in w.conflicts.values() {
            prop_assert!(conflict.size() >= serde_json::to_string(conflict).unwrap().len());
        }
        for merge in w.feed.iter().filter_map(|entry| entry.merge.as_ref()) {
            prop_assert!(merge.size() >= serde_json::to_string(merge).unwrap().len());
        }
    }
}
