//! News from the platform that are a reason to try the network now: it came or went, or somebody looks again.

use crate::backend::Backend;
use gloo::events::EventListener;
use sync_client::api::Command;
use wasm_bindgen_futures::spawn_local;

/// Tells the engine from now on, until the listeners are dropped.
pub fn watch(backend: &Backend) -> Vec<EventListener> {
    let window = super::window();
    ["online", "offline", "focus"]
        .into_iter()
        .map(|name| {
            let backend = backend.clone();
            EventListener::new(&window, name, move |_| {
                let backend = backend.clone();
                spawn_local(async move {
                    // the status says what came of it
                    let _ = backend.call(Command::Network { online: online() }).await;
                });
            })
        })
        .collect()
}

fn online() -> bool {
    super::window().navigator().on_line()
}
