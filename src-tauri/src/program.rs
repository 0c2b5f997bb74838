//! What a person has the program do, beside looking at records: by the icon in the desktop's bar, and by the screens.

use std::path::{Path, PathBuf};

use sync_client::api::{Answer, Command, Session, Status};
use tauri::{AppHandle, Manager};
use tauri_plugin_autostart::ManagerExt;

use crate::arrival::{Arrival, Start};
use crate::engine::Engine;
use crate::report::{self, Known};
use crate::{logs, window};

/// The folder of records.
pub(crate) struct Records(pub(crate) PathBuf);

/// What things to do are called, in menus and between screen and shell.
pub(crate) mod does {
    pub(crate) const OPEN: &str = "open";
    pub(crate) const REVIEW: &str = "review";
    pub(crate) const SYNC: &str = "sync";
    pub(crate) const PAUSE: &str = "pause";
    pub(crate) const RESUME: &str = "resume";
    pub(crate) const LOGIN: &str = "login";
    pub(crate) const FOLDER: &str = "folder";
    pub(crate) const LOGS: &str = "logs";
    pub(crate) const REPORT: &str = "report";
    pub(crate) const CLOSE: &str = "close";
    pub(crate) const QUIT: &str = "quit";
}

/// Does it, and says whether the program starts when the person logs in. No name: only says that. What went wrong comes in words for
/// the person.
#[tauri::command]
pub(crate) async fn choose(app: AppHandle, what: String) -> Result<bool, String> {
    let records = app.state::<Records>().0.clone();
    match what.as_str() {
        "" => {}
        does::OPEN => window::begin(&app, Start::default()),
        does::REVIEW => window::show(&app, Arrival::Review(None)),
        does::SYNC => ask(&app, Command::SyncNow).await?,
        does::PAUSE => ask(&app, Command::Pause).await?,
        does::RESUME => ask(&app, Command::Resume).await?,
        does::LOGIN => turn_at_login(&app)?,
        does::FOLDER => show(&records)?,
        does::LOGS => show(&logs::folder(&records))?,
        does::REPORT => save_report(&app, &records).await?,
        does::CLOSE => window::close(&app),
        does::QUIT => window::quit(&app),
        other => return Err(format!("Mooring does not know “{other}”.")),
    }
    Ok(at_login(&app))
}

async fn ask(app: &AppHandle, command: Command) -> Result<(), String> {
    app.state::<Engine>().ask(command).await.map(drop).map_err(|failure| failure.message)
}

/// Whether it starts when the person logs in.
pub(crate) fn at_login(app: &AppHandle) -> bool {
    app.autolaunch().is_enabled().unwrap_or_else(|error| {
        tracing::debug!(%error, "what starts at login is not known");
        false
    })
}

fn turn_at_login(app: &AppHandle) -> Result<(), String> {
    let login = app.autolaunch();
    let turned = if at_login(app) { login.disable() } else { login.enable() };
    turned.map_err(|error| format!("What starts when you log in could not be changed: {error}."))
}

/// Has the system show a folder or a file.
fn show(path: &Path) -> Result<(), String> {
    open::that_detached(path).map_err(|error| format!("{} could not be shown: {error}.", path.display()))
}

async fn save_report(app: &AppHandle, records: &Path) -> Result<(), String> {
    let engine = app.state::<Engine>();
    let status: Option<Status> = match engine.ask(Command::Status).await {
        Ok(Answer::Status(status)) => Some(*status),
        _ => None,
    };
    let session: Option<Session> = match engine.ask(Command::Session).await {
        Ok(Answer::Session(session)) => Some(session),
        _ => None,
    };
    let path = report::save(records, &Known { status, session });
    show(&path.map_err(|error| format!("The report could not be saved: {error}."))?)
}
