//! What a person reads who asks `./x` for something that cannot be: one sentence with what to do, before anything is
//! built.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

fn x(line: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_xtask");
    Command::new(program).args(line.split(' ')).output().unwrap_or_else(|e| panic!("{program}: {e}"))
}

/// What it says when it refuses; nothing else is said.
fn refusal(line: &str) -> String {
    let output = x(line);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{line}: {said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{line} does nothing");
    said.strip_prefix("x: ").unwrap_or_else(|| panic!("{line}: {said}")).trim().to_string()
}

fn says(line: &str, parts: &[&str]) {
    let said = refusal(line);
    for part in parts {
        assert!(said.contains(part), "{line}: “{part}” is missing in: {said}");
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port").port()
}

#[test]
fn an_unknown_command_shows_what_there_is() {
    let output = x("serve");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    assert!(said.starts_with("./x has no command serve\n") && said.contains("\n  run "), "{said}");
}

#[test]
fn unknown_names_are_answered_with_those_there_are() {
    says("test nosuch", &["no suite nosuch", "embedded", "path"]);
    says("bench nosuch", &["no measurement nosuch", "local"]);
    says("bundle floppy", &["cannot make floppy", "deb", "docs/installers.md"]);
    says("run --bogus", &["unknown argument: --bogus"]);
}

#[test]
fn numbers_say_their_range() {
    says("run --port many", &["--port many: a number from 1 to 65535"]);
    says("run --port", &["--port needs a value"]);
    says("cassandra up --nodes 12", &["--nodes 12: a number from 1 to 9"]);
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    says(&format!("run --port {port}"), &[&format!("http://127.0.0.1:{port} already"), "--port"]);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("taken");
    let up = format!("cassandra up --port {port} --dir {}", folder.display());
    let output = x(&up);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("another program uses 127.0.0.1:{port}")), "{said}");
    assert!(said.contains("with --port"), "{said}");
}

#[test]
fn where_no_cassandra_is_that_is_said_before_anything_is_built() {
    let (port, nobody) = (free_port(), free_port());
    let line = format!("run --port {port} --cassandra 127.0.0.1:{nobody}");
    says(&line, &[&format!("no Cassandra answers on 127.0.0.1:{nobody}"), "./x cassandra up"]);
    says(&format!("run --port {port} --cassandra --data d"), &["--cassandra or --data, not both"]);
}

#[test]
fn nothing_to_stop_is_no_failure() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nothing");
    let output = x(&format!("cassandra down --dir {}", folder.display()));
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x: no node runs\n");
}
