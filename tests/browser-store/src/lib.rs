//! What `tests/e2e/stores.mjs` and `tests/e2e/bench-local.mjs` load into a worker of a real browser.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen::prelude::*;

mod bench;
mod conformance;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// A panic says where it was.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| error(&panic.to_string())));
}
