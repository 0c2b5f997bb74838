//! A real Cassandra node behind a proxy that forges its troubles, a server on it, and people who write: what the suites
//! about databases in trouble share.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use sync_client::api::Failure;
use sync_server::demo::WORKSPACE;
use xtask::cassandra::{Node, free_port};

use crate::database::{Database, Fault};
use crate::rows::Stored;
use crate::writer::{Writer, all_have, boats};
use crate::{Client, Server};

/// Partitions of the sample workspace.
const PARTITIONS: i32 = 4;
/// Longer than everything that waits for a database here: the driver's time limit is 12 s.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Keys of one person's records.
const KEYS: i64 = 1_000_000;

/// A node, the proxy, a server that runs from the first trouble to the last, and people who write.
pub struct Scene {
    /// Devices that are there all the time.
    pub members: Vec<Client>,
    /// Who writes on them, in the same order, and behind them all who were new here once.
    pub writers: Vec<Writer>,
    /// What stands before the node.
    pub database: Database,
    server: Server,
    /// Straight to the node.
    session: Session,
    newcomers: usize,
    dir: tempfile::TempDir,
    _node: Node,
}

impl Scene {
    /// So many people; the server's first start has troubles of its own. The address is the suite's own, so that no other
    /// node on this machine is in the way.
    pub async fn set(address: Ipv4Addr, people: usize, first_start: &[Fault]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (port, storage_port) = (free_port(address)?, free_port(address)?);
        let node = Node::start(dir.path().join("node"), address, port, storage_port)?;
        let session = SessionBuilder::new().known_node(node.address()).build().await?;
        let mut database = Database::to(&node.address()).await?;
        database.set(first_start)?;
        let server = Server::start(&["--cassandra", &database.address.to_string()], 0)?;
        let (met, planned) = (database.met(), first_start.iter().map(|fault| fault.times).sum::<usize>());
        ensure!(met == planned, "the first start met {met} faults of {planned}");
        database.learn(&session).await?;
        let mut members = Vec::new();
        for n in 0..people {
            let name = format!("member {n}");
            let member = Client::start(&dir.path().join(&name), &name)?;
            member.join(&server.url).await?;
            if n == 0 {
                boats(&member).await?;
            }
            member.synced().await?;
            members.push(member);
        }
        let writers = (1..).map(|n| Writer::new(n * KEYS)).take(people).collect();
        Ok(Self { members, writers, database, server, session, newcomers: 0, dir, _node: node })
    }

    /// The members' devices, each with who writes on it.
    pub fn pairs(&mut self) -> impl Iterator<Item = (&mut Writer, &Client)> {
        self.writers.iter_mut().zip(&self.members)
    }

    /// Waits until all that was sent is judged.
    pub async fn all_accepted(&self) -> Result<()> {
        for member in &self.members {
            member.until("accepted", |status| status.pending == 0).await?;
        }
        Ok(())
    }

    /// On the members' devices, on that of somebody new, and in the database.
    pub async fn all_is_right(&self, newcomer: Option<&Client>) -> Result<()> {
        let writers: Vec<&Writer> = self.writers.iter().collect();
        let devices: Vec<&Client> = self.members.iter().chain(newcomer).collect();
        all_have(&devices, &writers).await?;
        self.stored().await?.has_once(&writers)
    }

    /// All that is in the database.
    pub async fn stored(&self) -> Result<Stored> {
        Stored::read(&self.session, WORKSPACE, PARTITIONS).await
    }

    /// A device that is new here. Its person tries again as often as it takes.
    pub async fn sign_in(&mut self, name: &str) -> Result<Client> {
        let name = format!("{name} {}", self.newcomers);
        self.newcomers += 1;
        let device = Client::start(&self.dir.path().join(&name), &name)?;
        let started = Instant::now();
        while let Err(error) = device.join(&self.server.url).await {
            let Some(failure) = error.downcast_ref::<Failure>() else { return Err(error) };
            // not "wrong password", not "no such workspace", not "a defect"
            ensure!(failure.message.starts_with("The server cannot do this at the moment."), "{failure:?}");
            ensure!(started.elapsed() < PATIENCE, "nobody can sign in: {failure:?}");
        }
        Ok(device)
    }

    /// Somebody who signs in for the first time, and writes once.
    pub async fn newcomer(&mut self) -> Result<Client> {
        let device = self.sign_in("newcomer").await?;
        // the counter is what everybody counts on
        device.synced().await?;
        let mut writer = Writer::new(KEYS * (1 + self.writers.len() as i64));
        writer.write(&device).await?;
        self.writers.push(writer);
        Ok(device)
    }

    /// A device that starts from nothing has it all, and all that was ever committed came through the proxy. Says how
    /// much that was.
    pub async fn end(mut self) -> Result<String> {
        let reader = self.sign_in("reader").await?;
        self.all_is_right(Some(&reader)).await?;
        let (steps, commits) = (self.stored().await?.steps, self.database.commits());
        ensure!(steps <= commits, "the table took {steps} steps, and only {commits} commits came this way");
        let saved: usize = self.writers.iter().map(|w| w.added.len() + w.counted as usize).sum();
        let met = self.database.met();
        Ok(format!("{met} faults met, {commits} commits sent, {steps} taken, {saved} changes of people"))
    }
}
