//! The engine on a thread of its own: it is not `Send`, and the window never waits for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use sync_client::api::{Failure, FailureKind, Request, Response};
use sync_client::engine::Handle;
use sync_client::native::NativeDevice;
use sync_client::store::StoreError;

/// Gets a text of [`Response`] for each event.
type Tell = Arc<dyn Fn(String) + Send + Sync>;

/// Talks to the engine's thread.
pub(crate) struct Engine {
    folder: PathBuf,
    tell: Tell,
    handle: Mutex<Result<Handle, StoreError>>,
}

impl Engine {
    /// Starts the engine on a folder. A folder that cannot be used is told as the answer to every request, so that
    /// the person reads it in the window; each request tries it again, for another window may have been closed.
    pub(crate) fn start(folder: PathBuf, tell: impl Fn(String) + Send + Sync + 'static) -> Self {
        let tell: Tell = Arc::new(tell);
        let handle = Mutex::new(run(&folder, &tell));
        Self { folder, tell, handle }
    }

    pub(crate) async fn call(&self, request: &str) -> Result<String, String> {
        let request: Request = serde_json::from_str(request).map_err(|e| format!("not a request: {e}"))?;
        let result = match self.handle() {
            Ok(handle) => handle.call(request.command).await,
            Err(error) => {
                Err(Failure { kind: FailureKind::Storage, message: error.to_string(), field: None })
            }
        };
        Ok(text(&Response::Answer { id: request.id, result }))
    }

    fn handle(&self) -> Result<Handle, StoreError> {
        // whoever panicked while holding it left a whole value behind
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if handle.is_err() {
            *handle = run(&self.folder, &self.tell);
        }
        handle.clone()
    }
}

/// Runs an engine on a folder until the program ends.
fn run(folder: &Path, tell: &Tell) -> Result<Handle, StoreError> {
    let gone = |what: &dyn std::fmt::Display| StoreError::Gone(what.to_string());
    let (started, handle) = std::sync::mpsc::channel();
    let (folder, tell) = (folder.to_owned(), tell.clone());
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let device = NativeDevice::open(&folder, device_name(), "desktop");
        match (runtime, device) {
            (Ok(runtime), Ok(device)) => {
                let (handle, mut events, run) = sync_client::engine::Engine::start(device);
                drop(started.send(Ok(handle)));
                let telling = async {
                    while let Some(event) = events.next().await {
                        tell(text(&Response::Event { event }));
                    }
                };
                runtime.block_on(futures::future::join(run, telling));
            }
            (Err(error), _) => drop(started.send(Err(gone(&error)))),
            (_, Err(error)) => drop(started.send(Err(error))),
        }
    };
    std::thread::Builder::new().name("engine".into()).spawn(body).map_err(|error| gone(&error))?;
    handle.recv().unwrap_or_else(|_| Err(gone(&"its thread ended")))
}

fn text(response: &Response) -> String {
    serde_json::to_string(response).expect("responses are plain data")
}

fn device_name() -> String {
    format!("Mooring on {}", gethostname::gethostname().to_string_lossy())
}
