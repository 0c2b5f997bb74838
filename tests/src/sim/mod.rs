//! The deterministic simulation: the real replicas and the real judging code of the server, with a model network, model
//! disks, a model store and model clocks, on one thread, from one seed.
//!
//! Where to start: [`plan`] is what happens, as data; [`world`] plays it; [`checks`] names what must hold; [`model`] is the
//! truth that it is compared with. [`run`] is one run, [`search`] many, [`shrink`] makes a failing one short. [`small`] plays
//! all that can happen to one record in a few actions, instead of what chance brings.
//!
//! The server's code is asynchronous and spawns tasks with tokio: it runs on a current-thread runtime whose clock is
//! paused, so that waiting takes no time and everything happens in an order that the seed decides. The replica's code is
//! a state machine without I/O: it is called. A model of one kind surrounds each real part, and that is also where
//! [`bugs`] are planted.

pub mod audit;
pub mod bugs;
pub mod checks;
pub mod clock;
pub mod desk;
pub mod device;
pub mod disk;
pub mod ending;
pub mod faults;
pub mod ground;
pub mod identity;
pub mod judge;
pub mod mirror;
pub mod model;
pub mod network;
mod parked;
pub mod person;
pub mod plan;
pub mod progress;
pub mod promises;
pub mod random;
pub mod run;
pub mod search;
pub mod server;
pub mod shadow;
pub mod shrink;
pub mod small;
pub mod store;
pub mod talk;
pub mod things;
pub mod trace;
pub mod world;

/// Steps of one seed.
pub const STEPS: usize = 500;
