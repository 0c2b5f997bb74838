//! Ordinary CQL tables kept in step, both ways, with collections: see `docs/mirror.md`.
//!
//! A mirror is a replica whose device is a table. [`row`] is the form in which the others speak of a row: the table gives what it
//! holds ([`cql`]), the partition keeps what was last agreed on (the shadow), and the difference is a change like everybody's.
//! [`look`] is what is asked of a partition, [`mod@decide`] what it answers, [`mod@write`] what goes back. What an owner set is a
//! [`definition`]; [`work`] keeps it in step, on one server at a time; all that people do with mirrors goes over the [`desk`].

pub mod commands;
pub mod cql;
pub mod decide;
pub mod definition;
pub mod desk;
pub mod look;
pub mod proposal;
pub mod rehearsal;
pub mod row;
pub mod sample;
pub mod status;
pub mod verify;
pub mod work;
pub mod write;
