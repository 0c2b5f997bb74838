//! One Mooring replica: local store, outbox, sync session. Runs natively (sled) and in the browser (IndexedDB).
//!
//! Where to start: [`api`] is all that a screen knows; [`replica`] is the state without I/O; [`store`] is where it
//! lives; `engine` runs a replica on a store against a server.

pub mod api;
#[cfg(feature = "screens")]
pub mod audit;
#[cfg(target_arch = "wasm32")]
pub mod browser;
pub mod delta;
pub mod device;
pub mod engine;
#[cfg(feature = "screens")]
pub mod import;
pub mod keys;
pub mod limits;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod query;
pub mod replica;
#[cfg(feature = "screens")]
pub mod sheet;
pub mod status;
pub mod steps;
pub mod store;
pub mod text;
pub mod transport;
