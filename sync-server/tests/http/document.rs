//! `/openapi.json` says what the server does and what the protocol's types look like.

use crate::world::{Device, World, boat, field, ok};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use sync_protocol::conflict::{Changed, Effect, Life};
use sync_protocol::feed::EntryKind;
use sync_protocol::message::*;
use sync_protocol::people::MadeInvitation;
use sync_protocol::*;
use sync_server::openapi;
use uuid::Uuid;

fn document() -> Json {
    serde_json::from_str(openapi::document()).unwrap()
}

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let kept = include_str!("../../openapi.json");
    assert!(
        kept.trim_end() == openapi::document(),
        "make it anew: cargo run --bin mooring-server -- openapi > sync-server/openapi.json"
    );
}

#[tokio::test]
async fn every_documented_path_is_served_and_its_answers_are_as_documented() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let mut device = Device::new();
    let mut changes = device.schema();
    changes.extend([device.insert(1, "Tern"), device.rename(1, "x", "y"), device.insert(2, "Plover")]);
    changes.push(device.change(boat(2), Edit::Delete { base: [(field(), Value::from("Plover"))].into() }));
    let anns = ok::<User>(ann.get("/v1/me").await).await.id;
    let asked = json!({ "role": "reader", "hours": 1, "uses": 9 });
    let made = ann.post(&format!("/v1/workspaces/{workspace}/invitations"), &asked).await;
    let token = ok::<MadeInvitation>(made).await.token;
    let doc = document();
    for (path, methods) in doc["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let body = match operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                .as_str()
            {
                None => None,
                Some("#/components/schemas/SignIn") => Some(json!({ "name": "ann", "password": "wrong" })),
                Some("#/components/schemas/NewPassword") => {
                    Some(json!({ "current": "wrong", "new": "tide and timetable" }))
                }
                Some("#/components/schemas/Nothing") => Some(json!({})),
                Some("#/components/schemas/NewWorkspace") => Some(json!({ "name": "Quay" })),
                Some("#/components/schemas/Member") => Some(json!({ "role": "owner" })),
                Some("#/components/schemas/SetRole") => Some(json!({ "user": anns, "role": "owner" })),
                // the name that deletes a workspace is another one
                Some("#/components/schemas/Named") => Some(json!({ "name": "Pier" })),
                Some("#/components/schemas/NewInvitation") => Some(json!({ "role": "reader", "hours": 1 })),
                Some("#/components/schemas/InvitationToken") => Some(json!({ "token": token })),
                Some("#/components/schemas/NewAccount") => Some(json!({
                    "token": token, "login": "bob", "name": "Bob", "password": "tide and timetable"
                })),
                Some("#/components/schemas/Push") => {
                    Some(serde_json::to_value(device.push(changes.clone())).unwrap())
                }
                Some("#/components/schemas/Pull") => Some(json!({ "cursor": [0] })),
                Some("#/components/schemas/Snapshot" | "#/components/schemas/Audit") => Some(json!({})),
                Some("#/components/schemas/NewMirror") => {
                    Some(json!({ "keyspace": "shop", "table": "orders" }))
                }
                Some("#/components/schemas/ResumeMirror") => Some(json!({})),
                Some("#/components/schemas/Touched") => Some(json!({ "keys": ["1"] })),
                Some("#/components/schemas/Deleted") => Some(json!({ "collection": "boats" })),
                Some("#/components/schemas/History") => Some(json!({ "record": boat(1) })),
                Some(other) => panic!("no sample of {other}"),
            };
            // the session that the others need ends in another test
            if path.starts_with("/v1/sign-out") || path == "/v1/me/sign-out-everywhere" {
                continue;
            }
            let at = path.replace("{workspace}", &workspace.to_string()).replace("{login}", "ann");
            let at = at.replace("{mirror}", &Uuid::nil().to_string());
            let at = at.replace("{invitation}", &Uuid::nil().to_string());
            let at = at.replace("{session}", &Uuid::nil().to_string());
            let request = ann.ask(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), &at);
            let request = body.iter().fold(request, |request, body| request.json(body));
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let nowhere = status == StatusCode::NOT_FOUND && !path.contains("{session}");
            assert!(!nowhere && status != StatusCode::METHOD_NOT_ALLOWED, "{path}");
            let mut documented = &operation["responses"][status.as_str()];
            assert!(!documented.is_null(), "{method} {path} answers {status}, which is not documented");
            if let Some(name) = documented["$ref"].as_str() {
                documented = doc.pointer(&name[1..]).unwrap();
            }
            match documented["content"]["application/json"]["schema"].clone() {
                Json::Null => assert_eq!(answer.bytes().await.unwrap().len(), 0, "{path}"),
                schema => assert_fits(&schema, &answer.json::<Json>().await.unwrap(), path),
            }
        }
    }
    let pulled: Json = ok(ann.pull(workspace, Cursor::start(1), 0).await).await;
    assert!(pulled["feeds"][0]["entries"].as_array().is_some_and(|e| e.len() >= 4), "{pulled}");
}

