//! The engine: in the program that has the folder open, or our own where none has.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt;
use sync_client::api::{Answer, Command, Event, FailureKind};
use sync_client::engine::{Engine, Events, Handle};
#[cfg(unix)]
use sync_client::native::socket::{Client, Unreached};
use sync_client::native::{self, KeyStore, NativeDevice, News};
use sync_client::store::StoreError;

use crate::failure::Failure;

/// How long another command that has the folder open may take.
const BUSY: Duration = Duration::from_secs(15);
const ASKED: Duration = Duration::from_millis(50);
/// How others tell this device from a window's.
const CHANNEL: &str = "embedded";

/// Asks and hears.
pub(crate) enum Link {
    /// The engine runs here, as long as this command does.
    Own(Box<Own>),
    /// It runs here, on a thread of its own, and serves other commands, too.
    Thread(Handle),
    /// It runs in the window or in a service.
    #[cfg(unix)]
    Other(Box<Client>),
}

pub(crate) struct Own {
    handle: Handle,
    events: Events,
    run: Pin<Box<dyn Future<Output = ()>>>,
    heard: News,
}

/// The folder of the window's records.
pub(crate) fn folder(chosen: Option<&Path>) -> Result<PathBuf, Failure> {
    let own = || dirs::data_dir().map(|folder| folder.join("app.mooring.desktop"));
    chosen.map(Path::to_owned).or_else(own).ok_or_else(|| {
        Failure::Device("This system names no folder for a person's data. Say one with --folder.".into())
    })
}

fn device_name() -> String {
    format!("mooring-cli on {}", gethostname::gethostname().to_string_lossy())
}

/// Who has the folder open.
enum Reached<T> {
    Own(T),
    #[cfg(unix)]
    Other(Box<Client>),
}

/// Reaches the program that has the folder open, or has `start` open it. Where another command is just using it, its end is waited
/// for.
async fn reach<T>(folder: &Path, start: impl Fn() -> Result<T, StoreError>) -> Result<Reached<T>, Failure> {
    let since = tokio::time::Instant::now();
    loop {
        #[cfg(unix)]
        match Client::connect(folder).await {
            Ok(client) => return Ok(Reached::Other(Box::new(client))),
            Err(Unreached::Nobody) => {}
            Err(error) => return Err(Failure::Device(error.to_string())),
        }
        match start() {
            Ok(own) => return Ok(Reached::Own(own)),
            Err(StoreError::InUse) if since.elapsed() < BUSY => tokio::time::sleep(ASKED).await,
            Err(error) => return Err(Failure::Device(format!("{}: {error}", folder.display()))),
        }
    }
}

impl Link {
    /// Reaches the engine of a folder, or starts one on it.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Failure> {
        let device = || NativeDevice::open(folder, device_name(), CHANNEL);
        match reach(folder, || device().map(|device| device.with_secrets(KeyStore::chosen()))).await? {
            Reached::Own(device) => {
                let (handle, events, run) = Engine::start(device);
                let own = Own { handle, events, run: Box::pin(run), heard: News::default() };
                Ok(Self::Own(Box::new(own)))
            }
            #[cfg(unix)]
            Reached::Other(client) => Ok(Self::Other(client)),
        }
    }

    /// Starts an engine on a folder that serves other commands, too, until this program ends.
    pub(crate) async fn serve(folder: &Path) -> Result<Self, Failure> {
        // what it tells is told to those who ask for it by the socket
        let listen = |mut events: native::Told| async move { while events.next().await.is_some() {} };
        let start = || native::run(folder, device_name(), CHANNEL, KeyStore::chosen(), listen);
        match reach(folder, start).await? {
            Reached::Own(handle) => Ok(Self::Thread(handle)),
            #[cfg(unix)]
            Reached::Other(_) => Err(Failure::Refused(
                "Mooring is running on this device already, and keeps these records in step.".into(),
            )),
        }
    }

    /// Whether the engine ends with this command.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_) | Self::Thread(_))
    }

    /// Does a command and waits for its end.
    pub(crate) async fn ask(&mut self, command: Command) -> Result<Answer, Failure> {
        match self.call(command).await? {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The same for a caller that goes by the kind of a failure.
    pub(crate) async fn call(
        &mut self,
        command: Command,
    ) -> Result<Result<Answer, sync_client::api::Failure>, Failure> {
        match self {
            Self::Own(own) => Ok(own.call(command).await),
            Self::Thread(handle) => Ok(handle.call(command).await),
            #[cfg(unix)]
            Self::Other(client) => client.call(command, progress).await.map_err(|error| gone(&error)),
        }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Result<Event, Failure> {
        match self {
            Self::Own(own) => own.event().await,
            Self::Thread(_) => std::future::pending().await,
            #[cfg(unix)]
            Self::Other(client) => client.event().await.map_err(|error| gone(&error)),
        }
    }
}

/// Long work shows how far it is to whoever looks on.
fn progress(event: &Event) {
    let (what, done, total) = match event {
        Event::Importing { done, total } => ("imported", done, total),
        Event::Working { done, total } => ("done", done, total),
        _ => return,
    };
    if std::io::stderr().is_terminal() {
        eprint!("\r{done} of {total} {what}");
        if done == total {
            eprintln!();
        }
    }
}

#[cfg(unix)]
fn gone(error: &std::io::Error) -> Failure {
    Failure::Device(format!("Mooring on this device went away ({error}). What was saved is kept."))
}

impl Own {
    async fn call(&mut self, command: Command) -> Result<Answer, sync_client::api::Failure> {
        let mut answer = Box::pin(self.handle.call(command));
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                Some(event) = self.events.next() => {
                    progress(&event);
                    self.heard.hear(event);
                }
                () = &mut self.run => return Err(sync_client::api::Failure::new(FailureKind::Internal, "The engine has ended.")),
            }
        }
    }

    async fn event(&mut self) -> Result<Event, Failure> {
        if let Some(event) = self.heard.oldest() {
            return Ok(event);
        }
        tokio::select! {
            Some(event) = self.events.next() => Ok(event),
            () = &mut self.run => Err(Failure::Device("The engine has ended.".into())),
        }
    }
}
