//! `./x run`: the server with the browser app, on this machine.

use crate::{cassandra, sh, ui};
use anyhow::{Context, Result, bail, ensure};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Command,
    time::Duration,
};

/// How long a node of Cassandra may take to accept a connection before the server is even built.
const REACH: Duration = Duration::from_secs(3);

/// `./x run [--cassandra [HOST:PORT,...]] [--port N] [--data DIR]`.
pub fn command(mut args: Vec<String>) -> Result<()> {
    let nodes = nodes(&mut args)?;
    let port = sh::number(&mut args, "--port", 8420, 1..=u16::MAX)?;
    let data = sh::option(&mut args, "--data")?;
    sh::nothing_left(&args)?;
    ensure!(
        nodes.is_none() || data.is_none(),
        "records are kept on Cassandra or in a folder: give --cassandra or --data, not both"
    );
    // what can be seen to fail is said before anything is built
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
        format!(
            "something answers on http://127.0.0.1:{port} already, perhaps another ./x run. Use or stop that one, or \
             choose another port with --port"
        )
    })?;
    if let Some(nodes) = &nodes {
        reach(nodes)?;
    }
    ui::build()?;
    let mut server = Command::new(server()?);
    server
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--web"])
        .arg(ui::dist_dir())
        .arg("--demo");
    match nodes {
        Some(nodes) => server.args(["--cassandra", &nodes, "--keyspace", "mooring", "--sample-table"]),
        None => {
            server.arg("--data").arg(data.map_or_else(|| sh::target_dir().join("run-data"), PathBuf::from))
        }
    };
    sh::say("starting the server; Ctrl-C stops it");
    // the server takes this process's place, so that signals reach it
    bail!("cannot start the server: {}", server.exec())
}

/// Builds the server (release) and says where it is.
pub fn server() -> Result<PathBuf> {
    sh::run(sh::cargo().args(["build", "--release", "--package", "sync-server"]))?;
    Ok(sh::target_dir().join("release/mooring-server"))
}

/// The nodes that `--cassandra` names; without a name the one of `./x cassandra up`.
fn nodes(args: &mut Vec<String>) -> Result<Option<String>> {
    let bare = args
        .iter()
        .position(|arg| arg == "--cassandra")
        .filter(|at| args.get(at + 1).is_none_or(|next| next.starts_with("--")));
    if let Some(at) = bare {
        args.remove(at);
        return Ok(Some(cassandra::ADDRESS.to_string()));
    }
    sh::option(args, "--cassandra")
}

/// Fails when no node takes a connection.
fn reach(nodes: &str) -> Result<()> {
    let mut last = None;
    for node in nodes.split(',') {
        let name = if node.contains(':') { node.to_string() } else { format!("{node}:9042") };
        match name.to_socket_addrs() {
            Ok(addresses) => {
                for address in addresses {
                    match TcpStream::connect_timeout(&address, REACH) {
                        Ok(_) => return Ok(()),
                        Err(error) => last = Some(error),
                    }
                }
            }
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(|| "no address".to_string(), |error| error.to_string());
    bail!("no Cassandra answers on {nodes} ({why}). ./x cassandra up starts one on this machine")
}
