//! Mooring's server: judges changes and feeds them back; on Apache Cassandra or an embedded sled store.
//!
//! The way of a push: [`server`] takes the connection, [`routes`] finds the handler, [`guard`] tells who asks and what
//! they may, [`body`] reads the request, [`partition`] judges and commits on a [`store`], [`answer`] says what went wrong.

pub mod admin;
pub mod answer;
pub mod app;
pub mod archive;
pub mod auth;
pub mod body;
pub mod config;
pub mod connections;
pub mod demo;
pub mod erase;
pub mod events;
pub mod guard;
pub mod limits;
#[cfg(unix)]
pub mod local;
pub mod members;
pub mod mend;
pub mod metrics;
pub mod mirror;
pub mod openapi;
pub mod order;
pub mod pace;
pub mod partition;
mod recent;
pub mod routes;
pub mod server;
pub mod slots;
pub mod store;
pub mod system;
pub mod telemetry;
pub mod tls;
