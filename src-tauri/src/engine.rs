//! The engine on a thread of its own: it is not `Send`, and the window never waits for it.

use std::path::PathBuf;

use futures::StreamExt;
use sync_client::api::{Event, Failure, FailureKind, Request, Response};
use sync_client::engine::Handle;
use sync_client::native::NativeDevice;
use sync_client::store::StoreError;
use tokio::time::Instant;

use crate::notify::{self, News, Notifier};

/// Talks to the engine's thread.
pub(crate) struct Engine(Result<Handle, StoreError>);

impl Engine {
    /// Starts the engine on a folder. A folder that cannot be used is told as the answer to every request, so that
    /// the person reads it in the window; `tell` gets a text of [`Response`] for each event, `notifier` what has newly come
    /// up for review.
    pub(crate) fn start(
        folder: PathBuf,
        tell: impl Fn(String) + Send + 'static,
        notifier: Notifier,
    ) -> anyhow::Result<Self> {
        let (started, handle) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("engine".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let device = NativeDevice::open(&folder, device_name(), "desktop");
            match (runtime, device) {
                (Ok(runtime), Ok(device)) => {
                    let (handle, mut events, run) = sync_client::engine::Engine::start(device);
                    drop(started.send(Ok(handle)));
                    let telling = async {
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
                                    news.tell().into_iter().for_each(|notice| notifier.show(notice));
                                    continue;
                                }
                            };
                            let Some(event) = event else { break };
                            if let Event::NewReview { items } = &event
                                && news.hear(items.clone())
                            {
                                due = due.or_else(|| Some(Instant::now() + notify::GATHER));
                            }
                            tell(text(&Response::Event { event }));
                        }
                    };
                    runtime.block_on(futures::future::join(run, telling));
                }
                (Err(error), _) => drop(started.send(Err(StoreError::Gone(error.to_string())))),
                (_, Err(error)) => drop(started.send(Err(error))),
            }
        })?;
        Ok(Self(handle.recv()?))
    }

    pub(crate) async fn call(&self, request: &str) -> Result<String, String> {
        let request: Request = serde_json::from_str(request).map_err(|e| format!("not a request: {e}"))?;
        let result = match &self.0 {
            Ok(handle) => handle.call(request.command).await,
            Err(error) => {
                Err(Failure { kind: FailureKind::Storage, message: error.to_string(), field: None })
            }
        };
        Ok(text(&Response::Answer { id: request.id, result }))
    }
}

fn text(response: &Response) -> String {
    serde_json::to_string(response).expect("responses are plain data")
}

fn device_name() -> String {
    format!("Mooring on {}", gethostname::gethostname().to_string_lossy())
}
