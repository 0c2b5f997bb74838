//! What Mooring's commands and its suites share: Apache Cassandra on this machine, and what a machine lacks.

pub mod browser;
pub mod cassandra;
pub mod python;
pub mod sh;
pub mod tools;
