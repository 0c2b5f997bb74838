//! What a push may carry, and what every answer is afterwards: readable.

use crate::world::{Device, Person, World, boat, field, ok};
use serde_json::json;
use std::time::Duration;
use sync_protocol::message::{
    AuditAnswer, HistoryAnswer, PullAnswer, Push, PushAnswer, Role, SnapshotAnswer, User,
};
use sync_protocol::schema::{Field, field_record, person_record};
use sync_protocol::{
    Change, Choice, Counter, Cursor, Delta, Edit, FieldName, FieldType, Fields, Outcome, Partition, RecordId,
    RecordKey, Rejection, Resolution, Revision, Value, Verdict, WorkspaceId, reserved,
};
use sync_server::mend;
use sync_server::store::{Commit, Kind, PartitionId, Read, Row, WorkspaceRow};

fn deep(levels: usize) -> Value {
    let mut value = json!(1);
    for _ in 0..levels {
        value = json!([value]);
    }
    Value(value)
}

fn patch(base: Value, incoming: &str) -> Edit {
    Edit::Patch { fields: [(field(), Delta { base, incoming: Value::from(incoming) })].into() }
}

/// All answers that carry what is stored, read as a device reads them.
async fn readable(person: &Person<'_>, workspace: WorkspaceId, record: &RecordId, partitions: u16) {
    let path = |what: &str| format!("/v1/workspaces/{workspace}/{what}");
    let mut cursor = Cursor::start(partitions);
    loop {
        let answer: PullAnswer = ok(person.pull(workspace, cursor, 0).await).await;
        assert!(answer.feeds.iter().all(|feed| !feed.unread), "an entry cannot be read");
        cursor = answer.cursor;
        if !answer.more {
            break;
        }
    }
    ok::<SnapshotAnswer>(person.post(&path("snapshot"), &json!({})).await).await;
    ok::<AuditAnswer>(person.post(&path("audit"), &json!({})).await).await;
    ok::<HistoryAnswer>(person.post(&path("history"), &json!({ "record": record })).await).await;
}

fn too_deep(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Rejected { reason: Rejection::Misfit { rule, .. }, .. } if rule.contains("deeper"))
}

#[tokio::test]
async fn no_value_of_a_change_is_deeper_than_every_answer_can_carry() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let mut device = Device::new();
    let mut changes = device.schema();
    changes.push(device.insert(1, "Tern"));
    ann.verdicts(workspace, &device.push(changes)).await;
    let base = device.change(boat(1), patch(deep(110), "x"));
    let delete = device.change(boat(1), Edit::Delete { base: [(field(), deep(110))].into() });
    let verdicts = ann.verdicts(workspace, &device.push(vec![base])).await;
    assert!(too_deep(&verdicts[0]), "{verdicts:?}");
    let verdicts = ann.verdicts(workspace, &device.push(vec![delete])).await;
    assert!(too_deep(&verdicts[0]), "{verdicts:?}");
    readable(&ann, workspace, &boat(1), 1).await;

    // a reader writes the own name, and nothing that stops others
    let rita = world.person("rita").await;
    assert!(ann.set_member(workspace, "rita", Some(Role::Reader)).await.status().is_success());
    let user: User = ok(rita.get("/v1/me").await).await;
    let mut tablet = Device::new();
    let (id, named) = person_record(user.id, "Rita");
    let named = tablet.change(id.clone(), Edit::Insert { fields: named });
    let verdicts = rita.verdicts(workspace, &tablet.push(vec![named])).await;
    assert!(matches!(verdicts[0], Verdict::Applied { .. }), "{verdicts:?}");
    let edit = patch(deep(110), "R2");
    let change = tablet.change(id.clone(), edit);
    let verdicts = rita.verdicts(workspace, &tablet.push(vec![change])).await;
    assert!(too_deep(&verdicts[0]), "{verdicts:?}");
    let long = tablet.change(id.clone(), patch(Value::from("Rita"), &"R".repeat(900_000)));
    let verdicts = rita.verdicts(workspace, &tablet.push(vec![long])).await;
    assert!(matches!(verdicts[0], Verdict::Rejected { reason: Rejection::Misfit { .. }, .. }));
    readable(&ann, workspace, &id, 1).await;
}

