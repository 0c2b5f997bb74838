//! What stands between a device and its server: lets everything pass, or misbehaves as networks and strangers do.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

/// Who answers in the server's place, where it likes to.
pub type Stranger = Rc<dyn Fn(&Request) -> Option<Reply>>;

/// What becomes of the server's answers.
pub type Change = Rc<dyn Fn(&Request, Reply) -> Reply>;

/// How it behaves.
#[derive(Clone)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Connections are taken and stay, and nothing passes any more, also on those that were there.
    Silent,
    /// A connection is cut after that many bytes of what the device sends.
    CutRequests(usize),
    /// A connection is cut after that many bytes of what the server sends.
    CutAnswers(usize),
    /// A connection is cut when it is that old.
    CutAtAge(Duration),
    /// Everything passes as over a slow link.
    Slow(Link),
    /// Somebody else answers; the server only where that one says nothing.
    Stranger(Stranger),
    /// The server answers, and its answers are changed.
    Changed(Change),
    /// Every request comes to the server twice: at once, or the second time up to that much later. Answers are held back
    /// up to that long, so that they overtake one another; now the first one arrives, now the second.
    Doubled(Duration),
}

/// A slow link.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Bytes in a second from the device.
    pub up: usize,
    /// Bytes in a second to the device.
    pub down: usize,
    /// How long what is sent after a pause is on its way.
    pub latency: Duration,
}

impl Link {
    /// A telephone at the edge of a village: 250 kbit/s down, 50 up.
    pub const SECOND_GENERATION: Self =
        Self { up: 50_000 / 8, down: 250_000 / 8, latency: Duration::from_millis(400) };
}

/// What a device asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Such as `/v1/info`.
    pub path: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    /// How many bytes its body has, as it travels.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// What it is answered with.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status, such as `200 OK`.
    pub status: String,
    /// Headers beside those that HTTP itself needs.
    pub headers: Vec<(&'static str, String)>,
    /// The content type.
    pub kind: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A web page.
    pub fn page(status: &str, text: &str) -> Self {
        Self { status: status.into(), headers: Vec::new(), kind: "text/html", body: text.into() }
    }

    /// JSON.
    pub fn json(status: &str, value: &serde_json::Value) -> Self {
        let body = value.to_string().into_bytes();
        Self { status: status.into(), headers: Vec::new(), kind: "application/json", body }
    }

    /// The body changed as JSON.
    pub fn edited(mut self, edit: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut value = serde_json::from_slice(&self.body).expect("the server answers JSON");
        edit(&mut value);
        self.body = value.to_string().into_bytes();
        self
    }
}

/// What [`Way::Doubled`] did.
#[derive(Default)]
pub struct Doubled {
    /// Requests sent twice.
    pub requests: Cell<u32>,
    /// Answers that arrived before the answer to an earlier request.
    pub overtook: Cell<u32>,
    waiting: RefCell<BTreeSet<u32>>,
    late: RefCell<Vec<JoinHandle<()>>>,
}

/// A gate in front of a server; closed when dropped.
pub struct Gate {
    shared: Rc<Shared>,
    accepting: JoinHandle<()>,
    /// Where devices find it: `http://127.0.0.1:PORT`.
    pub url: String,
}

struct Shared {
    /// Host and port of the server.
    server: String,
    way: RefCell<Way>,
    frozen: watch::Sender<bool>,
    connections: RefCell<Vec<JoinHandle<()>>>,
    cuts: Cell<usize>,
    doubled: Doubled,
    asked: RefCell<BTreeMap<String, Vec<Instant>>>,
}

impl Gate {
    /// An open gate to a server's address.
    pub async fn to(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Rc::new(Shared {
            server: server.strip_prefix("http://").context("an address")?.to_owned(),
            way: RefCell::new(Way::Open),
            frozen: watch::Sender::new(false),
            connections: RefCell::default(),
            cuts: Cell::new(0),
            doubled: Doubled::default(),
            asked: RefCell::default(),
        });
        let accepting = spawn_local({
            let shared = Rc::clone(&shared);
            async move {
                while let Ok((device, _)) = listener.accept().await {
                    let connection = spawn_local(serve(Rc::clone(&shared), device));
                    shared.connections.borrow_mut().push(connection);
                }
            }
        });
        Ok(Self { shared, accepting, url })
    }

