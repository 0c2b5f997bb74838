//! Mooring's server: judges changes and feeds them back; on Apache Cassandra or an embedded sled store.

pub mod partition;
pub mod store;