/// A server of a release before this one took such bases. Devices read on, and the rows can be mended.
#[tokio::test]
async fn what_was_stored_too_deep_before_is_read_and_mended() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await;
    let mut device = Device::new();
    let mut changes = device.schema();
    changes.push(device.insert(1, "Tern"));
    changes.push(device.rename(1, "Heron", "Plover"));
    let verdicts = ann.verdicts(workspace.id, &device.push(changes)).await;
    assert!(matches!(verdicts[3], Verdict::Conflicted { .. }), "{verdicts:?}");
    let id = PartitionId { workspace: workspace.id, partition: Partition(0) };
    let nested = format!("{}1{}", "[".repeat(115), "]".repeat(115));
    for kind in [Kind::Feed, Kind::Conflict] {
        let rows = world.store.range(id, kind, None, 100, 1 << 20, Read::Quorum).await.unwrap();
        let spoilt = rows.into_iter().map(|(key, body)| {
            let body = body.replace("\"base\":\"Heron\"", &format!("\"base\":{nested}"));
            Row { kind, key, body, ttl: None }
        });
        let before = world.store.head(id, Read::Serial).await.unwrap();
        let mut head = before.clone();
        head.step = before.step.next();
        let commit = Commit { expected: before.step, head, rows: spoilt.collect() };
        world.store.commit(id, commit).await.unwrap();
    }
    readable(&ann, workspace.id, &boat(1), 1).await;

    let row = WorkspaceRow { id: workspace.id, name: "Harbour".into(), partitions: 1 };
    let day = Duration::from_hours(24);
    let found = mend::workspace(&*world.store, &row, day, false).await.unwrap();
    assert_eq!((found.deep, found.unreadable.len()), (2, 0));
    assert_eq!(mend::workspace(&*world.store, &row, day, true).await.unwrap(), found);
    assert_eq!(mend::workspace(&*world.store, &row, day, false).await.unwrap().deep, 0);
    readable(&ann, workspace.id, &boat(1), 1).await;
}

/// Both of two versions of a record whose key says whose it is: the second one would be somebody else's.
#[tokio::test]
async fn nobody_writes_records_of_others_by_keeping_both() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let eve = world.person("eve").await;
    assert!(ann.set_member(workspace, "eve", Some(Role::Editor)).await.status().is_success());
    let user = |user: User| user.id.to_string();
    let (hers, anns) = (user(ok(eve.get("/v1/me").await).await), user(ok(ann.get("/v1/me").await).await));
    let until = |text: &str| Value::from(text);
    let name = reserved::field("until");
    let later = until("2030-01-01T00:00:00Z");
    let latest = until("2099-01-01T00:00:00Z");
    let id = RecordId::new(reserved::collection(reserved::SNOOZES), RecordKey::Text(format!("{hers}/x")));
    let mut device = Device::new();
    let set = |base: Value, incoming: Value| Edit::Patch {
        fields: [(name.clone(), Delta { base, incoming })].into(),
    };
    let edits = [
        set(Value::ABSENT, later.clone()),
        Edit::Insert { fields: Fields::from([(name.clone(), until("2029-01-01T00:00:00Z"))]) },
        set(later, latest),
    ];
    let mut seen = Vec::new();
    for edit in edits {
        let change = device.change(id.clone(), edit);
        seen.push((change.id, eve.verdicts(workspace, &device.push(vec![change])).await.remove(0)));
    }
    let (opened, record) = (seen[0].0, Revision(2));
    let saw = match seen[2].1 {
        Verdict::Conflicted { seq, .. } => seq,
        _ => Revision(1),
    };
    let key = RecordKey::Text(format!("{anns}/x"));
    let outcome = Outcome::KeepBoth { key: key.clone() };
    let resolution = Resolution { conflict: opened, saw_conflict: saw, saw_record: Some(record), outcome };
    let change = device.change(id, Edit::Resolve(resolution));
    let verdicts = eve.verdicts(workspace, &device.push(vec![change])).await;
    assert!(matches!(verdicts[0], Verdict::Rejected { .. }), "{verdicts:?}");
    let pulled = ann.pulled(workspace, Cursor::start(1)).await;
    let made = pulled.feeds.iter().flat_map(|f| &f.entries).filter_map(|e| e.record.as_ref());
    assert!(made.into_iter().all(|record| record.key != key));
}

/// Changes as they stand in a request, whatever they are.
async fn raw(
    person: &Person<'_>,
    workspace: WorkspaceId,
    device: &Device,
    changes: &[String],
) -> Vec<Verdict> {
    let head = serde_json::to_string(&device.push(Vec::new())).unwrap();
    let body = head.replace("\"changes\":[]", &format!("\"changes\":[{}]", changes.join(",")));
    let request = person.ask(reqwest::Method::POST, &format!("/v1/workspaces/{workspace}/push"));
    let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
    ok::<PushAnswer>(answer).await.verdicts
}

