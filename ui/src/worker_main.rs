//! The worker's entry: the engine on IndexedDB, listening for the page's requests.

use wasm_bindgen::JsValue;

/// Starts the engine. It listens before it first waits for anything.
pub fn start() -> Result<(), JsValue> {
    sync_client::browser::run_worker()
}
