//! Mooring's desktop shell: shows the screens and runs the engine natively, on sled. No sync rule lives here.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod engine;
mod notify;

use std::path::PathBuf;
use std::process::ExitCode;

use tauri::{Emitter, Manager, State};

use engine::Engine;
use notify::Notifier;

/// The event that carries everything the engine tells the screen.
const EVENT: &str = "mooring";
/// Tells the screen to show what needs review.
const REVIEW: &str = "mooring-review";
/// Overrides where records are kept, for tests and for carrying an install on a stick.
const DATA_DIR: &str = "MOORING_DATA_DIR";

const HELP: &str = "\
Mooring: records that stay in step, with or without a network.

usage: mooring

It opens a window and asks for the server's address once.

  --version  print the version
  --help     print this

MOORING_DATA_DIR  folder of its records, instead of the person's own
RUST_LOG          how much it tells on standard error; \"warn\" unless set
";

/// A request of the screen: a text of `api::Request` in, a text of `api::Response` out.
#[tauri::command]
async fn call(engine: State<'_, Engine>, request: String) -> Result<String, String> {
    engine.call(&request).await
}

/// Brings the window to the front with the list of what needs review.
fn show_review(app: &tauri::AppHandle) {
    for window in app.webview_windows().values() {
        // a window that cannot be raised still shows the list
        drop(window.unminimize());
        drop(window.show());
        drop(window.set_focus());
    }
    if let Err(error) = app.emit(REVIEW, ()) {
        tracing::warn!(%error, "the screen was not told to show what needs review");
    }
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--version" | "-V") => {
            println!("Mooring {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some("--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprint!("mooring: it takes no {other}\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    match show() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mooring: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Opens the window; returns when it is closed.
fn show() -> anyhow::Result<()> {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    anyhow::ensure!(
        !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY"),
        "there is no screen to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set"
    );
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    tauri::Builder::default()
        .setup(|app| {
            let folder = match std::env::var_os(DATA_DIR) {
                Some(folder) => PathBuf::from(folder),
                None => app.path().app_data_dir()?,
            };
            let window = app.handle().clone();
            let tell = move |event| {
                if let Err(error) = window.emit(EVENT, event) {
                    tracing::warn!(%error, "an event did not reach the screen");
                }
            };
            let screen = app.handle().clone();
            let engine = Engine::start(folder, tell, Notifier::new(move || show_review(&screen)));
            app.manage(engine);
            Ok(())
        })
        .invoke_handler(tauri::generate_handler![call])
        .run(tauri::generate_context!())?;
    Ok(())
}
