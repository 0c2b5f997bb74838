//! What one client may take of the server: memory, files, connections, time. Each of these once took all of it.

use crate::process::{program, ran, started};
use crate::world::{Device, Person, SOON, World, assert_problem, boat, client, field, ok};
use futures::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use sync_protocol::limits as wire;
use sync_protocol::message::{ProblemCode, PushAnswer, Role, SignedIn, Workspace};
use sync_protocol::{Edit, Fields, Rejection, Value, Verdict};
use sync_server::limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// KiB, from the system: resident now, and the most so far.
fn memory(child: &Child) -> (u64, u64) {
    let id = child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (kib("VmRSS:"), kib("VmHWM:"))
}

async fn sign_in_at(address: &str, from: &str, name: &str, password: &str) -> Response {
    let request = client().post(format!("{address}/v1/sign-in")).header("x-forwarded-for", from);
    request.json(&json!({ "name": name, "password": password })).send().await.unwrap()
}

#[tokio::test]
async fn wrong_sign_ins_leave_no_memory_behind() {
    let folder = tempfile::tempdir().unwrap();
    let line = ["serve", "--listen", "127.0.0.1:0", "--behind-proxy"];
    let (server, address) = started(program(&line, folder.path())).await;
    assert_problem(sign_in_at(&address, "192.0.2.1", "first", "guess").await, ProblemCode::NeedsSignIn).await;
    let (before, _) = memory(&server);
    for round in 0..10 {
        let tries = (0..20).map(|n| {
            let (from, name) = (format!("198.51.{round}.{n}"), format!("nobody-{round}-{n}"));
            let address = &address;
            async move { sign_in_at(address, &from, &name, "guess").await.status() }
        });
        for status in join_all(tries).await {
            assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS), "{status}");
        }
    }
    let (_, most) = memory(&server);
    assert!(most < before + (100 << 10), "from {before} to {most} KiB");
}

/// A server that may open so few files.
async fn with_files(limit: usize, data: &Path) -> (Child, String) {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {limit}; exec \"$0\" \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_mooring-server")).args(["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--data").arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    started(command).await
}

async fn half_a_head(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // one that gave way already may refuse it
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ").await;
    stream
}

