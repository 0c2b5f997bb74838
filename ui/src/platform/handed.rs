//! A file that somebody dropped on a page, or opened Mooring with, on its way to the screen that imports it.

use gloo::events::EventListener;
use std::cell::RefCell;
use web_sys::File;

/// The page's event that says that one waits.
const WAITS: &str = "mooring-file-waits";

thread_local! {
    static WAITING: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Hands a file over; the newest one counts.
pub fn give(file: File) {
    WAITING.set(Some(file));
    if let Ok(event) = web_sys::Event::new(WAITS) {
        // nothing cancels it
        let _ = super::window().dispatch_event(&event);
    }
}

/// Whether one waits.
pub fn waits() -> bool {
    WAITING.with_borrow(Option::is_some)
}

/// Takes the one that waits.
pub fn take() -> Option<File> {
    WAITING.take()
}

/// Calls with each that is handed over, until the listener is dropped.
pub fn listen(mut call: impl FnMut(File) + 'static) -> EventListener {
    EventListener::new(&super::window(), WAITS, move |_| {
        if let Some(file) = take() {
            call(file);
        }
    })
}
