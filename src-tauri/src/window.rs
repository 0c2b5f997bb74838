//! The one window: opened, raised, led to what a person wants to see, and closed only when nothing unsaved would be lost.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sync_client::api::{Phase, Status};
use sync_client::import::check_size;
use tauri::ipc::Response;
use tauri::{AppHandle, CloseRequestApi, Emitter, Manager, RunEvent, State, WebviewWindow, WindowEvent};
use tauri_plugin_window_state::{AppHandleExt, StateFlags};

use crate::arrival::{Arrival, Start};
use crate::goes_on;

/// Its label.
pub(crate) const MAIN: &str = "main";
/// Tells the screen that something waits for it, see [`arrived`].
const ARRIVED: &str = "mooring-arrived";
/// Asks the screen whether the window may close, see [`leave`].
const CLOSING: &str = "mooring-closing";
/// Arrivals that wait for a screen; of more only the newest are of use.
const WAITING: usize = 32;

/// What the window is about.
#[derive(Default)]
pub(crate) struct Shown(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// What the screen has not taken yet.
    arrivals: VecDeque<Arrival>,
    /// The file that the screen was told of last.
    file: Option<PathBuf>,
    /// Whether a form has input that is not saved.
    unsaved: bool,
    /// Whether the program ends with the window.
    quitting: bool,
    /// Whether there is something to go on with while no window is open.
    goes_on: bool,
}

impl Shown {
    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        // whoever panicked while holding it left whole values behind
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is not in step with a server has nothing to do while nobody looks.
    pub(crate) fn hear(&self, status: &Status) {
        self.with(|inner| inner.goes_on = !matches!(status.phase, Phase::Closed | Phase::Local));
    }
}

/// How the window's place and size are kept.
pub(crate) fn remembered() -> StateFlags {
    StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN
}

/// Does what a start asks for: also what a second one has handed over. On any thread.
pub(crate) fn begin(app: &AppHandle, start: Start) {
    if start.hidden && start.arrivals.is_empty() {
        goes_on::tell(app);
        return;
    }
    let shown = app.state::<Shown>();
    shown.with(|inner| {
        inner.arrivals.extend(start.arrivals);
        while inner.arrivals.len() > WAITING {
            inner.arrivals.pop_front();
        }
    });
    let handle = app.clone();
    let opened = app.run_on_main_thread(move || {
        if let Err(error) = open(&handle) {
            tracing::error!(%error, "the window does not open");
        }
    });
    if let Err(error) = opened {
        tracing::warn!(%error, "it is ending");
    }
}

/// Shows one thing.
pub(crate) fn show(app: &AppHandle, arrival: Arrival) {
    begin(app, Start { arrivals: vec![arrival], hidden: false });
}

/// Raises the window, or opens it anew.
fn open(app: &AppHandle) -> tauri::Result<()> {
    match app.get_webview_window(MAIN) {
        Some(window) => {
            raise(&window);
            window.emit(ARRIVED, ())
        }
        None => {
            let config = app.config().app.windows.first().ok_or(tauri::Error::WindowNotFound)?;
            // it is there by now, with the size and the place that it had; nobody has seen another one
            tauri::WebviewWindowBuilder::from_config(app, config)?.build()?.show()
        }
    }
}

fn raise(window: &WebviewWindow) {
    // a window that cannot be raised still shows what is wanted
    drop(window.unminimize());
    drop(window.show());
    drop(window.set_focus());
}

/// Ends the program, after a question where something is not saved.
pub(crate) fn quit(app: &AppHandle) {
    match app.get_webview_window(MAIN) {
        Some(window) if app.state::<Shown>().with(|inner| inner.unsaved) => {
            app.state::<Shown>().with(|inner| inner.quitting = true);
            ask(&window);
        }
        _ => app.exit(0),
    }
}

