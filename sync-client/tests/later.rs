//! What a server of a later version sends: types of fields and collections of Mooring's own that this version does not know,
//! and the changes of programs that write to a mirrored table.

use crate::model::device::Device;
use crate::model::scene::{PARTITIONS, start};
use crate::model::server::Server;
use crate::model::{collection, item, name};
use serde_json::{Value as Json, json};
use sync_protocol::schema::{Field, MIRROR_PERSON};
use sync_protocol::{
    CollectionId, Edit, Entry, FieldType, Policy, RecordId, RecordKey, ReplicaId, Stamp, Timestamp, reserved,
};

const LATER: &str = "00000000-0000-0000-0000-000000000009";

/// A record of one of Mooring's own collections, as its entry comes over the wire.
fn sends(server: &mut Server, collection: &str, key: &str, fields: Json) {
    let part = &mut server.parts[0];
    let seq = part.head().0 + 1;
    let wire = json!({
        "seq": seq, "change": format!("{LATER}.{seq}"), "kind": "applied", "collection": collection,
        "record": { "key": key, "rev": seq, "stamp": { "by": LATER, "at": 100 }, "fields": fields },
    });
    let entry: Entry = serde_json::from_str(&wire.to_string()).unwrap();
    let id = RecordId::new(CollectionId::new(collection).unwrap(), RecordKey::Text(key.into()));
    let record = entry.record.clone().unwrap();
    server.schema.apply(&id, Some(&record.fields));
    part.records.insert(id, record);
    part.sums.apply(&entry);
    part.feed.push(entry);
}

#[test]
fn a_field_of_an_unknown_type_stops_nothing_and_loses_nothing() {
    let (mut server, [mut a, mut b]) = start();
    let wire = json!({ "label": "Shape", "type": "hologram", "position": 9, "unit": "mm" });
    sends(&mut server, "_fields", "items.shape", wire);
    a.sync(&mut server);
    b.sync(&mut server);
    let field = |device: &Device| -> Field {
        device.replica.schema().collection(&collection()).unwrap().fields["shape"].clone()
    };
    assert_eq!((field(&a).field_type, field(&a).label.as_str()), (FieldType::Unknown, "Shape"));

    // values come and go, other fields are edited beside them, and a record that was deleted comes back whole
    a.insert(&item(1), json!({ "n": 1, "shape": { "x": [1, null] } })).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    b.edit(&item(1), json!({ "n": [1, 2] })).unwrap();
    b.sync(&mut server);
    let whole = b.view(&item(1));
    assert_eq!(whole, json!({ "n": 2, "shape": { "x": [1, null] } }));
    b.delete(&item(1)).unwrap();
    b.sync(&mut server);
    b.insert(&item(1), whole.clone()).unwrap();
    b.sync(&mut server);
    a.sync(&mut server);
    a.restart();
    a.sync(&mut server);
    assert_eq!((a.view(&item(1)), field(&a).field_type), (whole, FieldType::Unknown));
    assert_eq!((a.refused().len(), b.refused().len(), server.open_conflicts().count()), (0, 0, 0));

    // a setting of the field is all that is written of it
    let asked = Field { policy: Some(Policy::Last), ..field(&a) };
    let batch = a.replica.set_field(a.now, &collection(), &asked).unwrap();
    let Edit::Patch { fields } = &batch.enqueue[0].edit else { panic!("an edit of what is there") };
    assert_eq!(fields.keys().collect::<Vec<_>>(), [&name("policy")]);
}

#[test]
fn an_unknown_collection_of_moorings_own_is_kept() {
    let (mut server, [mut a]) = start();
    sends(&mut server, "_unheard_of", "x", json!({ "what": { "ever": [1.5] } }));
    let mirror = json!({ "collection": "items", "keyspace": "shop", "table": "orders", "state": "running" });
    sends(&mut server, reserved::MIRRORS, LATER, mirror.clone());
    a.sync(&mut server);
    a.restart();
    a.sync(&mut server);
    let id = |collection: &str, key: &str| {
        RecordId::new(CollectionId::new(collection).unwrap(), RecordKey::Text(key.into()))
    };
    let held = |device: &Device| {
        [("_unheard_of", "x"), (reserved::MIRRORS, LATER)].map(|(c, k)| device.view(&id(c, k)))
    };
    assert_eq!(held(&a), [json!({ "what": { "ever": [1.5] } }), mirror]);
    assert_eq!(a.refetches, 0, "checksums agree");
    // the same through a snapshot
    let head = server.parts[0].head();
    server.parts[0].expired = head.0;
    let mut late = Device::new(7, PARTITIONS);
    late.sync(&mut server);
    assert_eq!(held(&late), held(&a));
    assert_eq!(late.refetches, 0, "checksums agree");
}

#[test]
fn a_program_is_named_and_is_nobody_to_ask() {
    let (mut server, [mut a]) = start();
    let user = "00000000-0000-0000-0000-00000000000a";
    sends(&mut server, "_people", user, json!({ "name": MIRROR_PERSON }));
    sends(&mut server, "_people", LATER, json!({ "name": "Ann" }));
    let device = json!({ "user": user, "name": "shop.orders", "channel": "mirror" });
    sends(&mut server, "_devices", LATER, device);
    a.sync(&mut server);
    let author = a.replica.author(Stamp { by: LATER.parse::<ReplicaId>().unwrap(), at: Timestamp(5) });
    assert_eq!(
        (author.person.as_str(), author.device.as_str(), author.channel.as_str()),
        (MIRROR_PERSON, "shop.orders", "mirror")
    );
    let people: Vec<String> = a.replica.people().into_iter().map(|person| person.name).collect();
    assert_eq!(people, ["Ann"]);
}
