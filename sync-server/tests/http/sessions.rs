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
    world.clock.advance(Duration::from_secs(seconds));
    assert_eq!(world.sign_in("ann", PASSWORD).await.status(), StatusCode::OK, "after that time it works");
}

#[tokio::test]
async fn guesses_from_elsewhere_lock_nobody_out() {
    let world = World::with(Options { behind_proxy: true, ..Options::default() }).await;
    world.person("ann").await;
    let sign_in = async |from: &str, name: &str, password: &str| {
        let request = world.ask(Method::POST, "/v1/sign-in").header("x-forwarded-for", from);
        let request = request.json(&serde_json::json!({ "name": name, "password": password }));
        request.send().await.unwrap().status()
    };
    for _ in 0..limits::SIGN_INS_PER_LOGIN {
        sign_in("203.0.113.66:4711", "ann", "guess").await;
    }
    assert_eq!(sign_in("203.0.113.66:4712", "ann", PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sign_in("192.0.2.1", "ann", PASSWORD).await, StatusCode::OK);
    assert_eq!(sign_in("[2001:db8::1]:9", "ann", PASSWORD).await, StatusCode::OK, "one budget per address");
    // an own account gives a guesser nothing back
    world.person("eve").await;
    for n in 0..limits::SIGN_INS_PER_ADDRESS {
        if n % 20 == 19 {
            assert_eq!(sign_in("198.51.100.1", "eve", PASSWORD).await, StatusCode::OK);
        }
        let status = sign_in("198.51.100.1", &format!("victim {n}"), "guess").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(sign_in("198.51.100.1", "one more", "guess").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn people_change_their_own_password_and_end_their_own_sessions() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let lost: SignedIn = ok(world.sign_in("ann", PASSWORD).await).await;
    let lost = Person { token: lost.token, ..ann.clone() };
    let change = async |current: &str, new: &str| {
        ann.post("/v1/me/password", &serde_json::json!({ "current": current, "new": new })).await
    };
    assert_problem(change("guess", "tide and timetable").await, ProblemCode::NotPermitted).await;
    for poor in ["short", "password", "ann12345"] {
        assert_problem(change(PASSWORD, poor).await, ProblemCode::BadRequest).await;
    }
    assert_eq!(ann.get("/v1/me").await.status(), StatusCode::OK, "a wrong try ends nothing");
    let signed_in: SignedIn = ok(change(PASSWORD, "tide and timetable").await).await;
    for old in [&ann, &lost] {
        assert_problem(old.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    }
    let here = Person { token: signed_in.token, ..ann.clone() };
    assert_eq!(here.get("/v1/me").await.status(), StatusCode::OK);
    assert_problem(world.sign_in("ann", PASSWORD).await, ProblemCode::NeedsSignIn).await;
    let there: SignedIn = ok(world.sign_in("ann", "tide and timetable").await).await;
    let there = Person { token: there.token, ..ann.clone() };
    assert_eq!(here.post("/v1/me/sign-out-everywhere", &()).await.status(), StatusCode::NO_CONTENT);
    for ended in [&here, &there] {
        assert_problem(ended.get("/v1/me").await, ProblemCode::NeedsSignIn).await;
    }
    // whoever has a session only does not get the password by trying
    let again: SignedIn = ok(world.sign_in("ann", "tide and timetable").await).await;
    let thief = Person { token: again.token, ..ann.clone() };
    let mut codes = Vec::new();
    for _ in 0..=limits::SIGN_INS_PER_LOGIN {
        let body = serde_json::json!({ "current": "guess", "new": "tide and timetable" });
        codes.push(problem(thief.post("/v1/me/password", &body).await).await.code);
    }
    assert_eq!(codes.last(), Some(&ProblemCode::SlowDown));
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
    let demo = || world.ask(Method::POST, "/v1/sign-in/demo").json(&serde_json::json!({}));
    let signed_in: SignedIn = ok(demo().send().await.unwrap()).await;
    let person = Person { world: &world, token: signed_in.token };
    let workspaces: Vec<serde_json::Value> = ok(person.get("/v1/workspaces").await).await;
    assert_eq!(workspaces.len(), 1);
    for (header, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mooring.example"),
        ("x-real-ip", "192.0.2.7"),
        ("x-request-id", "1"),
        ("forwarded", "for=192.0.2.7"),
        ("via", "1.1 proxy"),
        ("cf-connecting-ip", "192.0.2.7"),
        ("true-client-ip", "192.0.2.7"),
        ("host", "evil.example"),
        ("origin", "https://mooring.example"),
        ("origin", "null"),
        ("referer", "https://mooring.example/start"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_problem(demo().header(header, value).send().await.unwrap(), ProblemCode::NotPermitted).await;
        let info = world.ask(Method::GET, "/v1/info").header(header, value).send().await.unwrap();
        assert!(!ok::<Info>(info).await.demo, "{header}: {value}");
    }
    // nginx where nobody told it otherwise adds nothing, and speaks the version before
    let old = demo().version(reqwest::Version::HTTP_10).send().await.unwrap();
    assert_problem(old, ProblemCode::NotPermitted).await;
    // what a page of another site may send without asking
    let form = world.ask(Method::POST, "/v1/sign-in/demo").body("{}");
    assert_problem(form.send().await.unwrap(), ProblemCode::BadRequest).await;
    assert_problem(world.sign_in("demo", "!").await, ProblemCode::NeedsSignIn).await;

    let plain = World::start().await;
    let request = plain.ask(Method::POST, "/v1/sign-in/demo").json(&serde_json::json!({}));
    let answer = request.send().await.unwrap();
    assert_problem(answer, ProblemCode::NotPermitted).await;
}

#[tokio::test]
async fn the_samples_are_written_once() {
    let world = World::with(Options { demo: true, ..Options::default() }).await;
    let read = async || {
        let request = world.ask(Method::POST, "/v1/sign-in/demo").json(&serde_json::json!({}));
        let signed_in: SignedIn = ok(request.send().await.unwrap()).await;
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
