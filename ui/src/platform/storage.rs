//! The browser's promise not to throw this site's data away.

use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Asks for the promise, once there is something to keep. Browsers answer from what the person has done here before;
/// what they answered shows in the status.
pub fn ask_to_persist() {
    if crate::backend::in_shell() {
        return; // the native process stores in a folder of its own
    }
    let Ok(promise) = super::window().navigator().storage().persist() else { return };
    spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}
