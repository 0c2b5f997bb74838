//! Who may do what in a workspace.

use crate::world::{Device, SOON, World, assert_problem, ok};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::sync::Arc;
use sync_protocol::message::{ProblemCode, Role, User, Workspace};
use sync_protocol::{Cursor, Rejection, Verdict, WorkspaceId};
use sync_server::limits;
use sync_server::store::DirectoryStore;
use sync_server::store::clock::{Clock, ManualClock, SystemClock};
use sync_server::store::memory::MemoryStore;
use tokio::time::timeout;
use uuid::Uuid;

#[tokio::test]
async fn a_workspace_is_made_and_listed_with_the_role() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let made = ann.workspace(4).await;
    assert_eq!((made.name.as_str(), made.partitions, made.role), ("Harbour", 4, Role::Owner));
    let listed: Vec<Workspace> = ok(ann.get("/v1/workspaces").await).await;
    assert_eq!(listed, [made]);
    let usual: Workspace = ok(ann.post("/v1/workspaces", &json!({ "name": " Quay " })).await).await;
    assert_eq!((usual.name.as_str(), usual.partitions), ("Quay", 16));
    for body in [
        json!({ "name": "" }),
        json!({ "name": "x".repeat(201) }),
        json!({ "name": "a\nb" }),
        json!({ "name": "x", "partitions": 0 }),
        json!({ "name": "x", "partitions": 1_025 }),
    ] {
        assert_problem(ann.post("/v1/workspaces", &body).await, ProblemCode::BadRequest).await;
    }
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_workspace_from_none() {
    let world = World::start().await;
    let (ann, eve) = (world.person("ann").await, world.person("eve").await);
    let workspace = ann.workspace(4).await.id;
    let device = Device::new();
    for id in [workspace.to_string(), Uuid::now_v7().to_string(), "nonsense".to_owned(), "%2e%2e".to_owned()]
    {
        let bodies = [
            ("push", serde_json::to_value(device.push(Vec::new())).unwrap()),
            ("pull", json!({ "cursor": [0, 0, 0, 0] })),
            ("snapshot", json!({})),
        ];
        for (verb, body) in bodies {
            let answer = eve.post(&format!("/v1/workspaces/{id}/{verb}"), &body).await;
            assert_problem(answer, ProblemCode::NotFound).await;
        }
        let path = format!("/v1/workspaces/{id}/members/eve");
        let answer = eve.ask(Method::PUT, &path).json(&json!({ "role": "owner" })).send().await.unwrap();
        assert_problem(answer, ProblemCode::NotFound).await;
    }
    let listed: Vec<Workspace> = ok(eve.get("/v1/workspaces").await).await;
    assert_eq!(listed, []);
}

#[tokio::test]
async fn roles_decide_and_an_owner_is_always_left() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(4).await.id;
    let start = || Cursor::start(4);
    assert_problem(ann.set_member(workspace, "nobody", Some(Role::Reader)).await, ProblemCode::NotFound)
        .await;
    for role in [None, Some(Role::Reader), Some(Role::Editor)] {
        assert_problem(ann.set_member(workspace, "Ann", role).await, ProblemCode::NotPermitted).await;
    }
    assert_eq!(ann.set_member(workspace, "ann", Some(Role::Owner)).await.status(), StatusCode::NO_CONTENT);

    // a reader reads; what a reader changes is refused one by one, and stays visible on the device
    assert_eq!(ann.set_member(workspace, "BOB", Some(Role::Reader)).await.status(), StatusCode::NO_CONTENT);
    let mut device = Device::new();
    let changes = vec![device.insert(1, "Tern")];
    let push = device.push(changes);
    assert_eq!(bob.pull(workspace, start(), 0).await.status(), StatusCode::OK);
    let verdicts = bob.verdicts(workspace, &push).await;
    assert!(
        matches!(verdicts[..], [Verdict::Rejected { reason: Rejection::NotPermitted, .. }]),
        "{verdicts:?}"
    );
    assert_problem(bob.set_member(workspace, "ann", None).await, ProblemCode::NotPermitted).await;

    ann.set_member(workspace, "bob", Some(Role::Editor)).await;
    assert_problem(bob.set_member(workspace, "ann", None).await, ProblemCode::NotPermitted).await;
    let mut device = Device::new();
    let changes = device.schema();
    let push = device.push(changes);
    assert!(bob.verdicts(workspace, &push).await.iter().all(|v| matches!(v, Verdict::Applied { .. })));

    // an owner may remove the other owner, who then may nothing any more
    ann.set_member(workspace, "bob", Some(Role::Owner)).await;
    assert_eq!(bob.set_member(workspace, "ann", None).await.status(), StatusCode::NO_CONTENT);
    assert_problem(ann.set_member(workspace, "bob", None).await, ProblemCode::NotFound).await;
    assert_problem(ann.pull(workspace, start(), 0).await, ProblemCode::NotFound).await;
    assert_problem(bob.set_member(workspace, "bob", None).await, ProblemCode::NotPermitted).await;
}

