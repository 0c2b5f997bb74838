//! Figures for whoever watches over the server, as Prometheus reads them, on an address of their own. Counts, sizes and times by
//! route and kind: nothing of who or what.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

use crate::answer::Failure;
use crate::app::App;
use crate::{routes, system};

/// What the HTTP side counts since the process began. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    answers: Family<Answered, Counter>,
    times: Family<Asked, Histogram, fn() -> Histogram>,
    connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: String,
}

impl Default for Metrics {
    fn default() -> Self {
        // from a millisecond to the longest wait of a pull
        let times: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        Self {
            answers: Family::default(),
            times: Family::new_with_constructor(times),
            connections: Gauge::default(),
        }
    }
}

/// One connection, counted as long as it is there.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// A request was answered. The route, not the path: a path can carry a name.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        self.times.get_or_create(&Asked { route: route.clone() }).observe(took.as_secs_f64());
        self.answers.get_or_create(&Answered { route, method, status }).inc();
    }

    /// Somebody connected.
    pub fn connected(&self) -> Counted {
        self.connections.inc();
        Counted(self.connections.clone())
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("http_answers", "Answers by route and status", self.answers.clone());
        registry.register_with_unit(
            "http_answer",
            "Time from the head of a request to that of its answer; a pull waits up to 25 s for news",
            Unit::Seconds,
            self.times.clone(),
        );
        registry.register("connections", "Connections of clients that are open", self.connections.clone());
    }
}

/// What is looked up when it is asked for.
struct Now(App);

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let app = &self.0;
        let load = app.engine.load();
        let figures = [
            ("mooring_pulls", "Pulls under way: most of them wait for news", app.pulls.in_use()),
            ("mooring_work", "Pushes and snapshots under way", app.work.in_use()),
            ("mooring_bodies_bytes", "Bytes of request bodies in memory", app.bodies.in_use() << 10),
            ("mooring_cells", "Cells of the changes at work", app.cells.in_use()),
            (
                "mooring_partitions",
                "Partitions that were written through this server lately",
                load.partitions,
            ),
            ("mooring_cached_bytes", "Bytes that are kept of them to judge by", load.cached),
            ("mooring_queued_bytes", "Bytes of changes that wait to be judged", load.queued),
            ("mooring_room_bytes", "Bytes that are kept for those who wait for news", load.room),
        ];
        let process = [
            ("process_resident_memory_bytes", "Memory of the process", system::resident_bytes()),
            ("process_open_fds", "Files and connections that the process has open", system::open_files()),
        ];
        let known = process.into_iter().filter_map(|(name, help, value)| Some((name, help, value?)));
        for (name, help, value) in figures.into_iter().chain(known) {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

/// Answers whoever watches over the server until `stop` resolves.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let mut registry = Registry::default();
    let own = registry.sub_registry_with_prefix("mooring");
    app.metrics.register(own);
    app.engine.figures().register(own);
    own.register("store_reads", "Reads of the store, beside those of mirrors", app.door.reads().clone());
    own.register("build", "What runs", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
    registry.register_collector(Box::new(Now(app.clone())));
    let figures = Router::new().route("/metrics", get(told)).with_state(Arc::new(registry));
    axum::serve(listener, figures.merge(routes::health(app))).with_graceful_shutdown(stop).await
}

async fn told(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "the figures cannot be written");
            Failure::internal().into_response()
        }
    }
}
