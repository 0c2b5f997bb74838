//! `docs/vectors.json`: what whoever writes a client in another language computes, with results.

use serde_json::{Value as Json, json};
use sync_protocol::{
    Change, CollectionId, FieldType, Policy, RecordId, RecordKey, Revision, Value,
    checksum::Checksum,
    merge::{Meeting, Merged, Work, merge},
};

fn id(collection: &str, key: RecordKey) -> RecordId {
    RecordId::new(CollectionId::new(collection).unwrap(), key)
}

fn ids() -> Vec<RecordId> {
    let text = |text: &str| RecordKey::Text(text.into());
    vec![
        id("things", RecordKey::Int(7)),
        id("things", RecordKey::Int(-1)),
        id("things", text("7")),
        id("things", text("INV-7")),
        id("things", text("say \"hello\"/\\")),
        id("things", text("Žluťoučký 馬 🐎")),
        id("_people", text("01890a5d-ac96-774b-bcce-b302099a8057")),
    ]
}

fn partitions() -> Json {
    ids()
        .iter()
        .map(|id| {
            let of = |count| id.partition(count).0;
            json!({ "record": id, "text": id.to_text(), "of_16": of(16), "of_1024": of(1_024), "of_1": of(1) })
        })
        .collect()
}

fn checksums() -> Json {
    let mut sum = Checksum::default();
    let mut steps = Vec::new();
    for (n, id) in ids().iter().enumerate() {
        let rev = Revision(n as u64 * 1_000 + 1);
        sum.add(id, rev);
        steps.push(json!({ "record": id, "revision": rev, "sum": sum.to_string() }));
    }
    steps.into()
}

/// Values in the one way in which each type writes them, and others that are refused.
fn values() -> Json {
    let options = ["red".to_owned(), "blue".to_owned()];
    let samples = [
        json!("a"),
        json!("a\nb"),
        json!(""),
        json!(7),
        json!(-9_223_372_036_854_775_808_i64),
        json!(9_223_372_036_854_775_808_u64),
        json!(1.5),
        json!("12.5"),
        json!("12.50"),
        json!("-0"),
        json!(".5"),
        json!("1e3"),
        json!("9999999999999999999999999999"),
        json!("0.00"),
        json!("-0.00"),
        json!("012.5"),
        json!("1E+3"),
        json!("1.5E+3"),
        json!("12E+3"),
        json!("1.5E-3"),
        json!(-0.0),
        json!(6.02e23),
        json!("NaN"),
        json!("-Infinity"),
        json!("nan"),
        json!("14:30:00"),
        json!("14:30:00.123456789"),
        json!("14:30:00.120"),
        json!("14:30"),
        json!("24:00:00"),
        json!("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071"),
        json!("0192F3C4-5D6E-7F80-9A1B-2C3D4E5F6071"),
        json!("aGVsbG8="),
        json!("aGVsbG8"),
        json!("/w=="),
        json!("/x=="),
        json!(true),
        json!("2024-02-29"),
        json!("2023-02-29"),
        json!("2026-11-23T14:30:00Z"),
        json!("2026-11-23T14:30:00.25Z"),
        json!("2026-11-23T14:30:00.250Z"),
        json!("2026-11-23T14:30:00+00:00"),
        json!("red"),
        json!("green"),
        json!(["a", "b"]),
        json!(["b", "a"]),
        json!(["a", "a"]),
        json!([" a"]),
        json!({ "deep": [1, null] }),
    ];
    samples
        .into_iter()
        .map(|sample| {
            let value = Value(sample.clone());
            let fits = FieldType::ALL.into_iter().filter(|of| of.check(&value, &options).is_ok());
            json!({ "value": sample, "fits": fits.map(FieldType::name).collect::<Vec<_>>() })
        })
        .collect()
}

/// What becomes of a field, per policy: `current` was set at 20.
fn meetings() -> Json {
    let cases = [
        (json!(1), json!(1), json!(2), 10),
        (json!(1), json!(2), json!(2), 10),
        (json!(1), json!(2), json!(3), 10),
        (json!(1), json!(2), json!(3), 20),
        (json!(1), json!(2), json!(3), 30),
        (json!(5), json!(6), json!(6), 10),
        (json!(5), json!(9), json!(3), 10),
        (json!(5), json!(9), json!(null), 10),
        (json!(["a", "b"]), json!(["a", "b", "c"]), json!(["b", "d"]), 10),
        (json!(["a"]), json!(["a", "x"]), json!(null), 10),
        (json!("a\nb\nc\n"), json!("A\nb\nc\n"), json!("a\nb\nC\n"), 10),
        (json!("the pump is old"), json!("the pump is new"), json!("the red pump is old"), 10),
        (json!("a"), json!("b"), json!("c"), 10),
    ];
    let told = |(base, current, incoming, at): (Json, Json, Json, i64)| {
        let (base, current, incoming) = (Value(base), Value(current), Value(incoming));
        let meeting = Meeting {
            base: &base,
            current: &current,
            incoming: &incoming,
            current_at: sync_protocol::Timestamp(20),
            incoming_at: sync_protocol::Timestamp(at),
            inserted: false,
        };
        let results = Policy::ALL.into_iter().map(|policy| {
            let result = match merge(meeting, policy, &Work::default()) {
                Merged::Keep => json!({ "value": current }),
                Merged::Set(value) | Merged::Combined(value) => json!({ "value": value }),
                Merged::Clash => json!("review"),
            };
            (policy.name().to_owned(), result)
        });
        let results: serde_json::Map<String, Json> = results.collect();
        json!({ "base": base, "current": current, "incoming": incoming, "incoming_at": at, "becomes": results })
    };
    cases.into_iter().map(told).collect()
}

/// What changes say.
fn said() -> Json {
    let changes = [
        json!({ "record": { "collection": "things", "key": 7 }, "at": 5, "edit": { "kind": "insert", "fields": {} } }),
        json!({ "record": { "collection": "things", "key": "INV-7" }, "at": 5, "edit": { "kind": "patch", "fields": {
            "notes": { "base": "a", "incoming": "Žluťoučký \"馬\"" }, "data": { "base": { "b": [1, 2.5], "a": null } } } } }),
        json!({ "record": { "collection": "things", "key": "INV-7" }, "at": -5, "edit": { "kind": "delete", "base": { "n": 1 } } }),
    ];
    let told = |mut change: Json| {
        change["id"] = json!("01890a5d-ac96-774b-bcce-b302099a8057.3");
        let read: Change = serde_json::from_value(change.clone()).unwrap();
        json!({ "change": read, "said": read.digest() })
    };
    changes.into_iter().map(told).collect()
}

#[test]
fn the_vectors_for_other_clients_are_what_the_rules_say() {
    let made = json!({
        "partitions": partitions(),
        "checksums": checksums(),
        "values": values(),
        "meetings": meetings(),
        "said": said(),
    });
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors.json");
    let made = format!("{made:#}\n");
    // for whoever changes a rule on purpose
    if std::env::var_os("MOORING_WRITE_VECTORS").is_some() {
        std::fs::write(file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(
        made == kept,
        "look at what changed: MOORING_WRITE_VECTORS=1 cargo test --package sync-protocol --test all vectors"
    );
}
