//! That the program goes on without a window: told once, where no icon in the desktop's bar shows it.

use std::path::Path;

use tauri::{AppHandle, Manager};

use crate::engine::Engine;
use crate::notify::Notice;
use crate::program::Records;

/// In the folder of records once it was told.
const TOLD: &str = "told-that-it-goes-on";

/// Tells it, unless it was told before or there is a bar.
pub(crate) fn tell(app: &AppHandle) {
    let told = app.state::<Records>().0.join(TOLD);
    if told.exists() {
        return;
    }
    let app = app.clone();
    // the bus may take its time
    let asked = std::thread::Builder::new().name("bar".into()).spawn(move || {
        if !has_bar() {
            app.state::<Engine>().notifier().show(Notice::goes_on(), move || note(&told));
        }
    });
    if let Err(error) = asked {
        tracing::debug!(%error, "nobody is told that it goes on");
    }
}

fn note(told: &Path) {
    if let Err(error) = std::fs::File::create(told) {
        tracing::debug!(%error, "it is told again next time");
    }
}

/// Whether something shows icons of programs.
#[cfg(target_os = "linux")]
fn has_bar() -> bool {
    let watched = || {
        let bus = zbus::blocking::Connection::session()?;
        let name = "org.kde.StatusNotifierWatcher".try_into()?;
        Ok::<_, zbus::Error>(zbus::blocking::fdo::DBusProxy::new(&bus)?.name_has_owner(name)?)
    };
    watched().unwrap_or_else(|error| {
        tracing::debug!(%error, "whether there is a bar is not known");
        false
    })
}

#[cfg(not(target_os = "linux"))]
fn has_bar() -> bool {
    true
}
