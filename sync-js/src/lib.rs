//! The engine alone, without screens: what the npm package `mooring` runs, in a worker or on the thread that calls it.
//!
//! Texts in, texts out, as between the app's page and its worker: `sync_client::api` says which.

#[cfg(target_arch = "wasm32")]
mod engine;
