//! Programs that are killed at any moment while people write: what was called saved is there, and there once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::crew::{field, person, value};
use mooring_tests::{Client, Server, client, on_a_local_set};
use sync_client::api::{Answer, Command as Ask, Seen};
use sync_protocol::{FieldName, FieldType, RecordId, Value};
use xtask::cassandra::{Node, free_port};

/// Kills of a device, of a server on sled, and of one on Cassandra.
const ROUNDS: [u64; 3] = [30, 16, 4];
/// An address of the suite's own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 23, 1);

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
        let node = Node::start(dir.path().join("node"), ADDRESS, free_port(ADDRESS)?, free_port(ADDRESS)?)?;
        killed_servers(dir.path(), &["--cassandra", &node.address()], ROUNDS[2]).await
    });
}

/// Two devices write without a pause while their server is killed again and again.
async fn killed_servers(folder: &Path, store: &[&str], rounds: u64) -> Result<()> {
    let mut server = Server::start(store, 0)?;
    let port = server.port()?;
    let devices = [Client::start(&folder.join("a"), "a")?, Client::start(&folder.join("b"), "b")?];
    devices[0].join(&server.url).await?;
    boats(&devices[0]).await?;
    devices[0].synced().await?;
    devices[1].join(&server.url).await?;
    devices[1].synced().await?;
    let mut writers = [Writer::new(1_000), Writer::new(1_000_000)];
    let mut random = Random(2);
    for _ in 0..rounds {
        let until = tokio::time::Instant::now() + Duration::from_millis(20 + random.below(180));
        while tokio::time::Instant::now() < until {
            for (writer, device) in writers.iter_mut().zip(&devices) {
                writer.write(device).await?;
            }
        }
        server.kill()?;
        server = Server::start(store, port)?;
        for device in &devices {
            device.ask(Ask::Network { online: true }).await?;
        }
    }
    for device in &devices {
        device.synced().await?;
    }
    let third = Client::start(&folder.join("c"), "c")?;
    third.join(&server.url).await?;
    third.synced().await?;
    for device in devices.iter().chain([&third]) {
        // what the other one sent last may still be on its way
        device.until_record(&writers[0].last(), |fields| fields.is_some()).await?;
        device.until_record(&writers[1].last(), |fields| fields.is_some()).await?;
        let sum = writers[0].counted + writers[1].counted;
        device
            .until_record(&person(1), |fields| fields.is_some_and(|f| f.get("n") == Some(&Value::from(sum))))
            .await?;
        for writer in &writers {
            writer.has_added(device).await?;
        }
    }
    Ok(())
}

async fn boats(device: &Client) -> Result<()> {
    let fields = vec![field("name", FieldType::Text, 0), field("n", FieldType::Counter, 1)];
    device.ask(Ask::NewCollection { label: "Crew".into(), fields }).await?;
    let RecordId { collection, key } = person(1);
    device.ask(Ask::Insert { collection, key: Some(key), fields: [(name("n"), 0.into())].into() }).await?;
    Ok(())
}

fn name(name: &str) -> FieldName {
    FieldName::from_label(name)
}

/// Adds records and counts a counter up, in turns; knows what was called saved, and what may have been.
struct Writer {
    next: i64,
    added: BTreeMap<i64, String>,
    doubtful: Option<i64>,
    counted: i64,
    doubtful_counts: i64,
}

impl Writer {
    fn new(first: i64) -> Self {
        Self { next: first, added: BTreeMap::new(), doubtful: None, counted: 0, doubtful_counts: 0 }
    }

    /// One record and one count; an error where no answer came.
    async fn write(&mut self, device: &Client) -> Result<()> {
        let (key, text) = (self.next, format!("boat {}", self.next));
        self.next += 1;
        self.doubtful = Some(key);
        let fields = [(name("name"), Value::from(&*text))].into();
        let id = person(key);
        device.ask(Ask::Insert { collection: id.collection, key: Some(id.key), fields }).await?;
        self.doubtful = None;
        self.added.insert(key, text);
        self.doubtful_counts += 1;
        let saw = self.number(device).await?;
        let seen = Seen { saw: saw.into(), want: (saw + 1).into() };
        device.ask(Ask::Edit { id: person(1), fields: [(name("n"), seen)].into() }).await?;
        self.doubtful_counts -= 1;
        self.counted += 1;
        Ok(())
    }

    async fn number(&self, device: &Client) -> Result<i64> {
        let Answer::Record(info) = device.ask(Ask::Record { id: person(1) }).await? else {
            bail!("no record")
        };
        let number = info.fields.as_ref().and_then(|fields| fields.get("n")).and_then(Value::as_integer);
        number.context("the counter is not there")
    }

    fn last(&self) -> RecordId {
        person(*self.added.keys().next_back().expect("something was added"))
    }

    /// Whether a device has all that was called saved, and nothing but that and what may have been.
    async fn meets(&mut self, device: &Client) -> Result<()> {
        self.has_added(device).await?;
        if let Some(key) = self.doubtful.take()
            && value(device, &person(key), "name").await?.is_some()
        {
            self.added.insert(key, format!("boat {key}"));
        }
        let number = self.number(device).await?;
        let most = self.counted + self.doubtful_counts;
        ensure!(
            (self.counted..=most).contains(&number),
            "counted {number}, saved {} to {most}",
            self.counted
        );
        (self.counted, self.doubtful_counts) = (number, 0);
        Ok(())
    }

    async fn has_added(&self, device: &Client) -> Result<()> {
        for (key, text) in &self.added {
            let found = value(device, &person(*key), "name").await?;
            ensure!(found.as_ref() == Some(text), "record {key} was saved as {text:?} and is {found:?}");
        }
        Ok(())
    }
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
