//! The log: ids, sizes and durations; never content, tokens or logins.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The Cassandra driver calls it an error when a node is away; here each request that suffers from it says so.
const USUAL: &str = "info,scylla=off";

/// Starts the log on standard error. `MOORING_LOG` filters it, such as `debug` or `sync_server=debug,info`.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("MOORING_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let builder = fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init()
        }
    }
}
