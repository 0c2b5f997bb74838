//! Values and keys of every type, out of a table and back.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use scylla::value::{
    CqlDate, CqlDecimal, CqlDuration, CqlTime, CqlTimestamp, CqlTimeuuid, CqlValue as C, CqlVarint,
};
use serde_json::{Value as J, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use sync_protocol::{RecordKey, Value};
use uuid::Uuid;

use super::key::{BadKey, Key, KeyColumn, same_bytes};
use super::mapping::plain_types;
use super::nested::by_size;
use super::types::{Kind, Made, Plain};
use super::value::{Unfit, to_cql, to_value};

const PLAIN: [Plain; 19] = [
    Plain::Ascii,
    Plain::Bigint,
    Plain::Blob,
    Plain::Boolean,
    Plain::Date,
    Plain::Decimal,
    Plain::Double,
    Plain::Duration,
    Plain::Float,
    Plain::Inet,
    Plain::Int,
    Plain::Smallint,
    Plain::Text,
    Plain::Time,
    Plain::Timestamp,
    Plain::Timeuuid,
    Plain::Tinyint,
    Plain::Uuid,
    Plain::Varint,
];

/// Bytes of a whole number, none too many: what every driver writes.
fn whole() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..40)
        .prop_map(|bytes| num_bigint::BigInt::from_signed_bytes_be(&bytes).to_signed_bytes_be())
}

/// Milliseconds of the years that dates have, around 1970 more often.
fn millis() -> impl Strategy<Value = i64> {
    prop_oneof![-62_167_219_200_000..253_402_300_800_000_i64, -100_000..100_000_i64]
}

fn plain_value(plain: Plain) -> BoxedStrategy<C> {
    match plain {
        Plain::Ascii => "[ -~\t\n]{0,8}".prop_map(C::Ascii).boxed(),
        Plain::Text => prop_oneof![any::<String>(), "[|~0-9a\n]{0,6}"].prop_map(C::Text).boxed(),
        Plain::Bigint | Plain::Counter => any::<i64>().prop_map(C::BigInt).boxed(),
        Plain::Int => any::<i32>().prop_map(C::Int).boxed(),
        Plain::Smallint => any::<i16>().prop_map(C::SmallInt).boxed(),
        Plain::Tinyint => any::<i8>().prop_map(C::TinyInt).boxed(),
        Plain::Blob => vec(any::<u8>(), 0..20).prop_map(C::Blob).boxed(),
        Plain::Boolean => any::<bool>().prop_map(C::Boolean).boxed(),
        Plain::Date => {
            millis().prop_map(|at| C::Date(CqlDate((at.div_euclid(86_400_000) + (1 << 31)) as u32))).boxed()
        }
        Plain::Timestamp => millis().prop_map(|at| C::Timestamp(CqlTimestamp(at))).boxed(),
        Plain::Time => (0..86_400_000_000_000_i64).prop_map(|nanos| C::Time(CqlTime(nanos))).boxed(),
        Plain::Varint => whole().prop_map(|n| C::Varint(CqlVarint::from_signed_bytes_be(n))).boxed(),
        Plain::Decimal => (whole(), prop_oneof![-900..900_i32, -3..4_i32])
            .prop_map(|(n, scale)| C::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(n, scale)))
            .boxed(),
        Plain::Double => {
            use proptest::num::f64::{ANY, POSITIVE, ZERO};
            let one_nan = |n: f64| if n.is_nan() { f64::NAN } else { n };
            prop_oneof![
                ANY.prop_map(one_nan),
                POSITIVE,
                ZERO,
                Just(f64::INFINITY),
                (-99..99_i8).prop_map(f64::from)
            ]
            .prop_map(C::Double)
            .boxed()
        }
        Plain::Float => {
            use proptest::num::f32::{ANY, ZERO};
            let one_nan = |n: f32| if n.is_nan() { f32::NAN } else { n };
            prop_oneof![ANY.prop_map(one_nan), ZERO, Just(f32::NEG_INFINITY), any::<i8>().prop_map(f32::from)]
                .prop_map(C::Float)
                .boxed()
        }
        Plain::Duration => (any::<u32>(), any::<u32>(), any::<u64>(), any::<bool>())
            .prop_map(|(months, days, nanos, minus)| {
                let sign = if minus { -1 } else { 1 };
                let (months, days) = ((months >> 1) as i32 * sign, (days >> 1) as i32 * sign);
                C::Duration(CqlDuration { months, days, nanoseconds: (nanos >> 1) as i64 * i64::from(sign) })
            })
            .boxed(),
        Plain::Inet => prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from),
            any::<[u8; 4]>().prop_map(|v4| std::net::Ipv4Addr::from(v4).to_ipv6_mapped().into()),
        ]
        .prop_map(C::Inet)
        .boxed(),
        Plain::Uuid => any::<u128>().prop_map(|n| C::Uuid(Uuid::from_u128(n))).boxed(),
        Plain::Timeuuid => any::<u128>()
            .prop_map(|n| {
                let version_1 = n & !(0xf << 76) | 1 << 76;
                C::Timeuuid(CqlTimeuuid::from_u128(version_1))
            })
            .boxed(),
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let plain = proptest::sample::select(&PLAIN[..]).prop_map(Kind::Plain);
    plain.prop_recursive(3, 8, 3, |of| {
        prop_oneof![
            of.clone().prop_map(|of| Kind::List(Box::new(of))),
            of.clone().prop_map(|of| Kind::Set(Box::new(of))),
            (of.clone(), of.clone()).prop_map(|(key, value)| Kind::Map(Box::new(key), Box::new(value))),
            vec(of.clone(), 1..4).prop_map(Kind::Tuple),
            of.clone().prop_map(|of| Kind::Vector(Box::new(of), 2)),
            vec(of, 1..4).prop_map(|kinds| {
                let fields =
                    kinds.into_iter().enumerate().map(|(at, kind)| (format!("f{at}"), kind)).collect();
                Kind::Made(Arc::new(Made { keyspace: "k".into(), name: "made".into(), fields }))
            }),
        ]
    })
}

