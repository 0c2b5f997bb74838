//! Who may do what with mirrors. What they do is in suite `mirror`, on a real Cassandra.

use crate::world::{Person, World, assert_problem, problem};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sync_protocol::message::ProblemCode;
use uuid::Uuid;

fn routes(workspace: &str) -> Vec<(Method, String, serde_json::Value)> {
    let (base, id) = (format!("/v1/workspaces/{workspace}"), Uuid::now_v7());
    let table = json!({ "keyspace": "shop", "table": "orders" });
    let mut all = vec![
        (Method::GET, format!("{base}/mirrors"), json!(null)),
        (Method::POST, format!("{base}/mirrors"), table.clone()),
        (Method::GET, format!("{base}/mirror-tables"), json!(null)),
        (Method::POST, format!("{base}/mirror-plan"), table),
        (Method::GET, format!("{base}/mirrors/{id}"), json!(null)),
    ];
    for verb in ["pause", "resume", "resync", "touched", "verify", "remove"] {
        all.push((Method::POST, format!("{base}/mirrors/{id}/{verb}"), json!({ "keys": ["1"] })));
    }
    all
}

#[tokio::test]
async fn mirrors_are_for_owners_and_strangers_learn_nothing() {
    let world = World::start().await;
    let (ann, ben, eve) = (world.person("ann").await, world.person("ben").await, world.person("eve").await);
    let workspace = ann.workspace(1).await.id.to_string();
    let path = format!("/v1/workspaces/{workspace}/members/ben");
    let added = ann.ask(Method::PUT, &path).json(&json!({ "role": "editor" })).send().await.unwrap();
    assert_eq!(added.status(), StatusCode::NO_CONTENT);
    for (method, path, body) in routes(&workspace) {
        let send = |person: &Person<'_>| person.ask(method.clone(), &path).json(&body).send();
        assert_problem(send(&eve).await.unwrap(), ProblemCode::NotFound).await;
        assert_problem(send(&ben).await.unwrap(), ProblemCode::NotPermitted).await;
        // this server keeps its data in a store that no other program writes to
        let problem = problem(send(&ann).await.unwrap()).await;
        assert_eq!(problem.code, ProblemCode::NotPermitted, "{path}");
        assert!(problem.message.contains("Cassandra"), "{path}: {}", problem.message);
    }
}
