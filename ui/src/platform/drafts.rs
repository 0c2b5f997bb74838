//! Where the browser keeps what is typed and not saved: with the tab. The desktop shell has one window and no tabs: there
//! it is still there when the window is opened again.

use web_sys::Storage;

const KEY: &str = "mooring-drafts";

/// What was kept.
pub fn read() -> Option<String> {
    place()?.get_item(KEY).ok().flatten()
}

/// Keeps a text; `None` forgets it. What the browser has no room for lasts as long as the page.
pub fn write(text: Option<&str>) {
    let Some(place) = place() else { return };
    let kept = text.is_some_and(|text| place.set_item(KEY, text).is_ok());
    if !kept {
        // an older one would come back as if it were the newest
        let _ = place.remove_item(KEY);
    }
}

fn place() -> Option<Storage> {
    let window = super::window();
    let place = if crate::backend::in_shell() { window.local_storage() } else { window.session_storage() };
    place.ok().flatten()
}