fn value_of(kind: &Kind) -> BoxedStrategy<C> {
    match kind {
        Kind::Plain(plain) => plain_value(*plain),
        Kind::List(of) => vec(value_of(of), 0..4).prop_map(C::List).boxed(),
        Kind::Vector(of, places) => vec(value_of(of), usize::from(*places)).prop_map(C::Vector).boxed(),
        Kind::Set(of) => {
            let of = of.clone();
            let once = move |parts: Vec<C>| {
                let mut seen = BTreeSet::new();
                C::Set(parts.into_iter().filter(|part| seen.insert(size_of(part, &of))).collect())
            };
            vec(value_of(&kind_of(kind)), 0..4).prop_map(once).boxed()
        }
        Kind::Map(key, value) => {
            let of = key.clone();
            let once = move |pairs: Vec<(C, C)>| {
                let mut seen = BTreeSet::new();
                C::Map(pairs.into_iter().filter(|(key, _)| seen.insert(size_of(key, &of))).collect())
            };
            vec((value_of(key), value_of(value)), 0..4).prop_map(once).boxed()
        }
        Kind::Tuple(kinds) => {
            let parts: Vec<_> = kinds.iter().map(|kind| proptest::option::of(value_of(kind))).collect();
            parts.prop_map(C::Tuple).boxed()
        }
        Kind::Made(made) => {
            let made = made.clone();
            let parts: Vec<_> =
                made.fields.iter().map(|(_, kind)| proptest::option::of(value_of(kind))).collect();
            let named = move |parts: Vec<Option<C>>| C::UserDefinedType {
                keyspace: made.keyspace.clone(),
                name: made.name.clone(),
                fields: made.fields.iter().map(|(name, _)| name.clone()).zip(parts).collect(),
            };
            parts.prop_map(named).boxed()
        }
    }
}

fn kind_of(set: &Kind) -> Kind {
    match set {
        Kind::Set(of) => (**of).clone(),
        other => other.clone(),
    }
}

/// What a set tells its elements apart by.
fn size_of(part: &C, of: &Kind) -> String {
    let json = to_value(part, of).expect("made so that a record holds it").0;
    let json = if of.contains(Plain::Decimal) { by_size(&json) } else { json };
    json.to_string()
}

/// A kind and a value of it.
fn any_value() -> impl Strategy<Value = (Kind, C)> {
    kind().prop_flat_map(|kind| {
        let value = value_of(&kind);
        (Just(kind), value)
    })
}

