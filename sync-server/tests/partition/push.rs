//! Pushes through one node and through two.

use std::collections::BTreeMap;
use sync_protocol::limits::CONFLICT_BYTES;
use sync_protocol::message::{Push, Role};
use sync_protocol::permit::Standing;
use sync_protocol::schema::{MIRROR_PERSON, device_record, person_record};
use sync_protocol::{
    Change, Choice, CollectionId, Counter, Edit, Fields, Outcome, RecordId, RecordKey, Rejection, Resolution,
    Revision, Value, Verdict, reserved,
};
use sync_server::partition::EngineError;

use crate::kit::{Device, World, airport, airports, applied, field};

fn reason(verdict: &Verdict) -> &Rejection {
    match verdict {
        Verdict::Rejected { reason, .. } => reason,
        other => panic!("not rejected: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_the_same_records() {
    let (world, one, _) = airports(3).await;
    let nodes = [one, world.node()];
    let mut maker = Device::new();
    let made: Vec<Change> = (0..5).map(|key| maker.add(&airport(key), 0, 0)).collect();
    let made: Vec<Change> = made
        .into_iter()
        .map(|c| Change {
            edit: Edit::Insert { fields: Fields::from([(field("visits"), Value::from(0))]) },
            ..c
        })
        .collect();
    assert!(maker.push(&world, &nodes[0], &made).await.iter().all(applied));
    let tasks = (0..8).map(|n: usize| {
        let (world, node) = (world.clone(), nodes[n % 2].clone());
        tokio::spawn(async move {
            let mut device = Device::new();
            for _ in 0..25 {
                let changes: Vec<Change> = (0..5).map(|key| device.add(&airport(key), 10, 11)).collect();
                let verdicts = device.push(&world, &node, &changes).await;
                assert!(verdicts.iter().all(applied), "{verdicts:?}");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task ends");
    }
    let entries = world.audit().await;
    let last: BTreeMap<_, _> = entries
        .iter()
        .filter_map(|e| e.record.as_ref())
        .map(|r| (r.key.clone(), r.value(&field("visits")).as_integer()))
        .collect();
    for key in 0..5 {
        assert_eq!(last[&RecordKey::Int(key)], Some(200), "eight devices added 25 each");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_push_sent_to_both_nodes_at_once_counts_once() {
    let (world, one, _) = airports(2).await;
    let two = world.node();
    let mut device = Device::new();
    for round in 0..20 {
        let changes: Vec<Change> = (0..10).map(|k| device.insert(&airport(round * 10 + k), "x")).collect();
        let (first, second) =
            tokio::join!(device.push(&world, &one, &changes), device.push(&world, &two, &changes));
        for (a, b) in first.iter().zip(&second) {
            let certain = |v: &Verdict| applied(v) || *v == Verdict::Duplicate { forgotten: false };
            assert!(certain(a) && certain(b) && (applied(a) || applied(b)), "{a:?} {b:?}");
            assert!(!(applied(a) && applied(b)) || a == b, "two verdicts of one change agree: {a:?} {b:?}");
        }
    }
    assert_eq!(world.audit().await.len(), 3 + 200);
}

#[tokio::test]
async fn what_is_sent_again_is_a_duplicate() {
    let (world, node, _) = airports(4).await;
    let mut device = Device::new();
    let changes: Vec<Change> = (0..20).map(|k| device.insert(&airport(k), "x")).collect();
    assert!(device.push(&world, &node, &changes).await.iter().all(applied));
    let before = world.audit().await.len();
    for node in [node, world.node()] {
        assert_eq!(
            device.push(&world, &node, &changes).await,
            vec![Verdict::Duplicate { forgotten: false }; 20]
        );
    }
    assert_eq!(world.audit().await.len(), before);
}

/// Nothing is judged by being asked for: what was judged keeps its verdict, on every node; what was not can never be, under
/// that number.
#[tokio::test]
async fn what_is_only_asked_for_is_not_judged() {
    let (world, node, _) = airports(4).await;
    let mut device = Device::new();
    let mut changes =
        vec![device.insert(&airport(1), "a"), device.patch(&airport(1), "", &"x".repeat(2 << 20))];
    let judged = device.push(&world, &node, &changes).await;
    assert!(applied(&judged[0]) && !applied(&judged[1]));
    changes.extend([device.patch(&airport(1), "a", "b"), device.insert(&airport(2), "c")]);
    let before = world.audit().await.len();
    let only_known = changes.iter().map(|change| change.id.counter).collect();
    let ask = Push { only_known, ..device.list(changes.clone()) };
    for node in [node, world.node()] {
        let told = node.push(world.workspace, world.partitions, device.author, &ask).await.unwrap();
        let duplicate = Verdict::Duplicate { forgotten: false };
        assert_eq!(told, [duplicate.clone(), judged[1].clone(), Verdict::taken(), Verdict::taken()]);
        assert_eq!(device.push(&world, &node, &changes).await, told, "also when it is sent to be judged");
    }
    assert_eq!(world.audit().await.len(), before);
}

#[tokio::test]
async fn a_conflict_is_opened_joined_and_resolved_once() {
    let (world, node, _) = airports(1).await;
    let two = world.node();
    let (mut ada, mut bob, id) = (Device::new(), Device::new(), airport(1));
    ada.push(&world, &node, &[ada.clone().insert(&id, "old")]).await;
    ada.next = 2;
    bob.push(&world, &two, &[bob.clone().patch(&id, "old", "bob's")]).await;
    bob.next = 2;
    let opened = ada.patch(&id, "old", "ada's");
    let verdict = ada.push(&world, &node, std::slice::from_ref(&opened)).await.remove(0);
    assert!(matches!(verdict, Verdict::Conflicted { conflict, .. } if conflict == opened.id), "{verdict:?}");
    // ada goes on editing what she sees, through the other node
    let joined = ada.patch(&id, "ada's", "ada's second");
    let verdict = ada.push(&world, &two, &[joined]).await.remove(0);
    let Verdict::Conflicted { seq, conflict } = verdict else { panic!("{verdict:?}") };
    assert_eq!(conflict, opened.id, "one conflict per record and replica");

    let resolve = |device: &mut Device, saw: Revision, record: u64| {
        let choices = BTreeMap::from([(field("name"), Choice::Incoming)]);
        let resolution = Resolution {
            conflict: opened.id,
            saw_conflict: saw,
            saw_record: Some(Revision(record)),
            outcome: Outcome::Keep { choices },
        };
        device.change(&id, Edit::Resolve(resolution))
    };
    let outdated = resolve(&mut bob, Revision(seq.0 - 1), 5);
    let verdicts = bob.push(&world, &node, &[outdated]).await;
    assert_eq!(*reason(&verdicts[0]), Rejection::Moved);
    let right = resolve(&mut bob, seq, 5);
    let verdicts = bob.push(&world, &node, &[right]).await;
    assert!(applied(&verdicts[0]), "{verdicts:?}");
    let late = resolve(&mut ada, seq, 5);
    let verdicts = ada.push(&world, &two, &[late]).await;
    let Rejection::AlreadyResolved { resolved } = reason(&verdicts[0]) else { panic!("{verdicts:?}") };
    assert_eq!(resolved.stamp.by, bob.author.replica, "the second one is told who was first");
    let entries = world.audit().await;
    let record = entries.iter().rev().find_map(|e| e.record.as_ref()).expect("a record");
    assert_eq!(record.value(&field("name")).as_text(), Some("ada's second"));
    // the conflict is closed: a new one gets its own name
    let next = ada.patch(&id, "old", "again");
    let verdict = ada.push(&world, &node, std::slice::from_ref(&next)).await.remove(0);
    assert!(matches!(verdict, Verdict::Conflicted { conflict, .. } if conflict == next.id), "{verdict:?}");
}

#[tokio::test]
async fn conflicts_within_one_push() {
    let (world, node, _) = airports(1).await;
    let (mut ada, mut bob, id) = (Device::new(), Device::new(), airport(1));
    let made = ada.insert(&id, "now");
    ada.push(&world, &node, &[made]).await;
    let queue = [bob.patch(&id, "old", "one"), bob.patch(&id, "one", "two"), bob.patch(&id, "two", "three")];
    let verdicts = bob.push(&world, &node, &queue).await;
    for verdict in &verdicts {
        assert!(
            matches!(verdict, Verdict::Conflicted { conflict, .. } if *conflict == queue[0].id),
            "{verdict:?}"
        );
    }
    let entries = world.audit().await;
    let conflict = entries.last().and_then(|e| e.conflict.as_ref()).expect("a conflict");
    let sides = &conflict.fields[&field("name")];
    assert_eq!((sides.base.as_text(), sides.incoming.as_text()), (Some("old"), Some("three")));
}

#[tokio::test]
async fn a_rejection_is_remembered_until_it_is_settled() {
    let (world, one, _) = airports(1).await;
    let two = world.node();
    let mut device = Device::new();
    // both nodes know the partition before
    for node in [&one, &two] {
        let warm = device.insert(&airport(device.next as i64), "x");
        assert!(applied(&device.push(&world, node, &[warm]).await[0]));
    }
    let change = device.insert(&airport(9), "x");
    device.author.standing = Role::Reader.into();
    let first = device.push(&world, &one, std::slice::from_ref(&change)).await;
    assert_eq!(*reason(&first[0]), Rejection::NotPermitted);
    // what was once refused stays refused, whoever is asked and whatever has become right meanwhile
    device.author.standing = Role::Editor.into();
    for node in [&two, &one, &world.node()] {
        assert_eq!(device.push(&world, node, std::slice::from_ref(&change)).await, first);
    }
    device.settled = change.id.counter.0;
    let next = device.insert(&airport(9), "x");
    assert!(applied(&device.push(&world, &two, &[next]).await[0]));
    device.settled = 0;
    // the rejection is forgotten: whoever did not hear of it sends it under another number
    assert_eq!(device.push(&world, &two, &[change]).await, [Verdict::taken()]);
    world.audit().await;
}

#[tokio::test]
async fn another_node_knows_the_schema_that_the_author_has_seen() {
    let (world, one, mut maker) = airports(1).await;
    let two = world.node();
    let mut device = Device::new();
    let first = device.insert(&airport(1), "x");
    assert!(applied(&device.push(&world, &two, &[first]).await[0]));
    let (id, fields) =
        sync_protocol::schema::collection_record(&CollectionId::new("boats").expect("valid"), "Boats", None);
    let boats = maker.change(&id, Edit::Insert { fields });
    let verdict = maker.push(&world, &one, &[boats]).await.remove(0);
    let Verdict::Applied { seq } = verdict else { panic!("{verdict:?}") };
    let boat = RecordId::new(CollectionId::new("boats").expect("valid"), RecordKey::Int(1));
    device.schema_seen = seq.0;
    let change = device.change(&boat, Edit::Insert { fields: Fields::new() });
    assert!(applied(&device.push(&world, &two, &[change]).await[0]));
    // and even one that has seen nothing is not refused because of what this node has not heard of yet
    let unknown = RecordId::new(CollectionId::new("cars").expect("valid"), RecordKey::Int(1));
    let (id, fields) = sync_protocol::schema::collection_record(&unknown.collection, "Cars", None);
    let cars = maker.change(&id, Edit::Insert { fields });
    maker.push(&world, &one, &[cars]).await;
    device.schema_seen = 0;
    let change = device.change(&unknown, Edit::Insert { fields: Fields::new() });
    assert!(applied(&device.push(&world, &two, &[change]).await[0]));
}

#[tokio::test]
async fn schema_and_records_in_one_push() {
    let world = World::new(16);
    let node = world.node();
    let mut device = Device::new();
    let mut changes = device.schema();
    changes.extend((0..50).map(|k| device.insert(&airport(k), "x")));
    assert!(device.push(&world, &node, &changes).await.iter().all(applied));
    assert_eq!(world.audit().await.len(), 53);
}

#[tokio::test]
async fn one_bad_change_fails_only_its_record() {
    let (world, node, _) = airports(4).await;
    let mut device = Device::new();
    let odd = Fields::from([(field("altitude"), Value::from(3))]);
    let control = RecordId::new(airport(1).collection, RecordKey::Text("a\nb".into()));
    let changes = [
        device.insert(&airport(1), "good"),
        device.change(&airport(2), Edit::Insert { fields: odd }),
        device.insert(&airport(2), "follows"),
        device.insert(&airport(3), "good"),
        device.insert(&control, "bad key"),
        device.insert(&airport(4), "good"),
    ];
    let verdicts = device.push(&world, &node, &changes).await;
    assert_eq!(*reason(&verdicts[1]), Rejection::UnknownField { field: field("altitude") });
    assert_eq!(*reason(&verdicts[2]), Rejection::FollowsRejected { counter: Counter(2) });
    assert!(matches!(reason(&verdicts[4]), Rejection::InvalidKey { .. }));
    assert!([0, 3, 5].iter().all(|at: &usize| applied(&verdicts[*at])), "{verdicts:?}");
    assert_eq!(device.push(&world, &world.node(), &changes).await[1..3], verdicts[1..3], "told again");
    world.audit().await;
}

#[tokio::test]
async fn who_may_change_what() {
    let (world, node, _) = airports(1).await;
    let (mut reader, other) = (Device::new(), Device::new());
    reader.author.standing = Role::Reader.into();
    let own = [
        device_record(reader.author.replica, reader.author.user, "Phone", "browser"),
        person_record(reader.author.user, "Ada"),
    ];
    let foreign = [
        device_record(other.author.replica, reader.author.user, "Phone", "browser"),
        device_record(reader.author.replica, other.author.user, "Phone", "browser"),
        person_record(other.author.user, "Bob"),
    ];
    let insert = |device: &mut Device, (id, fields): &(RecordId, Fields)| {
        device.change(id, Edit::Insert { fields: fields.clone() })
    };
    for role in [Role::Reader, Role::Owner] {
        reader.author.standing = role.into();
        let changes: Vec<Change> = foreign.iter().map(|record| insert(&mut reader, record)).collect();
        for verdict in reader.push(&world, &node, &changes).await {
            assert!(
                matches!(reason(&verdict), Rejection::NotPermitted | Rejection::FollowsRejected { .. }),
                "{role:?}: {verdict:?}"
            );
        }
    }
    reader.author.standing = Role::Reader.into();
    let changes: Vec<Change> = own.iter().map(|record| insert(&mut reader, record)).collect();
    assert!(reader.push(&world, &node, &changes).await.iter().all(applied));
    let record = reader.insert(&airport(1), "x");
    assert_eq!(*reason(&reader.push(&world, &node, &[record]).await[0]), Rejection::NotPermitted);
    world.audit().await;
}

#[tokio::test]
async fn the_server_alone_says_what_it_mirrors() {
    let (world, node, _) = airports(4).await;
    let key = RecordKey::Text("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071".into());
    let id = RecordId::new(reserved::collection(reserved::MIRRORS), key);
    let fields = Fields::from([
        (field("collection"), Value::from("airports")),
        (field("keyspace"), Value::from("shop")),
        (field("table"), Value::from("airports")),
        (field("direction"), Value::from("both")),
        (field("state"), Value::from("running")),
        (field("columns"), Value(serde_json::json!({ "name": { "column": "full_name", "type": "text" } }))),
    ]);
    let insert = Edit::Insert { fields };
    for role in [Role::Reader, Role::Editor, Role::Owner] {
        let mut member = Device::new();
        member.author.standing = role.into();
        let change = member.change(&id, insert.clone());
        let verdict = member.push(&world, &node, &[change]).await.remove(0);
        assert_eq!(*reason(&verdict), Rejection::NotPermitted, "{role:?}");
    }
    let mut server = Device::new();
    server.author.standing = Standing::Server;
    let made = server.change(&id, insert);
    assert!(applied(&server.push(&world, &node, &[made]).await[0]));
    // its program and table have names like a person and a device; it writes records like an editor
    let named = [
        person_record(server.author.user, MIRROR_PERSON),
        device_record(server.author.replica, server.author.user, "shop.airports", "mirror"),
    ];
    let named = named.map(|(id, fields)| server.change(&id, Edit::Insert { fields }));
    assert!(server.push(&world, &node, &named).await.iter().all(applied));
    let record = server.insert(&airport(1), "x");
    assert!(applied(&server.push(&world, &node, &[record]).await[0]));
    world.audit().await;
}

#[tokio::test]
async fn a_push_that_breaks_the_protocol_is_refused_whole() {
    let (world, node, _) = airports(1).await;
    let mut device = Device::new();
    let (a, b) = (device.insert(&airport(1), "x"), device.insert(&airport(2), "x"));
    let mut settled = device.clone();
    settled.settled = u64::MAX;
    let foreign = Device::new().insert(&airport(3), "x");
    for (device, changes) in [
        (&device, vec![b.clone(), a.clone()]),
        (&device, vec![a.clone(), a.clone()]),
        (&device, vec![a.clone(), foreign]),
        (&settled, vec![a.clone(), b.clone()]),
        (&device, vec![a.clone(); 1_001]),
    ] {
        let answer = device.try_push(&world, &node, &changes).await;
        assert!(matches!(answer, Err(EngineError::BadRequest(_))), "{answer:?}");
    }
    assert_eq!(device.push(&world, &node, &[]).await, []);
    assert!(device.push(&world, &node, &[a, b]).await.iter().all(applied));
}

#[tokio::test]
async fn small_changes_to_large_records_take_several_commits() {
    let (world, node, _) = airports(1).await;
    let mut device = Device::new();
    let large = "x".repeat(900 << 10);
    for key in 0..20 {
        let made = device.insert(&airport(key), &large);
        assert!(applied(&device.push(&world, &node, &[made]).await[0]));
    }
    let changes: Vec<Change> = (0..20).map(|key| device.add(&airport(key), 0, 1)).collect();
    let before = world.store.head(world.id(0), sync_server::store::Read::Serial).await.expect("head");
    // a node that has to read them first
    assert!(device.push(&world, &world.node(), &changes).await.iter().all(applied));
    let after = world.store.head(world.id(0), sync_server::store::Read::Serial).await.expect("head");
    assert_eq!(after.revision.0 - before.revision.0, 20);
    assert!(after.step.0 - before.step.0 > 3, "{} commits", after.step.0 - before.step.0);
    world.audit().await;
}

#[tokio::test]
async fn a_conflict_has_a_limit() {
    let (world, node, mut maker) = airports(1).await;
    let wide: Vec<Change> = (0..6)
        .map(|n| {
            let field = sync_protocol::schema::Field {
                position: n,
                ..sync_protocol::schema::Field::new(
                    field(&format!("f{n}")),
                    "x",
                    sync_protocol::FieldType::Text,
                )
            };
            let (id, fields) = sync_protocol::schema::field_record(&airport(1).collection, &field);
            maker.change(&id, Edit::Insert { fields })
        })
        .collect();
    maker.push(&world, &node, &wide).await;
    let gone = airport(1);
    let mut device = Device::new();
    let large = "x".repeat(700 << 10);
    let mut conflicts = std::collections::BTreeSet::new();
    for n in 0..6 {
        let delta = sync_protocol::Delta { base: Value::ABSENT, incoming: Value::from(large.clone()) };
        let fields = BTreeMap::from([(field(&format!("f{n}")), delta)]);
        let change = device.change(&gone, Edit::Patch { fields });
        match device.push(&world, &node, &[change]).await.remove(0) {
            Verdict::Conflicted { conflict, .. } => drop(conflicts.insert(conflict)),
            verdict => panic!("{verdict:?}"),
        }
    }
    assert_eq!(
        conflicts.len(),
        6_usize.div_ceil(CONFLICT_BYTES / (700 << 10)),
        "what is full takes nothing more in"
    );
    world.audit().await;
}
