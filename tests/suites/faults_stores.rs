//! What is left of a batch when the disk fails in the middle of it: every call that a store makes to the kernel while it
//! stores a batch is made to fail in turn, for each kind of batch and each file. After each the caller is told, what is
//! stored is the whole batch or nothing of it, and the next try succeeds. And batches that a power cut tore: see [`torn`].

#[path = "faults_stores/device.rs"]
mod device;
#[path = "faults_stores/faults.rs"]
mod faults;
#[path = "faults_stores/profile.rs"]
mod profile;
#[path = "faults_stores/server.rs"]
mod server;
#[path = "faults_stores/torn.rs"]
mod torn;

use faults::{Subject, every_call_fails_in_turn, serve};

/// The other side of [`faults`]; does nothing in a process that was not started by it.
#[test]
fn store_process() {
    serve();
}

#[test]
fn a_device_on_sled_keeps_batches_whole_whichever_call_fails() {
    every_call_fails_in_turn(Subject::Device);
}

#[test]
fn a_server_on_sled_keeps_batches_whole_whichever_call_fails() {
    every_call_fails_in_turn(Subject::Server);
}

#[test]
fn a_profile_keeps_texts_whole_whichever_call_fails() {
    every_call_fails_in_turn(Subject::Profile);
}
