//! Push, pull and snapshot from end to end.

use crate::world::{Device, SOON, World, assert_problem, boat, field, ok};
use reqwest::StatusCode;
use serde_json::json;
use std::collections::BTreeMap;
use sync_protocol::message::{ProblemCode, PullAnswer, SnapshotAnswer};
use sync_protocol::{Choice, Cursor, Edit, Outcome, Partition, Record, Resolution, Revision, Value, Verdict};
use tokio::time::timeout;

#[tokio::test]
async fn two_devices_meet_in_a_conflict_and_settle_it() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let (mut one, mut two) = (Device::new(), Device::new());

    let mut changes = one.schema();
    changes.push(one.insert(1, "Tern"));
    changes.push(one.rename(1, "Tern", "Tern II"));
    let push = one.push(changes);
    let verdicts = ann.verdicts(workspace, &push).await;
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Applied { .. })), "{verdicts:?}");
    assert_eq!(
        ann.verdicts(workspace, &push).await,
        [const { Verdict::Duplicate { forgotten: false } }; 4],
        "sent again: no effect"
    );

    let clash = two.rename(1, "Tern", "Plover");
    let opened = clash.id;
    let verdicts = ann.verdicts(workspace, &two.push(vec![clash])).await;
    let [Verdict::Conflicted { seq, conflict }] = verdicts[..] else { panic!("{verdicts:?}") };
    assert_eq!(conflict, opened);

    let pulled = ann.pulled(workspace, Cursor::start(4)).await;
    let conflict = pulled.feeds.iter().flat_map(|f| &f.entries).find_map(|e| e.conflict.clone()).unwrap();
    let sides = &conflict.fields[&field()];
    let shown = [&sides.base, &sides.current, &sides.incoming].map(|v| v.as_text().unwrap());
    assert_eq!(shown, ["Tern", "Tern II", "Plover"]);

    let resolution = Resolution {
        conflict: opened,
        saw_conflict: seq,
        saw_record: conflict.record_rev,
        outcome: Outcome::Keep { choices: [(field(), Choice::Own(Value::from("Tern & Plover")))].into() },
    };
    let settle = one.change(boat(1), Edit::Resolve(resolution));
    let verdicts = ann.verdicts(workspace, &one.push(vec![settle])).await;
    assert!(matches!(verdicts[..], [Verdict::Applied { .. }]), "{verdicts:?}");

    let later: PullAnswer = ann.pulled(workspace, pulled.cursor).await;
    let entries: Vec<_> = later.feeds.iter().flat_map(|f| &f.entries).collect();
    assert_eq!(entries.len(), 1, "the cursor passed the rest");
    assert_eq!(entries[0].record.as_ref().unwrap().value(&field()), &Value::from("Tern & Plover"));
    assert!(!entries[0].conflict.as_ref().unwrap().is_open());
}

#[tokio::test]
async fn one_bad_change_fails_alone() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let mut device = Device::new();
    let mut changes = device.schema();
    let mut misfit = device.insert(1, "x");
    misfit.edit = Edit::Insert { fields: [(field(), Value::from(7))].into() };
    changes.extend([misfit, device.insert(2, "Tern")]);
    let verdicts = ann.verdicts(workspace, &device.push(changes)).await;
    assert!(matches!(
        verdicts[..],
        [Verdict::Applied { .. }, Verdict::Applied { .. }, Verdict::Rejected { .. }, Verdict::Applied { .. }]
    ));
}

#[tokio::test]
async fn a_snapshot_holds_what_the_feed_built() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let mut device = Device::new();
    let mut changes = device.schema();
    changes.extend((1..=700).map(|n| device.insert(n, "Tern")));
    ann.verdicts(workspace, &device.push(changes)).await;

    let path = format!("/v1/workspaces/{workspace}/snapshot");
    let (mut records, mut heads, mut resume) = (0, BTreeMap::new(), None);
    loop {
        let answer: SnapshotAnswer = ok(ann.post(&path, &json!({ "resume": resume })).await).await;
        assert_eq!(answer.total, 702);
        for page in &answer.pages {
            let list: Vec<Record> = serde_json::from_str(page.records.get()).unwrap();
            assert_eq!(list.len(), page.count as usize);
            records += list.len();
        }
        heads.extend(answer.finished);
        resume = answer.next;
        if resume.is_none() {
            break;
        }
    }
    assert_eq!(records, 702);
    let cursor = Cursor((0..4).map(|p| heads[&Partition(p)]).collect());
    let pulled = ann.pulled(workspace, cursor).await;
    assert!(pulled.feeds.is_empty() && !pulled.more);
    assert_eq!(pulled.ends.iter().map(|e| e.head.0).sum::<u64>(), 702);
    for wrong in [
        json!({ "partitions": [4] }),
        json!({ "resume": { "cursor": [], "partition": 9, "after": null, "done": 0, "total": 0 } }),
    ] {
        assert_problem(ann.post(&path, &wrong).await, ProblemCode::BadRequest).await;
    }
    let foreign = Cursor(vec![Revision(0); 99]);
    assert_problem(ann.pull(workspace, foreign, 0).await, ProblemCode::BadRequest).await;
}

#[tokio::test]
async fn a_waiting_pull_is_woken_by_a_push() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let mut device = Device::new();
    let changes = device.schema();
    let push = device.push(changes);
    let both = async {
        tokio::join!(ann.pull(workspace, Cursor::start(4), 25_000), async {
            world.pulls(1).await;
            ann.verdicts(workspace, &push).await;
        })
    };
    let (answer, ()) = timeout(SOON, both).await.expect("the push ends the wait");
    let answer: PullAnswer = ok(answer).await;
    assert_eq!(answer.feeds[0].entries.len(), 2);
}

#[tokio::test]
async fn a_pull_waits_no_longer_than_it_asked() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let answer: PullAnswer = ok(ann.pull(workspace, Cursor::start(4), 50).await).await;
    assert!(answer.feeds.is_empty() && !answer.more);
}

#[tokio::test]
async fn waiting_pulls_of_one_user_are_bounded() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let pulls: Vec<_> = (0..sync_server::limits::PULLS_PER_USER)
        .map(|_| {
            let request = ann.ask(reqwest::Method::POST, &format!("/v1/workspaces/{workspace}/pull"));
            tokio::spawn(request.json(&json!({ "cursor": [0], "wait_ms": 25_000 })).send())
        })
        .collect();
    world.pulls(sync_server::limits::PULLS_PER_USER).await;
    let answer = ann.pull(workspace, Cursor::start(1), 25_000).await;
    assert!(answer.headers().contains_key("retry-after"));
    assert_problem(answer, ProblemCode::SlowDown).await;
    // clients that go away give their places back
    pulls.iter().for_each(|pull| pull.abort());
    world.pulls(0).await;
    assert_eq!(ann.pull(workspace, Cursor::start(1), 0).await.status(), StatusCode::OK);
}
