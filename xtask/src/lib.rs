//! Mooring's build and test commands; called through `./x`.
//!
//! A library as well as a program, so that the suites can start the same Cassandra nodes as `./x cassandra`.

pub mod bench;
pub mod browser;
pub mod bundle;
pub mod cassandra;
pub mod desktop;
pub mod doc;
pub mod fuzz;
pub mod icons;
pub mod installed;
pub mod lint;
pub mod run;
pub mod sh;
pub mod sim;
pub mod test;
pub mod tools;
pub mod ui;
pub mod wasm;
pub mod wasm_lib;
