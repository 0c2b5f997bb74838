//! The crate's own tests, one program: each file here is a module of it.

#![allow(clippy::unwrap_used, reason = "a test may stop here")]

mod clones;
mod costs;
mod desk;
mod engine_views;
mod import;
mod import_forms;
mod later;
mod local;
mod model;
mod open;
mod opening;
mod public;
mod record;
mod replica;
mod replica_walk;
mod reviews;
mod rows;
mod secrets;
mod session;
mod several;
mod shape;
mod status;
mod steps;
mod stores;
mod views;
mod watching;
