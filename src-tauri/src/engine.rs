//! The engine, for the window: what it asks, what it is told, and what the person is notified of.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt};
use sync_client::api::{Answer, Command, Event, Failure, FailureKind, Request, Response};
use sync_client::engine::Handle;
use sync_client::native::{self, KeyStore};
use sync_client::store::StoreError;
use sync_protocol::WorkspaceId;
use tokio::time::Instant;

use crate::notify::{self, News, Notifier};

/// Gets each event.
type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// Talks to the engine's thread.
pub(crate) struct Engine {
    folder: PathBuf,
    tell: Tell,
    notifier: Arc<Notifier>,
    handle: Mutex<Result<Handle, StoreError>>,
}

impl Engine {
    /// Starts the engine on a folder. A folder that cannot be used is told as the answer to every request, so that
    /// the person reads it in the window; each request tries it again, for another window may have been closed. `tell` gets
    /// each event, `notifier` what has newly come up for review.
    pub(crate) fn start(
        folder: PathBuf,
        tell: impl Fn(Event) + Send + Sync + 'static,
        notifier: Notifier,
    ) -> Self {
        let (tell, notifier): (Tell, _) = (Arc::new(tell), Arc::new(notifier));
        let handle = Mutex::new(run(&folder, &tell, &notifier));
        Self { folder, tell, notifier, handle }
    }

    /// Tells the person something beside the window.
    pub(crate) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    pub(crate) async fn call(&self, request: &str) -> Result<String, String> {
        let request: Request = serde_json::from_str(request).map_err(|e| format!("not a request: {e}"))?;
        let result = self.ask_of(request.workspace, request.command).await;
        Ok(text(&Response::Answer { id: request.id, result }))
    }

    /// Does a command and waits for its end.
    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, Failure> {
        self.ask_of(None, command).await
    }

    /// The same in a workspace.
    async fn ask_of(&self, workspace: Option<WorkspaceId>, command: Command) -> Result<Answer, Failure> {
        match self.handle() {
            Ok(handle) => handle.of(workspace).call(command).await,
            Err(error) => Err(Failure::new(FailureKind::Storage, error.to_string())),
        }
    }

    fn handle(&self) -> Result<Handle, StoreError> {
        // whoever panicked while holding it left a whole value behind
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if handle.is_err() {
            *handle = run(&self.folder, &self.tell, &self.notifier);
        }
        handle.clone()
    }
}

/// Runs an engine on a folder until the program ends.
fn run(folder: &Path, tell: &Tell, notifier: &Arc<Notifier>) -> Result<Handle, StoreError> {
    let (tell, notifier) = (tell.clone(), notifier.clone());
    let listen = move |mut events: native::Told| async move { telling(&mut events, &*tell, &notifier).await };
    native::run(folder, device_name(), "desktop", KeyStore::chosen(), listen)
}

/// Tells the screen every event, and the person what is worth a word beside it: what comes together as one.
async fn telling(
    events: &mut (impl Stream<Item = Event> + Unpin),
    tell: &dyn Fn(Event),
    notifier: &Notifier,
) {
    let mut news = News::default();
    let mut due = None;
    loop {
        let gathered = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            event = events.next() => event,
            () = gathered => {
                due = None;
                news.tell().into_iter().for_each(|notice| notifier.show(notice, || {}));
                continue;
            }
        };
        let Some(event) = event else { break };
        let something = match &event {
            Event::NewReview { items } => news.hear(items.clone()),
            Event::Status(status) => news.hear_status(status, Instant::now()),
            _ => false,
        };
        if something {
            due = due.or_else(|| Some(Instant::now() + notify::GATHER));
        }
        tell(event);
    }
}

/// As the screen reads it.
pub(crate) fn text(response: &Response) -> String {
    serde_json::to_string(response).expect("responses are plain data")
}

fn device_name() -> String {
    format!("Mooring on {}", gethostname::gethostname().to_string_lossy())
}
