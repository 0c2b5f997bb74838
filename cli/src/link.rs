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
use sync_client::native::{NativeDevice, News};
use sync_client::store::StoreError;

use crate::failure::Failure;

/// How long another command that has the folder open may take.
pub(crate) const BUSY: Duration = Duration::from_secs(15);
const ASKED: Duration = Duration::from_millis(50);

/// Asks and hears.
pub(crate) enum Link {
    /// The engine runs here, as long as this command does.
    Own(Box<Own>),
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

pub(crate) fn device_name() -> String {
    format!("mooring-cli on {}", gethostname::gethostname().to_string_lossy())
}

impl Link {
    /// Reaches the engine of a folder, or starts one on it. Where another command is just using it, its end is waited for.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Failure> {
        let since = tokio::time::Instant::now();
        loop {
            #[cfg(unix)]
            match Client::connect(folder).await {
                Ok(client) => return Ok(Self::Other(Box::new(client))),
                Err(Unreached::Nobody) => {}
                Err(error) => return Err(Failure::Device(error.to_string())),
            }
            match NativeDevice::open(folder, device_name(), "embedded") {
                Ok(device) => {
                    let (handle, events, run) = Engine::start(device);
                    let own = Own { handle, events, run: Box::pin(run), heard: News::default() };
                    return Ok(Self::Own(Box::new(own)));
                }
                Err(StoreError::InUse) if since.elapsed() < BUSY => tokio::time::sleep(ASKED).await,
                Err(error) => return Err(Failure::Device(format!("{}: {error}", folder.display()))),
            }
        }
    }

    /// Whether the engine ends with this command.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
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
            #[cfg(unix)]
            Self::Other(client) => client.call(command, progress).await.map_err(|error| gone(&error)),
        }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Result<Event, Failure> {
        match self {
            Self::Own(own) => own.event().await,
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
