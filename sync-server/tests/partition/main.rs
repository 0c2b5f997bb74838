//! The partition engine: several server nodes on one store, with and without faults.

mod faults;
mod kit;
mod pull;
mod push;
mod snapshot;
