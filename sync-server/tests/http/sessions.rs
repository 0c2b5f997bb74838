//! Signing in, staying signed in, and everything that ends it.

use crate::world::{PASSWORD, Person, SOON, World, assert_problem, ok, problem};
use reqwest::{Method, StatusCode};
use std::time::Duration;
use sync_protocol::Cursor;
use sync_protocol::message::{Info, ProblemCode, SignedIn, User};
use sync_server::app::Options;
use sync_server::{admin, limits};
use tokio::time::timeout;

#[tokio::test]
async fn a_password_opens_a_session_and_signing_out_ends_it() {
    let world = World::start().await;
    let ann = world.person("Ann@Example.com").await;
    let user: User = ok(ann.get("/v1/me").await).await;
    assert_eq!(user.name, "A Person");
    let other: SignedIn = ok(world.sign_in("  ann@example.COM ", PASSWORD).await).await;
    assert_eq!(other.user, user);
    assert_ne!(other.token, ann.token);
    assert_eq!(ann.post("/v1/sign-out", &()).await.status(), StatusCode::NO_CONTENT);
    assert_problem(ann.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    let other = Person { token: other.token, ..ann.clone() };
    assert_eq!(other.get("/v1/me").await.status(), StatusCode::OK, "the other device stays signed in");
}

#[tokio::test]
async fn a_new_password_ends_every_session_of_that_account_at_once() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(4).await.id;
    let second: SignedIn = ok(world.sign_in("ann", PASSWORD).await).await;
    let second = Person { token: second.token, ..ann.clone() };
    let waiting = async {
        let (answer, ()) = tokio::join!(second.pull(workspace, Cursor::start(4), 1_000), async {
            world.pulls(1).await;
            let said = admin::set_password(&*world.store, "ann", "another password").await.unwrap();
            assert!(said.starts_with("Password of “ann” set, 2 sessions ended."), "{said}");
        });
        answer
    };
    let answer = timeout(SOON, waiting).await.expect("the pull ends");
    assert_problem(answer, ProblemCode::NeedsSignIn).await;
    for device in [&ann, &second] {
        assert_problem(device.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    }
    assert_eq!(bob.get("/v1/me").await.status(), StatusCode::OK);
    assert_problem(world.sign_in("ann", PASSWORD).await, ProblemCode::NeedsSignIn).await;
    let again: SignedIn = ok(world.sign_in("ann", "another password").await).await;
    assert_eq!(Person { token: again.token, ..ann }.get("/v1/me").await.status(), StatusCode::OK);
    let said = admin::set_password(&*world.store, "ann", "a third password").await.unwrap();
    assert!(said.contains(" 1 session ended."), "{said}");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let world = World::start().await;
    world.person("ann").await;
    let wrong = problem(world.sign_in("ann", "wrong").await).await;
    let unknown = problem(world.sign_in("nobody", "wrong").await).await;
    let endless = problem(world.sign_in(&"a".repeat(10_000), "wrong").await).await;
    assert_eq!(wrong.code, ProblemCode::NeedsSignIn);
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, endless);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_says_for_how_long() {
    let world = World::start().await;
    world.person("ann").await;
    for _ in 0..limits::SIGN_INS_PER_LOGIN {
        assert_problem(world.sign_in("ann", "guess").await, ProblemCode::NeedsSignIn).await;
    }
    let answer = world.sign_in("ann", PASSWORD).await;
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=limits::SIGN_IN_PAUSE_LOGIN.as_secs()).contains(&seconds));
    assert_problem(answer, ProblemCode::SlowDown).await;
    assert_problem(world.sign_in("bob", "guess").await, ProblemCode::NeedsSignIn).await;
}

#[tokio::test]
async fn expired_and_garbage_tokens_need_a_new_sign_in() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    for token in ["", "x", "päß", &"A".repeat(43), &"A".repeat(5_000), &format!("{}A", ann.token)] {
        let forged = Person { token: token.to_owned(), ..ann.clone() };
        let answer = forged.get("/v1/me").await;
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_problem(answer, ProblemCode::NeedsSignIn).await;
    }
    let bare = world.ask(Method::GET, "/v1/me").send().await.unwrap();
    assert_problem(bare, ProblemCode::NeedsSignIn).await;
    world.clock.advance(limits::SESSION_TIME - Duration::from_secs(1));
    assert_eq!(ann.get("/v1/me").await.status(), StatusCode::OK);
    world.clock.advance(Duration::from_secs(1));
    assert_problem(ann.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
}

#[tokio::test]
async fn the_sample_account_opens_on_this_machine_only() {
    let world = World::with(Options { demo: true, ..Options::default() }).await;
    let info: Info = ok(world.ask(Method::GET, "/v1/info").send().await.unwrap()).await;
    assert!(info.demo);
    let demo = || world.ask(Method::POST, "/v1/sign-in/demo");
    let signed_in: SignedIn = ok(demo().send().await.unwrap()).await;
    let person = Person { world: &world, token: signed_in.token };
    let workspaces: Vec<serde_json::Value> = ok(person.get("/v1/workspaces").await).await;
    assert_eq!(workspaces.len(), 1);
    for (header, value) in
        [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.7"), ("host", "evil.example")]
    {
        assert_problem(demo().header(header, value).send().await.unwrap(), ProblemCode::NotPermitted).await;
    }
    assert_problem(world.sign_in("demo", "!").await, ProblemCode::NeedsSignIn).await;

    let plain = World::start().await;
    let answer = plain.ask(Method::POST, "/v1/sign-in/demo").send().await.unwrap();
    assert_problem(answer, ProblemCode::NotPermitted).await;
}

#[tokio::test]
async fn the_samples_are_written_once() {
    let world = World::with(Options { demo: true, ..Options::default() }).await;
    let read = async || {
        let signed_in: SignedIn = ok(world.ask(Method::POST, "/v1/sign-in/demo").send().await.unwrap()).await;
        let person = Person { world: &world, token: signed_in.token };
        let path = format!("/v1/workspaces/{}/snapshot", sync_server::demo::WORKSPACE);
        ok::<serde_json::Value>(person.post(&path, &serde_json::json!({})).await).await
    };
    let before = read().await;
    assert_eq!(before["total"], 44);
    sync_server::demo::prepare(&world.app).await.unwrap();
    assert_eq!(read().await, before);
}

#[tokio::test]
async fn another_protocol_version_is_told_who_is_too_old() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let ask = |path: &str, version: &str| {
        let request = reqwest::Client::new().get(world.url(path)).bearer_auth(&ann.token);
        let request = if version.is_empty() { request } else { request.header("mooring-protocol", version) };
        async move { request.send().await.unwrap() }
    };
    for version in ["", "1", "0", "2", "65535"] {
        assert_eq!(ask("/v1/info", version).await.status(), StatusCode::OK, "the range is told to everybody");
    }
    assert_eq!(ask("/v1/me", "1").await.status(), StatusCode::OK);
    assert_eq!(ask("/v1/me", "").await.status(), StatusCode::OK, "version 1 is spoken");
    let old = problem(ask("/v1/me", "0").await).await;
    let new = problem(ask("/v1/me", "2").await).await;
    assert_eq!((old.code, new.code), (ProblemCode::Upgrade, ProblemCode::Upgrade));
    assert!(old.message.contains("too old") && new.message.contains("newer"));
    assert_problem(ask("/v1/me", "one").await, ProblemCode::BadRequest).await;
}
