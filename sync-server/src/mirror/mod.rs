//! Ordinary CQL tables kept in step, both ways, with collections. In work: so far only the words; nothing uses them yet.
//!
//! A mirror is a replica whose device is a table. [`row`] is the form in which the others speak of a row: the table gives what it
//! holds, the partition keeps what was last agreed on (the shadow), and the difference is a change like everybody's. [`look`] is
//! what is asked of a partition, [`mod@decide`] what it answers, [`mod@write`] what goes back.

pub mod cql;
pub mod decide;
pub mod look;
pub mod row;
pub mod write;
