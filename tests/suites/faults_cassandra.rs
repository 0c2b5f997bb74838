//! A real Cassandra behind a proxy that forges what databases in trouble do: whatever a server is answered, each change
//! that a person saved is applied once, nobody is told a "no" that nobody said, and service goes on by itself.

#[path = "faults_cassandra/cases.rs"]
mod cases;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cases::{By, Case};
use mooring_tests::database::{Database, What};
use mooring_tests::rows::Stored;
use mooring_tests::writer::{Writer, all_have, boats};
use mooring_tests::{Client, Server, on_a_local_set};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use sync_client::api::Failure;
use sync_server::demo::WORKSPACE;
use xtask::cassandra::{Node, free_port};

/// An address of the suite's own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 24, 1);
/// Partitions of the sample workspace.
const PARTITIONS: i32 = 4;
/// Longer than everything that waits for a database here: the driver's time limit is 12 s.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn each_change_is_applied_once_whatever_the_database_answers() {
    on_a_local_set(async {
        let mut scene = Scene::set().await?;
        let only = std::env::var("CASE").unwrap_or_default();
        for case in cases::all().iter().filter(|case| case.name.contains(&only)) {
            let started = Instant::now();
            scene.play(case).await.with_context(|| case.name)?;
            eprintln!("{:6.1} s  {}", started.elapsed().as_secs_f64(), case.name);
        }
        scene.end().await
    });
}

/// A node, the proxy, a server that runs from the first case to the last, and two people who write.
struct Scene {
    members: [Client; 2],
    writers: Vec<Writer>,
    server: Server,
    database: Database,
    /// Straight to the node.
    session: Session,
    played: usize,
    dir: tempfile::TempDir,
    _node: Node,
}

impl Scene {
    async fn set() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let node = Node::start(dir.path().join("node"), ADDRESS, free_port(ADDRESS)?, free_port(ADDRESS)?)?;
        let session = SessionBuilder::new().known_node(node.address()).build().await?;
        let mut database = Database::to(&node.address()).await?;
        // its first start has troubles of its own
        database.set(&cases::first_start())?;
        let server = Server::start(&["--cassandra", &database.address.to_string()], 0)?;
        ensure!(database.met() == 2, "the first start met {} faults", database.met());
        database.learn(&session).await?;
        let members = [
            Client::start(&dir.path().join("ann"), "Ann's")?,
            Client::start(&dir.path().join("bob"), "Bob's")?,
        ];
        members[0].join(&server.url).await?;
        boats(&members[0]).await?;
        members[0].synced().await?;
        members[1].join(&server.url).await?;
        members[1].synced().await?;
        let writers = vec![Writer::new(1_000_000), Writer::new(2_000_000)];
        Ok(Self { members, writers, server, database, session, played: 0, dir, _node: node })
    }

    async fn play(&mut self, case: &Case) -> Result<()> {
        self.played += 1;
        let before = self.database.met();
        self.database.set(&case.faults)?;
        let newcomer = match case.by {
            By::Members => None,
            By::Newcomer => Some(self.newcomer().await?),
        };
        let wanted = case.faults.iter().map(meetings).sum::<usize>();
        let started = Instant::now();
        // people work on until it has happened: what one commit had in store may not be read again before the next one
        loop {
            self.members_write().await?;
            for member in &self.members {
                member.until("accepted", |status| status.pending == 0).await?;
            }
            let met = self.database.met() - before;
            if met >= wanted {
                break;
            }
            ensure!(started.elapsed() < PATIENCE, "the faults met {met} frames, not {wanted}");
        }
        self.all_is_right(newcomer.as_ref()).await
    }

    /// On the members' devices, on that of somebody new, and in the database.
    async fn all_is_right(&self, newcomer: Option<&Client>) -> Result<()> {
        let writers: Vec<&Writer> = self.writers.iter().collect();
        let devices: Vec<&Client> = self.members.iter().chain(newcomer).collect();
        all_have(&devices, &writers).await?;
        Stored::read(&self.session, WORKSPACE, PARTITIONS).await?.has_once(&writers)
    }

    async fn members_write(&mut self) -> Result<()> {
        for (writer, member) in self.writers.iter_mut().zip(&self.members) {
            writer.write(member).await?;
        }
        Ok(())
    }

    /// A device that is new here. Its person tries again as often as it takes.
    async fn sign_in(&self, name: &str) -> Result<Client> {
        let name = format!("{name} {}", self.played);
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

    async fn newcomer(&mut self) -> Result<Client> {
        let device = self.sign_in("newcomer").await?;
        // the counter is what everybody counts on
        device.synced().await?;
        let mut writer = Writer::new(1_000_000 * (2 + self.played as i64));
        writer.write(&device).await?;
        self.writers.push(writer);
        Ok(device)
    }

    /// A device that starts from nothing has it all, and all that was ever committed came through the proxy.
    async fn end(mut self) -> Result<()> {
        let reader = self.sign_in("reader").await?;
        self.all_is_right(Some(&reader)).await?;
        let stored = Stored::read(&self.session, WORKSPACE, PARTITIONS).await?;
        let (steps, commits) = (stored.steps, self.database.commits());
        ensure!(steps <= commits, "the table took {steps} steps, and only {commits} commits came this way");
        let saved: usize = self.writers.iter().map(|w| w.added.len() + w.counted as usize).sum();
        let met = self.database.met();
        eprintln!(
            "{} cases, {met} faults met, {commits} commits sent, {steps} taken, {saved} changes of people",
            self.played
        );
        Ok(())
    }
}

/// How many frames a fault meets: what is done later is met once more when its answer is thrown away.
fn meetings(fault: &mooring_tests::database::Fault) -> usize {
    match fault.what {
        What::DoneLater(..) => 2 * fault.times,
        _ => fault.times,
    }
}
