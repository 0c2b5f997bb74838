//! Collections whose fields appear as they are written, on devices that meet later.

use crate::model::device::Device;
use crate::model::server::Server;
use serde_json::{Value as Json, json};
use sync_client::api::{Failure, Types};
use sync_client::replica::write::{Bases, Want};
use sync_protocol::schema::Collection;
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, Policy, RecordId, RecordKey, Value};

fn people() -> CollectionId {
    CollectionId::new("people").unwrap()
}

fn person(key: i64) -> RecordId {
    RecordId::new(people(), RecordKey::Int(key))
}

/// Members of an object as a program calls them.
fn of_keys(json: Json) -> Fields {
    let Json::Object(all) = json else { panic!("an object") };
    all.into_iter().map(|(key, value)| (FieldName::from_key(&key).unwrap(), Value(value))).collect()
}

fn put(device: &mut Device, key: i64, fields: Json, types: &[(&str, FieldType)]) -> Result<(), Failure> {
    let types: Types =
        types.iter().map(|(key, held)| (people(), FieldName::from_key(key).unwrap(), *held)).collect();
    let bases: Bases = device.base(&person(key)).map(|base| (person(key), base)).into_iter().collect();
    let wants = vec![(person(key), Want::Exactly(of_keys(fields)))];
    device.act(device.replica.write(device.now, wants, &types, &bases))
}

fn open(device: &mut Device) {
    device.act(device.replica.open_collection(device.now, &people())).unwrap();
}

/// Two devices that have never met, and each has made the collection for itself.
fn start() -> (Server, [Device; 2]) {
    let mut server = Server::new(4);
    let mut devices = [Device::new(1, 4), Device::new(2, 4)];
    for device in &mut devices {
        device.sync(&mut server);
        open(device);
    }
    (server, devices)
}

fn meet(server: &mut Server, devices: &mut [Device; 2]) {
    for _ in 0..3 {
        devices.iter_mut().for_each(|device| device.sync(server));
    }
}

fn collection(device: &Device) -> &Collection {
    device.replica.schema().collection(&people()).unwrap()
}

fn held(device: &Device, key: &str) -> Option<FieldType> {
    collection(device).fields.get(&FieldName::from_key(key).unwrap()).map(|field| field.field_type)
}

fn seen(device: &Device, key: i64) -> Json {
    let Json::Object(all) = device.view(&person(key)) else { return Json::Null };
    all.into_iter().map(|(name, value)| (FieldName::new(name).unwrap().to_key(), value)).collect()
}

fn nothing_waits(devices: &[Device; 2]) {
    for device in devices {
        let replica = &device.replica;
        let waits = (replica.conflict_count(), replica.quarantine_count(), replica.outbox_count());
        assert_eq!(waits, (0, 0, 0), "conflicts, refused, unsent");
    }
}

#[test]
fn a_program_gets_back_what_it_wrote_under_the_keys_that_it_chose() {
    let (mut server, mut devices) = start();
    let whole = json!({
        "id": 1, "firstName": "John", "first name": "J", "é": "a", "a.b": true, "__proto__": 0.5, "1": -0.0,
        "big": 9_007_199_254_740_993_i64, "list": [1, null, "x"], "nested": {"a": {"b": null}}, "lines": "a\nb", "": "",
    });
    put(&mut devices[0], 1, whole.clone(), &[]).unwrap();
    assert_eq!(seen(&devices[0], 1), whole, "at once");
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    assert_eq!(seen(&devices[1], 1), whole);
    let types = ["id", "firstName", "a.b", "__proto__", "1", "big", "list", "nested", "lines"]
        .map(|key| held(&devices[1], key));
    use FieldType::{Integer, Json, LongText, Number, Text, YesNo};
    assert_eq!(types, [Integer, Text, YesNo, Number, Number, Integer, Json, Json, LongText].map(Some));
    let label = &collection(&devices[1]).fields[&FieldName::from_key("firstName").unwrap()].label;
    assert_eq!(label, "firstName", "people read what the program calls it");
}

