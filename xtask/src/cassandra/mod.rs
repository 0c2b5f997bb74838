//! `./x cassandra up|down|status`, and Apache Cassandra nodes for the suites ([`Node`]).

mod jars;
mod node;

pub use jars::{LIB_VARIABLE, jars};
pub use node::{CommitLog, Node, Place, free_port};

use crate::sh;
use anyhow::{Result, bail};
use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

/// Most nodes that `up` starts.
const MOST: u8 = 9;
/// Where the first node of `up` answers clients, unless told otherwise.
pub const ADDRESS: &str = "127.0.0.1:9042";
const PORT: u16 = 9042;
const STORAGE_PORT: u16 = 7000;

/// `up [--nodes N] [--port P] [--storage-port P] [--dir D]`, `down [--dir D]`, `status [--dir D]`.
pub fn command(mut args: Vec<String>) -> Result<()> {
    let dir =
        sh::option(&mut args, "--dir")?.map_or_else(|| sh::target_dir().join("cassandra"), PathBuf::from);
    let dir = std::path::absolute(dir)?;
    let nodes = sh::number(&mut args, "--nodes", 1, 1..=u16::from(MOST))?;
    let port = sh::number(&mut args, "--port", PORT, 1..=u16::MAX)?;
    let storage_port = sh::number(&mut args, "--storage-port", STORAGE_PORT, 1..=u16::MAX)?;
    let nodes = u8::try_from(nodes)?;
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["up"] => up(&dir, nodes, port, storage_port),
        ["down"] => down(&dir),
        ["status"] => status(&dir),
        _ => bail!("usage: ./x cassandra up [--nodes 1|3] | down | status"),
    }
}

/// Starts nodes that outlive this command; a node that runs already is left alone.
fn up(dir: &Path, nodes: u8, port: u16, storage_port: u16) -> Result<()> {
    let mut addresses = Vec::new();
    for n in 1..=nodes {
        let place = Place {
            dir: node_dir(dir, n),
            ip: Ipv4Addr::new(127, 0, 0, n),
            port,
            storage_port,
            known_as: None,
            seed: Ipv4Addr::LOCALHOST,
            commit_log: CommitLog::Periodic,
            settings: String::new(),
        };
        if let Some(pid) = node::running(&place.dir) {
            sh::say(&format!("node {n} runs already"));
            node::wait_for(&place, pid)?;
        } else {
            sh::say(&format!("starting node {n} on {}:{port}", place.ip));
            Node::start_detached(&place)?;
        }
        addresses.push(format!("{}:{port}", place.ip));
    }
    println!("{}", addresses.join(","));
    Ok(())
}

/// Stops the nodes below `dir`, and nothing else.
fn down(dir: &Path) -> Result<()> {
    let pids: Vec<_> = (1..=MOST).filter_map(|n| node::running(&node_dir(dir, n))).collect();
    node::stop(&pids)?;
    match pids.len() {
        0 => sh::say("no node runs"),
        1 => sh::say("stopped 1 node"),
        more => sh::say(&format!("stopped {more} nodes")),
    }
    Ok(())
}

fn status(dir: &Path) -> Result<()> {
    let mut any = false;
    for n in 1..=MOST {
        let node = node_dir(dir, n);
        if let Some(pid) = node::running(&node) {
            any = true;
            let log = node.join("cassandra.log");
            println!("node {n}: process {}, log {}", pid.as_raw_nonzero(), log.display());
        }
    }
    if !any {
        println!("no node runs");
    }
    Ok(())
}

fn node_dir(dir: &Path, n: u8) -> PathBuf {
    dir.join(format!("node{n}"))
}