    /// From now on it behaves like that. Connections that are there are cut, but for [`Way::Silent`].
    pub fn set(&self, way: Way) {
        let silent = matches!(way, Way::Silent);
        self.shared.way.replace(way);
        self.shared.frozen.send_replace(silent);
        if !silent {
            self.shared.connections.take().iter().for_each(JoinHandle::abort);
        }
    }

    /// Connections cut in the middle so far.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.get()
    }

    /// What was done twice so far, once all late copies have reached the server.
    pub async fn doubled(&self) -> &Doubled {
        for late in self.shared.doubled.late.take() {
            drop(late.await);
        }
        &self.shared.doubled
    }

    /// When requests came whose path ends like that, while [`Way::Stranger`] or [`Way::Changed`] was on.
    pub fn asked(&self, ending: &str) -> Vec<Instant> {
        let asked = self.shared.asked.borrow();
        let all = asked.iter().filter(|(path, _)| path.ends_with(ending));
        all.flat_map(|(_, times)| times.iter().copied()).collect()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.connections.take().iter().for_each(JoinHandle::abort);
    }
}

/// A connection that breaks is what the tests want: how it ends does not matter here.
async fn serve(shared: Rc<Shared>, device: TcpStream) {
    let way = shared.way.borrow().clone();
    match way {
        Way::Open => drop(pass(&shared, device, usize::MAX, usize::MAX).await),
        Way::CutRequests(bytes) => drop(pass(&shared, device, bytes, usize::MAX).await),
        Way::CutAnswers(bytes) => drop(pass(&shared, device, usize::MAX, bytes).await),
        Way::CutAtAge(age) => {
            let passing = pass(&shared, device, usize::MAX, usize::MAX);
            if tokio::time::timeout(age, passing).await.is_err() {
                shared.cuts.set(shared.cuts.get() + 1);
            }
        }
        Way::Slow(link) => drop(crawl(&shared, device, link).await),
        Way::Silent => {
            let _held = device;
            std::future::pending().await
        }
        Way::Stranger(answer) => {
            let instead = async |request: &Request| match answer(request) {
                Some(reply) => Ok(reply),
                None => ask(&shared.server, request).await,
            };
            drop(exchange(&shared, device, instead).await);
        }
        Way::Changed(change) => {
            let through = async |request: &Request| {
                let reply = ask(&shared.server, request).await?;
                Ok(change(request, reply))
            };
            drop(exchange(&shared, device, through).await);
        }
        Way::Doubled(most) => {
            let twice = async |request: &Request| twice(&shared, request, most).await;
            drop(exchange(&shared, device, twice).await);
        }
    }
}

async fn twice(shared: &Shared, request: &Request, most: Duration) -> Result<Reply> {
    let doubled = &shared.doubled;
    let n = doubled.requests.get();
    doubled.requests.set(n + 1);
    doubled.waiting.borrow_mut().insert(n);
    // no two neighbours wait alike
    let part = move |of: u32| most * (of % 4) / 4;
    let reply = if n.is_multiple_of(2) {
        let (first, second) = futures::join!(ask(&shared.server, request), ask(&shared.server, request));
        if n.is_multiple_of(4) { first } else { second }
    } else {
        let first = ask(&shared.server, request).await;
        let (server, request) = (shared.server.clone(), request.clone());
        doubled.late.borrow_mut().push(spawn_local(async move {
            sleep(part(n / 2 + 1)).await;
            drop(ask(&server, &request).await);
        }));
        first
    };
    sleep(part(3 * n + n / 4)).await;
    let mut waiting = doubled.waiting.borrow_mut();
    if waiting.first() != Some(&n) {
        doubled.overtook.set(doubled.overtook.get() + 1);
    }
    waiting.remove(&n);
    reply
}

/// Bytes both ways, up to so many; then both ends are closed.
async fn pass(shared: &Shared, device: TcpStream, up: usize, down: usize) -> Result<()> {
    let server = TcpStream::connect(&shared.server).await?;
    let (device_in, device_out) = device.into_split();
    let (server_in, server_out) = server.into_split();
    let ended = tokio::select! {
        ended = pump(device_in, server_out, up, shared.frozen.subscribe()) => ended,
        ended = pump(server_in, device_out, down, shared.frozen.subscribe()) => ended,
    };
    if ended? == Ended::Cut {
        shared.cuts.set(shared.cuts.get() + 1);
    }
    Ok(())
}

