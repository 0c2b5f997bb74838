//! The program itself: starting, refusing to start, stopping.

use crate::world::{SOON, World, ok};
use futures::future::join_all;
use std::path::Path;
use std::process::{Output, Stdio};
use sync_protocol::Cursor;
use sync_protocol::message::PullAnswer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub fn program(line: &[&str], data: &Path) -> Command {
    let mut command = bare(line);
    command.arg("--data").arg(data);
    command
}

/// Without a folder.
pub fn bare(line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mooring-server"));
    command.args(line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub async fn ran(line: &[&str], data: &Path, input: &str) -> Output {
    end_of(program(line, data), input).await
}

pub async fn end_of(mut program: Command, input: &str) -> Output {
    let mut child = program.spawn().unwrap();
    // a program that reads nothing closes the pipe, which is no matter
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    timeout(2 * SOON, child.wait_with_output()).await.expect("the program ends").unwrap()
}

/// Starts a server and waits for its line.
async fn served(data: &Path) -> (Child, String) {
    started(program(&["serve", "--listen", "127.0.0.1:0"], data)).await
}

/// Starts a program that is a server and waits for its line.
pub async fn started(mut program: Command) -> (Child, String) {
    let mut child = program.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(SOON, lines.next_line()).await.expect("the server starts").unwrap().unwrap();
    let address = line.strip_prefix("Mooring listens on ").unwrap().to_owned();
    (child, address)
}

pub fn terminate(child: &Child) {
    let id = child.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
}

#[tokio::test]
async fn one_process_per_folder_and_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, address) = served(folder.path()).await;
    let second = ran(&["serve", "--listen", "127.0.0.1:0"], folder.path(), "").await;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("Stop the other mooring-server first"), "{said}");
    let health = reqwest::get(format!("{address}/healthz")).await.unwrap();
    assert!(health.status().is_success(), "the first one goes on");
    terminate(&first);
    let status = timeout(SOON, first.wait()).await.expect("it stops").unwrap();
    assert_eq!(status.code(), Some(0));
    let (_third, _) = served(folder.path()).await;
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    for (line, sentence) in [
        (&["serve", "--demo", "--listen", "0.0.0.0:0"][..], "--demo lets anybody in"),
        (&["serve", "--listen", "127.0.0.1:0", "--web", "/nonexistent"], "no index.html"),
        (&["serve", "--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ] {
        let output = ran(line, folder.path(), "").await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(sentence), "{said}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let output = ran(&["serve", "--listen", "127.0.0.1:0"], &file, "").await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot hold the store") && said.contains("with --data"), "{said}");

    // the second one takes connections and says nothing
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = free.local_addr().unwrap().to_string();
    drop(free);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for node in [nobody, silent.local_addr().unwrap().to_string()] {
        let program = bare(&["serve", "--listen", "127.0.0.1:0", "--cassandra", &node]);
        let said = String::from_utf8(end_of(program, "").await.stderr).unwrap();
        assert!(said.contains(&format!("The keyspace mooring on {node} cannot be opened")), "{said}");
        assert!(said.contains("Check that Cassandra runs there"), "{said}");
    }
}

