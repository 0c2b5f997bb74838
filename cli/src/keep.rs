//! In step with the server: exchanging, standing, telling what changes, and the service without a window.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sync_client::api::{Answer, Command, Event, Phase, Status, Transport};
use sync_protocol::{RecordId, Timestamp};
use tokio::time::Instant;

use crate::args::Watch;
use crate::failure::Failure;
use crate::link::Link;
use crate::records::Written;
use crate::{find, print, records, used};

/// How long a status may be old where nothing is told.
const ASKED: Duration = Duration::from_millis(250);

pub(crate) async fn status(link: &mut Link) -> Result<Status, Failure> {
    match link.ask(Command::Status).await? {
        Answer::Status(status) => Ok(*status),
        other => Err(find::unexpected(&other)),
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_millis() as i64)
}

/// Exchanges everything with the server: what waits is judged, and its news are here.
pub(crate) async fn exchange(link: &mut Link, timeout: u64) -> Result<Status, Failure> {
    // an engine that waits for news all the time has them; one that has just started asks for them first
    let fresh = link.is_own().then(now);
    link.ask(Command::SyncNow).await?;
    settle(link, timeout, fresh).await
}

/// Waits until nothing is under way; where `fresh` says so, until the server has said since then that nothing is missing.
pub(crate) async fn settle(
    link: &mut Link,
    timeout: u64,
    fresh: Option<Timestamp>,
) -> Result<Status, Failure> {
    let end = Instant::now() + Duration::from_secs(timeout);
    loop {
        let status = status(link).await?;
        let asked = fresh.is_none_or(|since| status.caught_up_at >= Some(since));
        let waits = status.pending - status.held;
        match status.phase {
            Phase::Local => return Ok(status),
            Phase::Idle if asked && waits == 0 => return Ok(status),
            Phase::NeedsSignIn => {
                return Err(Failure::SignIn(format!("Sign in again: {}.", status.pill().text)));
            }
            Phase::NeedsUpdate | Phase::Removed => {
                return Err(Failure::Refused(format!("{}.", status.pill().text)));
            }
            Phase::Paused => {
                return Err(Failure::Refused("Sending and fetching is paused on this device.".into()));
            }
            _ => {}
        }
        // it has tried, and waits before it tries again
        if status.transport == Transport::Offline && status.retry_at.is_some() {
            let why =
                status.cause.or(status.problem).unwrap_or_else(|| "the server cannot be reached".into());
            return Err(Failure::Offline(format!(
                "Not in step: {why} {} safe on this device.",
                counted(status.pending)
            )));
        }
        if Instant::now() >= end {
            return Err(Failure::Offline(format!(
                "Not in step after {timeout} s: {} to send. What is saved is kept; it is sent later.",
                counted(waits)
            )));
        }
        // whatever is told, the status is asked again
        drop(tokio::time::timeout(ASKED, link.event()).await);
    }
}

/// Whether what is stored equals what the server has, as soon as the server has been asked.
pub(crate) async fn verified(link: &mut Link, timeout: u64) -> Result<bool, Failure> {
    let end = Instant::now() + Duration::from_secs(timeout);
    while !settle(link, timeout, None).await?.verified {
        if Instant::now() >= end {
            return Ok(false);
        }
        drop(tokio::time::timeout(ASKED, link.event()).await);
    }
    Ok(true)
}

fn counted(changes: u64) -> String {
    if changes == 1 { "1 change".into() } else { format!("{changes} changes") }
}

pub(crate) async fn tell(
    link: &mut Link,
    folder: &Path,
    status: &Status,
    as_json: bool,
) -> Result<(), Failure> {
    let used = used::read(folder).await?;
    let workspace = find::session(link).await?;
    let open = workspace.workspaces.iter().chain(&workspace.local).find(|one| Some(one.id) == workspace.open);
    if as_json {
        let mut told = json!(status);
        told["workspace"] = json!(open.map(|one| &one.name));
        told["server"] = json!(workspace.server);
        told["used"] = json!(used);
        told["says"] = json!(status.pill().text);
        return print::json(&told);
    }
    print::line(&format!("{}: {}", open.map_or("Mooring", |one| one.name.as_str()), status.pill().text))?;
    if let Some(used) = used {
        print::line(&format!("  commands are about “{}”, as said with: mooring-cli use", used.name))?;
    }
    let counts = [
        ("to send", status.pending),
        (if status.conflicts == 1 { "needs review" } else { "need review" }, status.conflicts),
        ("refused by the server", status.rejected),
    ];
    for (what, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        print::line(&format!("  {count} {what}"))?;
    }
    for sentence in [&status.problem, &status.cause, &status.notice].into_iter().flatten() {
        print::line(&format!("  {sentence}"))?;
    }
    Ok(())
}

/// Tells which records change, a line each, until it is stopped.
pub(crate) async fn watch(link: &mut Link, watch: &Watch) -> Result<(), Failure> {
    let mut only = Vec::new();
    for name in &watch.collections {
        only.push(find::collection(link, name).await?.id);
    }
    link.ask(Command::Follow).await?;
    let mut told = 0;
    loop {
        let Event::Touched { by, records } = link.event().await? else { continue };
        let wanted: BTreeMap<_, _> = records
            .into_iter()
            .filter(|(id, _)| !id.is_reserved() && (only.is_empty() || only.contains(id)))
            .collect();
        for (collection, keys) in wanted {
            let by = if by.is_empty() { "server" } else { "device" };
            if keys.is_empty() {
                // too many to name
                print::json(&json!({ "collection": collection, "many": true, "by": by }))?;
                told += 1;
            }
            let ids: Vec<RecordId> =
                keys.into_iter().map(|key| RecordId::new(collection.clone(), key)).collect();
            let found = records::values(link, &ids).await?;
            for (id, fields) in ids.iter().zip(&found) {
                let line = Written::new(&id.key, fields.as_ref());
                print::json(&Written { collection: Some(&collection), by: Some(by), ..line })?;
                told += 1;
                if watch.limit.is_some_and(|limit| told >= limit) {
                    return Ok(());
                }
            }
        }
    }
}

/// Keeps in step until it is stopped.
pub(crate) async fn run(folder: &Path, workspace: Option<&str>) -> Result<(), Failure> {
    let mut link = Link::serve(folder).await?;
    // a service that cannot have its workspace says so and ends
    let open = find::workspace(&mut link, folder, workspace).await?;
    print::note(&format!("Keeping “{}” in step. Stop with Ctrl+C.", open.name));
    stopped().await
}

/// Whatever was saved is on the disk: it may end at any time.
#[cfg(unix)]
async fn stopped() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut end = signal(SignalKind::terminate()).map_err(|error| Failure::Device(error.to_string()))?;
    tokio::select! {
        _ = end.recv() => Ok(()),
        stopped = tokio::signal::ctrl_c() => stopped.map_err(|error| Failure::Device(error.to_string())),
    }
}

#[cfg(not(unix))]
async fn stopped() -> Result<(), Failure> {
    tokio::signal::ctrl_c().await.map_err(|error| Failure::Device(error.to_string()))
}
