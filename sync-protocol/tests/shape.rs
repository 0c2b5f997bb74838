//! What definitions of collections and fields say beyond names and types: it comes through, it is bounded, and two people who
//! say different things meet part by part.

use crate::common::{name, replica};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use sync_protocol::gate::check;
use sync_protocol::schema::{Colour, Details, Field, check_schema_record, check_value, field_record};
use sync_protocol::verdict::{Facts, judge};
use sync_protocol::{
    Beside, Change, ChangeId, CollectionId, Counter, Delta, Edit, FieldType, Fields, Record, RecordId,
    RecordKey, Rejection, Revision, Schema, Timestamp, Value, Verdict, limits, reserved,
};

fn things() -> CollectionId {
    CollectionId::new("things").unwrap()
}

fn colour() -> Field {
    Field {
        options: vec!["red".into(), "blue".into()],
        position: 2,
        details: Details {
            help: "As on the label".into(),
            required: true,
            unique: true,
            default: Value::from("red"),
            colours: [("red".to_owned(), Colour::Red)].into(),
            former: vec!["crimson".into()],
            ..Details::default()
        },
        ..Field::new(name("colour"), "Colour", FieldType::Choice)
    }
}

fn schema(fields: Fields) -> Schema {
    let mut schema = Schema::default();
    let (id, own) = sync_protocol::schema::collection_record(&things(), "Things", None);
    schema.apply(&id, Some(&own));
    schema.apply(&field_record(&things(), &colour()).0, Some(&fields));
    schema
}