/// A collection with a field of any JSON, and a device that knows it.
async fn anything(ann: &Person<'_>) -> (WorkspaceId, Device, FieldName) {
    let workspace = ann.workspace(4).await.id;
    let mut device = Device::new();
    let any = FieldName::new("any").unwrap();
    let field = Field { position: 1, ..Field::new(any.clone(), "Any", FieldType::Json) };
    let mut changes = device.schema();
    let (id, fields) = field_record(&boat(1).collection, &field);
    changes.push(device.change(id, Edit::Insert { fields }));
    ann.verdicts(workspace, &device.push(changes)).await;
    (workspace, device, any)
}

/// Each of these failed every change beside it, for ever: all are JSON, and valid by the document.
#[tokio::test]
async fn what_cannot_be_read_is_refused_by_itself() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let (workspace, mut device, any) = anything(&ann).await;
    let insert = |device: &mut Device, key: i64| {
        let fields = Fields::from([(any.clone(), Value::from("HERE"))]);
        serde_json::to_string(&device.change(boat(key), Edit::Insert { fields })).unwrap()
    };
    let long = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
    let bomb = format!("[{}0]", "{\"\":0},".repeat(200_000));
    let values = [
        ("1e400", "more digits"),
        ("[1, {\"a\": 18446744073709551616}]", "more digits"),
        ("-9223372036854775809", "more digits"),
        ("0.1234567890123456789", "more digits"),
        ("1e-400", "more digits"),
        ("\"\\ud800\"", "cannot carry"),
        ("{\"a\": 1, \"a\": 2}", "twice"),
        (&long, "deeper"),
        (&bomb, "too large"),
    ];
    let mut key = 10;
    for (value, rule) in values {
        let changes: Vec<String> = (0..3).map(|n| insert(&mut device, key + n)).collect();
        let bad = changes[1].replace("\"HERE\"", value);
        let sent = [changes[0].clone(), bad, changes[2].clone()];
        for again in [false, true] {
            let verdicts = raw(&ann, workspace, &device, &sent).await;
            let Verdict::Rejected { message, reason, .. } = &verdicts[1] else {
                panic!("{rule}: {verdicts:?}")
            };
            assert!(message.contains(rule), "{message} ({rule})");
            assert!(
                rule == "too large" || matches!(reason, Rejection::Misfit { field, .. } if *field == any)
            );
            for beside in [&verdicts[0], &verdicts[2]] {
                let judged = matches!(beside, Verdict::Applied { .. });
                assert!(
                    judged != again && (judged || *beside == Verdict::Duplicate { forgotten: false }),
                    "{rule}: {verdicts:?}"
                );
            }
        }
        key += 3;
    }
    // what is no value: a key, a time, a name that comes twice, no change at all
    let good = insert(&mut device, 1);
    let odd = [
        insert(&mut device, 2).replace("\"key\":2", "\"key\":18446744073709551616"),
        insert(&mut device, 3).replace("1700000000000", "17000000000000000000000"),
        insert(&mut device, 4).replace("\"HERE\"", "\"a\",\"any\":\"b\""),
        insert(&mut device, 5).replace("insert", "unheard_of"),
        "17".into(),
        "{\"id\":null}".into(),
    ];
    let sent: Vec<String> = [good].into_iter().chain(odd).collect();
    let verdicts = raw(&ann, workspace, &device, &sent).await;
    assert!(matches!(verdicts[0], Verdict::Applied { .. }), "{verdicts:?}");
    let refused = |v: &Verdict| matches!(v, Verdict::Rejected { .. });
    assert!(verdicts.len() == 7 && verdicts[1..].iter().all(refused), "{verdicts:?}");
    // what builds on one that could not be read is not judged without it
    let first = insert(&mut device, 6).replace("\"HERE\"", "1e400");
    let delta = Delta { base: Value::from(1), incoming: Value::from(2) };
    let then = device.change(boat(6), Edit::Patch { fields: [(any.clone(), delta)].into() });
    let sent = [first, serde_json::to_string(&then).unwrap()];
    let verdicts = raw(&ann, workspace, &device, &sent).await;
    let follows =
        |v: &Verdict| matches!(v, Verdict::Rejected { reason: Rejection::FollowsRejected { .. }, .. });
    assert!(refused(&verdicts[0]) && follows(&verdicts[1]), "{verdicts:?}");
    readable(&ann, workspace, &boat(1), 4).await;
}

#[tokio::test]
async fn unknown_members_of_a_choice_are_ignored() {
    let choice: Choice = serde_json::from_value(json!({ "take": "incoming", "value": 3, "x": 1 })).unwrap();
    assert_eq!(choice, Choice::Incoming);
}

