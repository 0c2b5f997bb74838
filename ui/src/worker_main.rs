//! The worker's entry: the engine on IndexedDB, listening for the page's requests.

/// Starts the engine. It listens before it first waits for anything.
pub fn start() {
    sync_client::browser::run_worker();
}