/// Bytes both ways over a slow link.
async fn crawl(shared: &Shared, device: TcpStream, link: Link) -> Result<()> {
    let server = TcpStream::connect(&shared.server).await?;
    let (device_in, device_out) = device.into_split();
    let (server_in, server_out) = server.into_split();
    tokio::select! {
        ended = trickle(device_in, server_out, link.up, link.latency) => ended,
        ended = trickle(server_in, device_out, link.down, link.latency) => ended,
    }
}

async fn trickle(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    bytes_per_second: usize,
    latency: Duration,
) -> Result<()> {
    let mut buffer = vec![0; (bytes_per_second / 10).max(1)];
    let mut moved = Instant::now() - latency;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let pause = if moved.elapsed() >= latency { latency } else { Duration::ZERO };
        sleep(pause + Duration::from_secs_f64(read as f64 / bytes_per_second as f64)).await;
        to.write_all(&buffer[..read]).await?;
        moved = Instant::now();
    }
}

#[derive(PartialEq)]
enum Ended {
    Closed,
    Cut,
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    most: usize,
    mut frozen: watch::Receiver<bool>,
) -> Result<Ended> {
    let mut left = most;
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            () = async { drop(frozen.wait_for(|frozen| *frozen).await) } => std::future::pending().await,
            read = from.read(&mut buffer) => read?,
        };
        if read == 0 {
            return Ok(Ended::Closed);
        }
        let passed = read.min(left);
        to.write_all(&buffer[..passed]).await?;
        left -= passed;
        if left == 0 {
            to.flush().await?;
            return Ok(Ended::Cut);
        }
    }
}

/// One request and its reply; then the connection is closed.
async fn exchange(
    shared: &Shared,
    mut device: TcpStream,
    answer: impl AsyncFnOnce(&Request) -> Result<Reply>,
) -> Result<()> {
    let request = read_request(&mut device).await?;
    shared.asked.borrow_mut().entry(request.path.clone()).or_default().push(Instant::now());
    let reply = answer(&request).await?;
    let mut head =
        format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    if !reply.body.is_empty() {
        head += &format!("content-type: {}\r\n", reply.kind);
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    device.write_all(format!("{head}\r\n").as_bytes()).await?;
    device.write_all(&reply.body).await?;
    device.shutdown().await?;
    Ok(())
}

async fn read_request(device: &mut TcpStream) -> Result<Request> {
    let mut bytes = Vec::new();
    let body = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        anyhow::ensure!(device.read_buf(&mut bytes).await? > 0, "the device closed the connection");
    };
    let head = String::from_utf8(bytes[..body].to_vec())?;
    let length = header(&head, "content-length").map_or(Ok(0), str::parse::<usize>)?;
    while bytes.len() < body + length {
        anyhow::ensure!(device.read_buf(&mut bytes).await? > 0, "the device closed the connection");
    }
    let path = head.split(' ').nth(1).context("a path")?.to_owned();
    Ok(Request { path, head, body: bytes.split_off(body) })
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// The server's own reply to a request, not compressed.
async fn ask(server: &str, request: &Request) -> Result<Reply> {
    let mut stream = TcpStream::connect(server).await?;
    let other = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !line.is_empty() && name != "accept-encoding" && name != "connection"
    };
    let head: Vec<&str> = request.head.lines().filter(other).collect();
    stream.write_all(format!("{}\r\nconnection: close\r\n\r\n", head.join("\r\n")).as_bytes()).await?;
    stream.write_all(&request.body).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").context("an answer")? + 4;
    let head = String::from_utf8(bytes[..end].to_vec())?;
    anyhow::ensure!(header(&head, "transfer-encoding").is_none(), "answers have a length");
    let status = head.lines().next().and_then(|line| line.split_once(' ')).context("a status")?.1.to_owned();
    Ok(Reply { status, headers: Vec::new(), kind: "application/json", body: bytes.split_off(end) })
}
