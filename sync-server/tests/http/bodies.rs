//! Requests that are broken, too large, or cut off.

use crate::world::{Device, World, assert_problem, ok, problem};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::io::Write;
use sync_protocol::Verdict;
use sync_protocol::limits as wire;
use sync_protocol::message::{ProblemCode, PushAnswer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn broken_json_is_told_where_without_repeating_it() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let path = format!("/v1/workspaces/{}/push", ann.workspace(4).await.id);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for (body, place) in [
        ("", "line 1, column 0"),
        ("{", "line 1, column 1"),
        ("{\n  \"replica\": secret\n}", "line 2, column 14"),
        ("[]", "line 1, column"),
        ("{\"replica\": 7, \"secret\": 1}", "line 1, column"),
        ("{\"replica\": \"secret\"}", "line 1, column"),
        (deep.as_str(), "line 1, column"),
        ("\u{feff}{}", "line 1, column"),
    ] {
        let request = ann.ask(Method::POST, &path).header("content-type", "application/json");
        let problem = problem(request.body(body.to_owned()).send().await.unwrap()).await;
        assert_eq!(problem.code, ProblemCode::BadRequest, "{body}");
        assert!(problem.message.contains(place), "{body}: {}", problem.message);
        assert!(!problem.message.contains("secret"), "{}", problem.message);
    }
}

#[tokio::test]
async fn wrong_types_are_refused_and_unknown_fields_are_not() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let path = format!("/v1/workspaces/{}/push", ann.workspace(4).await.id);
    let device = Device::new();
    let good = serde_json::to_value(device.push(Vec::new())).unwrap();
    for (name, value) in [
        ("replica", json!("not a uuid")),
        ("settled", json!(-1)),
        ("settled", json!(1.5)),
        ("settled", json!("1")),
        ("schema_seen", json!(null)),
        ("changes", json!({})),
        ("changes", json!(null)),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_problem(ann.post(&path, &body).await, ProblemCode::BadRequest).await;
    }
    // what is no change is refused by itself
    let mut body = good.clone();
    body["changes"] = json!([1, { "id": "x" }]);
    let answer: PushAnswer = ok(ann.post(&path, &body).await).await;
    assert!(
        answer.verdicts.len() == 2 && answer.verdicts.iter().all(|v| matches!(v, Verdict::Rejected { .. }))
    );
    let mut body = good;
    body["from_a_newer_version"] = json!({ "a": [1, 2, 3] });
    assert_eq!(ann.post(&path, &body).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn another_content_type_or_encoding_is_refused() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let path = format!("/v1/workspaces/{}/pull", ann.workspace(1).await.id);
    for (header, value, code) in [
        ("content-type", "text/plain", Some(ProblemCode::BadRequest)),
        ("content-type", "application/x-www-form-urlencoded", Some(ProblemCode::BadRequest)),
        ("content-type", "application/json; charset=utf-8", None),
        ("content-type", "APPLICATION/JSON", None),
    ] {
        let request = ann.ask(Method::POST, &path).header(header, value).body(r#"{"cursor":[0]}"#);
        let answer = request.send().await.unwrap();
        match code {
            Some(code) => assert_problem(answer, code).await,
            None => assert_eq!(answer.status(), StatusCode::OK, "{value}"),
        }
    }
    let bare = ann.ask(Method::POST, &path).body(r#"{"cursor":[0]}"#).send().await.unwrap();
    assert_problem(bare, ProblemCode::BadRequest).await;
    for (encoding, body) in
        [("zstd", Vec::new()), ("gzip", b"not gzip".to_vec()), ("gzip", gzip(b"{}")[..8].to_vec())]
    {
        let request = ann.ask(Method::POST, &path).header("content-type", "application/json");
        let answer = request.header("content-encoding", encoding).body(body).send().await.unwrap();
        assert_problem(answer, ProblemCode::BadRequest).await;
    }
}

#[tokio::test]
async fn a_compressed_request_is_read_and_the_answer_is_compressed() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(1).await.id;
    let mut device = Device::new();
    let mut changes = device.schema();
    changes.extend((1..=50).map(|n| device.insert(n, "Tern")));
    let body = serde_json::to_vec(&device.push(changes)).unwrap();
    let request = ann.ask(Method::POST, &format!("/v1/workspaces/{workspace}/push"));
    let request = request.header("content-type", "application/json").header("content-encoding", "gzip");
    assert_eq!(request.body(gzip(&body)).send().await.unwrap().status(), StatusCode::OK);
    // what is offered, and what is chosen: the one that makes most of least work
    for (offered, encoding) in
        [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("gzip, deflate, br, zstd", "zstd")]
    {
        let plain = reqwest::Client::builder().no_gzip().no_zstd().build().unwrap();
        let request =
            plain.post(world.url(&format!("/v1/workspaces/{workspace}/pull"))).bearer_auth(&ann.token);
        let request = request.header("accept-encoding", offered).json(&json!({ "cursor": [0] }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], encoding);
        assert!(answer.bytes().await.unwrap().len() < 3_000, "50 entries of 200 bytes");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_also_when_it_is_small_on_the_wire() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let path = format!("/v1/workspaces/{}/push", ann.workspace(4).await.id);
    let send = |body: Vec<u8>, encoding: &'static str| {
        let request = ann.ask(Method::POST, &path).header("content-type", "application/json");
        request.header("content-encoding", encoding).body(body).send()
    };
    let huge = vec![b' '; wire::REQUEST_BYTES + 1];
    assert_problem(send(huge.clone(), "identity").await.unwrap(), ProblemCode::TooLarge).await;
    let bomb = gzip(&vec![b' '; 1 << 26]);
    assert!(bomb.len() < wire::REQUEST_BYTES);
    assert_problem(send(bomb, "gzip").await.unwrap(), ProblemCode::TooLarge).await;
    let many_members = [gzip(&huge[1..]), gzip(b" ")].concat();
    assert_problem(send(many_members, "gzip").await.unwrap(), ProblemCode::TooLarge).await;

    let mut device = Device::new();
    let changes = (0..=wire::PUSH_CHANGES as i64).map(|n| device.insert(n, "x")).collect();
    assert_problem(ann.post(&path, &device.push(changes)).await, ProblemCode::TooLarge).await;

    let name = "x".repeat(sync_server::limits::SMALL_BYTES);
    assert_problem(ann.post("/v1/workspaces", &json!({ "name": name })).await, ProblemCode::TooLarge).await;
    assert_problem(world.sign_in("ann", &name).await, ProblemCode::TooLarge).await;
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_leaves_the_server_well() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    for head in [
        "POST".to_owned(),
        format!(
            "POST /v1/workspaces/{workspace}/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"replica\":",
            ann.token
        ),
        format!(
            "POST /v1/workspaces/{workspace}/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{{",
            ann.token
        ),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        drop(stream);
    }
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00 not http\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "no host");
    assert_eq!(ann.get("/v1/me").await.status(), StatusCode::OK);
    let device = Device::new();
    assert_eq!(ann.push(workspace, &device.push(Vec::new())).await.status(), StatusCode::OK);
}
