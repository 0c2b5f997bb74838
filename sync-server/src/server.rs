//! Takes connections, and stops without cutting anything off.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use crate::answer::Failure;
use crate::app::{App, Peer};
use crate::auth::network_of;
use crate::connections::{AtWork, Connections, Place};
use crate::pace::PacedStream;
use crate::tls::Tls;
use crate::{limits, routes, system};

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {cause}. Another program may use this port: stop it, or choose another one with --listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The sample account would be open to the network.
    #[error(
        "--demo lets anybody in without a password, so it works only on this machine: use it with --listen 127.0.0.1:8420, or leave it out"
    )]
    DemoNotLocal,
}

/// Whether a server may be reached at that address.
///
/// # Errors
/// Where the sample account would be open to the network.
pub fn may_listen(address: SocketAddr, demo: bool) -> Result<(), StartError> {
    if demo && !address.ip().is_loopback() { Err(StartError::DemoNotLocal) } else { Ok(()) }
}

/// A server that has its port.
pub struct Server {
    listener: TcpListener,
    app: App,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Takes the port. Connections wait until [`Server::run`].
    pub async fn bind(address: SocketAddr, app: App, tls: Option<Arc<Tls>>) -> Result<Self, StartError> {
        may_listen(address, app.options.demo)?;
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|cause| StartError::Listen { address, cause })?;
        Ok(Self { listener, app, tls })
    }

    /// Where it listens; tells the port where 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves; then takes no new connections, wakes the waiting pulls and finishes what is under
    /// way, for at most [`limits::STOP_TIME`].
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let router = routes::router(self.app.clone());
        let most = system::connections();
        if most < limits::CONNECTIONS {
            info!(connections = most, "the limit of open files allows fewer connections than usual");
        }
        // the proxy's address is everybody's: it counts for itself
        let per_address = if self.app.options.behind_proxy { most } else { limits::CONNECTIONS_PER_ADDRESS };
        let connections = Arc::new(Connections::new(most, per_address));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        let mut pause = limits::ACCEPT_PAUSE;
        loop {
            let accepted = async {
                connections.room().await;
                self.listener.accept().await
            };
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = limits::ACCEPT_PAUSE;
                    let Some(place) = connections.enter(network_of(peer.ip())) else {
                        debug!("an address has as many connections at work as it may: one more is closed");
                        continue;
                    };
                    let end = place.end.clone();
                    let (watcher, router) = (graceful.watcher(), router.clone());
                    let (tls, counted) = (self.tls.clone(), self.app.metrics.connected());
                    let connection = async move {
                        let _counted = counted;
                        if let Err(error) = stream.set_nodelay(true) {
                            debug!(%error, "a connection stays without TCP_NODELAY");
                        }
                        match tls {
                            None => watcher.watch(connection(stream, peer, router, place)).await,
                            Some(tls) => {
                                let Some(stream) = secured(stream, &tls).await else { return Ok(()) };
                                watcher.watch(connection(stream, peer, router, place)).await
                            }
                        }
                    };
                    tokio::spawn(async move {
                        tokio::select! {
                            ended = connection => if let Err(error) = ended {
                                debug!(%error, "a connection ended early");
                            },
                            () = end.cancelled() => debug!("a silent connection gave way"),
                        }
                    });
                }
                Err(error) => {
                    // mostly too many open files: whoever is silent makes room, and the store gets a file, too
                    let gave_way = connections.end_oldest();
                    warn!(%error, gave_way, "cannot take a connection");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(limits::ACCEPT_PAUSE_LONGEST);
                }
            }
        }
        drop(self.listener);
        wind_up(self.app, graceful, &connections).await;
    }
}

/// The connection once both sides have agreed on keys, in the time that a head may take; `None` where they do not.
async fn secured(stream: TcpStream, tls: &Tls) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(limits::HEAD_TIME, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            debug!(%error, "no keys were agreed on");
            None
        }
        Err(_) => {
            debug!("no keys were agreed on in time");
            None
        }
    }
}

/// One connection: HTTP/1.1 with a time limit on the head and on a client that takes no answer.
fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    place: Arc<Place>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let at_work = place.works();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let nameless = request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST);
        let answer = router.clone().oneshot(request);
        async move {
            let answer = if nameless { no_host() } else { answer.await? };
            Ok::<_, std::convert::Infallible>(answer.map(|inner| Answer { inner, _at_work: at_work }))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_headers(limits::HEADERS)
        .max_buf_size(limits::HEAD_BYTES)
        .serve_connection(TokioIo::new(PacedStream::new(stream)), service)
}

/// RFC 9112, 3.2: a request of that version without a host is answered with 400.
fn no_host() -> Response {
    Failure::bad_request("The request has no Host header. Send the name that the server was reached by.")
        .into_response()
}

/// An answer's body; its connection is at work until it is written.
struct Answer {
    inner: Body,
    _at_work: AtWork,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

async fn wind_up(app: App, graceful: GracefulShutdown, connections: &Connections) {
    info!(connections = graceful.count(), pulls = app.pulls.in_use(), work = app.work.in_use(), "stopping");
    let deadline = Instant::now() + limits::STOP_TIME;
    app.stopping.cancel();
    app.commits.close();
    // a head that is half there would be waited for
    connections.end_silent();
    let done = async {
        graceful.shutdown().await;
        app.commits.wait().await;
    };
    match tokio::time::timeout_at(deadline, done).await {
        Ok(()) => info!("stopped; everything under way was finished"),
        Err(_) => warn!("stopped; some requests took too long and were cut, their clients send again"),
    }
}
