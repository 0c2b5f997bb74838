//! The real parts: a server process on its store, and for each device an embedded replica on sled whose network can be
//! taken away.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::{Client, Server};
use sync_client::api::{Answer, Command as Ask, HistoryPage};
use sync_client::device::Device;
use sync_client::native::NativeDevice;
use sync_client::status::{Phase, Status};
use sync_client::store::StoreError;
use sync_client::transport::Transport;
use sync_protocol::message::{
    Member, NewWorkspace, Role, SignIn, SignedIn, VERSION, VERSION_HEADER, Workspace,
};
use sync_protocol::{RecordId, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use xtask::cassandra::Node;

/// An address of the suite's own, so that no other node on this machine is in the way.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 22, 1);
pub const PASSWORD: &str = "correct horse";
/// Who there is. Rita may only read.
pub const PEOPLE: [(&str, &str); 4] = [("A", "Ada"), ("B", "Bob"), ("C", "Cyd"), ("R", "Rita")];

/// Where the server keeps its data.
pub enum Kind {
    Sled,
    Cassandra(String),
}

/// A server with four accounts.
pub struct Stage {
    server: RefCell<Option<Server>>,
    /// The options of the server.
    pub store: Vec<String>,
    /// What the server and its commands find in their environment.
    pub environment: Vec<(&'static str, String)>,
    port: u16,
    token: String,
    /// For what no replica asks.
    http: reqwest::Client,
    pub folder: tempfile::TempDir,
}

/// A node for the suite.
pub fn cassandra(folder: &Path) -> Result<(String, Option<Node>)> {
    Node::for_suite(folder, ADDRESS)
}

impl Stage {
    /// Makes the accounts and starts the server; `flags` are more of its options, `name` tells keyspaces apart.
    pub async fn set(kind: &Kind, name: &str, flags: &[&str]) -> Result<Self> {
        Self::set_as(kind, name, flags, None).await
    }

    /// The same on a database that asks who is there: a user and a password.
    pub async fn set_as(
        kind: &Kind,
        name: &str,
        flags: &[&str],
        account: Option<(&str, &str)>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut store = match kind {
            Kind::Sled => vec!["--data".to_owned(), folder.path().join("server").display().to_string()],
            Kind::Cassandra(address) => {
                ["--cassandra", address, "--keyspace", &keyspace_of(name)].map(str::to_owned).to_vec()
            }
        };
        let mut environment = Vec::new();
        if let Some((user, password)) = account {
            store.extend(["--cassandra-user", user].map(str::to_owned));
            environment.push(("MOORING_CASSANDRA_PASSWORD", password.to_owned()));
        }
        for (_, person) in PEOPLE {
            add_account(person, &store, &environment)?;
        }
        store.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let server = start(&store, &environment, 0)?;
        let port = server.port()?;
        let sign_in = SignIn { name: "ada".into(), password: PASSWORD.into(), device: String::new() };
        let signed_in: SignedIn = Transport::new(&server.url).post("/v1/sign-in", &sign_in, 30_000).await?;
        Ok(Self {
            server: RefCell::new(Some(server)),
            store,
            environment,
            port,
            token: signed_in.token,
            http: reqwest::Client::new(),
            folder,
        })
    }

    /// `kill -9` of the server, and a new one on the same data.
    pub fn kill_server(&self) -> Result<()> {
        self.server.take().context("a server runs")?.kill()?;
        self.server.replace(Some(self.another_server(self.port)?));
        Ok(())
    }

    /// A server more on the same data.
    pub fn another_server(&self, port: u16) -> Result<Server> {
        start(&self.store, &self.environment, port)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a program of Ada's sends and gets without a replica.
    pub fn ada(&self) -> Transport {
        Transport::new(&self.url()).with_token(Some(self.token.clone()))
    }

    /// What a signed-in program sends and gets without a replica.
    pub async fn signed_in(&self, person: &str) -> Result<Transport> {
        let transport = Transport::new(&self.url());
        let sign_in =
            SignIn { name: person.to_lowercase(), password: PASSWORD.into(), device: String::new() };
        let signed_in: SignedIn = transport.post("/v1/sign-in", &sign_in, 30_000).await?;
        Ok(transport.with_token(Some(signed_in.token)))
    }

    /// A workspace of Ada's in which the others may do what they may.
    pub async fn workspace(&self, name: &str, people: &[&str]) -> Result<Workspace> {
        let ada = self.ada();
        let wanted = NewWorkspace { name: name.chars().take(100).collect(), partitions: Some(4) };
        let made: Workspace = ada.post("/v1/workspaces", &wanted, 30_000).await?;
        for person in people.iter().filter(|person| **person != "Ada") {
            let role = if *person == "Rita" { Role::Reader } else { Role::Editor };
            self.member(&made, person, role).await?;
        }
        Ok(made)
    }

    async fn member(&self, workspace: &Workspace, person: &str, role: Role) -> Result<()> {
        let login = person.to_lowercase();
        let path = format!("{}/v1/workspaces/{}/members/{login}", self.url(), workspace.id);
        let put = self.http.put(path).bearer_auth(&self.token).header(VERSION_HEADER, VERSION);
        put.json(&Member { role: Some(role) }).send().await?.error_for_status()?;
        Ok(())
    }
}

/// The keyspace of a stage of that name.
pub fn keyspace_of(name: &str) -> String {
    format!("conflicts_{name}_{:x}", std::process::id())
}

fn start(store: &[String], environment: &[(&'static str, String)], port: u16) -> Result<Server> {
    let mut command = Command::new(mooring_tests::server::program()?);
    command.args(Server::line(port)).arg("--demo").args(store).envs(environment.iter().cloned());
    Server::run(&mut command)
}

fn add_account(person: &str, place: &[String], environment: &[(&'static str, String)]) -> Result<()> {
    let program = std::env::var_os("MOORING_SERVER")
        .context("run this suite through ./x test, or set MOORING_SERVER")?;
    let mut child = Command::new(program)
        .args(["user", "add", &person.to_lowercase(), "--name", person])
        .args(place)
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    child.stdin.take().context("stdin is piped")?.write_all(PASSWORD.as_bytes())?;
    ensure!(child.wait()?.success(), "no account for {person}");
    Ok(())
}

/// A device whose clock may be wrong.
struct Skewed {
    device: NativeDevice,
    /// Milliseconds by which it is ahead.
    skew: Rc<Cell<i64>>,
}

impl Device for Skewed {
    type Store = <NativeDevice as Device>::Store;

    async fn load_profile(&self) -> Result<Option<String>, StoreError> {
        self.device.load_profile().await
    }

    async fn save_profile(&self, text: &str) -> Result<(), StoreError> {
        self.device.save_profile(text).await
    }

    async fn open_store(&self, name: &str) -> Result<Self::Store, StoreError> {
        self.device.open_store(name).await
    }

    async fn stores(&self) -> Result<Vec<String>, StoreError> {
        self.device.stores().await
    }

    async fn delete_store(&self, name: &str) -> Result<(), StoreError> {
        self.device.delete_store(name).await
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.device.now().0 + self.skew.get())
    }

    fn random(&self) -> [u8; 16] {
        self.device.random()
    }

    async fn sleep(&self, ms: u64) {
        self.device.sleep(ms).await
    }

    fn home_server(&self) -> Option<String> {
        self.device.home_server()
    }

    fn name(&self) -> String {
        self.device.name()
    }

    fn channel(&self) -> &'static str {
        self.device.channel()
    }
}

/// One device of a person: its replica is on the network only where it is let.
pub struct Actor {
    /// Its name, which begins with the person's letter.
    pub name: String,
    /// The person.
    pub person: &'static str,
    client: Option<Client>,
    folder: PathBuf,
    skew: Rc<Cell<i64>>,
    way: Way,
}

impl Actor {
    pub async fn enter(stage: &Stage, folder: &Path, name: &str, workspace: &Workspace) -> Result<Self> {
        let person = person_of(name)?;
        let way = Way::to(stage.port).await?;
        let mut actor = Self {
            name: name.to_owned(),
            person,
            client: None,
            folder: folder.join(name),
            skew: Rc::default(),
            way,
        };
        actor.start()?;
        actor.way.open(true);
        actor.ask(Ask::Connect { server: actor.way.url() }).await?;
        actor.sign_in(workspace).await?;
        Ok(actor)
    }

    pub async fn sign_in(&self, workspace: &Workspace) -> Result<()> {
        self.way.open(true);
        self.ask(Ask::SignIn { name: self.person.to_lowercase(), password: PASSWORD.into() }).await?;
        self.ask(Ask::Open { workspace: workspace.id }).await?;
        self.online().await?;
        self.offline().await
    }

    fn start(&mut self) -> Result<()> {
        let device = NativeDevice::open(&self.folder, self.name.as_str(), "embedded")?;
        let device = Skewed { device, skew: self.skew.clone() };
        self.client = Some(Client::on(device, &self.folder, &self.name));
        Ok(())
    }

    /// Stops the program at once, as a crash would, and starts it again, without a network.
    pub async fn restart(&mut self) -> Result<()> {
        self.way.open(false);
        if let Some(client) = self.client.take() {
            client.stop().await;
        }
        self.start()?;
        self.offline().await
    }

    /// Seconds by which the device's clock is ahead.
    pub fn clock(&self, ahead: i64) {
        self.skew.set(ahead * 1_000);
    }

    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("started where it is made")
    }

    pub async fn ask(&self, command: Ask) -> Result<sync_client::api::Answer> {
        Ok(self.client().ask(command).await?)
    }

    /// On the network until everything that can be sent is sent, and all news of before this call are stored.
    pub async fn online(&self) -> Result<Status> {
        self.way.open(true);
        // whatever is under way is dropped: what is waited for begins now
        self.ask(Ask::Network { online: false }).await?;
        self.ask(Ask::Network { online: true }).await?;
        let start = std::time::Instant::now();
        loop {
            let status = self.client().status().await?;
            if status.phase == Phase::Idle && status.verified && status.retry_at.is_none() {
                return Ok(status);
            }
            if start.elapsed().as_secs() > 60 {
                bail!("{} is not in sync within a minute: {status:?}", self.name);
            }
            if status.retry_at.is_some() {
                self.ask(Ask::Network { online: true }).await?;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    /// Off the network, at once.
    pub async fn offline(&self) -> Result<()> {
        self.way.open(false);
        self.ask(Ask::Network { online: false }).await?;
        Ok(())
    }

    /// All that is told of a record's history, page by page, while there is a network.
    pub async fn history(&self, id: &RecordId) -> Result<HistoryPage> {
        let mut all = HistoryPage::default();
        let mut resume = None;
        loop {
            let page = match self.ask(Ask::History { id: id.clone(), resume }).await? {
                Answer::History(page) => *page,
                other => bail!("no history: {other:?}"),
            };
            all.versions.extend(page.versions);
            all.conflicts.extend(page.conflicts);
            all.expired |= page.expired;
            resume = page.next;
            if resume.is_none() {
                return Ok(all);
            }
        }
    }

    /// Asks something that needs the network.
    pub async fn ask_online(&self, command: Ask) -> Result<sync_client::api::Answer> {
        self.online().await?;
        let answer = self.ask(command).await;
        self.offline().await?;
        answer
    }
}

/// `B2` is a device of Bob's.
pub fn person_of(device: &str) -> Result<&'static str> {
    let found = PEOPLE.iter().find(|(letter, _)| device.starts_with(letter));
    found.map(|(_, person)| *person).with_context(|| format!("there is no person for the device {device}"))
}

/// The way from one device to the server: open, or cut so that nothing gets through.
struct Way {
    port: u16,
    open: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Way {
    async fn to(server: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (open, state) = watch::channel(false);
        let task = tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if *state.borrow() {
                    tokio::task::spawn_local(carry(stream, server, state.clone()));
                }
            }
        });
        Ok(Self { port, open, task })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut stream: TcpStream, server: u16, mut state: watch::Receiver<bool>) {
    let Ok(mut onward) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut stream, &mut onward) => {}
        _ = state.wait_for(|open| !open) => {}
    }
}
