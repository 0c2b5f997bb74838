//! Takes connections, and stops without cutting anything off.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use crate::app::{App, Peer};
use crate::{limits, routes};

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

/// A server that has its port.
pub struct Server {
    listener: TcpListener,
    app: App,
}

impl Server {
    /// Takes the port. Connections wait until [`Server::run`].
    pub async fn bind(address: SocketAddr, app: App) -> Result<Self, StartError> {
        if app.options.demo && !address.ip().is_loopback() {
            return Err(StartError::DemoNotLocal);
        }
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|cause| StartError::Listen { address, cause })?;
        Ok(Self { listener, app })
    }

    /// Where it listens; tells the port where 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves; then takes no new connections, wakes the waiting pulls and finishes what is under
    /// way, for at most [`limits::STOP_TIME`].
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let router = routes::router(self.app.clone());
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let place = Arc::clone(&places).acquire_owned();
            let (place, accepted) = tokio::select! {
                () = &mut stop => break,
                both = async { (place.await, self.listener.accept().await) } => both,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = graceful.watch(connection(stream, peer, router.clone()));
                    tokio::spawn(async move {
                        let _place = place;
                        if let Err(error) = connection.await {
                            debug!(%error, "a connection ended early");
                        }
                    });
                }
                Err(error) => {
                    // mostly too many open files: the pause lets some close
                    warn!(%error, "cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(self.listener);
        wind_up(self.app, graceful).await;
    }
}

/// One connection: HTTP/1.1 with a time limit on the head and on a client that takes no answer.
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection stays without TCP_NODELAY");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits::WRITE_TIME));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_headers(limits::HEADERS)
        .max_buf_size(limits::HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
}

async fn wind_up(app: App, graceful: GracefulShutdown) {
    info!(connections = graceful.count(), pulls = app.pulls.in_use(), work = app.work.in_use(), "stopping");
    let deadline = Instant::now() + limits::STOP_TIME;
    app.stopping.cancel();
    app.commits.close();
    let done = async {
        graceful.shutdown().await;
        app.commits.wait().await;
    };
    match tokio::time::timeout_at(deadline, done).await {
        Ok(()) => info!("stopped; everything under way was finished"),
        Err(_) => warn!("stopped; some requests took too long and were cut, their clients send again"),
    }
}
