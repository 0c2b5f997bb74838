//! What those who wait share: one read, one encoding, one compression; and who may not wait any more.

use crate::world::{Device, Person, SOON, World, assert_problem, ok};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sync_protocol::message::{ProblemCode, PullAnswer, Role, User};
use sync_protocol::{Cursor, WorkspaceId};
use tokio::time::timeout;

/// A workspace with a collection, and where its feed ends.
async fn boats(ann: &Person<'_>, partitions: u16) -> (WorkspaceId, Device, Cursor) {
    let workspace = ann.workspace(partitions).await.id;
    let mut device = Device::new();
    let changes = device.schema();
    ann.verdicts(workspace, &device.push(changes)).await;
    let end = ann.pulled(workspace, Cursor::start(partitions)).await;
    assert!(!end.more);
    (workspace, device, end.cursor)
}

#[tokio::test]
async fn who_comes_again_and_waits_costs_no_read() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let (workspace, _, end) = boats(&ann, 16).await;
    let (reads, made) = (world.app.door.reads().get(), world.app.engine.figures().answers());
    for _ in 0..20 {
        let answer: PullAnswer = ok(ann.pull(workspace, end.clone(), 1).await).await;
        assert!(answer.feeds.is_empty() && answer.ends.len() == 16);
    }
    assert_eq!(world.app.door.reads().get() - reads, 0, "nothing has happened");
    assert_eq!(world.app.engine.figures().answers() - made, 1, "all are told the same");
}

#[tokio::test]
async fn one_commit_is_read_and_made_once_for_all_who_wait() {
    const WAITING: usize = 40;
    let world = World::start().await;
    let ann = world.person("ann").await;
    let (workspace, mut device, end) = boats(&ann, 16).await;
    let pulls: Vec<_> = (0..WAITING)
        .map(|_| {
            let request = ann.ask(Method::POST, &format!("/v1/workspaces/{workspace}/pull"));
            let request = request.json(&json!({ "cursor": end, "wait_ms": 25_000 }));
            tokio::spawn(async move { ok::<PullAnswer>(request.send().await.unwrap()).await })
        })
        .collect();
    world.pulls(WAITING).await;
    let change = device.insert(1, &"tern ".repeat(1_000));
    let partition = change.record.partition(16);
    let push = device.push(vec![change]);
    let figures = world.app.engine.figures();
    let (reads, made, packed) = (world.app.door.reads().get(), figures.answers(), figures.packings());
    ann.verdicts(workspace, &push).await;
    let pushing = world.app.door.reads().get() - reads;
    for pull in pulls {
        let answer = timeout(SOON, pull).await.expect("woken").expect("no panic");
        let partitions: Vec<_> =
            answer.feeds.iter().map(|feed| (feed.partition, feed.entries.len())).collect();
        assert_eq!(partitions, [(partition, 1)]);
    }
    // what the push itself read is no more than it was; the schema's head is read once for all
    let telling = world.app.door.reads().get() - reads - pushing;
    assert!(telling <= 1, "{telling} reads for {WAITING} who wait");
    assert!(pushing < 12, "{pushing} reads for a push, and for those who wait");
    assert_eq!(figures.answers() - made, 1, "answers for {WAITING} who wait");
    assert_eq!(figures.packings() - packed, 1, "compressions for {WAITING} who wait");
}

#[tokio::test]
async fn a_removal_through_this_server_acts_at_once() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let (workspace, device, end) = boats(&ann, 4).await;
    for role in [Role::Editor, Role::Reader] {
        ann.set_member(workspace, "bob", Some(role)).await;
        assert_eq!(bob.pull(workspace, end.clone(), 0).await.status(), StatusCode::OK);
        assert_eq!(ann.set_member(workspace, "bob", None).await.status(), StatusCode::NO_CONTENT);
        assert_problem(bob.pull(workspace, end.clone(), 0).await, ProblemCode::NotFound).await;
        assert_problem(bob.push(workspace, &device.push(Vec::new())).await, ProblemCode::NotFound).await;
    }
    // the same for sessions, and for the workspace
    assert_eq!(bob.get("/v1/me").await.status(), StatusCode::OK);
    assert_eq!(bob.post("/v1/sign-out", &()).await.status(), StatusCode::NO_CONTENT);
    assert_problem(bob.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    let other = ann.workspace(1).await;
    assert_eq!(ann.pull(other.id, Cursor::start(1), 0).await.status(), StatusCode::OK);
    let path = format!("/v1/workspaces/{}/delete", other.id);
    assert_eq!(ann.post(&path, &json!({ "name": other.name })).await.status(), StatusCode::NO_CONTENT);
    assert_problem(ann.pull(other.id, Cursor::start(1), 0).await, ProblemCode::NotFound).await;
    let id = ok::<User>(ann.get("/v1/me").await).await.id;
    assert_eq!(world.store.end_sessions(id).await.unwrap(), 1);
    assert_problem(ann.pull(workspace, end, 0).await, ProblemCode::NeedsSignIn).await;
}

#[tokio::test]
async fn who_comes_when_all_places_are_taken_costs_no_read() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let (workspace, device, end) = boats(&ann, 4).await;
    let pulls: Vec<_> = std::iter::from_fn(|| world.app.pulls.enter().ok()).collect();
    let works: Vec<_> = std::iter::from_fn(|| world.app.work.enter().ok()).collect();
    let reads = world.app.door.reads().get();
    assert_problem(ann.pull(workspace, end.clone(), 0).await, ProblemCode::Unavailable).await;
    assert_problem(ann.push(workspace, &device.push(Vec::new())).await, ProblemCode::Unavailable).await;
    assert_eq!(world.app.door.reads().get(), reads);
    drop((pulls, works));
    assert_eq!(ann.pull(workspace, end, 0).await.status(), StatusCode::OK);
}
