//! Small things that this device keeps for a person: how wide a panel is, what was last used. Texts, and no longer than a
//! line; nothing is lost with them.

use web_sys::Storage;

/// What is kept under that name.
pub fn read(name: &str) -> Option<String> {
    place()?.get_item(name).ok().flatten()
}

/// Keeps a text. Where the browser has no room or forbids it, it is so until the page is left.
pub fn write(name: &str, text: &str) {
    if let Some(place) = place() {
        let _ = place.set_item(name, text);
    }
}

fn place() -> Option<Storage> {
    super::window().local_storage().ok().flatten()
}
