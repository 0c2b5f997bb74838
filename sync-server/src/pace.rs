//! How fast bytes must come or be taken: by progress, never as a whole. A phone on 32 kbit/s gets through whatever the
//! size; who keeps the server waiting with a byte now and then does not.

use axum::body::Body;
use axum::body::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits;

/// Time in hand: waiting uses it up, each byte buys some back, never more than [`limits::PATIENCE`].
#[derive(Debug)]
struct Pace {
    left: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    since: Option<Instant>,
}

impl Pace {
    fn new() -> Self {
        Self { left: limits::PATIENCE, waiting: None, since: None }
    }

    /// Nothing came or went; ready once that has lasted too long.
    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let deadline = since + self.left;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if waiting.deadline() != deadline {
            waiting.as_mut().reset(deadline);
        }
        waiting.as_mut().poll(cx)
    }

    /// So many bytes came or went.
    fn moved(&mut self, bytes: usize) {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let bought = limits::PER_BYTE.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.left = self.left.saturating_sub(waited).saturating_add(bought).min(limits::PATIENCE);
    }
}

/// The body of a request did not keep coming.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body stopped coming, or came too slowly")]
pub struct TooSlow;

/// When the last byte of a request's body came; who limits the time of the answer counts from there.
#[derive(Clone, Debug)]
pub struct Arrival(Arc<Mutex<Instant>>);

impl Arrival {
    /// When that was.
    pub fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's body that fails with [`TooSlow`] where it does not keep coming.
pub fn paced(body: Body) -> (Body, Arrival) {
    let arrival = Arrival(Arc::new(Mutex::new(Instant::now())));
    let body = Incoming { inner: body, pace: Pace::new(), arrival: arrival.clone() };
    (Body::new(body), arrival)
}

struct Incoming {
    inner: Body,
    pace: Pace,
    arrival: Arrival,
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            ready!(this.pace.waits(cx));
            return Poll::Ready(Some(Err(TooSlow.into())));
        };
        if let Some(Ok(frame)) = &frame {
            this.pace.moved(frame.data_ref().map_or(0, Bytes::len));
        }
        *this.arrival.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A connection whose other end must keep taking what is written.
#[derive(Debug)]
pub struct PacedStream<S> {
    inner: S,
    pace: Pace,
}

impl<S> PacedStream<S> {
    /// Watches over a stream.
    pub fn new(inner: S) -> Self {
        Self { inner, pace: Pace::new() }
    }

    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Pending => {
                ready!(self.pace.waits(cx));
                Poll::Ready(Err(ErrorKind::TimedOut.into()))
            }
            Poll::Ready(done) => {
                self.pace.moved(done.as_ref().map_or(0, bytes));
                Poll::Ready(done)
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.written(cx, written, |bytes| *bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.written(cx, written, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.written(cx, flushed, |()| 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.written(cx, shut, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    /// A body that gives `bytes` every `pause`.
    fn dripping(bytes: usize, pause: Duration, times: usize) -> Body {
        let chunks = futures::stream::unfold(0, move |done| async move {
            if done == times {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, io::Error>(Bytes::from(vec![b' '; bytes])), done + 1))
        });
        Body::from_stream(chunks)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_gets_through_whatever_the_size() {
        // 4 MiB at 32 kbit/s: 17 minutes
        let (body, arrival) = paced(dripping(8_000, Duration::from_secs(2), 524));
        let started = Instant::now();
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 524 * 8_000);
        assert!(started.elapsed() > Duration::from_secs(1_000));
        assert!(arrival.last().elapsed() < Duration::from_secs(1), "its time counts from its end");
    }

    #[tokio::test(start_paused = true)]
    async fn who_drips_is_cut_off() {
        for (bytes, pause) in [(1, 10), (1, 1), (5_000, 29), (0, 5)] {
            let (body, _) = paced(dripping(bytes, Duration::from_secs(pause), 10_000));
            let ended = timeout(Duration::from_mins(5), body.collect()).await.expect("it is cut off");
            let error = ended.unwrap_err();
            assert!(format!("{error:?}").contains("TooSlow"), "{error:?}");
        }
        let (body, _) = paced(Body::from_stream(futures::stream::pending::<io::Result<Bytes>>()));
        assert!(timeout(limits::PATIENCE * 2, body.collect()).await.expect("silence ends").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken_and_may_be_taken_slowly() {
        for (bytes, pause, whole) in [(8_000, 2, true), (1, 10, false), (0, 1, false)] {
            let (near, mut far) = tokio::io::duplex(1_000);
            let mut near = PacedStream::new(near);
            let reader = tokio::spawn(async move {
                let mut taken = vec![0; bytes];
                loop {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    if far.read_exact(&mut taken).await.is_err() {
                        return;
                    }
                }
            });
            let written = timeout(Duration::from_mins(60), near.write_all(&vec![0; 1 << 20])).await.unwrap();
            assert_eq!(written.is_ok(), whole, "{bytes} bytes every {pause} s: {written:?}");
            drop(near);
            reader.abort();
        }
    }
}
