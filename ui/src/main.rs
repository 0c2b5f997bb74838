//! Mooring's screens (Yew): in the browser and, unchanged, in the desktop shell.
//!
//! The screens know `sync_client::api` and nothing else: commands and queries in, answers, events and one status
//! out. `backend` carries them to an engine in a worker or in the native process; no sync rule lives here.
//!
//! The parts are thin: PatternFly's classes on plain HTML, with the browser's own dialogs. Nothing sets a `style`
//! attribute, so that `style-src 'self'` holds; the few computed sizes are set through the CSS object model.
//!
//! Natively this is an empty program; what needs no browser is tested there.

#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod backend;
#[cfg(target_arch = "wasm32")]
mod components;
#[cfg(any(target_arch = "wasm32", test))]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "natively only the tests call it"))]
mod grid;
#[cfg(target_arch = "wasm32")]
mod hooks;
#[cfg(target_arch = "wasm32")]
mod live;
#[cfg(target_arch = "wasm32")]
mod pages;
#[cfg(target_arch = "wasm32")]
mod platform;
#[cfg(target_arch = "wasm32")]
mod route;
#[cfg(any(target_arch = "wasm32", test))]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "natively only the tests call it"))]
mod text;
#[cfg(target_arch = "wasm32")]
mod unsaved;
#[cfg(target_arch = "wasm32")]
mod worker_main;

fn main() {}

/// The page's start.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn start_app() {
    app::start();
}

/// The worker's start.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn start_worker() -> Result<(), wasm_bindgen::JsValue> {
    worker_main::start()
}
