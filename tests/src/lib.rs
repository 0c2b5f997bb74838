//! What the suites share: a real server as a child process, embedded replicas as people use them, and what is put
//! between them: a network that misbehaves, a disk without room.

pub mod client;
pub mod crew;
pub mod database;
pub mod disk;
pub mod errors;
pub mod fuzz;
pub mod gate;
pub mod inject;
pub mod links;
pub mod load;
pub mod log;
pub mod rows;
pub mod scene;
pub mod server;
pub mod sim;
pub mod writer;

pub use client::Client;
pub use gate::Gate;
pub use server::Server;

/// Runs a test as a program that embeds Mooring would: engines are not `Send`, they live on one thread. Fails also
/// where one of them wrote an error to its log.
pub fn on_a_local_set(test: impl Future<Output = anyhow::Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let errors = log::Errors::default();
    let outcome = log::watched(&errors, || local.block_on(&runtime, test));
    if let Err(error) = outcome {
        panic!("{error:?}");
    }
    assert_eq!(errors.take(), [""; 0], "an engine wrote errors to its log");
}