fn any_json() -> impl Strategy<Value = J> {
    let leaf = prop_oneof![
        Just(J::Null),
        any::<bool>().prop_map(J::from),
        any::<i64>().prop_map(J::from),
        (-200..200_i64).prop_map(J::from),
        any::<f64>().prop_map(J::from),
        any::<String>().prop_map(J::from),
        "-?[0-9]{1,3}(\\.[0-9]{1,3})?(E[+-]?[0-9])?".prop_map(J::from),
        "-?P[0-9]?Y?[0-9]?M?T?[0-9]?H?[0-9]?S?".prop_map(J::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9](T0[0-9]:0[0-9]:0[0-9](\\.[0-9]{1,4})?Z)?".prop_map(J::from),
        "[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?".prop_map(J::from),
        "[0-9a-f]{0,4}::?[0-9a-f]{1,4}".prop_map(J::from),
        "[a-zA-Z0-9+/]{4}([a-zA-Z0-9]{2}==)?".prop_map(J::from),
    ];
    leaf.prop_recursive(3, 12, 3, |of| {
        prop_oneof![
            vec(of.clone(), 0..4).prop_map(J::from),
            proptest::collection::btree_map("f[0-3]|[0-9]", of, 0..4)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn out_and_back_is_the_same((kind, cql) in any_value()) {
        let value = to_value(&cql, &kind).unwrap();
        prop_assert!(!value.is_absent(), "a value is not null");
        let again = to_cql(&value, &kind);
        prop_assert!(again.as_ref().is_ok_and(|again| same_bytes(&cql, again)), "{again:?}");
    }

    #[test]
    fn what_comes_out_fits_its_field(plain in proptest::sample::select(&PLAIN[..]), seed: u64) {
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            ProptestConfig::default(),
            proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &seed_bytes(seed)),
        );
        let cql = plain_value(plain).new_tree(&mut runner).unwrap().current();
        let value = to_value(&cql, &Kind::Plain(plain)).unwrap();
        prop_assert_eq!(plain_types(plain)[0].check(&value, &[]), Ok(()));
    }

    #[test]
    fn in_and_out_is_the_same_or_refused(kind in kind(), json in any_json()) {
        let value = Value(json);
        if let Ok(cql) = to_cql(&value, &kind) {
            prop_assert!(to_value(&cql, &kind).is_ok_and(|again| again.same(&value)));
        }
    }

    #[test]
    fn keys_name_one_row(rows in any_rows()) {
        let (key, one, other) = rows;
        let names = [&one, &other].map(|row| key.of_row(row));
        for (name, row) in names.iter().zip([&one, &other]) {
            match name {
                Ok(name) => {
                    let back = key.to_row(name).unwrap();
                    prop_assert!(same_rows(&key, &back, row), "{name:?}: {back:?}");
                    prop_assert!(name.check().is_ok());
                }
                Err(BadKey::Name(_)) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        if let [Ok(name), Ok(other_name)] = &names {
            prop_assert_eq!(name == other_name, same_rows(&key, &one, &other));
        }
    }

    #[test]
    fn a_record_key_names_a_row_or_none(rows in any_rows(), text in "[|~a-z0-9.:-]{1,12}") {
        let (key, ..) = rows;
        for record in [RecordKey::from_input(&text), RecordKey::Text(text)] {
            if let Ok(row) = key.to_row(&record) {
                prop_assert_eq!(key.of_row(&row), Ok(record));
            }
        }
    }
}

fn seed_bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes
}

/// A key of some columns, and two rows.
fn any_rows() -> impl Strategy<Value = (Key, Vec<C>, Vec<C>)> {
    let column = (kind(), any::<bool>()).prop_map(|(kind, clustering)| KeyColumn {
        name: "k".into(),
        kind,
        clustering,
    });
    vec(column, 1..4)
        .prop_map(Key)
        .prop_filter("such keys are refused", |key| key.unusable().is_none())
        .prop_flat_map(|key| {
            let row = || key.0.iter().map(|column| value_of(&column.kind)).collect::<Vec<_>>();
            let (one, other) = (row(), row());
            (Just(key), one, other)
        })
}

fn same_rows(key: &Key, one: &[C], other: &[C]) -> bool {
    let same = |((column, one), other): ((&KeyColumn, &C), &C)| match column.clustering {
        true => size_of(one, &column.kind) == size_of(other, &column.kind),
        false => same_bytes(one, other),
    };
    key.0.iter().zip(one).zip(other).all(same)
}

fn plain(plain: Plain) -> Kind {
    Kind::Plain(plain)
}

#[test]
fn values_have_the_form_that_people_know() {
    let set = Kind::Set(Box::new(plain(Plain::Text)));
    let map = |key| Kind::Map(Box::new(plain(key)), Box::new(plain(Plain::Double)));
    let text = |text: &str| C::Text(text.into());
    for (kind, cql, value) in [
        (plain(Plain::Text), text(""), json!("")),
        (plain(Plain::Blob), C::Blob(Vec::new()), json!("")),
        (plain(Plain::Double), C::Double(-0.0), json!(-0.0)),
        (plain(Plain::Double), C::Double(f64::NAN), json!("NaN")),
        (plain(Plain::Double), C::Double(f64::NEG_INFINITY), json!("-Infinity")),
        (plain(Plain::Float), C::Float(0.1), json!(0.1)),
        (plain(Plain::Timestamp), C::Timestamp(CqlTimestamp(-1)), json!("1969-12-31T23:59:59.999Z")),
        (plain(Plain::Date), C::Date(CqlDate((1 << 31) - 1)), json!("1969-12-31")),
        (plain(Plain::Inet), C::Inet("::ffff:1.2.3.4".parse().unwrap()), json!("::ffff:1.2.3.4")),
        (
            plain(Plain::Varint),
            C::Varint(CqlVarint::from_signed_bytes_be(vec![1; 9])),
            json!("18519084246547628289"),
        ),
        (set.clone(), C::Set(vec![text("b"), text("a")]), json!(["a", "b"])),
        (set, C::Set(Vec::new()), json!([])),
        (map(Plain::Int), C::Map(vec![(C::Int(-7), C::Double(0.5))]), json!({"-7": 0.5})),
        (Kind::Tuple(vec![plain(Plain::Int); 2]), C::Tuple(vec![None, Some(C::Int(1))]), json!([null, 1])),
    ] {
        assert_eq!(to_value(&cql, &kind), Ok(Value(value.clone())), "{kind:?}");
        assert!(
            to_cql(&Value(value), &kind)
                .is_ok_and(|back| same_bytes(&back, &cql) || matches!(cql, C::Set(_)))
        );
    }
}

#[test]
fn what_a_column_does_not_give_back_is_not_written() {
    let set = Kind::Set(Box::new(plain(Plain::Decimal)));
    let made = Made { keyspace: "k".into(), name: "m".into(), fields: vec![("a".into(), plain(Plain::Int))] };
    let made = Kind::Made(Arc::new(made));
    for (kind, value) in [
        (plain(Plain::Tinyint), json!(128)),
        (plain(Plain::Int), json!(2_147_483_648_i64)),
        (plain(Plain::Int), json!(1.0)),
        (plain(Plain::Ascii), json!("é")),
        (plain(Plain::Float), json!(0.123456789)),
        (plain(Plain::Float), json!(1e300)),
        (plain(Plain::Double), json!(9_007_199_254_740_993_i64)),
        (plain(Plain::Timestamp), json!("2026-11-23T14:30:00.1234Z")),
        (plain(Plain::Timestamp), json!("2026-11-23T14:30:00+01:00")),
        (plain(Plain::Varint), json!("1.0")),
        (plain(Plain::Duration), json!("P14M")),
        (plain(Plain::Inet), json!("2001:0db8::1")),
        (plain(Plain::Timeuuid), json!("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071")),
        (plain(Plain::Uuid), json!("0192F3C4-5D6E-7F80-9A1B-2C3D4E5F6071")),
        (plain(Plain::Blob), json!("AB==")),
        (plain(Plain::Counter), json!(1)),
        (set.clone(), json!(["2", "1"])),
        (set, json!(["1.0", "1.00"])),
        (Kind::Map(Box::new(plain(Plain::Int)), Box::new(plain(Plain::Int))), json!({"01": 1})),
        (Kind::Vector(Box::new(plain(Plain::Float)), 2), json!([1])),
        (Kind::Tuple(vec![plain(Plain::Int)]), json!([1, 2])),
        (Kind::List(Box::new(plain(Plain::Int))), json!([null])),
        (made.clone(), json!({"a": null})),
        (made.clone(), json!({"a": 1, "b": 2})),
    ] {
        assert!(to_cql(&Value(value.clone()), &kind).is_err(), "{kind:?} takes {value}");
    }
    // a type that got a field since: to write it without would take that away
    let wider = vec![("a".into(), Some(C::Int(1))), ("b".into(), None)];
    let wider = C::UserDefinedType { keyspace: "k".into(), name: "m".into(), fields: wider };
    assert_eq!(to_value(&wider, &made), Err(Unfit::Retyped));
    assert_eq!(to_value(&C::Empty, &plain(Plain::Int)), Err(Unfit::Empty));
    for at in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
        assert!(to_value(&C::Timestamp(CqlTimestamp(at)), &plain(Plain::Timestamp)).is_err());
    }
    for day in [0, u32::MAX] {
        assert!(to_value(&C::Date(CqlDate(day)), &plain(Plain::Date)).is_err());
    }
}

#[test]
fn keys_are_what_people_type() {
    let key = |kinds: &[Plain]| {
        let column = |kind: &Plain| KeyColumn { name: "k".into(), kind: plain(*kind), clustering: false };
        Key(kinds.iter().map(column).collect())
    };
    let text = |text: &str| C::Text(text.into());
    let number = |text: &str| RecordKey::from_input(text);
    for (key, row, record) in [
        (key(&[Plain::Int]), vec![C::Int(-7)], RecordKey::Int(-7)),
        (key(&[Plain::Text]), vec![text("INV-7")], RecordKey::Text("INV-7".into())),
        // as whoever types it has it
        (key(&[Plain::Text]), vec![text("7")], number("7")),
        (key(&[Plain::Text]), vec![text("007")], RecordKey::Text("007".into())),
        (key(&[Plain::Text]), vec![text("a|~b")], RecordKey::Text("a|~b".into())),
        (key(&[Plain::Text, Plain::Int]), vec![text("a|~b"), C::Int(3)], RecordKey::Text("a~1~0b|3".into())),
        (key(&[Plain::Text, Plain::Text]), vec![text(""), text("")], RecordKey::Text("|".into())),
        (key(&[Plain::Boolean]), vec![C::Boolean(true)], RecordKey::Text("true".into())),
    ] {
        assert_eq!(key.of_row(&row), Ok(record.clone()));
        assert_eq!(key.to_row(&record), Ok(row));
    }
    let refused = |kind, value| key(&[kind]).of_row(&[value]).is_err();
    assert!(refused(Plain::Text, text("")) && refused(Plain::Text, text("a\nb")));
    assert!(refused(Plain::Text, text(&"x".repeat(513))) && !refused(Plain::Text, text(&"x".repeat(512))));
    // neither would be found again by what it says
    assert!(refused(Plain::Double, C::Double(f64::from_bits(0x7ff8_0000_0000_0001))));
    assert!(refused(Plain::Varint, C::Varint(CqlVarint::from_signed_bytes_be(vec![0, 1]))));
    for (kinds, record) in [
        (&[Plain::Text][..], RecordKey::Text("7".into())),
        (&[Plain::Int], RecordKey::Text("x".into())),
        (&[Plain::Tinyint], RecordKey::Int(128)),
        (&[Plain::Text, Plain::Text], RecordKey::Text("a".into())),
        (&[Plain::Text, Plain::Int], RecordKey::Text("a|01".into())),
        (&[Plain::Text, Plain::Text], RecordKey::Text("a~|b".into())),
        (&[Plain::Decimal], RecordKey::Text("1e3".into())),
    ] {
        assert!(key(kinds).to_row(&record).is_err(), "{record:?}");
    }
    let ordered = Key(vec![KeyColumn { name: "k".into(), kind: plain(Plain::Decimal), clustering: true }]);
    let decimal = |n: u8, scale| C::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(vec![n], scale));
    assert_eq!(ordered.of_row(&[decimal(10, 1)]), ordered.of_row(&[decimal(100, 2)]), "one row");
}
