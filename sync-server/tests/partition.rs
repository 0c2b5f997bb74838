//! The partition engine: several server nodes on one store, with and without faults.

#[path = "partition/archive.rs"]
mod archive;
#[path = "partition/bounds.rs"]
mod bounds;
#[path = "partition/decisions.rs"]
mod decisions;
#[path = "partition/erased.rs"]
mod erased;
#[path = "partition/faults.rs"]
mod faults;
#[path = "partition/history.rs"]
mod history;
#[path = "partition/kit.rs"]
mod kit;
#[path = "partition/looks.rs"]
mod looks;
#[path = "partition/looks_gone.rs"]
mod looks_gone;
#[path = "partition/mirror_kit.rs"]
mod mirror_kit;
#[path = "partition/mirror_run.rs"]
mod mirror_run;
#[path = "partition/mirrored.rs"]
mod mirrored;
#[path = "partition/pull.rs"]
mod pull;
#[path = "partition/push.rs"]
mod push;
#[path = "partition/quotas.rs"]
mod quotas;
#[path = "partition/room.rs"]
mod room;
#[path = "partition/snapshot.rs"]
mod snapshot;
#[path = "partition/table.rs"]
mod table;
