//! The rules under arbitrary edits. Base, current and incoming are correlated, so that equal values are common.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{World, deltas, fields, name, replica};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sync_protocol::checksum::Checksums;
use sync_protocol::value::decimal::Decimal;
use sync_protocol::verdict::{Facts, judge};
use sync_protocol::{
    CollectionId, Delta, Edit, FieldType, Record, RecordId, RecordKey, Revision, Stamp, Timestamp, Value,
    Verdict,
};

const NAMES: [&str; 4] = ["n", "m", "title", "any"];

fn cases() -> ProptestConfig {
    let cases = std::env::var("CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A value of a field, small enough to meet its equal; 0 is "absent".
fn value(field: &str, n: u8) -> Json {
    match (n, field) {
        (0, _) => Json::Null,
        (n, "title") => json!(format!("t{n}")),
        (n, "any") => json!({ "x": [n] }),
        (n, _) => json!(n),
    }
}

/// For each field what was there, what is there now, what is wanted; `None` where it is not touched.
type Meetings = Vec<(u8, u8, Option<u8>)>;

fn meetings() -> impl Strategy<Value = Meetings> {
    let current = |base: u8| prop_oneof![3 => Just(base), 2 => 0..4u8];
    let one = (0..4u8).prop_flat_map(move |base| {
        (Just(base), current(base)).prop_flat_map(move |(base, now)| {
            let incoming = prop_oneof![
                2 => Just(None),
                1 => Just(Some(base)),
                1 => Just(Some(now)),
                3 => (0..4u8).prop_map(Some)
            ];
            (Just(base), Just(now), incoming)
        })
    });
    proptest::collection::vec(one, NAMES.len())
}

fn world(meetings: &Meetings) -> World {
    let values = NAMES.iter().zip(meetings).map(|(n, m)| ((*n).to_owned(), value(n, m.0)));
    let mut w = World::with(Json::Object(values.collect()));
    let moved = NAMES.iter().zip(meetings).filter(|(_, m)| m.0 != m.1);
    let patch: serde_json::Map<String, Json> =
        moved.map(|(n, m)| ((*n).to_owned(), json!([value(n, m.0), value(n, m.1)]))).collect();
    if !patch.is_empty() {
        w.patch(8, Json::Object(patch));
    }
    w
}

fn incoming(meetings: &Meetings) -> BTreeMap<sync_protocol::FieldName, Delta> {
    let touched = NAMES.iter().zip(meetings).filter_map(|(n, m)| Some((*n, m.0, m.2?)));
    let pairs = touched.map(|(n, base, want)| (n.to_owned(), json!([value(n, base), value(n, want)])));
    deltas(Json::Object(pairs.collect()))
}

/// What may become of one field, written as a table: saw, stands, wants.
fn table(base: u8, current: u8, incoming: u8) -> Option<u8> {
    match (base == current, base == incoming, current == incoming) {
        (true, _, _) => Some(incoming),
        (false, _, true) => Some(current),
        (false, _, false) => None,
    }
}

proptest! {
    #![proptest_config(cases())]

    /// Another way to say the rule gives the same verdicts and the same records (whole_or_nothing, conservation).
    #[test]
    fn judge_agrees_with_the_truth_table(meetings in meetings()) {
        let mut w = world(&meetings);
        let before = w.values();
        let change = w.change(1, Edit::Patch { fields: incoming(&meetings) });
        let verdict = w.push(&change);
        // a field that is wanted as it was seen is not touched
        let touched: Vec<_> = NAMES.iter().zip(&meetings).filter_map(|(n, m)| Some((*n, *m, m.2?)))
            .filter(|(_, m, want)| m.0 != *want)
            .collect();
        let clash = touched.iter().any(|(_, m, want)| table(m.0, m.1, *want).is_none());
        let conflicted = matches!(verdict, Verdict::Conflicted { .. });
        prop_assert_eq!(conflicted, clash);
        if clash {
            prop_assert_eq!(w.values(), before, "whole_or_nothing");
            for (n, m, want) in touched {
                let sides = w.sides(n);
                let hit = table(m.0, m.1, want).is_none();
                prop_assert_eq!(sides, json!([value(n, m.0), value(n, m.1), value(n, want), hit]), "conservation");
            }
        } else {
            let mut after = fields(before);
            for (n, m, want) in touched {
                sync_protocol::record::set_value(
                    &mut after, &name(n), Value(value(n, table(m.0, m.1, want).unwrap())),
                );
            }
            prop_assert_eq!(w.values(), json!(after));
        }
    }

    #[test]
    fn judging_is_deterministic(meetings in meetings()) {
        let mut w = world(&meetings);
        let change = w.change(1, Edit::Patch { fields: incoming(&meetings) });
        let judged = || judge(&change, Facts {
            schema: &w.schema, current: w.record.as_ref(), conflict: None, open: &[], beside: Default::default(),
            now: Timestamp(crate::common::NOW), seq: Revision(99),
        });
        prop_assert_eq!(judged(), judged());
    }

    /// no_false_conflict: a replica never meets itself, however many edits wait in its queue.
    #[test]
    fn a_queue_of_one_replica_never_conflicts(edits in proptest::collection::vec((0..4usize, 0..4u8), 1..20)) {
        let mut w = World::with(json!({}));
        let mut view = [0u8; 4];
        for (at, want) in edits {
            let said = w.patch(1, json!({ NAMES[at]: [value(NAMES[at], view[at]), value(NAMES[at], want)] }));
            prop_assert!(said == "applied" || said == "merged", "{}", said);
            view[at] = want;
        }
        prop_assert_eq!(w.open(), 0);
    }

    #[test]
    fn edits_of_different_fields_commute(a in 0..4u8, b in 0..4u8, base in (0..4u8, 0..4u8)) {
        let run = |order: [usize; 2]| {
            let mut w = World::with(json!({"n": value("n", base.0), "m": value("m", base.1)}));
            let patches = [
                json!({"n": [value("n", base.0), value("n", a)]}),
                json!({"m": [value("m", base.1), value("m", b)]}),
            ];
            let said = order.map(|at| w.patch(at as u128 + 1, patches[at].clone()));
            (w.values(), w.open(), said.contains(&"conflicted".to_owned()))
        };
        prop_assert_eq!(run([0, 1]), run([1, 0]));
        prop_assert_eq!(run([0, 1]).1, 0);
    }

    /// Each replica counts on what it saw last; the server meets them in any order.
    #[test]
    fn counts_add_up_in_any_order(counts in proptest::collection::vec((0..3usize, -5..6i64, any::<bool>()), 0..20)) {
        let mut w = World::with(json!({"stock": 10}));
        let mut views = [10i64; 3];
        let mut sum = 10;
        for (at, by, reads) in counts {
            if reads {
                views[at] = w.values()["stock"].as_i64().unwrap();
            }
            let said = w.patch(at as u128 + 1, json!({"stock": [views[at], views[at] + by]}));
            prop_assert!(said != "conflicted");
            views[at] += by;
            sum += by;
        }
        prop_assert_eq!(w.values()["stock"].as_i64(), Some(sum));
    }

    /// Adds and removes that do not contradict each other give one set in any order.
    #[test]
    fn sets_end_the_same_in_any_order(
        gone in proptest::collection::btree_set(0..6u8, 0..4),
        new in proptest::collection::btree_set(6..12u8, 0..4),
        rotate in 0..8usize,
    ) {
        let tag = |n: &u8| format!("t{n:02}");
        let all: BTreeSet<u8> = (0..6).collect();
        let list = |set: &BTreeSet<u8>| {
            let tags: Vec<String> = set.iter().map(tag).collect();
            if tags.is_empty() { Json::Null } else { json!(tags) }
        };
        let mut w = World::with(json!({"tags": list(&all)}));
        let mut edits: Vec<BTreeSet<u8>> = gone.iter().map(|g| &all - &[*g].into()).collect();
        edits.extend(new.iter().map(|n| &all | &[*n].into()));
        if !edits.is_empty() {
            let by = rotate % edits.len();
            edits.rotate_left(by);
        }
        for (by, wanted) in (1..).zip(&edits) {
            let said = w.patch(by, json!({"tags": [list(&all), list(wanted)]}));
            prop_assert!(said != "conflicted");
        }
        let end = &(&all - &gone) | &new;
        prop_assert_eq!(w.values().get("tags").cloned().unwrap_or_default(), list(&end));
    }

    /// The sum that follows the feed is the sum of what is there.
    #[test]
    fn checksums_follow_the_feed(steps in proptest::collection::vec((0..5i64, 0..4u8), 0..40)) {
        let mut feed = Checksums::default();
        let mut live: BTreeMap<RecordId, Revision> = BTreeMap::new();
        for ((key, n), seq) in steps.into_iter().zip(1..) {
            let collection = CollectionId::new(if n % 2 == 0 { "a" } else { "b" }).unwrap();
            let id = RecordId::new(collection.clone(), RecordKey::Int(key));
            let deleted = n == 3 && live.contains_key(&id);
            let stamp = Stamp { by: replica(1), at: Timestamp(0) };
            let record = Record {
                key: id.key.clone(), rev: Revision(seq), prev: None, stamp, created: None,
                alone_since: None, edits: BTreeMap::new(), twin_of: None, deleted, fields: BTreeMap::new(),
            };
            feed.apply(&sync_protocol::Entry {
                seq: Revision(seq),
                change: sync_protocol::ChangeId { replica: replica(1), counter: sync_protocol::Counter(seq) },
                kind: sync_protocol::feed::EntryKind::Applied,
                collection: Some(collection),
                record: Some(record),
                replaces: live.get(&id).copied(),
                conflict: None,
                ended: Vec::new(),
                merge: None,
                said: None,
            });
            if deleted { live.remove(&id); } else { live.insert(id, Revision(seq)); }
        }
        let mut scan = Checksums::default();
        live.iter().rev().for_each(|(id, rev)| scan.add(id, *rev));
        prop_assert_eq!(&feed, &scan);
        let text = serde_json::to_string(&feed).unwrap();
        prop_assert_eq!(serde_json::from_str::<Checksums>(&text).unwrap(), scan);
    }

    #[test]
    fn keys_read_back_as_written(text in "\\PC{1,20}", number in any::<i64>(), as_text in any::<bool>()) {
        let key = if as_text { RecordKey::Text(text) } else { RecordKey::Int(number) };
        prop_assert!(key.check().is_ok());
        prop_assert_eq!(RecordKey::from_text(&key.to_text()), Some(key.clone()));
        let id = RecordId::new(CollectionId::new("things").unwrap(), key);
        prop_assert_eq!(RecordId::from_text(&id.to_text()), Some(id.clone()));
        prop_assert_eq!(serde_json::from_str::<RecordId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    /// A value that fits its field is shown so that it reads back. Blank text, no tags and no bytes are shown as nothing:
    /// "no value".
    #[test]
    fn what_is_shown_reads_back(field in 0..FieldType::ALL.len(), json in json_value()) {
        let field_type = FieldType::ALL[field];
        let options = ["red".to_owned(), " blue".to_owned()];
        let value = Value(json);
        let no_tags = value.as_tags().is_some_and(|tags| tags.is_empty());
        let blank = no_tags || value.as_text().is_some_and(|t| t.trim().is_empty());
        if field_type.check(&value, &options).is_ok() && !(blank && field_type != FieldType::Json) {
            let shown = field_type.show(&value);
            let read = field_type.parse(&shown, &options).unwrap();
            // of floating-point numbers there are several ways to write a whole one
            let same = if field_type == FieldType::Number { read.same(&value) } else { read == value };
            prop_assert!(same, "{:?} {}", field_type, shown);
        }
    }

    /// What is typed into a field is a value that fits it, and reads back as it is shown.
    #[test]
    fn what_is_typed_fits(field in 0..FieldType::ALL.len(), text in typed()) {
        let field_type = FieldType::ALL[field];
        let options = ["red".to_owned()];
        if let Ok(value) = field_type.parse(&text, &options) {
            prop_assert_eq!(field_type.check(&value, &options), Ok(()));
            let shown = field_type.show(&value);
            prop_assert_eq!(field_type.parse(&shown, &options), Ok(value), "{:?} {}", field_type, shown);
        }
    }

    /// A decimal has the digits and the scale that were written, whatever stands before them.
    #[test]
    fn decimals_keep_their_scale(n in any::<i128>(), scale in -40i32..40, zeros in 0..3usize) {
        let minus = if n < 0 { "-" } else { "" };
        let written = format!("{minus}{}{}e{}", "0".repeat(zeros), n.unsigned_abs(), -scale);
        let decimal = Decimal::read(&written).unwrap();
        prop_assert_eq!((decimal.unscaled(), decimal.scale()), (n.to_string(), scale));
        let text = decimal.to_string();
        prop_assert_eq!(FieldType::Decimal.check(&Value::from(text.as_str()), &[]), Ok(()));
        prop_assert_eq!(text.contains('E'), scale < 0);
        prop_assert_eq!(Decimal::read(&text), Some(decimal));
    }

    /// Decimals stand in the order of what they are, whatever their scales.
    #[test]
    fn decimals_are_ordered_by_size(a in -2_000..2_000i64, b in -2_000..2_000i64, more in (0..4u32, 0..4u32), scale in -3i32..6) {
        let read = |n: i64, more: u32| {
            Decimal::read(&format!("{}e{}", n * 10i64.pow(more), -scale - more as i32)).unwrap()
        };
        prop_assert_eq!(read(a, more.0).compare(&read(b, more.1)), a.cmp(&b));
    }

    /// A floating-point number comes back to the last bit, also those that JSON has not.
    #[test]
    fn numbers_come_back_to_the_last_bit(bits in any::<u64>(), whole in any::<i32>()) {
        for number in [f64::from_bits(bits), f64::from(whole), -0.0, f64::INFINITY, f64::NEG_INFINITY] {
            let value = Value::from_number(number);
            prop_assert_eq!(FieldType::Number.check(&value, &[]), Ok(()));
            let shown = FieldType::Number.show(&value);
            prop_assert_eq!(FieldType::Number.parse(&shown, &[]), Ok(value.clone()), "{}", shown);
            let wire = serde_json::to_string(&value).unwrap();
            let back = serde_json::from_str::<Value>(&wire).unwrap().as_number().unwrap();
            prop_assert!(back.to_bits() == number.to_bits() || (back.is_nan() && number.is_nan()), "{}", wire);
        }
    }

    /// A value reads back as written to the last bit: else an echo would differ from what was sent.
    #[test]
    fn values_read_back_to_the_last_bit(json in json_value(), float in any::<f64>()) {
        for value in [Value(json), Value::from(float)] {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}

/// What people and cells write, nearly right at least.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9]{0,20}(\\.[0-9]{0,12})?([eE][-+]?[0-9]{1,3})?",
        "[0-9]{1,2}:[0-9]{1,2}(:[0-9]{2}(\\.[0-9]{0,10})?)?",
        "[{]?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}[}]?",
        "([A-Za-z0-9+/]{4}[ \n]?){0,3}([A-Za-z0-9+/]{2,3}={0,2})?",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9])?(Z|\\+02:00))?",
        "\\PC{0,12}",
        any::<f64>().prop_map(|number| number.to_string()),
    ]
}

fn json_value() -> impl Strategy<Value = Json> {
    let tag = prop_oneof!["[a-c]{0,2}", "[a-c ,;]{0,3}"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|f| json!(f)),
        "\\PC{0,12}".prop_map(Json::from),
        "-?[0-9]{1,12}(\\.[0-9]{1,12})?".prop_map(Json::from),
        "-?[1-9](\\.[0-9]{1,3})?E\\+[1-9][0-9]?".prop_map(Json::from),
        "[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{0,8}[1-9])?".prop_map(Json::from),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(Json::from),
        "([A-Za-z0-9+/]{4}){0,3}([A-Za-z0-9+/]{3}=|[A-Za-z0-9+/][AQgw]==)?".prop_map(Json::from),
        prop_oneof![Just("NaN"), Just("Infinity"), Just("-Infinity")].prop_map(Json::from),
        any::<i32>().prop_map(|n| json!(f64::from(n))),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(Json::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z".prop_map(Json::from),
        Just(json!("red")),
        Just(json!(" blue")),
        proptest::collection::btree_set(tag, 0..4).prop_map(|tags| json!(tags)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..4).prop_map(|m| json!(m)),
        ]
    })
}
