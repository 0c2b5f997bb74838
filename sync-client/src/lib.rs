//! One Mooring replica: local store, outbox, sync session. Runs natively (sled) and in the browser (IndexedDB).