/// The same number for another record, in the same partition and in another one; for another edit; once it is settled; and
/// behind later ones.
#[tokio::test]
async fn an_id_names_one_change_for_good() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let mut device = Device::new();
    let schema = device.schema();
    ann.verdicts(workspace, &device.push(schema)).await;
    let said = async |push: &Push| ann.verdicts(workspace, push).await.remove(0);
    let taken = |verdict: &Verdict| matches!(verdict, Verdict::Rejected { taken: true, .. });
    let partition = |record: &RecordId| record.partition(4);
    let beside = |key: i64| {
        let there = (key + 1..key + 100).find(|other| partition(&boat(*other)) == partition(&boat(key)));
        there.expect("of a hundred records one is in the same partition")
    };
    let first = device.insert(1, "Tern");
    assert!(matches!(said(&device.push(vec![first.clone()])).await, Verdict::Applied { .. }));
    for key in 1..12 {
        let other = Change { id: first.id, ..device.insert(key, "Plover") };
        let verdict = said(&device.push(vec![other])).await;
        assert!(taken(&verdict), "record {key}: {verdict:?}");
    }
    let again = device.push(vec![first.clone()]);
    assert_eq!(said(&again).await, Verdict::Duplicate { forgotten: false });
    // settled by the next push, and set back to before it
    let next = device.insert(beside(1), "Tern");
    let next = Push { settled: first.id.counter, ..device.push(vec![next]) };
    assert!(matches!(said(&next).await, Verdict::Applied { .. }));
    let set_back = Change { id: first.id, ..device.insert(beside(beside(1)), "Plover") };
    assert!(taken(&said(&device.push(vec![set_back])).await));
    // a copy of a request that was on its way for long is no other change
    assert_eq!(said(&again).await, Verdict::Duplicate { forgotten: false });
    // what later ones overtook was never judged, and is not called so
    let (early, late) = (device.insert(30, "Heron"), device.insert(beside(30), "Heron"));
    assert!(matches!(said(&device.push(vec![late])).await, Verdict::Applied { .. }));
    assert!(taken(&said(&device.push(vec![early])).await));
    // so long ago that nobody knows what it said: a duplicate, with that
    for key in 0..70 {
        let edit = device.change(boat(beside(1)), Edit::Patch { fields: [].into() });
        let edit = Push { settled: Counter(edit.id.counter.0 - 1), ..device.push(vec![edit]) };
        assert!(!taken(&said(&edit).await), "{key}");
    }
    assert_eq!(said(&again).await, Verdict::Duplicate { forgotten: true });
}

/// More fields than a collection may have are refused one by one, those before them stay.
#[tokio::test]
async fn a_collection_has_so_many_fields_and_no_more() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let mut device = Device::new();
    let mut changes = device.schema();
    let field = |n: usize| Field::new(FieldName::new(format!("f{n}")).unwrap(), "F", FieldType::Text);
    for n in 0..520 {
        let (id, fields) = field_record(&boat(1).collection, &field(n));
        changes.push(device.change(id, Edit::Insert { fields }));
    }
    let verdicts = ann.verdicts(workspace, &device.push(changes)).await;
    let applied = verdicts.iter().filter(|v| matches!(v, Verdict::Applied { .. })).count();
    assert_eq!(applied, 1 + 512, "the collection and its fields");
    let (id, fields) = field_record(&boat(1).collection, &field(600));
    let more = device.change(id, Edit::Insert { fields });
    let verdicts = ann.verdicts(workspace, &device.push(vec![more])).await;
    assert!(matches!(&verdicts[0], Verdict::Rejected { reason: Rejection::InvalidSchema { .. }, .. }));
}

/// Numbers and texts come back as they were written, in the same text.
#[tokio::test]
async fn what_is_taken_comes_back_as_it_was_given() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let (workspace, mut device, any) = anything(&ann).await;
    for (key, text) in
        ["12345678901234567890", "1.5", "-7", "[0.1,1e+300,5e-324]", "\"\\u0001\\n\""].iter().enumerate()
    {
        let fields = Fields::from([(any.clone(), Value::from("HERE"))]);
        let change = device.change(boat(key as i64), Edit::Insert { fields });
        let change = serde_json::to_string(&change).unwrap().replace("\"HERE\"", text);
        let verdicts = raw(&ann, workspace, &device, &[change]).await;
        assert!(matches!(verdicts[0], Verdict::Applied { .. }), "{text}: {verdicts:?}");
        let pulled = ann.pull(workspace, Cursor::start(4), 0).await.text().await.unwrap();
        assert!(pulled.contains(&format!("\"any\":{text}")), "{text}: {pulled}");
    }
}
