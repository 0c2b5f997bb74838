//! Where many scenarios begin.

use serde_json::json;
use sync_protocol::{Choice, Conflict, Outcome};

use super::device::Device;
use super::server::Server;
use super::{item, name};

/// Partitions of the workspace in scenarios.
pub const PARTITIONS: u16 = 4;

/// A server with the collection, and devices that know it.
pub fn start<const N: usize>() -> (Server, [Device; N]) {
    let mut server = Server::new(PARTITIONS);
    let mut devices = std::array::from_fn(|n| Device::new(n as u128 + 1, PARTITIONS));
    devices[0].sync(&mut server);
    devices[0].define();
    devices[0].sync(&mut server);
    devices.iter_mut().for_each(|d| d.sync(&mut server));
    (server, devices)
}

pub fn keep(field: &str, choice: Choice) -> Outcome {
    Outcome::Keep { choices: [(name(field), choice)].into() }
}

/// Both have n changed of item 1; the second one's edit is the conflict.
pub fn clash() -> (Server, [Device; 2], Conflict) {
    let (mut server, [mut a, mut b]) = start();
    a.insert(&item(1), json!({"n": 1, "m": 1})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.edit(&item(1), json!({"n": [1, 2]})).unwrap();
    b.edit(&item(1), json!({"n": [1, 3]})).unwrap();
    a.sync(&mut server);
    b.sync(&mut server);
    a.sync(&mut server);
    let conflict = a.replica.conflicts().next().unwrap().clone();
    (server, [a, b], conflict)
}
