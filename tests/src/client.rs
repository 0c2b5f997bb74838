//! Embedded replicas, in this process or in one of their own.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use sync_client::api::{
    Answer, Command as Ask, Event, Failure, FailureKind, NewReview, Request, Response, Row, RowsQuery,
    Session, Status,
};
use sync_client::device::Device;
use sync_client::engine::{Engine, Handle};
use sync_client::native::NativeDevice;
use sync_client::status::{Phase, Transport};
use sync_protocol::{CollectionId, Fields, RecordId, WorkspaceId};

use crate::server::Log;

/// Set in a process that is to be an engine: its folder.
const FOLDER: &str = "MOORING_TEST_ENGINE";
/// What the lines of such a process begin with, among those of the test harness.
const MARK: &str = "engine: ";

/// One embedded replica.
pub struct Client {
    way: Way,
    folder: PathBuf,
    name: String,
    news: News,
}

/// What was told as newly come up for review.
type News = Rc<RefCell<Vec<NewReview>>>;

enum Way {
    /// With its engine running on this thread's local set.
    Here {
        handle: Handle,
        engine: tokio::task::JoinHandle<()>,
    },
    Process(Box<RefCell<Process>>),
}

impl Client {
    /// Starts an engine on a folder.
    pub fn start(folder: &Path, name: &str) -> Result<Self> {
        Ok(Self::on(NativeDevice::open(folder, name, "embedded")?, folder, name))
    }

    /// Starts an engine on a device whose folder that is.
    pub fn on(device: impl Device, folder: &Path, name: &str) -> Self {
        let news = News::default();
        let (handle, run) = engine(device, news.clone());
        let engine = tokio::task::spawn_local(run);
        let way = Way::Here { handle, engine };
        Self { way, folder: folder.to_owned(), name: name.to_owned(), news }
    }

    /// Starts an engine in a process of its own: this test binary, which must have a test called `engine_process` that
    /// calls [`serve_engine`]. `before` is put in front of the command line.
    pub fn process(before: &[String], folder: &Path) -> Result<Self> {
        let process = Process::start(before, folder)?;
        let way = Way::Process(Box::new(RefCell::new(process)));
        Ok(Self { way, folder: folder.to_owned(), name: "process".into(), news: News::default() })
    }

    /// Stops it at once, as a crash of the program would, and starts it again.
    pub async fn restart(self) -> Result<Self> {
        let (folder, name) = (self.folder.clone(), self.name.clone());
        self.stop().await;
        Self::start(&folder, &name)
    }

    /// Stops it at once, as a crash of the program would.
    pub async fn stop(self) {
        match self.way {
            Way::Here { engine, .. } => {
                engine.abort();
                drop(engine.await);
            }
            Way::Process(process) => drop(process),
        }
    }

    /// What was told as newly come up for review, to an engine of this process.
    pub fn news(&self) -> Vec<NewReview> {
        self.news.borrow().clone()
    }

