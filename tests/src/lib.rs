//! What the suites share: a real server as a child process, embedded replicas as people use them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use sync_client::api::{Answer, Command as Ask, Failure, Row, RowsQuery, Status};
use sync_client::device::Device;
use sync_client::engine::{Engine, Handle};
use sync_client::native::NativeDevice;
use sync_protocol::CollectionId;

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Server {
    /// Starts `mooring-server` (named by `MOORING_SERVER`) with its samples, and waits until it listens.
    pub fn start(store: &[&str], port: u16) -> Result<Self> {
        let program = std::env::var_os("MOORING_SERVER")
            .context("run this suite through ./x test, or set MOORING_SERVER")?;
        let listen = format!("127.0.0.1:{port}");
        let mut child = Command::new(program)
            .args(["serve", "--listen", &listen, "--demo"])
            .args(store)
            .env("MOORING_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim().rsplit_once(' ') {
            Some((_, url)) => Ok(Self { child, url: url.to_owned() }),
            None => bail!("the server did not start"),
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> Result<u16> {
        Ok(self.url.rsplit_once(':').context("no port")?.1.parse()?)
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // a server that is gone already is what is wanted
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One embedded replica with its engine running on this thread's local set.
pub struct Client {
    handle: Handle,
    engine: tokio::task::JoinHandle<()>,
    folder: PathBuf,
    name: String,
}

impl Client {
    /// Starts an engine on a folder.
    pub fn start(folder: &Path, name: &str) -> Result<Self> {
        let device = NativeDevice::open(folder, name, "embedded")?;
        Ok(Self::on(device, folder, name))
    }

    /// Starts an engine on a device whose folder that is.
    pub fn on(device: impl Device, folder: &Path, name: &str) -> Self {
        let (handle, mut events, run) = Engine::start(device);
        let engine = tokio::task::spawn_local(async move {
            let drain = async { while events.next().await.is_some() {} };
            futures::future::join(run, drain).await;
        });
        Self { handle, engine, folder: folder.to_owned(), name: name.to_owned() }
    }

    /// Stops it at once, as a crash of the program would.
    pub async fn crash(self) {
        self.engine.abort();
        drop(self.engine.await);
    }

    /// Stops it at once, as a crash of the program would, and starts it again.
    pub async fn restart(self) -> Result<Self> {
        let (folder, name) = (self.folder.clone(), self.name.clone());
        self.crash().await;
        Self::start(&folder, &name)
    }

    /// Does a command.
    pub async fn ask(&self, command: Ask) -> Result<Answer, Failure> {
        self.handle.call(command).await
    }

    /// Signs in as the sample user and opens the sample workspace.
    pub async fn join(&self, url: &str) -> Result<()> {
        self.ask(Ask::Connect { server: url.into() }).await?;
        let Answer::Session(session) = self.ask(Ask::SignInDemo).await? else { bail!("no session") };
        let workspace = session.workspaces.first().context("the sample user has no workspace")?.id;
        self.ask(Ask::Open { workspace }).await?;
        Ok(())
    }

    /// The status.
    pub async fn status(&self) -> Result<Status> {
        match self.ask(Ask::Status).await? {
            Answer::Status(status) => Ok(*status),
            other => bail!("not a status: {other:?}"),
        }
    }

    /// Waits until the status is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Result<Status> {
        let start = Instant::now();
        loop {
            let status = self.status().await?;
            if wanted(&status) {
                return Ok(status);
            }
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{}: not {what} within a minute: {status:?}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until everything is sent, received and proven.
    pub async fn synced(&self) -> Result<Status> {
        self.until("synced and verified", |s| {
            s.pending == 0 && s.verified && s.phase == sync_client::status::Phase::Idle
        })
        .await
    }

    /// The first rows of a collection.
    pub async fn rows(&self, collection: &str) -> Result<Vec<Row>> {
        let collection = CollectionId::new(collection)?;
        let query = RowsQuery {
            collection,
            search: String::new(),
            sort: None,
            descending: false,
            offset: 0,
            limit: 500,
        };
        match self.ask(Ask::Rows(query)).await? {
            Answer::Rows(rows) => Ok(rows.rows),
            other => bail!("no rows: {other:?}"),
        }
    }
}
