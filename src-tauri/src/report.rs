//! A report for whoever helps when something is wrong: what the program is, how it is doing, and what it has told of itself. No name,
//! address, key or value of anybody's records is in it.

use std::fmt::Write;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sync_client::api::{Session, Status};

use crate::logs;

const NAME: &str = "mooring-report.txt";
/// Bytes of the newest log file that are looked at.
const TAIL: u64 = 256 * 1024;
/// Files of the folder that are listed.
const FILES: usize = 500;

/// What the engine says; `None` where it does not answer.
pub(crate) struct Known {
    pub(crate) status: Option<Status>,
    pub(crate) session: Option<Session>,
}

/// Writes it into the folder of records, and says where.
pub(crate) fn save(records: &Path, known: &Known) -> io::Result<PathBuf> {
    let path = records.join(NAME);
    std::fs::write(&path, text(records, known))?;
    Ok(path)
}

fn text(records: &Path, known: &Known) -> String {
    let mut text = String::from(
        "Mooring: a report for support. It has no content of records, no names and no addresses.\n",
    );
    let mut line = |what: &str, is: &dyn std::fmt::Display| {
        // a text takes all that is written
        let _ = writeln!(text, "{what}: {is}");
    };
    line("version", &env!("CARGO_PKG_VERSION"));
    line("system", &format_args!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    line("web view", &tauri::webview_version().unwrap_or_else(|error| error.to_string()));
    for name in ["XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE"] {
        line(name, &std::env::var(name).unwrap_or_default());
    }
    match &known.status {
        Some(status) => {
            line("transport", &format_args!("{:?}", status.transport));
            line("phase", &format_args!("{:?}", status.phase));
            line("pending", &status.pending);
            line("held", &status.held);
            line("conflicts", &status.conflicts);
            line("rejected", &status.rejected);
            line("verified", &status.verified);
            line("caught up", &format_args!("{:?}", status.caught_up_at.map(|at| at.0)));
            line("has a problem", &status.problem.is_some());
            line("has a cause", &status.cause.is_some());
        }
        None => line("engine", &"it does not answer"),
    }
    if let Some(session) = &known.session {
        line("signed in", &session.user.is_some());
        line("signed in by", &format_args!("{:?}", session.sign_in_kept));
        line("workspaces", &session.workspaces.len());
        line("workspaces on this device only", &session.local.len());
        let scheme = session.server.as_deref().and_then(|server| server.split(':').next());
        line("server by", &scheme.unwrap_or("none"));
    }
    text.push_str("\nfiles, their bytes and who may read them\n");
    list(records, records, &mut text, &mut 0);
    text.push_str("\nwhat was told, without what it was about\n");
    if let Some(newest) = logs::newest(records) {
        told(&newest, &mut text);
    }
    text
}

/// Files by their place, which says nothing: folders of workspaces have ids for names.
fn list(records: &Path, folder: &Path, text: &mut String, count: &mut usize) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(about) = entry.metadata() else { continue };
        *count += 1;
        if *count > FILES {
            return;
        }
        let path = entry.path();
        let place = path.strip_prefix(records).unwrap_or(&path).display();
        let _ = writeln!(text, "{place} {} {}", about.len(), mode(&about));
        if about.is_dir() {
            list(records, &path, text, count);
        }
    }
}

#[cfg(unix)]
fn mode(about: &std::fs::Metadata) -> String {
    format!("{:o}", std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777)
}

#[cfg(not(unix))]
fn mode(_about: &std::fs::Metadata) -> String {
    String::new()
}

/// A line of a log file.
#[derive(Deserialize)]
struct Line {
    timestamp: String,
    level: String,
    target: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    message: String,
}

/// The end of a log file: of our own parts the words, which are fixed, never the values in them; of others not even the words.
fn told(file: &Path, text: &mut String) {
    let read = || -> io::Result<String> {
        let mut file = std::fs::File::open(file)?;
        let from = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    for line in read().unwrap_or_default().lines().filter_map(|line| serde_json::from_str::<Line>(line).ok())
    {
        let Line { timestamp, level, target, fields } = line;
        let ours = ["mooring", "sync_client", "sync_protocol"].iter().any(|own| target.starts_with(own));
        let words = if ours { fields.message.as_str() } else { "" };
        let _ = writeln!(text, "{timestamp} {level} {target} {words}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_has_no_values() {
        let folder = std::env::temp_dir().join(format!("mooring-report-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(logs::folder(&folder)).expect("a folder");
        let line = |target: &str| {
            serde_json::json!({
                "timestamp": "2026-01-01T00:00:00Z", "level": "WARN", "target": target,
                "fields": { "message": "a row was not read", "error": "secret value" },
            })
        };
        let lines = format!("cut off\n{}\n{}\n", line("sync_client::store"), line("other"));
        std::fs::write(logs::folder(&folder).join("mooring.2026-01-01.log"), lines).expect("a file");
        let status = Status { problem: Some("secret problem".into()), ..Status::default() };
        let server = Some("https://secret.example".into());
        let session = Session { server, ..Session::default() };
        let path = save(&folder, &Known { status: Some(status), session: Some(session) }).expect("a report");
        let text = std::fs::read_to_string(path).expect("it is there");
        std::fs::remove_dir_all(folder).expect("its folder");
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("WARN sync_client::store a row was not read\n"), "{text}");
        assert!(text.contains("WARN other \n"), "{text}");
        assert!(text.contains("has a problem: true") && text.contains("server by: https"), "{text}");
    }
}