    /// Waits until a record's values, as the person sees them, are as wanted.
    pub async fn until_record(&self, id: &RecordId, wanted: impl Fn(Option<&Fields>) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let Answer::Record(info) = self.ask(Ask::Record { id: id.clone() }).await? else {
                bail!("no record")
            };
            if wanted(info.fields.as_ref()) {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{}: the record is not as wanted within a minute: {:?}", self.name, info.fields);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process that it runs in, where it has one of its own.
    pub fn pid(&self) -> u32 {
        match &self.way {
            Way::Here { .. } => std::process::id(),
            Way::Process(process) => process.borrow().child.id(),
        }
    }

    /// Does a command.
    pub async fn ask(&self, command: Ask) -> Result<Answer, Failure> {
        match &self.way {
            Way::Here { handle, .. } => handle.call(command).await,
            Way::Process(process) => process.borrow_mut().ask(command).unwrap_or_else(|error| {
                let message = format!("the process of the engine is gone: {error:#}");
                Err(Failure::new(FailureKind::Internal, message))
            }),
        }
    }

    /// Does a command under a name, as a tab asks another one; only of an engine in this process.
    pub async fn ask_once(&self, name: &str, command: Ask) -> Result<Answer, Failure> {
        match &self.way {
            Way::Here { handle, .. } => handle.call_once(name.into(), command).await,
            Way::Process(_) => Err(Failure::input("it has a process of its own")),
        }
    }

    /// Signs in as the sample user and opens the sample workspace.
    pub async fn join(&self, url: &str) -> Result<()> {
        self.ask(Ask::Connect { server: url.into() }).await?;
        let Answer::Session(session) = self.ask(Ask::SignInDemo).await? else { bail!("no session") };
        let workspace = session.workspaces.first().context("the sample user has no workspace")?.id;
        self.open(workspace).await
    }

    /// Signs in with a password.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Session, Failure> {
        let ask = Ask::SignIn { name: name.into(), password: password.into() };
        match self.ask(ask).await? {
            Answer::Session(session) => Ok(session),
            _ => Err(Failure::input("not a session")),
        }
    }

    /// Opens a workspace.
    pub async fn open(&self, workspace: WorkspaceId) -> Result<()> {
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

    /// What the pill says, or what is counted beside it.
    pub async fn pill(&self) -> Result<String> {
        Ok(said(&self.status().await?))
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

    /// Waits until the pill says that.
    pub async fn until_pill(&self, text: &str) -> Result<Status> {
        self.until(text, |status| said(status) == text).await
    }

    /// Waits until everything is sent, received and proven.
    pub async fn synced(&self) -> Result<Status> {
        self.until("synced and verified", |s| s.pending == 0 && s.verified && s.phase == Phase::Idle).await
    }

    /// The first rows of a collection.
    pub async fn rows(&self, collection: &str) -> Result<Vec<Row>> {
        let collection = CollectionId::new(collection)?;
        let query = RowsQuery {
            collection,
            search: String::new(),
            sort: None,
            descending: false,
            only: None,
            offset: 0,
            limit: 500,
        };
        match self.ask(Ask::Rows(query)).await? {
            Answer::Rows(rows) => Ok(rows.rows),
            other => bail!("no rows: {other:?}"),
        }
    }
}

/// The most urgent of what the pill says: what needs review, once there is nothing in the way of the sync, else how that is.
fn said(status: &Status) -> String {
    let in_sync =
        matches!(status.phase, Phase::Syncing | Phase::Idle) && status.transport != Transport::Offline;
    if in_sync && status.problem.is_none() && status.review() > 0 {
        return format!("Needs review ({})", status.review());
    }
    status.pill().text
}

fn engine<D: Device>(device: D, news: News) -> (Handle, impl Future<Output = ()> + use<D>) {
    let (handle, mut events, run) = Engine::start(device);
    let drain = async move {
        while let Some(event) = events.next().await {
            if let Event::NewReview { items } = event {
                news.borrow_mut().extend(items);
            }
        }
    };
    let both = async move {
        futures::future::join(run, drain).await;
    };
    (handle, both)
}

/// An engine in a process of its own: requests in, answers out, a line each.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    log: Log,
}

impl Process {
    fn start(before: &[String], folder: &Path) -> Result<Self> {
        let mut line: Vec<std::ffi::OsString> = before.iter().map(Into::into).collect();
        line.push(std::env::current_exe()?.into());
        line.extend(["--exact", "engine_process", "--nocapture"].map(Into::into));
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env(FOLDER, folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = Log::of(child.stderr.take().context("stderr is piped")?);
        let stdin = child.stdin.take().context("stdin is piped")?;
        let stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut process = Self { child, stdin, stdout, log };
        match process.line()?.as_str() {
            "started" => Ok(process),
            why => bail!("{why}"),
        }
    }

    fn ask(&mut self, command: Ask) -> Result<Result<Answer, Failure>> {
        writeln!(self.stdin, "{}", serde_json::to_string(&Request { id: 1, workspace: None, command })?)?;
        self.stdin.flush()?;
        match serde_json::from_str(&self.line()?)? {
            Response::Answer { result, .. } => Ok(result),
            Response::Event { .. } => bail!("an event came instead of an answer"),
        }
    }

    fn line(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line)? == 0 {
                bail!("the process ended");
            }
            // the harness writes the beginning of its own line before the test starts
            if let Some((_, text)) = line.trim_end().split_once(MARK) {
                return Ok(text.to_owned());
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        self.log.end();
        if !std::thread::panicking() {
            assert_eq!(self.log.take_errors(), [""; 0], "the engine wrote errors to its log");
        }
    }
}

/// The other side of [`Client::process`]; does nothing in a process that was not started by it.
pub fn serve_engine() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    crate::log::to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let handle = match NativeDevice::open(Path::new(&folder), "process", "embedded")
            .map(|device| engine(device, News::default()))
        {
            Ok((handle, run)) => {
                tokio::task::spawn_local(run);
                handle
            }
            Err(error) => return println!("{MARK}{error:#}"),
        };
        println!("{MARK}started");
        let (lines, mut asked) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                drop(lines.send(line));
            }
        });
        while let Some(line) = asked.recv().await {
            let request: Request = serde_json::from_str(&line).expect("the test sends requests");
            let result = handle.call(request.command).await;
            let text =
                serde_json::to_string(&Response::Answer { id: request.id, result }).expect("plain data");
            println!("{MARK}{text}");
        }
    });
}
