//! Mooring's desktop shell: shows the screens and runs the engine natively, on sled. No sync rule lives here.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod arrival;
mod engine;
mod first;
mod goes_on;
mod logs;
mod notify;
mod program;
mod report;
mod tray;
mod window;

#[cfg(windows)]
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use sync_client::api::{Event, Response};
use sync_client::store::profile::private_folder;
use tauri::{Emitter, Manager, State};

use arrival::Start;
use engine::Engine;
use first::First;
use notify::Notifier;
use program::Records;
use tray::Tray;
use window::Shown;

/// The event that carries everything the engine tells the screen.
const EVENT: &str = "mooring";
/// Overrides where records are kept, for tests and for carrying an install on a stick.
const DATA_DIR: &str = "MOORING_DATA_DIR";
/// The window's place and size, in the folder of records.
const PLACE: &str = "window.json";

const HELP: &str = "\
Mooring: records that stay in step, with or without a network.

usage: mooring [LINK | FILE]...

It opens a window; where one is open already, that one comes to the front.

  LINK       mooring://w/WORKSPACE/..., as in the address of a screen: shows it
  FILE       a table to import: .csv, .json, .xlsx
  --hidden   only the icon in the desktop's bar, no window yet
  --version  print the version
  --help     print this

MOORING_DATA_DIR  folder of its records, instead of the person's own
MOORING_KEY_STORE  \"off\": the sign-in is in a file of that folder, not in the system's key store
RUST_LOG          how much it tells on standard error; \"warn\" unless set
";

/// A request of the screen: a text of `api::Request` in, a text of `api::Response` out.
#[tauri::command]
async fn call(engine: State<'_, Engine>, request: String) -> Result<String, String> {
    engine.call(&request).await
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    match arguments.first().map(String::as_str) {
        Some("--version" | "-V") => {
            println!("Mooring {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some("--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let here = std::env::current_dir().unwrap_or_default();
    let start = match Start::read(arguments, &here) {
        Ok(start) => start,
        Err(other) => {
            eprint!("mooring: it takes no {other}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match begin(start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mooring: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Shows what it was started with, in the window that there is or in one of its own.
fn begin(start: Start) -> anyhow::Result<()> {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    anyhow::ensure!(
        !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY"),
        "there is no screen to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set"
    );
    // all that it makes is its owner's alone
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let context = tauri::generate_context!();
    let folder = match std::env::var_os(DATA_DIR) {
        Some(folder) => std::path::absolute(folder)?,
        None => {
            let folder = dirs::data_dir().context("this system names no folder for a person's data")?;
            folder.join(&context.config().identifier)
        }
    };
    private_folder(&folder).with_context(|| format!("the folder of records, {}", folder.display()))?;
    let Some(first) = first::first(&folder, &start)? else { return Ok(()) };
    logs::start(&folder)?;
    run(context, folder, first, start)
}

/// Runs until a person quits.
fn run(context: tauri::Context, folder: PathBuf, first: First, start: Start) -> anyhow::Result<()> {
    let place = tauri_plugin_window_state::Builder::default()
        .with_state_flags(window::remembered())
        // it is joined to another folder, and stays itself
        .with_filename(folder.join(PLACE).to_string_lossy())
        .build();
    let builder = tauri::Builder::default();
    #[cfg(windows)]
    let builder = builder.plugin(tauri_plugin_single_instance::init(|app, arguments, here| {
        // one of options that are not understood still shows the window
        let start = Start::read(arguments.into_iter().skip(1), Path::new(&here)).unwrap_or_default();
        window::begin(app, start);
    }));
    let app = builder
        .plugin(place)
        .plugin(tauri_plugin_autostart::Builder::new().arg("--hidden").build())
        .invoke_handler(tauri::generate_handler![
            call,
            program::choose,
            window::unsaved,
            window::leave,
            window::arrived,
            window::arrived_file
        ])
        .setup(move |app| {
            let app = app.handle().clone();
            app.manage(Shown::default());
            app.manage(Records(folder.clone()));
            if let Some(tray) = Tray::show(&app) {
                app.manage(tray);
            }
            app.manage(engine(&app, folder));
            let raised = app.clone();
            first.listen(move |start| window::begin(&raised, start))?;
            window::begin(&app, start);
            Ok(())
        })
        .build(context)?;
    app.run(window::hear);
    Ok(())
}

/// The engine of a folder. What it tells goes to the screen, if there is one, and to the desktop's bar.
fn engine(app: &tauri::AppHandle, folder: PathBuf) -> Engine {
    let (told, clicked) = (app.clone(), app.clone());
    let tell = move |event: Event| {
        if let Event::Status(status) = &event {
            told.state::<Shown>().hear(status);
            if let Some(tray) = told.try_state::<Tray>() {
                tray.hear(status);
            }
        }
        if let Err(error) = told.emit(EVENT, engine::text(&Response::Event { event })) {
            tracing::warn!(%error, "an event did not reach the screen");
        }
    };
    let notifier = Notifier::new(move |about| {
        window::begin(&clicked, Start { arrivals: about.into_iter().collect(), hidden: false });
    });
    Engine::start(folder, tell, notifier)
}