/// Checks strictly: a field that the document does not know is an error here, while the wire ignores it.
fn assert_fits(schema: &Json, sample: &Json, what: &str) {
    let mut components = document()["components"].clone();
    let mut parts = BTreeSet::new();
    parts_of_others(&components, &mut parts);
    for (name, schema) in components["schemas"].as_object_mut().unwrap() {
        close(schema, parts.contains(name));
    }
    let mut root = schema.clone();
    root["components"] = components;
    let validator = jsonschema::validator_for(&root).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(sample).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{sample:#}");
}

/// The schemas that are taken into others whole (`allOf`): what they leave open, those close.
fn parts_of_others(schema: &Json, parts: &mut BTreeSet<String>) {
    match schema {
        Json::Object(members) => {
            for part in members.get("allOf").and_then(Json::as_array).into_iter().flatten() {
                let name = part["$ref"].as_str().and_then(|name| name.rsplit('/').next());
                parts.extend(name.map(str::to_owned));
            }
            members.values().for_each(|member| parts_of_others(member, parts));
        }
        Json::Array(items) => items.iter().for_each(|item| parts_of_others(item, parts)),
        _ => {}
    }
}

fn close(schema: &mut Json, is_part: bool) {
    match schema {
        Json::Object(members) => {
            let whole = members.contains_key("allOf");
            members.values_mut().for_each(|member| close(member, whole));
            let object = members.contains_key("properties") && members.get("type") == Some(&json!("object"));
            if (object && !is_part) || whole {
                members.insert("unevaluatedProperties".into(), json!(false));
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| close(item, is_part)),
        _ => {}
    }
}

fn fits<T: Serialize>(name: &str, sample: &T) {
    let sample = serde_json::to_value(sample).unwrap();
    assert_fits(&json!({ "$ref": format!("#/components/schemas/{name}") }), &sample, name);
}

#[test]
fn the_schemas_take_what_the_types_write() {
    let user = User { id: UserId(Uuid::now_v7()), name: "Ann".into() };
    for device in ["", "Till 2"] {
        fits("SignIn", &SignIn { name: "ann".into(), password: "x".into(), device: device.into() });
    }
    for keep_others in [false, true] {
        fits("NewPassword", &NewPassword { current: "x".into(), new: "y".into(), keep_others });
    }
    fits("SignedIn", &SignedIn { token: "x".into(), user });
    for role in [Some(Role::Reader), Some(Role::Editor), Some(Role::Owner), None] {
        fits("Member", &Member { role });
    }
    for partitions in [None, Some(1)] {
        fits("NewWorkspace", &NewWorkspace { name: "x".into(), partitions });
    }
    use ProblemCode::*;
    for code in [
        BadRequest,
        NeedsSignIn,
        NotPermitted,
        NotFound,
        Exists,
        TooLarge,
        Upgrade,
        SlowDown,
        Unavailable,
        Internal,
    ] {
        fits("Problem", &Problem { code, message: "x".into() });
    }
    fits("Push", &push());
    fits("PushAnswer", &PushAnswer { verdicts: verdicts() });
    fits("Pull", &Pull { cursor: Cursor::start(3), wait_ms: 7 });
    fits("PullAnswer", &pull_answer());
    let token = |after: Option<String>| SnapshotToken {
        cursor: Cursor::start(2),
        partition: Partition(1),
        conflicts_after: after.clone(),
        after,
        done: 1,
        total: 2,
    };
    fits("Snapshot", &Snapshot { resume: Some(token(None)), partitions: vec![Partition(0)] });
    fits("Snapshot", &Snapshot::default());
    let page = Page {
        partition: Partition(0),
        collection: CollectionId::new("boats").unwrap(),
        first: "1".into(),
        last: "1".into(),
        count: 1,
        records: serde_json::value::to_raw_value(&[record()]).unwrap(),
    };
    let answer = SnapshotAnswer {
        pages: vec![page],
        conflicts: vec![conflict()],
        finished: vec![(Partition(0), Revision(3))],
        next: Some(token(Some("boats/1".into()))),
        done: 1,
        total: 2,
    };
    fits("SnapshotAnswer", &answer);
    for resume in [None, Some(Revision(3))] {
        fits("History", &History { record: boat(1), resume });
    }
    let versions = vec![Version { record: record(), merge: Some(Box::new(merge())) }];
    let next = Some(Revision(1));
    fits(
        "HistoryAnswer",
        &HistoryAnswer { versions, next, expired: true, conflicts: vec![conflict()], conflicts_cut: true },
    );
    for resume in [None, Some(DeletedPlace { partition: Partition(1), after: "1".into() })] {
        fits("Deleted", &Deleted { collection: boat(1).collection, resume });
    }
    let next = Some(DeletedPlace::default());
    fits("DeletedAnswer", &DeletedAnswer { records: vec![Record { deleted: true, ..record() }], next });
    for resume in [None, Some(Cursor::start(2))] {
        fits("Audit", &Audit { resume });
    }
    let entries = pull_answer().feeds.remove(0).entries;
    fits("AuditAnswer", &AuditAnswer { entries, next: Some(Cursor::start(2)), done: 1, total: 2 });
}

fn id() -> ChangeId {
    ChangeId { replica: ReplicaId(Uuid::now_v7()), counter: Counter(3) }
}

fn stamp() -> Stamp {
    Stamp { by: id().replica, at: Timestamp(1_700_000_000_000) }
}

fn record() -> Record {
    Record {
        key: RecordKey::Text("INV-7".into()),
        rev: Revision(3),
        prev: Some(Revision(2)),
        alone_since: Some(Revision(1)),
        stamp: stamp(),
        created: Some(stamp()),
        edits: [(field(), stamp())].into(),
        twin_of: Some(RecordKey::Int(1)),
        deleted: true,
        fields: [(field(), Value::from("Tern"))].into(),
    }
}

fn resolved() -> Resolved {
    let changed = Changed { before: Value::from("a"), by: stamp(), after: Value::from("b") };
    let effect = Effect { life: Life::Deleted, rev: Some(Revision(3)), fields: [(field(), changed)].into() };
    Resolved { change: id(), stamp: stamp(), saw: Some(Revision(2)), outcome: Outcome::Delete, effect }
}

fn merge() -> Merge {
    let met = Met {
        base: Value::from("a"),
        current: Value::from("b"),
        current_by: stamp(),
        incoming: Value::from("c"),
        result: Value::from("b"),
        policy: Policy::First,
    };
    let fields = [(field(), met)].into();
    Merge { record: boat(1), title: "Tern".into(), incoming: stamp(), delete: true, fields }
}

fn conflict() -> Conflict {
    let value = |text: &str| Value::from(text);
    let sides = Sides {
        base: value("a"),
        current: Value::ABSENT,
        incoming: value("c"),
        inserted: true,
        clash: true,
        current_by: Some(stamp()),
        incoming_by: Some(stamp()),
    };
    Conflict {
        id: id(),
        record: boat(1),
        rev: Revision(3),
        kind: ConflictKind::DeleteEdit,
        title: "Tern".into(),
        fields: [(field(), sides)].into(),
        incoming: stamp(),
        current: Some(stamp()),
        record_rev: Some(Revision(1)),
        resolved: Some(resolved()),
        reopened: Some(Reopened { stamp: stamp(), alone_since: Some(Revision(1)) }),
    }
}

fn push() -> Push {
    let mut device = Device::new();
    let choices = [("a", Choice::Current), ("b", Choice::Incoming), ("c", Choice::Own(Value::from(1)))];
    let choices = choices.into_iter().map(|(n, c)| (FieldName::new(n).unwrap(), c)).collect();
    let resolve = |outcome| {
        Edit::Resolve(Resolution {
            conflict: id(),
            saw_conflict: Revision(1),
            saw_record: Some(Revision(2)),
            outcome,
        })
    };
    let mut changes = vec![
        device.insert(1, "Tern"),
        device.rename(1, "Tern", "Plover"),
        device.change(boat(1), Edit::Delete { base: [(field(), Value::from(1))].into() }),
        device.change(boat(1), resolve(Outcome::Keep { choices })),
        device.change(boat(1), resolve(Outcome::Delete)),
        device.change(boat(1), resolve(Outcome::KeepBoth { key: RecordKey::Int(2) })),
    ];
    for twin in [None, Some(RecordKey::Int(2))] {
        let reopening = Reopening { conflict: id(), resolution: id(), twin };
        changes.push(device.change(boat(1), Edit::Reopen(reopening)));
    }
    changes[0].saw = Some(Revision(4));
    device.push(changes)
}

fn verdicts() -> Vec<Verdict> {
    let (field, rule, seq) = (field(), String::from("x"), Revision(1));
    let reasons = [
        Rejection::UnknownCollection { collection: "x".into() },
        Rejection::UnknownField { field: field.clone() },
        Rejection::Misfit { field: field.clone(), rule: rule.clone() },
        Rejection::InvalidKey { rule: rule.clone() },
        Rejection::InvalidSchema { rule: rule.clone() },
        Rejection::TooLarge { limit: 1 },
        Rejection::NotPermitted,
        Rejection::FollowsRejected { counter: Counter(1) },
        Rejection::NoSuchConflict,
        Rejection::AlreadyResolved { resolved: Box::new(resolved()) },
        Rejection::Impossible { rule: rule.clone() },
        Rejection::Moved,
        Rejection::Undecided { field },
    ];
    let mut verdicts: Vec<Verdict> = reasons.into_iter().map(Verdict::from).collect();
    verdicts.extend([
        Verdict::Applied { seq },
        Verdict::Merged { seq },
        Verdict::Duplicate { forgotten: false },
        Verdict::Duplicate { forgotten: true },
        Verdict::taken(),
    ]);
    verdicts.push(Verdict::Conflicted { seq, conflict: id() });
    verdicts
}

fn pull_answer() -> PullAnswer {
    use EntryKind::*;
    let entry = |kind| Entry {
        seq: Revision(3),
        change: id(),
        kind,
        collection: Some(CollectionId::new("_fields").unwrap()),
        record: Some(record()),
        replaces: Some(Revision(2)),
        conflict: Some(conflict()),
        ended: vec![conflict()],
        merge: Some(Box::new(merge())),
        said: Some(Digest(7)),
    };
    let mut checksums = checksum::Checksums::default();
    checksums.add(&boat(1), Revision(3));
    PullAnswer {
        feeds: vec![PartitionFeed {
            partition: Partition(0),
            entries: [Applied, Merged, Conflicted, Resolved, Reopened].into_iter().map(entry).collect(),
            unread: false,
        }],
        cursor: Cursor::start(1),
        more: true,
        ends: vec![End { partition: Partition(0), head: Revision(3), checksums }],
        expired: vec![Partition(1)],
    }
}
