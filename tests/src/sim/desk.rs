//! Where pulls wait at the server. Tokio wakes those who wait for the same news in an order of chance; here all of them
//! are looked at in the order in which they came, whoever is woken first, so that a seed decides everything.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use sync_client::replica::session::SendError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::server::Answer;

type Served = Result<Answer, SendError>;
type Waiting = (Pin<Box<dyn Future<Output = Served> + Send>>, oneshot::Sender<Served>);

/// The way to the desk.
#[derive(Clone)]
pub struct Desk(UnboundedSender<Waiting>);

impl Desk {
    /// Opens one; it closes with the last way to it.
    pub fn open() -> Self {
        let (sender, mut arriving) = unbounded_channel();
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            poll_fn(|cx| poll_all(&mut arriving, &mut waiting, cx)).await;
        });
        Self(sender)
    }

    /// Waits at the desk until it is served.
    pub async fn wait(&self, request: impl Future<Output = Served> + Send + 'static) -> Served {
        let (sender, receiver) = oneshot::channel();
        let closed = || SendError::NoAnswer("the desk is closed".into());
        self.0.send((Box::pin(request), sender)).map_err(|_| closed())?;
        receiver.await.map_err(|_| closed())?
    }
}

fn poll_all(
    arriving: &mut UnboundedReceiver<Waiting>,
    waiting: &mut Vec<Waiting>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let closed = loop {
        match arriving.poll_recv(cx) {
            Poll::Ready(Some(new)) => waiting.push(new),
            Poll::Ready(None) => break true,
            Poll::Pending => break false,
        }
    };
    let mut at = 0;
    while at < waiting.len() {
        match waiting[at].0.as_mut().poll(cx) {
            Poll::Ready(served) => {
                let (_, sender) = waiting.remove(at);
                // nobody waits any more where the run is over
                let _ = sender.send(served);
            }
            Poll::Pending => at += 1,
        }
    }
    if closed && waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
}
