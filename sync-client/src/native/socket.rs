//! A local socket beside the records: other programs of the same person talk to the engine that has the folder open.
//!
//! What travels are lines of JSON: first the version of the engine, then [`Request`]s one way and [`Response`]s the other. The
//! folder is its owner's alone, the socket too, and who connects is asked of the system.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast;

use super::News;
use crate::api::{Answer, Command, Event, Failure, Request, Response, ViewId};
use crate::engine::{Handle, Notice};
use crate::limits;

/// The socket's name in the folder.
const NAME: &str = "socket";
/// Programs that may be connected at the same time; others wait.
const CONNECTIONS: usize = 16;
/// How long a program waits for the engine's first line: it may be busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a line: the largest is a file to import, of which each byte may need an escape.
const LINE: u64 = 2 * limits::IMPORT_BYTES as u64;

/// The engine's first line.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    /// The version of Mooring: commands are those of that version.
    version: String,
}

fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Lets programs in, for as long as it is polled. Whoever calls it holds the folder's lock: a socket that is there already is what
/// a program left that was killed.
pub(super) async fn serve(
    folder: &Path,
    handle: &Handle,
    heard: &broadcast::Sender<Notice>,
) -> io::Result<()> {
    let path = path(folder);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let me = std::fs::metadata(&path).map(|data| std::os::unix::fs::MetadataExt::uid(&data))?;
    let mut open = FuturesUnordered::new();
    let mut count = 0_u64;
    loop {
        tokio::select! {
            met = listener.accept(), if open.len() < CONNECTIONS => {
                let (stream, _) = met?;
                if stream.peer_cred()?.uid() != me {
                    continue;
                }
                count += 1;
                open.push(talk(stream, handle, format!("program-{count}"), heard.subscribe()));
            }
            Some(ended) = open.next() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a program went away");
                }
            }
        }
    }
}

/// Answers one program until it goes away.
async fn talk(
    stream: UnixStream,
    handle: &Handle,
    name: String,
    heard: broadcast::Receiver<Notice>,
) -> io::Result<()> {
    let handle = handle.named(&name);
    let mut views = BTreeSet::new();
    let ended = answer(stream, &handle, &name, heard, &mut views).await;
    for id in views {
        // nobody looks at them any more; that it has ended already is no mistake
        drop(handle.call(Command::Unwatch { id }).await);
    }
    handle.leave().await;
    ended
}

async fn answer(
    stream: UnixStream,
    handle: &Handle,
    name: &str,
    mut heard: broadcast::Receiver<Notice>,
    views: &mut BTreeSet<ViewId>,
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = Lines::of(read);
    send(&mut write, &Hello { version: env!("CARGO_PKG_VERSION").into() }).await?;
    loop {
        tokio::select! {
            line = lines.next() => {
                let Some(line) = line? else { return Ok(()) };
                let Request { id, workspace, command } = serde_json::from_str(&line)?;
                let unwatched = match &command {
                    Command::Unwatch { id } => Some(*id),
                    _ => None,
                };
                let result = handle.of(workspace).call(command).await;
                if let Ok(Answer::Watched(watched)) = &result {
                    views.insert(watched.id);
                }
                views.retain(|id| Some(*id) != unwatched);
                send(&mut write, &Response::Answer { id, result }).await?;
            }
            event = heard.recv() => match event {
                Ok(notice) if notice.is_for(name) => send(&mut write, &Response::Event { event: notice.event }).await?,
                Ok(_) => {}
                // it would show what is not so any more
                Err(broadcast::error::RecvError::Lagged(_)) => return Err(io::ErrorKind::TimedOut.into()),
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, what: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    write.write_all(&line).await
}

/// Lines of bounded length. What has been read of a line stays where waiting for the rest is broken off.
struct Lines<R> {
    read: BufReader<R>,
    part: Vec<u8>,
}

impl<R: tokio::io::AsyncRead + Unpin> Lines<R> {
    fn of(read: R) -> Self {
        Self { read: BufReader::new(read), part: Vec::new() }
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            let room = LINE.saturating_sub(self.part.len() as u64);
            let read = take_line(&mut self.read, room, &mut self.part).await?;
            match self.part.pop_if(|last| *last == b'\n') {
                Some(_) => {
                    let line = String::from_utf8(std::mem::take(&mut self.part));
                    return line.map(Some).map_err(|_| io::ErrorKind::InvalidData.into());
                }
                None if room == 0 => return Err(io::ErrorKind::FileTooLarge.into()),
                None if read == 0 => return Ok(None),
                None => {}
            }
        }
    }
}

/// Appends what is there of a line; `read_until` keeps what it has read when it is dropped.
async fn take_line(
    read: &mut (impl AsyncBufRead + Unpin),
    room: u64,
    part: &mut Vec<u8>,
) -> io::Result<usize> {
    read.take(room).read_until(b'\n', part).await
}

/// An engine in another program.
#[derive(Debug)]
pub struct Client {
    lines: Lines<OwnedReadHalf>,
    write: OwnedWriteHalf,
    asked: u64,
    news: News,
}

impl<R> std::fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// Why an engine in another program was not reached.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// Nobody listens there: no program has the folder open, or one that cannot be talked to.
    #[error("no program listens there")]
    Nobody,
    /// It is another version, and would not understand.
    #[error("Mooring {0} is running on this device, and this is {version}. Use the same version of both", version = env!("CARGO_PKG_VERSION"))]
    Version(String),
    /// It went away, or it did not answer in time.
    #[error("Mooring on this device does not answer: {0}")]
    Io(#[from] io::Error),
}

impl Client {
    /// Reaches the engine that has the folder open.
    ///
    /// # Errors
    /// [`Unreached::Nobody`] where none can be reached.
    pub async fn connect(folder: &Path) -> Result<Self, Unreached> {
        let stream = UnixStream::connect(path(folder)).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Unreached::Nobody,
            _ => Unreached::Io(error),
        })?;
        let (read, write) = stream.into_split();
        let mut client = Self { lines: Lines::of(read), write, asked: 0, news: News::default() };
        let hello = tokio::time::timeout(PATIENCE, client.lines.next()).await;
        let hello = hello.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.ok_or_else(gone)?;
        let Hello { version } = serde_json::from_str(&hello).map_err(io::Error::from)?;
        if version == env!("CARGO_PKG_VERSION") { Ok(client) } else { Err(Unreached::Version(version)) }
    }

    /// Does a command and waits for its end. `heard` is told the events of that time; they are kept for [`Client::event`] too.
    ///
    /// # Errors
    /// Where the other program goes away meanwhile.
    pub async fn call(
        &mut self,
        command: Command,
        mut heard: impl FnMut(&Event),
    ) -> io::Result<Result<Answer, Failure>> {
        self.asked += 1;
        send(&mut self.write, &Request { id: self.asked, workspace: None, command }).await?;
        loop {
            match self.response().await? {
                Response::Answer { id, result } if id == self.asked => return Ok(result),
                Response::Answer { .. } => {}
                Response::Event { event } => {
                    heard(&event);
                    self.news.hear(event);
                }
            }
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// Where the other program goes away.
    pub async fn event(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.news.oldest() {
                return Ok(event);
            }
            if let Response::Event { event } = self.response().await? {
                return Ok(event);
            }
        }
    }

    async fn response(&mut self) -> io::Result<Response> {
        let line = self.lines.next().await?.ok_or_else(gone)?;
        Ok(serde_json::from_str(&line)?)
    }
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