fn fields(json: Json) -> Fields {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_definition_comes_through_whole_as_a_record_and_as_json() {
    let (id, record) = field_record(&things(), &colour());
    assert_eq!(check_schema_record(&id, &record), Ok(()));
    let read = schema(record).collection(&things()).unwrap().fields["colour"].clone();
    assert_eq!(read, colour());
    let wire = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Field>(&wire).unwrap(), read);
    // as an earlier version kept it
    let old: Field = serde_json::from_str(r#"{"name":"n","label":"N","type":"text","position":0}"#).unwrap();
    assert!(old.details.is_empty());
    assert_eq!(serde_json::to_value(&old).unwrap().get("details"), None);
}

#[test]
fn what_has_no_meaning_for_the_type_holds_nobody_to_it() {
    // retyped here, while a limit was set there
    let said = fields(json!({ "label": "C", "type": "text", "smallest": 3, "unique": true, "longest": -1 }));
    let read = schema(said).collection(&things()).unwrap().fields["colour"].clone();
    assert_eq!(read.details, Details { unique: true, ..Details::default() });
    let said = fields(json!({ "label": "C", "type": "tags", "unique": true }));
    assert!(!schema(said).collection(&things()).unwrap().fields["colour"].details.unique);
}

#[test]
fn an_option_that_is_offered_no_more_is_no_mistake() {
    let field = colour();
    assert_eq!(check_value(&field, &Value::from("crimson")), Ok(()));
    assert!(check_value(&field, &Value::from("pink")).is_err());
    assert!(field.field_type.parse("crimson", &field.options).is_err(), "nobody types it anew");
}

#[test]
fn a_deleted_field_is_out_of_sight_and_takes_values_as_before() {
    let deleted = Field { details: Details { deleted: true, ..Details::default() }, ..colour() };
    let schema = schema(field_record(&things(), &deleted).1);
    let collection = schema.collection(&things()).unwrap();
    assert!(collection.ordered().is_empty());
    let edit = Edit::Insert { fields: fields(json!({ "colour": "blue" })) };
    let change = change(1, RecordId::new(things(), RecordKey::Int(1)), edit);
    assert!(check(&change, &schema).is_ok(), "a device that has not heard of it is not refused");
}

#[test]
fn a_record_is_named_by_the_field_that_the_collection_says() {
    let mut schema = schema(field_record(&things(), &colour()).1);
    let note = Field::new(name("note"), "Note", FieldType::Text);
    let (id, record) = field_record(&things(), &note);
    schema.apply(&id, Some(&record));
    let values = fields(json!({ "note": "first text", "colour": "blue" }));
    let title = |schema: &Schema| schema.collection(&things()).unwrap().title(&RecordKey::Int(7), &values);
    assert_eq!(title(&schema), "first text");
    let own = RecordId::new(reserved::collection(reserved::COLLECTIONS), RecordKey::Text("things".into()));
    schema.apply(&own, Some(&fields(json!({ "label": "Things", "title": "colour" }))));
    assert_eq!(title(&schema), "blue");
    let deleted = Field { details: Details { deleted: true, ..Details::default() }, ..colour() };
    schema.apply(&id, Some(&record));
    schema.apply(&field_record(&things(), &deleted).0, Some(&field_record(&things(), &deleted).1));
    assert_eq!(title(&schema), "first text", "a deleted field names nothing");
}

#[test]
fn what_is_said_of_a_field_is_bounded() {
    let (id, _) = field_record(&things(), &colour());
    let patch = |part: &str, value: Json| {
        let delta = Delta { base: Value::ABSENT, incoming: Value(value) };
        check(
            &change(1, id.clone(), Edit::Patch { fields: BTreeMap::from([(name(part), delta)]) }),
            &Schema::default(),
        )
        .map(drop)
    };
    assert_eq!(patch("help", json!("x".repeat(limits::HELP_CHARS))), Ok(()));
    for (part, value) in [
        ("help", json!("x".repeat(limits::HELP_CHARS + 1))),
        ("help", json!("two\nlines")),
        ("label", json!("x".repeat(limits::LABEL_CHARS + 1))),
        ("required", json!("yes")),
        ("longest", json!(1.5)),
    ] {
        assert!(matches!(patch(part, value), Err(Rejection::Misfit { .. })), "{part}");
    }
    let big = json!("x".repeat(limits::RESERVED_BYTES));
    assert!(matches!(patch("default", big), Err(Rejection::TooLarge { .. })));
    for wrong in [json!({ "former": [1] }), json!({ "colours": ["red"] })] {
        let mut whole = fields(wrong);
        whole.insert(name("type"), Value::from("choice"));
        assert!(check_schema_record(&id, &whole).is_err());
    }
}

#[test]
fn two_who_shape_one_field_meet_part_by_part() {
    let (id, stands) = field_record(&things(), &colour());
    let mut current = Record {
        key: id.key.clone(),
        rev: Revision(2),
        prev: None,
        alone_since: None,
        stamp: sync_protocol::Stamp { by: replica(9), at: Timestamp(1) },
        created: None,
        edits: BTreeMap::new(),
        twin_of: None,
        deleted: false,
        fields: stands.clone(),
    };
    current.fields.insert(name("label"), Value::from("Shade"));
    let schema = schema(stands.clone());
    let verdict = |part: &str, want: Json| {
        let delta = Delta { base: stands.get(part).cloned().unwrap_or_default(), incoming: Value(want) };
        let edit = Edit::Patch { fields: BTreeMap::from([(name(part), delta)]) };
        let change = change(1, id.clone(), edit);
        let facts = Facts {
            schema: &schema,
            current: Some(&current),
            conflict: None,
            open: &[],
            beside: Beside::default(),
            now: Timestamp(9),
            seq: Revision(3),
        };
        judge(&change, facts).verdict
    };
    // somebody has renamed it meanwhile
    assert!(matches!(verdict("deleted", json!(true)), Verdict::Merged { .. }));
    assert!(matches!(verdict("help", json!("anew")), Verdict::Merged { .. }));
    assert!(
        matches!(verdict("label", json!("Tint")), Verdict::Conflicted { .. }),
        "two names are asked about"
    );
}

fn change(n: u64, record: RecordId, edit: Edit) -> Change {
    let id = ChangeId { replica: replica(1), counter: Counter(n) };
    Change { id, record, at: Timestamp(5), saw: Some(Revision(1)), edit }
}