#[tokio::test]
async fn whoever_was_added_can_leave() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(1).await.id;
    let path = format!("/v1/workspaces/{workspace}/leave");
    assert_problem(bob.post(&path, &()).await, ProblemCode::NotFound).await;
    ann.set_member(workspace, "bob", Some(Role::Editor)).await;
    let waiting = async {
        let (answer, ()) = tokio::join!(bob.pull(workspace, Cursor::start(1), 25_000), async {
            world.pulls(1).await;
            assert_eq!(bob.post(&path, &()).await.status(), StatusCode::NO_CONTENT);
        });
        answer
    };
    assert_problem(timeout(SOON, waiting).await.expect("the wait ends"), ProblemCode::NotFound).await;
    assert_eq!(ok::<Vec<Workspace>>(bob.get("/v1/workspaces").await).await, []);
    assert_problem(ann.post(&path, &()).await, ProblemCode::NotPermitted).await;
    ann.set_member(workspace, "bob", Some(Role::Owner)).await;
    assert_eq!(ann.post(&path, &()).await.status(), StatusCode::NO_CONTENT, "another owner is left");
    assert_problem(bob.post(&path, &()).await, ProblemCode::NotPermitted).await;
}

#[tokio::test]
async fn nobody_fills_the_lists_of_others_or_finds_out_who_has_an_account() {
    let world = World::start().await;
    let (eve, ann) = (world.person("eve").await, world.person("ann").await);
    let mut made = Vec::new();
    let refused = loop {
        let answer = eve.post("/v1/workspaces", &json!({ "name": "x", "partitions": 1 })).await;
        if !answer.status().is_success() {
            break answer;
        }
        made.push(answer.json::<Workspace>().await.unwrap().id);
    };
    assert_problem(refused, ProblemCode::SlowDown).await;
    assert_eq!(made.len(), limits::WORKSPACES_IN_A_ROW as usize);
    assert_eq!(ann.post("/v1/workspaces", &json!({ "name": "Harbour" })).await.status(), StatusCode::CREATED);
    for n in 0..limits::UNKNOWN_LOGINS {
        let answer = eve.set_member(made[0], &format!("nobody-{n}"), Some(Role::Reader)).await;
        assert_problem(answer, ProblemCode::NotFound).await;
    }
    let answer = eve.set_member(made[0], "nobody-else", Some(Role::Reader)).await;
    assert_problem(answer, ProblemCode::SlowDown).await;
    assert_eq!(eve.set_member(made[0], "ann", Some(Role::Reader)).await.status(), StatusCode::NO_CONTENT);
    // many accounts together fill no list either
    let anns = ok::<User>(ann.get("/v1/me").await).await.id;
    for n in 0..limits::ADDED_PER_USER as u128 {
        world.store.set_member(WorkspaceId(Uuid::from_u128(n)), anns, Some(Role::Reader)).await.unwrap();
    }
    assert_problem(eve.set_member(made[1], "ann", Some(Role::Reader)).await, ProblemCode::NotPermitted).await;
    assert_eq!(eve.set_member(made[0], "ann", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ann.post("/v1/workspaces", &json!({ "name": "Quay" })).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_replica_belongs_to_the_first_user_who_pushed_as_it() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let (anns, bobs) = (ann.workspace(1).await.id, bob.workspace(1).await.id);
    let device = Device::new();
    let push = device.push(Vec::new());
    assert_eq!(ann.push(anns, &push).await.status(), StatusCode::OK);
    assert_problem(bob.push(bobs, &push).await, ProblemCode::NotPermitted).await;
    assert_eq!(ann.push(anns, &push).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_is_removed_while_waiting_is_told_at_once() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(4).await.id;
    ann.set_member(workspace, "bob", Some(Role::Editor)).await;
    let waiting = async {
        let (answer, ()) = tokio::join!(bob.pull(workspace, Cursor::start(4), 25_000), async {
            world.pulls(1).await;
            assert_eq!(ann.set_member(workspace, "bob", None).await.status(), StatusCode::NO_CONTENT);
        });
        answer
    };
    let answer = timeout(SOON, waiting).await.expect("the wait ends with the membership");
    assert_problem(answer, ProblemCode::NotFound).await;
}

#[tokio::test]
async fn what_happened_after_a_removal_is_not_shown() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let world = World::shared(store.clone(), clock).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(4).await.id;
    ann.set_member(workspace, "bob", Some(Role::Reader)).await;
    let bobs = ok::<User>(bob.get("/v1/me").await).await.id;
    let mut device = Device::new();
    let changes = device.schema();
    let push = device.push(changes);
    let waiting = async {
        let (answer, ()) = tokio::join!(bob.pull(workspace, Cursor::start(4), 25_000), async {
            world.pulls(1).await;
            // as through another node: nothing wakes the pull but the change, and the door knows of it a second later
            store.set_member(workspace, bobs, None).await.unwrap();
            world.clock.advance(limits::REMEMBERED_FOR);
            ann.verdicts(workspace, &push).await;
        });
        answer
    };
    let answer = timeout(SOON, waiting).await.expect("the push ends the wait");
    assert_problem(answer, ProblemCode::NotFound).await;
}
