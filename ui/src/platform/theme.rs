//! Light or dark: as the device says, unless the person said otherwise here.

use gloo::events::EventListener;
use gloo::storage::{LocalStorage, Storage};
use web_sys::MediaQueryList;

const KEY: &str = "mooring-theme";
const DARK: &str = "pf-v6-theme-dark";

/// What the person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the device says.
    Device,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Device, Self::Light, Self::Dark];

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Device => "As this device",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The choice so far.
pub fn chosen() -> Theme {
    let name: String = LocalStorage::get(KEY).unwrap_or_default();
    Theme::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or(Theme::Device)
}

/// Keeps a choice and shows it.
pub fn choose(theme: Theme) {
    // where nothing can be kept, the choice lasts until the page is closed
    let _ = LocalStorage::set(KEY, theme.name());
    show(theme);
}

/// Shows the choice so far, and follows the device from now on.
pub fn start() {
    show(chosen());
    if let Some(query) = device() {
        EventListener::new(&query, "change", |_| show(chosen())).forget();
    }
}

fn show(theme: Theme) {
    let dark = match theme {
        Theme::Device => device().is_some_and(|query| query.matches()),
        Theme::Light => false,
        Theme::Dark => true,
    };
    if let Some(root) = super::document().document_element() {
        // toggling a constant class cannot fail
        let _ = root.class_list().toggle_with_force(DARK, dark);
    }
}

fn device() -> Option<MediaQueryList> {
    super::window().match_media("(prefers-color-scheme: dark)").ok().flatten()
}
