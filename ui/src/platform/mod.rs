//! What the browser (or the shell's web view) gives: clock, colours, files, network news, storage promise, updates.

pub mod clock;
pub mod dom;
pub mod drafts;
pub mod file;
pub mod handed;
pub mod kept;
pub mod network;
pub mod storage;
pub mod theme;
pub mod update;

/// The window; there is one wherever screens run.
pub fn window() -> web_sys::Window {
    web_sys::window().expect("screens run in a window")
}

/// The path of the address.
pub fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// The document.
pub fn document() -> web_sys::Document {
    window().document().expect("a window has a document")
}
