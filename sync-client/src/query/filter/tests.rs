//! Which rows pass which tests, for each type of field.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use sync_protocol::FieldName;
use sync_protocol::schema::Field;

use super::*;

const TYPES: [FieldType; 15] = FieldType::ALL;

fn name(field_type: FieldType) -> FieldName {
    FieldName::from_label(field_type.name())
}

/// A collection with one field of each type, named after it.
fn definition() -> Collection {
    let field = |field_type: FieldType| Field {
        options: vec!["red".into()],
        ..Field::new(name(field_type), field_type.name(), field_type)
    };
    let fields: BTreeMap<_, _> = TYPES.into_iter().map(|t| (name(t), field(t))).ordered_map();
    Collection { fields, ..Collection::default() }
}

/// The places of the values that pass, `-` standing for no value behind them all.
fn passing(field_type: FieldType, values: &[Json], test: Test) -> String {
    let pass = Pass::new(&Filter::field(name(field_type), test), &definition()).expect("it fits");
    let row = |value: &Json| Fields::from([(name(field_type), Value(value.clone()))]);
    let key = RecordKey::Int(1);
    let mut found: String =
        (1..).zip(values).filter(|(_, v)| pass.passes(&key, &row(v))).map(|(n, _)| n.to_string()).collect();
    if pass.passes(&key, &Fields::new()) {
        found.push('-');
    }
    found
}

fn value(json: Json) -> Value {
    Value(json)
}

#[test]
fn texts_are_found_as_they_are_read_and_are_what_is_written() {
    let texts = [json!("Café Straße"), json!("cafe"), json!(""), json!("Tea")];
    for field_type in [FieldType::Text, FieldType::LongText, FieldType::Choice] {
        let of = |test| passing(field_type, &texts, test);
        assert_eq!(of(Test::Contains("CAFE".into())), "12");
        assert_eq!(of(Test::ContainsNot("strasse".into())), "234-");
        assert_eq!(of(Test::Begins("te".into())), "4");
        assert_eq!(of(Test::Is("cafe".into())), "2");
        assert_eq!(of(Test::IsNot("cafe".into())), "134-");
        assert_eq!(of(Test::AnyOf(vec!["Tea".into(), "cafe".into()])), "24");
        assert_eq!(of(Test::AnyOf(Vec::new())), "");
        assert_eq!((of(Test::Empty), of(Test::Filled)), ("3-".into(), "124".into()));
    }
    let uuids = [json!("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071")];
    assert_eq!(passing(FieldType::Uuid, &uuids, Test::Begins("0192F3".into())), "1");
    assert_eq!(passing(FieldType::Uuid, &uuids, Test::Is(value(uuids[0].clone()))), "1");
}

#[test]
fn numbers_and_times_are_compared_exactly_by_their_size() {
    let whole = [-3, 0, 7, 9_007_199_254_740_992, 9_007_199_254_740_993_i64].map(|n| json!(n));
    let decimal = ["-3", "0.00", "7.0", "9007199254740992", "9007199254740992.0000001"].map(|n| json!(n));
    let number = [-3.5, -0.0, 7.0, 8.5, 1e300].map(|n| json!(n));
    let date = ["0001-01-01", "1999-12-31", "2000-01-01", "2000-01-02", "9999-12-31"].map(|n| json!(n));
    let time = ["00:00:00", "09:00:00", "09:00:00.5", "10:00:00", "23:59:59"].map(|n| json!(n));
    let moment = ["01T00:00:00Z", "01T09:00:00Z", "01T09:00:00.5Z", "01T10:00:00Z", "02T00:00:00Z"]
        .map(|n| json!(format!("2026-01-{n}")));
    for (field_type, values) in [
        (FieldType::Integer, &whole),
        (FieldType::Counter, &whole),
        (FieldType::Decimal, &decimal),
        (FieldType::Number, &number),
        (FieldType::Date, &date),
        (FieldType::Time, &time),
        (FieldType::DateTime, &moment),
    ] {
        let of = |test| passing(field_type, values, test);
        let at = |n: usize| value(values[n - 1].clone());
        for (test, want) in [
            (Test::Is(at(4)), "4"),
            (Test::IsNot(at(4)), "1235-"),
            (Test::AnyOf(vec![at(1), at(3)]), "13"),
            (Test::Less(at(3)), "12"),
            (Test::AtMost(at(3)), "123"),
            (Test::Greater(at(4)), "5"),
            (Test::AtLeast(at(4)), "45"),
            (Test::Between(at(2), at(4)), "234"),
            (Test::Between(at(4), at(2)), ""),
            (Test::Empty, "-"),
            (Test::Filled, "12345"),
        ] {
            assert_eq!(of(test.clone()), want, "{field_type:?} {test:?}");
        }
    }
    assert_eq!(passing(FieldType::Decimal, &decimal, Test::Is("0".into())), "2", "however it is written");
    assert_eq!(passing(FieldType::Number, &[json!("NaN"), json!(1)], Test::AtMost("Infinity".into())), "2");
    assert_eq!(passing(FieldType::Number, &[json!("NaN"), json!(1)], Test::Is("NaN".into())), "1");
    // stored before the field was one of numbers
    assert_eq!(
        passing(FieldType::Integer, &[json!("x"), json!(true), json!(1)], Test::AtLeast(0.into())),
        "3"
    );
    assert_eq!(passing(FieldType::Integer, &[json!("x"), json!(true), json!(1)], Test::Less(5.into())), "3");
}

