//! What the program tells of itself: on standard error, and in files of which a week is kept.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sync_client::store::profile::private_folder;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Days that are kept.
const DAYS: usize = 7;
const NAME: &str = "mooring";
const ENDING: &str = "log";

/// The files' folder, in the folder of records.
pub(crate) fn folder(records: &Path) -> PathBuf {
    records.join("logs")
}

/// Tells from now on. The files have a line of JSON for each thing, so that a report can leave values out.
pub(crate) fn start(records: &Path) -> anyhow::Result<()> {
    private_folder(&folder(records)).context("the folder of log files")?;
    let daily = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(NAME)
        .filename_suffix(ENDING)
        .max_log_files(DAYS)
        .build(folder(records))
        .context("the log files")?;
    let said = EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    let kept = EnvFilter::new("warn,mooring=info,sync_client=info");
    tracing_subscriber::registry()
        .with(fmt::layer().with_writer(std::io::stderr).with_filter(said))
        .with(fmt::layer().json().with_writer(daily).with_filter(kept))
        .init();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(%panic, "a part of the program has ended unexpectedly");
        before(panic);
    }));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(())
}

/// The newest file.
pub(crate) fn newest(records: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder(records)).ok()?;
    let ours = files.filter_map(|file| Some(file.ok()?.path()));
    // their names have the day
    ours.filter(|path| path.extension().is_some_and(|ending| ending == ENDING)).max()
}
