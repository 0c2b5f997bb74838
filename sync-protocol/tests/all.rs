//! The crate's own tests, one program: each file here is a module of it.

#![allow(clippy::unwrap_used, reason = "a test may stop here")]

mod common;
mod cost;
mod gate;
mod joining;
mod parked;
mod properties;
mod settling;
mod shape;
mod taking_back;
mod vectors;
mod verdicts;
mod wire;