#[test]
fn tags_and_yes_or_no() {
    let tags = [json!(["a"]), json!(["a", "b"]), json!([]), json!(["c"])];
    let list = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let of = |test| passing(FieldType::Tags, &tags, test);
    assert_eq!(of(Test::HasAny(list(&["a", "c"]))), "124");
    assert_eq!(of(Test::HasAll(list(&["b", "a"]))), "2");
    assert_eq!(of(Test::HasNone(list(&["a"]))), "34-");
    assert_eq!(of(Test::Is(value(json!(["a", "b"])))), "2");
    assert_eq!((of(Test::Empty), of(Test::Filled)), ("3-".into(), "124".into()));
    let flags = [json!(true), json!(false)];
    assert_eq!(passing(FieldType::YesNo, &flags, Test::Is(true.into())), "1");
    assert_eq!(passing(FieldType::YesNo, &flags, Test::Is(false.into())), "2");
    assert_eq!(passing(FieldType::YesNo, &flags, Test::IsNot(true.into())), "2-");
}

#[test]
fn keys_and_groups_of_tests() {
    let key = |test| Filter::Field { field: None, test };
    let passes = |filter: &Filter, key: RecordKey| {
        Pass::new(filter, &definition()).expect("it fits").passes(&key, &Fields::new())
    };
    let (seven, invoice) = (RecordKey::Int(7), RecordKey::Text("INV-7".into()));
    for (filter, of_seven, of_invoice) in [
        (key(Test::Is(7.into())), true, false),
        (key(Test::Contains("7".into())), true, true),
        (key(Test::Begins("inv".into())), false, true),
        (key(Test::IsNot("INV-7".into())), true, false),
        (Filter::All(Vec::new()), true, true),
        (Filter::Any(Vec::new()), false, false),
        (Filter::Not(Box::new(key(Test::Is(7.into())))), false, true),
        (Filter::Any(vec![key(Test::Is(7.into())), key(Test::Begins("I".into()))]), true, true),
        (Filter::All(vec![key(Test::Is(7.into())), key(Test::Begins("I".into()))]), false, false),
    ] {
        assert_eq!(passes(&filter, seven.clone()), of_seven, "{filter:?}");
        assert_eq!(passes(&filter, invoice.clone()), of_invoice, "{filter:?}");
    }
}

#[test]
fn what_does_not_fit_a_field_is_refused_by_name() {
    use FieldType::*;
    let one = || vec!["a".to_owned()];
    let no_texts = [Integer, Decimal, YesNo, Date, DateTime, Time, Tags, Counter, Json, Number, Bytes];
    let no_sizes = [Text, LongText, YesNo, Choice, Tags, Json, Uuid, Bytes];
    let mut refused: Vec<(FieldType, Test)> = Vec::new();
    refused.extend(no_texts.map(|t| (t, Test::Contains("a".into()))));
    refused.extend(no_texts.map(|t| (t, Test::Begins("a".into()))));
    refused.extend(no_sizes.map(|t| (t, Test::Less("a".into()))));
    refused.extend(no_sizes.map(|t| (t, Test::Between("a".into(), "b".into()))));
    refused.extend(TYPES.into_iter().filter(|t| *t != Tags).map(|t| (t, Test::HasNone(one()))));
    refused.extend([Json, Bytes].map(|t| (t, Test::Is("a".into()))));
    refused.extend([Integer, Decimal, Date, YesNo, Uuid].map(|t| (t, Test::Is("a".into()))));
    refused.extend(TYPES.map(|t| (t, Test::Is(Value::ABSENT))));
    refused.push((Integer, Test::AtLeast(value(json!(1.5)))));
    refused.push((Decimal, Test::AtLeast(1.into())));
    refused.push((DateTime, Test::AtLeast("2026-01-01".into())));
    refused.push((Text, Test::AnyOf(vec!["a".into(), 1.into()])));
    refused.push((Text, Test::AnyOf(vec!["a".into(); limits::FILTER_VALUES + 1])));
    refused.push((Text, Test::Contains("a".repeat(limits::VIEW_TEXT_BYTES + 1))));
    for (field_type, test) in refused {
        let failure = Pass::new(&Filter::field(name(field_type), test.clone()), &definition()).err();
        let failure = failure.unwrap_or_else(|| panic!("{field_type:?} {test:?}"));
        assert_eq!(failure.field, Some(name(field_type)));
        assert!(failure.message.starts_with(field_type.name()), "{}", failure.message);
    }
    let unknown = FieldName::from_label("nobody has it");
    let failure = Pass::new(&Filter::field(unknown.clone(), Test::Empty), &definition()).err();
    assert_eq!(failure.and_then(|failure| failure.field), Some(unknown));
}

#[test]
fn a_filter_is_bounded_in_depth_and_in_parts() {
    let test = || Filter::Field { field: None, test: Test::Filled };
    let nested = |depth| (1..depth).fold(test(), |filter, _| Filter::Not(Box::new(filter)));
    assert!(Pass::new(&nested(limits::FILTER_DEPTH), &definition()).is_ok());
    assert!(Pass::new(&nested(limits::FILTER_DEPTH + 1), &definition()).is_err());
    let wide = |nodes: usize| Filter::Any((1..nodes).map(|_| test()).collect());
    assert!(Pass::new(&wide(limits::FILTER_NODES), &definition()).is_ok());
    assert!(Pass::new(&wide(limits::FILTER_NODES + 1), &definition()).is_err());
}