#[test]
fn what_a_value_does_not_say_is_told_beside_it() {
    let (mut server, mut devices) = start();
    let told = [
        ("at", FieldType::DateTime),
        ("raw", FieldType::Bytes),
        ("nan", FieldType::Number),
        ("odd", FieldType::Date),
    ];
    let at = "2026-11-23T14:30:00.250Z";
    put(&mut devices[0], 1, json!({"at": at, "raw": "aGVs", "nan": "NaN", "odd": "soon"}), &told).unwrap();
    put(&mut devices[0], 2, json!({"at": "2026-11-23T14:30:00.000Z"}), &[]).unwrap();
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    use FieldType::{Bytes, DateTime, Number, Text};
    assert_eq!(
        ["at", "raw", "nan", "odd"].map(|key| held(&devices[1], key)),
        [DateTime, Bytes, Number, Text].map(Some)
    );
    assert_eq!(seen(&devices[1], 1)["at"], "2026-11-23T14:30:00.25Z");
    assert_eq!(
        seen(&devices[1], 2)["at"],
        "2026-11-23T14:30:00Z",
        "the same moment, in the one way of writing it"
    );
}

#[test]
fn devices_that_declare_the_same_meet_without_a_question() {
    let (mut server, mut devices) = start();
    put(&mut devices[0], 1, json!({"name": "Ada", "age": 36}), &[]).unwrap();
    put(&mut devices[1], 2, json!({"age": 41, "name": "Bob"}), &[]).unwrap();
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    for device in &devices {
        assert_eq!(collection(device).fields.len(), 2);
        assert_eq!(
            (seen(device, 1), seen(device, 2)),
            (json!({"name": "Ada", "age": 36}), json!({"age": 41, "name": "Bob"}))
        );
        assert!(device.replica.decisions().next().is_none(), "nothing was decided either");
    }
}

#[test]
fn devices_that_declare_it_differently_end_in_a_field_that_holds_both_and_it_is_told() {
    for (one, other, both) in [
        (json!(36), json!("36"), FieldType::Json),
        (json!(36), json!(36.5), FieldType::Number),
        (json!("a\nb"), json!("a"), FieldType::LongText),
        (json!([1]), json!(1), FieldType::Json),
    ] {
        let (mut server, mut devices) = start();
        put(&mut devices[0], 1, json!({"age": one}), &[]).unwrap();
        put(&mut devices[1], 2, json!({"age": other}), &[]).unwrap();
        // more of the same while they have not met
        put(&mut devices[1], 3, json!({"age": other}), &[]).unwrap();
        meet(&mut server, &mut devices);
        nothing_waits(&devices);
        for device in &devices {
            assert_eq!(held(device, "age"), Some(both), "{one} and {other}");
            assert_eq!(
                [1, 2, 3].map(|key| seen(device, key)["age"].clone()),
                [&one, &other, &other].map(Json::clone)
            );
        }
        if both != FieldType::LongText {
            assert!(
                devices[0].replica.decisions().next().is_some(),
                "{one} and {other}: among what policies decided"
            );
        }
    }
}

#[test]
fn a_field_becomes_what_can_hold_a_later_value() {
    let (mut server, mut devices) = start();
    for (key, value, now) in [
        (1, json!(1), FieldType::Integer),
        (2, json!(2.5), FieldType::Number),
        (3, json!(7), FieldType::Number),
        (4, json!({"x": 1}), FieldType::Json),
        (5, json!("text"), FieldType::Json),
    ] {
        put(&mut devices[0], key, json!({"v": value}), &[]).unwrap();
        assert_eq!(held(&devices[0], "v"), Some(now), "{value}");
    }
    let fields = devices[0].replica.outbox().filter(|p| p.change.record.collection.is_reserved()).count();
    assert_eq!(fields, 1 + 3, "a collection, and a field that was made and changed twice");
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    assert_eq!(held(&devices[1], "v"), Some(FieldType::Json));
    // both widen it differently while they are apart
    put(&mut devices[0], 6, json!({"w": 1}), &[]).unwrap();
    meet(&mut server, &mut devices);
    put(&mut devices[0], 7, json!({"w": 1.5}), &[]).unwrap();
    put(&mut devices[1], 8, json!({"w": "one"}), &[]).unwrap();
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    assert_eq!((held(&devices[0], "w"), seen(&devices[0], 8)), (Some(FieldType::Json), json!({"w": "one"})));
    // a rule for edits that meet which the wider type does not know gives way
    put(&mut devices[0], 9, json!({"t": "a"}), &[]).unwrap();
    let field = collection(&devices[0]).fields["t"].clone();
    let field = sync_protocol::schema::Field { policy: Some(Policy::Text), ..field };
    devices[0].act(devices[0].replica.set_field(devices[0].now, &people(), &field)).unwrap();
    put(&mut devices[0], 10, json!({"t": 5}), &[]).unwrap();
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    assert_eq!(
        (held(&devices[1], "t"), collection(&devices[1]).fields["t"].policy),
        (Some(FieldType::Json), None)
    );
}

