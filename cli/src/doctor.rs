//! Looks at everything that could be wrong, in the order in which one thing stands on another.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use sync_client::api::{Command, Phase, SignInKept, Transport};

use crate::args::Cli;
use crate::failure::Failure;
use crate::link::Link;
use crate::{find, keep, print};

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    is_well: bool,
    says: String,
}

/// Ends with 1 where something is wrong.
pub(crate) async fn command(folder: &Path, cli: &Cli) -> Result<ExitCode, Failure> {
    let mut findings = Vec::new();
    look(folder, cli, &mut findings).await;
    let is_well = findings.iter().all(|finding| finding.is_well);
    for Finding { what, is_well, says } in findings {
        match cli.json {
            true => print::json(&json!({ "what": what, "well": is_well, "says": says }))?,
            false => print::line(&format!("{}  {what}: {says}", if is_well { "ok   " } else { "WRONG" }))?,
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(folder: &Path, cli: &Cli, findings: &mut Vec<Finding>) {
    let mut found = |what, is_well, says: String| {
        findings.push(Finding { what, is_well, says });
        is_well
    };
    found("program", true, format!("mooring-cli {}", env!("CARGO_PKG_VERSION")));
    let there = folder.is_dir();
    found(
        "folder",
        true,
        format!("{}{}", folder.display(), if there { "" } else { " (not there yet: it is made)" }),
    );
    #[cfg(unix)]
    if let Ok(data) = std::fs::metadata(folder) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o777;
        let says = if mode & 0o077 == 0 {
            "for its owner only".into()
        } else {
            format!("others can look into it (mode {mode:o}): chmod 700")
        };
        found("rights", mode & 0o077 == 0, says);
    }
    let mut link = match Link::open(folder).await {
        Ok(link) => link,
        Err(failure) => {
            found("records", false, failure.to_string());
            return;
        }
    };
    found(
        "engine",
        true,
        if link.is_own() { "this command's own".into() } else { "in the program that is running".into() },
    );
    let session = match find::session(&mut link).await {
        Ok(session) => session,
        Err(failure) => {
            found("records", false, failure.to_string());
            return;
        }
    };
    let server = session.server.clone().unwrap_or_else(|| "none was said yet".into());
    found("server", true, server);
    let user = session.user.as_ref().map_or("nobody".into(), |user| user.name.clone());
    found("signed in", session.user.is_some() || !session.local.is_empty(), user);
    if let Some(kept) = session.sign_in_kept {
        let says = match kept {
            SignInKept::KeyStore => "in this system's key store",
            SignInKept::File => {
                "in a file of the folder, for its owner only: no key store of this system answers"
            }
            SignInKept::Unreached => {
                "in this system's key store, which does not give it: unlock it, or sign in again"
            }
        };
        found("token", kept != SignInKept::Unreached, says.into());
    }
    let workspace = match find::workspace(&mut link, folder, cli.workspace.as_deref()).await {
        Ok(workspace) => workspace,
        Err(failure) => {
            found("workspace", false, failure.to_string());
            return;
        }
    };
    found("workspace", true, workspace.name);
    match keep::exchange(&mut link, cli.timeout).await {
        Err(failure) => {
            found("in step", false, failure.to_string());
        }
        Ok(status) if status.phase == Phase::Local => {
            found("in step", true, "on this device only".into());
        }
        Ok(status) => {
            found("in step", status.transport == Transport::Online, status.pill().text);
            found(
                "unsent",
                status.held == 0,
                format!("{} changes, {} of them wait for a refused one", status.pending, status.held),
            );
            found("refused", status.rejected == 0, format!("{} changes", status.rejected));
            // what is really stored, not what memory says
            match link.ask(Command::Verify).await {
                Err(failure) => found("checksums", false, failure.to_string()),
                Ok(_) => match keep::verified(&mut link, cli.timeout).await {
                    Ok(true) => {
                        found("checksums", true, "this device holds exactly what the server holds".into())
                    }
                    Ok(false) => found("checksums", false, "not equal to the server's".into()),
                    Err(failure) => found("checksums", false, failure.to_string()),
                },
            };
        }
    }
}