/// As a click on the cross in its frame.
pub(crate) fn close(app: &AppHandle) {
    if let Some(Err(error)) = app.get_webview_window(MAIN).map(|window| window.close()) {
        tracing::warn!(%error, "the window does not close");
    }
}

fn ask(window: &WebviewWindow) {
    raise(window);
    if let Err(error) = window.emit(CLOSING, ()) {
        tracing::warn!(%error, "the screen was not asked");
    }
}

/// What the system tells of the program.
pub(crate) fn hear(app: &AppHandle, event: RunEvent) {
    match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } => closing(app, &api),
        RunEvent::WindowEvent { event: WindowEvent::Destroyed, .. } => {
            app.state::<Shown>().with(|inner| inner.unsaved = false);
        }
        // the last window has gone: sync goes on
        RunEvent::ExitRequested { code: None, api, .. }
            if app.state::<Shown>().with(|inner| inner.goes_on && !inner.quitting) =>
        {
            api.prevent_exit();
            goes_on::tell(app);
        }
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            let here = std::env::current_dir().unwrap_or_default();
            let arrivals = urls.iter().filter_map(|url| crate::arrival::arrival(url.as_str(), &here));
            begin(app, Start { arrivals: arrivals.collect(), hidden: false });
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => begin(app, Start::default()),
        _ => {}
    }
}

fn closing(app: &AppHandle, api: &CloseRequestApi) {
    if let Err(error) = app.save_window_state(remembered()) {
        tracing::warn!(%error, "the window's place is not kept");
    }
    if app.state::<Shown>().with(|inner| inner.unsaved)
        && let Some(window) = app.get_webview_window(MAIN)
    {
        api.prevent_close();
        ask(&window);
    }
}

/// The screen says whether something is not saved.
#[tauri::command]
pub(crate) fn unsaved(shown: State<'_, Shown>, unsaved: bool) {
    shown.with(|inner| inner.unsaved = unsaved);
}

/// The person's answer, where the window was to close.
#[tauri::command]
pub(crate) fn leave(app: AppHandle, shown: State<'_, Shown>, leave: bool) -> Result<(), String> {
    let quitting = shown.with(|inner| {
        inner.unsaved &= !leave;
        std::mem::take(&mut inner.quitting)
    });
    match app.get_webview_window(MAIN) {
        _ if leave && quitting => app.exit(0),
        Some(window) if leave => window.destroy().map_err(|error| error.to_string())?,
        _ => {}
    }
    Ok(())
}

/// The next thing that the screen is to show, as JSON: a link, a review, or the name of a file.
#[tauri::command]
pub(crate) fn arrived(shown: State<'_, Shown>) -> Option<String> {
    shown.with(|inner| {
        let arrival = inner.arrivals.pop_front()?;
        let told = match arrival {
            Arrival::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                inner.file = Some(path);
                serde_json::json!({ "file": name })
            }
            other => serde_json::json!(other),
        };
        Some(told.to_string())
    })
}

/// The bytes of the file that the screen was told of last: it may read no other one.
#[tauri::command(async)]
pub(crate) fn arrived_file(shown: State<'_, Shown>) -> Result<Response, String> {
    let path = shown.with(|inner| inner.file.take()).ok_or("There is no file any more. Open it again.")?;
    let unreadable = |error: std::io::Error| format!("“{}” cannot be read: {error}.", path.display());
    let about = std::fs::metadata(&path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(format!("“{}” is not a file.", path.display()));
    }
    check_size(about.len()).map_err(|failure| failure.message)?;
    std::fs::read(&path).map(Response::new).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_without_a_window_only_where_there_is_a_server() {
        let shown = Shown::default();
        for (phase, goes_on) in
            [(Phase::Idle, true), (Phase::Paused, true), (Phase::Closed, false), (Phase::Local, false)]
        {
            shown.hear(&Status { phase, ..Status::default() });
            assert_eq!(shown.with(|inner| inner.goes_on), goes_on, "{phase:?}");
        }
    }
}
