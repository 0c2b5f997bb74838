//! `./x run`: the server with the browser app, on this machine.

use crate::{sh, ui};
use anyhow::{Context, Result, bail};
use std::{os::unix::process::CommandExt, path::PathBuf, process::Command};

/// `./x run [--cassandra HOST:PORT,...] [--port N] [--data DIR]`.
pub fn command(mut args: Vec<String>) -> Result<()> {
    let cassandra = sh::option(&mut args, "--cassandra")?;
    let port = sh::option(&mut args, "--port")?.unwrap_or_else(|| "8420".into());
    let data = sh::option(&mut args, "--data")?;
    sh::nothing_left(&args)?;
    let port: u16 = port.parse().with_context(|| format!("--port {port}: not a port"))?;
    ui::build(false)?;
    let mut server = Command::new(server()?);
    let listen = format!("127.0.0.1:{port}");
    server.args(["serve", "--listen", &listen, "--web"]).arg(ui::dist_dir()).arg("--demo");
    match cassandra {
        Some(nodes) => {
            server.args(["--cassandra", &nodes, "--keyspace", "mooring"]);
        }
        None => {
            server.arg("--data").arg(data.map_or_else(|| sh::target_dir().join("run-data"), PathBuf::from));
        }
    }
    sh::say(&format!("http://{listen}/ (Ctrl-C stops it)"));
    // the server takes this process's place, so that signals reach it
    bail!("cannot start the server: {}", server.exec())
}

/// Builds the server (release) and says where it is.
pub fn server() -> Result<PathBuf> {
    sh::run(sh::cargo().args(["build", "--release", "--package", "sync-server"]))?;
    Ok(sh::target_dir().join("release/mooring-server"))
}