#[tokio::test]
async fn a_server_of_few_files_serves_on_among_silent_connections() {
    let folder = tempfile::tempdir().unwrap();
    let added = ran(&["user", "add", "ann", "--name", "Ann"], folder.path(), "correct horse battery\n").await;
    assert!(added.status.success());
    let (_server, address) = with_files(256, folder.path()).await;
    let plain = address.strip_prefix("http://").unwrap();
    let honest = client();
    let post = async |path: &str, token: &str, body: serde_json::Value| {
        let request = honest.post(format!("{address}{path}")).bearer_auth(token).json(&body);
        timeout(SOON, request.send()).await.expect("it answers").unwrap()
    };
    let name = json!({ "name": "ann", "password": "correct horse battery" });
    let token = ok::<SignedIn>(post("/v1/sign-in", "", name).await).await.token;
    let workspace = ok::<Workspace>(post("/v1/workspaces", &token, json!({ "name": "Harbour" })).await).await;
    let push = format!("/v1/workspaces/{}/push", workspace.id);
    let mut device = Device::new();
    let schema = device.schema();
    let schema = serde_json::to_value(device.push(schema)).unwrap();
    assert_eq!(post(&push, &token, schema).await.status(), StatusCode::OK);

    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(half_a_head(plain).await);
    }
    // the store wants a file for each of these
    for key in 1..4 {
        let long = Fields::from([(field(), Value::from("x".repeat(900_000)))]);
        let change = device.change(boat(key), Edit::Insert { fields: long });
        let body = serde_json::to_value(device.push(vec![change])).unwrap();
        let answer: PushAnswer = ok(post(&push, &token, body).await).await;
        assert!(matches!(answer.verdicts[..], [Verdict::Applied { .. }]), "{:?}", answer.verdicts);
    }
    let health = timeout(SOON, client().get(format!("{address}/healthz")).send()).await.unwrap().unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_longest_silent_connection_of_an_address_gives_way() {
    let world = World::start().await;
    let address = world.address.to_string();
    let mut silent = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_ADDRESS + 20 {
        silent.push(half_a_head(&address).await);
    }
    let health = world.ask(reqwest::Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let mut rest = Vec::new();
    let ended = timeout(SOON, silent[0].read_to_end(&mut rest)).await.expect("the first gave way");
    assert!(ended.is_err() || rest.is_empty());
    let last = silent.last_mut().unwrap();
    last.write_all(b"y\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    timeout(SOON, last.read_exact(&mut answer)).await.expect("the last is served").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

/// Sends the head of a push and so much of a body of `length` bytes.
async fn push_begun(person: &Person<'_>, workspace: &str, length: usize, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(person.world.address).await.unwrap();
    let head = format!(
        "POST /v1/workspaces/{workspace}/push HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
        person.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream
}

async fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // a connection that is closed before all was sent may be reset behind its answer
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn bodies_under_way_are_bounded_by_their_bytes() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(1).await.id;
    ann.set_member(workspace, "bob", Some(Role::Editor)).await;
    let id = workspace.to_string();
    let body = vec![b' '; wire::REQUEST_BYTES - 1];
    let mut held = Vec::new();
    let all = limits::BODIES_KIB_PER_USER * 1_024 / wire::REQUEST_BYTES;
    for _ in 0..all {
        held.push(push_begun(&ann, &id, wire::REQUEST_BYTES, &body).await);
    }
    let arrived = async {
        while world.app.bodies.in_use() < all * (wire::REQUEST_BYTES / 1_024) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, arrived).await.expect("the bodies arrive");
    let over = answer_of(push_begun(&ann, &id, wire::REQUEST_BYTES, &body[..1_000]).await).await;
    assert!(over.starts_with("HTTP/1.1 429"), "{over}");
    let mut device = Device::new();
    let changes = device.schema();
    assert_eq!(bob.push(workspace, &device.push(changes)).await.status(), StatusCode::OK, "others push");
    assert_eq!(world.app.work.in_use(), 0, "a body that is coming takes nobody's place");
    drop(held);
    let given_back = async {
        while world.app.bodies.in_use() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, given_back).await.expect("the memory is given back");
}

#[tokio::test]
async fn what_may_be_done_is_looked_at_when_the_body_is_there() {
    let world = World::start().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let workspace = ann.workspace(1).await.id;
    let mut device = Device::new();
    let changes = device.schema();
    ann.verdicts(workspace, &device.push(changes)).await;
    let id = workspace.to_string();
    for (role, expected) in [(Some(Role::Reader), "HTTP/1.1 200"), (None, "HTTP/1.1 404")] {
        ann.set_member(workspace, "bob", Some(Role::Editor)).await;
        let mut device = Device::new();
        let changes = vec![device.insert(7, "Tern")];
        let body = serde_json::to_vec(&device.push(changes)).unwrap();
        let mut stream = push_begun(&bob, &id, body.len(), &body[..10]).await;
        let begun = async {
            while world.app.bodies.in_use() == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, begun).await.expect("the push is at the door");
        ann.set_member(workspace, "bob", role).await;
        stream.write_all(&body[10..]).await.unwrap();
        let answer = answer_of(stream).await;
        assert!(answer.starts_with(expected), "{answer}");
        if role.is_some() {
            let (_, json) = answer.split_once("\r\n\r\n").unwrap();
            let answer: PushAnswer = serde_json::from_str(json).unwrap();
            let refused =
                matches!(answer.verdicts[..], [Verdict::Rejected { reason: Rejection::NotPermitted, .. }]);
            assert!(refused, "{:?}", answer.verdicts);
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_the_server_writes_is_for_its_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("made/by/the/server");
    let (_server, address) = started(program(&["serve", "--listen", "127.0.0.1:0"], &data)).await;
    sign_in_at(&address, "192.0.2.1", "nobody", "guess").await;
    let mut seen = 0;
    let mut folders = vec![folder.path().join("made")];
    while let Some(at) = folders.pop() {
        let others = std::fs::metadata(&at).unwrap().permissions().mode() & 0o077;
        assert_eq!(others, 0, "{}", at.display());
        seen += 1;
        if at.is_dir() {
            folders.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 5, "there is a store");
}