#[tokio::test]
async fn an_operator_sets_up_a_team_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let good = async |line: &[&str], input: &str| {
        let output = ran(line, data, input).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let bad = async |line: &[&str], input: &str| {
        let output = ran(line, data, input).await;
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    good(&["user", "add", "Ann@example.com", "--name", "Ann"], "correct horse\n").await;
    good(&["user", "add", "bob", "--name", "Bob"], "battery staple\n").await;
    assert!(
        bad(&["user", "add", "ann@example.com", "--name", "Ann"], "correct horse\n")
            .await
            .contains("already")
    );
    assert!(bad(&["user", "add", "eve", "--name", "Eve"], "short\n").await.contains("at least 8"));
    for common in ["password\n", "12345678\n", "mooring1\n", "aaaaaaaa\n", "eve-eve-eve\n"] {
        let said = bad(&["user", "add", "eve", "--name", "Eve"], common).await;
        assert!(said.contains("among the first that somebody would try"), "{common}: {said}");
    }
    assert!(bad(&["user", "passwd", "bob"], "Password1\n").await.contains("among the first"));
    let id = good(&["workspace", "add", "Harbour", "--owner", "ann@example.com"], "").await;
    good(&["member", "set", &id, "bob", "editor"], "").await;
    assert!(bad(&["member", "set", &id, "eve", "editor"], "").await.contains("no account"));

    let (_server, address) = served(data).await;
    let sign_in = serde_json::json!({ "name": "bob", "password": "battery staple" });
    let client = reqwest::Client::new();
    let answer = client.post(format!("{address}/v1/sign-in")).json(&sign_in).send().await.unwrap();
    let token = ok::<serde_json::Value>(answer).await["token"].as_str().unwrap().to_owned();
    let answer = client.get(format!("{address}/v1/workspaces")).bearer_auth(token).send().await.unwrap();
    let workspaces: serde_json::Value = ok(answer).await;
    assert_eq!((&workspaces[0]["id"], &workspaces[0]["role"]), (&id.into(), &"editor".into()));
}

#[cfg(unix)]
#[tokio::test]
async fn an_operator_needs_not_stop_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (server, address) = served(data).await;
    let good = async |line: &[&str], input: &str| {
        let output = ran(line, data, input).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let client = reqwest::Client::new();
    let sign_in = async |password: &str| {
        let body = serde_json::json!({ "name": "ann", "password": password });
        client.post(format!("{address}/v1/sign-in")).json(&body).send().await.unwrap()
    };
    let me = async |token: &str| {
        client.get(format!("{address}/v1/me")).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    good(&["user", "add", "ann", "--name", "Ann"], "correct horse\n").await;
    let lost = ok::<serde_json::Value>(sign_in("correct horse").await).await["token"].clone();
    let lost = lost.as_str().unwrap();
    assert_eq!(me(lost).await, 200);
    let said = good(&["user", "passwd", "ann"], "battery staple\n").await;
    assert!(said.contains("1 session ended"), "{said}");
    assert_eq!(me(lost).await, 401, "a lost device is shut out at once");
    let token = ok::<serde_json::Value>(sign_in("battery staple").await).await["token"].clone();
    let id = good(&["workspace", "add", "Harbour", "--owner", "ann"], "").await;
    let path = format!("{address}/v1/workspaces/{id}/pull");
    let request = client.post(path).bearer_auth(token.as_str().unwrap());
    let waiting =
        tokio::spawn(request.json(&serde_json::json!({ "cursor": vec![0; 16], "wait_ms": 25_000 })).send());
    good(&["member", "set", &id, "ann", "none"], "").await;
    let answer = timeout(SOON, waiting).await.expect("a pull that waits is told").unwrap().unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    let output = ran(&["member", "set", &id, "nobody", "editor"], data, "").await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no account"), "{said}");
    terminate(&server);
    drop(server.wait_with_output().await);
    // and when it has stopped, the same command works on the folder
    good(&["user", "passwd", "ann"], "correct horse\n").await;
}

#[tokio::test]
async fn the_log_tells_who_came_from_where_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let added = ran(&["user", "add", "ann", "--name", "Ann"], folder.path(), "correct horse\n").await;
    assert!(added.status.success());
    let added = ran(&["user", "add", "bob", "--name", "Bob"], folder.path(), "battery staple\n").await;
    assert!(added.status.success());
    let line = ["serve", "--listen", "127.0.0.1:0", "--behind-proxy", "--log-format", "json"];
    let (server, address) = started(program(&line, folder.path())).await;
    let client = reqwest::Client::new();
    let post = async |path: &str, token: &str, body: serde_json::Value| {
        let request = client.post(format!("{address}{path}")).bearer_auth(token);
        request.header("x-forwarded-for", "192.0.2.77").json(&body).send().await.unwrap()
    };
    let ann = serde_json::json!({ "name": "ann", "password": "correct horse" });
    let signed_in: serde_json::Value = ok(post("/v1/sign-in", "", ann).await).await;
    let token = signed_in["token"].as_str().unwrap();
    let user = signed_in["user"]["id"].as_str().unwrap();
    // at once: on a slow machine the tries would come back meanwhile
    join_all((0..15).map(|n| {
        post("/v1/sign-in", "", serde_json::json!({ "name": "bob", "password": format!("guess-{n}") }))
    }))
    .await;
    let made: serde_json::Value =
        ok(post("/v1/workspaces", token, serde_json::json!({ "name": "Harbour" })).await).await;
    let member = format!("{address}/v1/workspaces/{}/members/bob", made["id"].as_str().unwrap());
    let request = client.put(member).bearer_auth(token).json(&serde_json::json!({ "role": "editor" }));
    assert!(request.send().await.unwrap().status().is_success());
    assert!(post("/v1/sign-out", token, serde_json::json!({})).await.status().is_success());
    terminate(&server);
    let log = String::from_utf8(server.wait_with_output().await.unwrap().stderr).unwrap();
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .filter(|line: &serde_json::Value| line["event"].is_string())
        .collect();
    let count = |kind: &str, name: &str, value: &str| {
        events.iter().filter(|e| e["event"] == kind && e[name] == value).count()
    };
    assert_eq!(count("sign_in", "outcome", "ok"), 1, "{log}");
    assert!(
        count("sign_in", "outcome", "failed") > 0 && count("sign_in", "outcome", "throttled") > 0,
        "{log}"
    );
    assert_eq!(count("sign_in", "from", "192.0.2.77"), 16);
    assert_eq!((count("member_set", "by", user), count("member_set", "role", "editor")), (1, 1));
    assert_eq!((count("workspace_made", "by", user), count("sign_out", "user", user)), (1, 1));
    for secret in ["\"ann\"", "\"bob\"", "correct horse", "guess-", token, "Harbour"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_stopping_server_answers_those_who_wait() {
    let world = World::start().await;
    let ann = world.person("ann").await;
    let workspace = ann.workspace(4).await.id;
    let both = async {
        tokio::join!(ann.pull(workspace, Cursor::start(4), 25_000), async {
            world.pulls(1).await;
            world.stop.cancel();
        })
    };
    let (answer, ()) = timeout(SOON, both).await.expect("the stop ends the wait");
    let answer: PullAnswer = ok(answer).await;
    assert!(answer.feeds.is_empty());
    let url = world.url("/healthz");
    timeout(SOON, world.running).await.expect("the server stops").unwrap();
    assert!(reqwest::get(url).await.is_err(), "the port is free");
}
