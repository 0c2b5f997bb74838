//! One Mooring replica: local store, outbox, sync session. Runs natively (sled) and in the browser (IndexedDB).

pub mod api;
pub mod status;
pub mod store;