#[test]
fn a_collection_that_is_not_open_keeps_its_shape() {
    let mut server = Server::new(4);
    let mut devices = [Device::new(1, 4), Device::new(2, 4)];
    meet(&mut server, &mut devices);
    devices[0].make(&people(), &crate::model::definition());
    open(&mut devices[0]);
    let unknown = put(&mut devices[0], 1, json!({"name": "Ada"}), &[]).unwrap_err();
    assert_eq!(unknown.field, FieldName::from_key("name"));
    put(&mut devices[0], 1, json!({"n": "one"}), &[]).unwrap_err();
    put(&mut devices[0], 1, json!({"n": 1.0}), &[]).unwrap();
    assert_eq!(seen(&devices[0], 1), json!({"n": 1}), "a whole number, however it is written");
    // nobody's declarations meet as those of programs do
    let field = |device: &Device, held| sync_protocol::schema::Field {
        field_type: held,
        label: "age".into(),
        name: FieldName::new("age").unwrap(),
        ..collection(device).fields["n"].clone()
    };
    meet(&mut server, &mut devices);
    for (device, held) in devices.iter_mut().zip([FieldType::Integer, FieldType::Text]) {
        let batch = device.replica.set_field(device.now, &people(), &field(device, held));
        device.act(batch).unwrap();
    }
    meet(&mut server, &mut devices);
    assert_eq!(devices[0].replica.conflict_count(), 1, "a person decides");
}

#[test]
fn a_deep_value_is_refused_and_a_collection_has_so_many_fields() {
    let (mut server, mut devices) = start();
    let deep = (0..=sync_protocol::limits::JSON_DEPTH).fold(json!(1), |value, _| json!([value]));
    let failure = put(&mut devices[0], 1, json!({"deep": deep}), &[]).unwrap_err();
    assert_eq!((failure.op, failure.field), (Some(0), FieldName::from_key("deep")));
    assert_eq!(held(&devices[0], "deep"), None, "no field is left of a step that was refused");
    let many: serde_json::Map<_, _> =
        (0..sync_protocol::limits::FIELDS).map(|n| (format!("f{n}"), json!(n))).collect();
    put(&mut devices[0], 1, Json::Object(many), &[]).unwrap();
    let failure = put(&mut devices[0], 2, json!({"more": 1}), &[]).unwrap_err();
    assert!(failure.message.contains("at most 512 fields"), "{failure}");
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
}

#[test]
fn a_collection_that_was_dropped_is_gone_for_everybody_and_can_come_back() {
    let (mut server, mut devices) = start();
    put(&mut devices[0], 1, json!({"name": "Ada"}), &[]).unwrap();
    meet(&mut server, &mut devices);
    devices[1].act(devices[1].replica.drop_collection(devices[1].now, &people())).unwrap();
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    assert!(devices[0].replica.schema().collection(&people()).is_none());
    open(&mut devices[0]);
    meet(&mut server, &mut devices);
    nothing_waits(&devices);
    assert_eq!(
        (seen(&devices[1], 1), held(&devices[1], "name")),
        (json!({"name": "Ada"}), Some(FieldType::Text))
    );
}
