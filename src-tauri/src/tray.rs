//! The icon in the desktop's bar: how the sync is, in the words of the screens, and what one does without a window.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_client::api::{Phase, Status};
use sync_client::text::grouped;
use tauri::menu::{CheckMenuItem, CheckMenuItemBuilder, Menu, MenuBuilder, MenuItem, MenuItemBuilder};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry};

use crate::program::{self, does};

/// The entry that says how the sync is.
const STATE: &str = "state";

/// The icon with its menu.
pub(crate) struct Tray {
    _icon: TrayIcon,
    state: MenuItem<Wry>,
    review: MenuItem<Wry>,
    sync: MenuItem<Wry>,
    pause: MenuItem<Wry>,
    login: CheckMenuItem<Wry>,
    said: Mutex<Words>,
}

/// What the menu says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Words {
    state: String,
    review: String,
    paused: bool,
    /// Whether there is a server to be in step with.
    syncs: bool,
    reviews: bool,
}

impl Words {
    fn of(status: &Status) -> Self {
        let n = status.review();
        Self {
            state: status.pill().text,
            review: match n {
                0 => "Nothing needs review".into(),
                1 => "1 needs review".into(),
                n => format!("{} need review", grouped(n as usize)),
            },
            paused: status.phase == Phase::Paused,
            syncs: !matches!(status.phase, Phase::Closed | Phase::Local),
            reviews: n > 0,
        }
    }

    fn pause(&self) -> &'static str {
        if self.paused { "Resume sync" } else { "Pause sync" }
    }
}

impl Tray {
    /// Shows the icon, where the desktop has a place for it. What a desktop lacks takes nothing else away.
    pub(crate) fn show(app: &AppHandle) -> Option<Self> {
        // on Linux the library is looked for while the program runs, and not finding it is a panic
        match catch_unwind(AssertUnwindSafe(|| build(app))) {
            Ok(Ok(tray)) => Some(tray),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no icon in the desktop's bar");
                None
            }
            Err(_) => {
                tracing::warn!("no icon in the desktop's bar: its library is not installed");
                None
            }
        }
    }

    fn said(&self) -> MutexGuard<'_, Words> {
        // whoever panicked while holding it left whole words behind
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how the sync is. On any thread.
    pub(crate) fn hear(&self, status: &Status) {
        let words = Words::of(status);
        let mut said = self.said();
        if *said == words {
            return;
        }
        let told = [
            self.state.set_text(&words.state),
            self.review.set_text(&words.review),
            self.review.set_enabled(words.reviews),
            self.pause.set_text(words.pause()),
            self.pause.set_enabled(words.syncs),
            self.sync.set_enabled(words.syncs),
        ];
        if let Some(error) = told.into_iter().find_map(Result::err) {
            tracing::debug!(%error, "the menu in the desktop's bar is not up to date");
        }
        *said = words;
    }
}

fn build(app: &AppHandle) -> tauri::Result<Tray> {
    let words = Words::of(&Status::default());
    let entry =
        |id: &str, text: &str, enabled: bool| MenuItemBuilder::with_id(id, text).enabled(enabled).build(app);
    let state = entry(STATE, &words.state, false)?;
    let review = entry(does::REVIEW, &words.review, false)?;
    let sync = entry(does::SYNC, "Sync now", false)?;
    let pause = entry(does::PAUSE, words.pause(), false)?;
    let login = CheckMenuItemBuilder::with_id(does::LOGIN, "Start when I log in")
        .checked(program::at_login(app))
        .build(app)?;
    let menu: Menu<Wry> = MenuBuilder::new(app)
        .items(&[&state, &review])
        .separator()
        .text(does::OPEN, "Open Mooring")
        .items(&[&sync, &pause])
        .separator()
        .item(&login)
        .text(does::FOLDER, "Open the data folder")
        .text(does::LOGS, "Open the logs")
        .text(does::REPORT, "Save a report for support")
        .separator()
        .text(does::QUIT, "Quit")
        .build()?;
    let mut icon = TrayIconBuilder::with_id("mooring").menu(&menu).tooltip("Mooring");
    if let Some(image) = app.default_window_icon() {
        icon = icon.icon(image.clone());
    }
    let icon = icon.on_menu_event(|app, event| chosen(app, event.id().as_ref())).build(app)?;
    Ok(Tray { _icon: icon, state, review, sync, pause, login, said: Mutex::new(words) })
}

fn chosen(app: &AppHandle, entry: &str) {
    // one entry for both
    let paused = entry == does::PAUSE && app.try_state::<Tray>().is_some_and(|tray| tray.said().paused);
    let what = if paused { does::RESUME } else { entry }.to_owned();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        match program::choose(app.clone(), what).await {
            Ok(at_login) => {
                if let Some(tray) = app.try_state::<Tray>() {
                    // a mark that is behind is not worth a word
                    drop(tray.login.set_checked(at_login));
                }
            }
            Err(why) => tracing::warn!(why, "what was chosen in the desktop's bar was not done"),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_says_what_the_pill_says() {
        let status = Status { phase: Phase::Paused, pending: 3, conflicts: 1, ..Status::default() };
        let words = Words::of(&status);
        assert_eq!(words.state, status.pill().text);
        assert_eq!(
            (words.review.as_str(), words.pause(), words.syncs),
            ("1 needs review", "Resume sync", true)
        );
        let words = Words::of(&Status { conflicts: 1_200, phase: Phase::Idle, ..status });
        assert_eq!((words.review.as_str(), words.pause()), ("1,200 need review", "Pause sync"));
        assert!(!Words::of(&Status::default()).syncs);
    }
}
