//! The small model: two replicas, one record, and every sequence of a few actions, with the same real parts and the same
//! invariants as the large one.
//!
//! [`action`] is what may happen; [`pair`] plays it; [`every`] goes through all sequences.

pub mod action;
pub mod every;
pub mod pair;
