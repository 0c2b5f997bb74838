//! The HTTP side, asked over real connections: a listening server on sled in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod bodies;
mod bounds;
mod document;
mod gate;
mod members;
mod mirrors;
mod operation;
mod people;
mod process;
mod room;
mod sessions;
mod sync;
mod web;
mod world;
