//! An engine on a thread of its own: it is not `Send`, and whoever shows it never waits for it.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt, future};
use tokio::sync::broadcast;

use super::NativeDevice;
use crate::api::Event;
use crate::engine::{Engine, Handle, Notice, Notices};
use crate::secrets::Secrets;
use crate::store::StoreError;

/// Events that a program of the socket may be behind; who is further behind is let go.
const BEHIND: usize = 1_024;

/// Runs an engine on a folder, until the program ends, with a place for what is secret if there is one. `listen` hears its events, on the engine's thread. Other programs of the
/// same person reach it by the folder's socket, where the system has such sockets.
///
/// # Errors
/// Where the folder cannot be used: [`StoreError::InUse`] while another program uses it.
pub fn run<L: Future<Output = ()>>(
    folder: &Path,
    name: String,
    channel: &'static str,
    secrets: Option<Arc<dyn Secrets>>,
    listen: impl FnOnce(Told) -> L + Send + 'static,
) -> Result<Handle, StoreError> {
    let gone = |what: &dyn std::fmt::Display| StoreError::Gone(what.to_string());
    let (started, handle) = std::sync::mpsc::channel();
    let folder = folder.to_owned();
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let device = NativeDevice::open(&folder, name, channel).map(|device| device.with_secrets(secrets));
        match (runtime, device) {
            (Ok(runtime), Ok(device)) => {
                let (handle, events, run) = Engine::start(device);
                let (heard, _) = broadcast::channel(BEHIND);
                drop(started.send(Ok(handle.clone())));
                let told = Told { notices: events.for_all(), heard: heard.clone() };
                let engine = future::join(run, listen(told));
                runtime.block_on(async {
                    tokio::select! {
                        _ = engine => {}
                        () = serve(&folder, &handle, &heard) => {}
                    }
                });
            }
            (Err(error), _) => drop(started.send(Err(gone(&error)))),
            (_, Err(error)) => drop(started.send(Err(error))),
        }
    };
    std::thread::Builder::new().name("engine".into()).spawn(body).map_err(|error| gone(&error))?;
    handle.recv().unwrap_or_else(|_| Err(gone(&"its thread ended")))
}

#[cfg(unix)]
async fn serve(folder: &Path, handle: &Handle, heard: &broadcast::Sender<Notice>) {
    if let Err(error) = super::socket::serve(folder, handle, heard).await {
        // the window works all the same
        tracing::warn!(%error, "other programs cannot reach Mooring on this device");
    }
    future::pending().await
}

#[cfg(not(unix))]
async fn serve(_folder: &Path, _handle: &Handle, _heard: &broadcast::Sender<Notice>) {
    future::pending().await
}

/// The events of an engine on its thread, for whoever asks by the handle that came with it.
pub struct Told {
    notices: Notices,
    /// Programs of the socket hear what is for them.
    heard: broadcast::Sender<Notice>,
}

impl Stream for Told {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            let Some(notice) = ready!(self.notices.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            let event = notice.is_for("").then(|| notice.event.clone());
            if self.heard.receiver_count() > 0 {
                // nobody who hears it by now is no failure
                drop(self.heard.send(notice));
            }
            if event.is_some() {
                return Poll::Ready(event);
            }
        }
    }
}
