//! Programs that are killed at any moment while people write: what was called saved is there, and there once.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mooring_tests::rows::Stored;
use mooring_tests::writer::{Random, Writer, all_have, boats};
use mooring_tests::{Client, Server, client, on_a_local_set};
use scylla::client::session_builder::SessionBuilder;
use sync_client::api::Command as Ask;
use sync_server::demo::WORKSPACE;
use xtask::cassandra::{CommitLog, Node, Place, free_port};

/// Kills of a device, of a server on sled, of one on Cassandra, and of Cassandra itself.
const ROUNDS: [u64; 4] = [30, 16, 4, 3];
/// Addresses of the suite's own, so that no other node on this machine is in the way.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 23, 1), Ipv4Addr::new(127, 0, 23, 2)];
/// Changes of each device while Cassandra is away.
const MEANWHILE: usize = 10;
/// Partitions of the sample workspace.
const PARTITIONS: i32 = 4;

#[test]
fn engine_process() {
    client::serve_engine();
}

#[test]
fn a_device_killed_at_any_moment_has_what_it_called_saved() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("server").display().to_string();
        let server = Server::start(&["--data", &data], 0)?;
        let folder = dir.path().join("device");
        let mut device = Client::process(&[], &folder)?;
        device.join(&server.url).await?;
        boats(&device).await?;
        device.synced().await?;
        let mut writer = Writer::new(1_000);
        let mut random = Random(1);
        for round in 0..ROUNDS[0] {
            // from another thread: this one waits for the answer that does not come
            let (pid, after) = (device.pid(), Duration::from_micros(random.below(60_000)));
            let killer = std::thread::spawn(move || {
                std::thread::sleep(after);
                Command::new("kill").args(["-9", &pid.to_string()]).status()
            });
            while writer.write(&device).await.is_ok() {}
            ensure!(killer.join().expect("it only waits").is_ok_and(|s| s.success()), "kill was not found");
            device.stop().await;
            device = Client::process(&[], &folder)?;
            writer.meets(&device).await.with_context(|| format!("after kill {round}"))?;
        }
        ensure!(writer.added.len() > 20, "only {} records were added between kills", writer.added.len());
        device.synced().await?;
        let other = Client::start(&dir.path().join("other"), "other")?;
        other.join(&server.url).await?;
        other.synced().await?;
        writer.meets(&other).await.context("on another device")?;
        Ok(())
    });
}

#[test]
fn a_server_on_sled_killed_at_any_moment_loses_nothing_and_does_nothing_twice() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("server").display().to_string();
        killed_servers(dir.path(), &["--data", &data], ROUNDS[1]).await
    });
}

#[test]
fn a_server_on_cassandra_killed_at_any_moment_loses_nothing_and_does_nothing_twice() {
    on_a_local_set(async {
        let dir = tempfile::tempdir()?;
        let ip = ADDRESSES[0];
        let node = Node::start(dir.path().join("node"), ip, free_port(ip)?, free_port(ip)?)?;
        killed_servers(dir.path(), &["--cassandra", &node.address()], ROUNDS[2]).await
    });
}

/// One node alone keeps what it acknowledged only if that is on its disk first: where the log of commits is written from
/// time to time, as usual, `kill -9` takes what came after its last mark, up to a tenth of a second.
#[test]
fn cassandra_killed_at_any_moment_loses_nothing_and_nothing_is_done_twice() {
    on_a_local_set(async {
        let (dir, ip) = (tempfile::tempdir()?, ADDRESSES[1]);
        let place = Place {
            dir: dir.path().join("node"),
            ip,
            port: free_port(ip)?,
            storage_port: free_port(ip)?,
            known_as: None,
            seed: ip,
            commit_log: CommitLog::Batch,
            settings: String::new(),
        };
        let mut node = Node::start_at(place)?;
        let server = Server::start(&["--cassandra", &node.address()], 0)?;
        let (devices, mut writers) = two_who_write(dir.path(), &server).await?;
        let mut random = Random(3);
        for _ in 0..ROUNDS[3] {
            write_for(Duration::from_millis(20 + random.below(480)), &mut writers, &devices).await?;
            let place = node.kill()?;
            let starting = tokio::task::spawn_blocking(|| Node::start_at(place));
            for _ in 0..MEANWHILE {
                for (writer, device) in writers.iter_mut().zip(&devices) {
                    writer.write(device).await?;
                }
            }
            node = starting.await??;
            // the server goes on by itself, and so do the devices
            for device in &devices {
                device.until("accepted", |status| status.pending == 0).await?;
            }
        }
        third_has_all(dir.path(), &server, &devices, &writers).await?;
        let session = SessionBuilder::new().known_node(node.address()).build().await?;
        let stored = Stored::read(&session, WORKSPACE, PARTITIONS).await?;
        stored.has_once(&[&writers[0], &writers[1]])
    });
}

/// Two devices write without a pause while their server is killed again and again.
async fn killed_servers(folder: &Path, store: &[&str], rounds: u64) -> Result<()> {
    let mut server = Server::start(store, 0)?;
    let port = server.port()?;
    let (devices, mut writers) = two_who_write(folder, &server).await?;
    let mut random = Random(2);
    for _ in 0..rounds {
        write_for(Duration::from_millis(20 + random.below(180)), &mut writers, &devices).await?;
        server.kill()?;
        server = Server::start(store, port)?;
        for device in &devices {
            device.ask(Ask::Network { online: true }).await?;
        }
    }
    third_has_all(folder, &server, &devices, &writers).await
}

async fn two_who_write(folder: &Path, server: &Server) -> Result<([Client; 2], [Writer; 2])> {
    let devices = [Client::start(&folder.join("a"), "a")?, Client::start(&folder.join("b"), "b")?];
    devices[0].join(&server.url).await?;
    boats(&devices[0]).await?;
    devices[0].synced().await?;
    devices[1].join(&server.url).await?;
    devices[1].synced().await?;
    Ok((devices, [Writer::new(1_000), Writer::new(1_000_000)]))
}

async fn write_for(time: Duration, writers: &mut [Writer; 2], devices: &[Client; 2]) -> Result<()> {
    let until = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < until {
        for (writer, device) in writers.iter_mut().zip(devices) {
            writer.write(device).await?;
        }
    }
    Ok(())
}

/// In the end both have what both saved, and so has a third.
async fn third_has_all(
    folder: &Path,
    server: &Server,
    devices: &[Client; 2],
    writers: &[Writer; 2],
) -> Result<()> {
    for device in devices {
        device.synced().await?;
    }
    let third = Client::start(&folder.join("c"), "c")?;
    third.join(&server.url).await?;
    all_have(&[&devices[0], &devices[1], &third], &[&writers[0], &writers[1]]).await
}
