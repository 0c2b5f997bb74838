//! All that speaks CQL to a table that other programs write.
//!
//! [`describe`] says what a table looks like, [`mapping`] which columns are which fields, [`value`] and [`key`] translate, and
//! [`table`] reads and writes. Nothing here decides: what is seen is handed to the partition, what it answers is written.

mod answer;
pub mod budget;
pub mod counts;
pub mod describe;
mod errors;
pub mod key;
pub mod mapping;
mod nested;
pub mod publish;
pub mod ranges;
pub mod table;
#[cfg(test)]
mod tests;
mod texts;
pub mod types;
pub mod value;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::response::query_result::QueryResult;
use scylla::statement::Consistency;
use std::sync::Arc;

pub use errors::{Cause, TableError};

use crate::store::cassandra::{AnotherNode, CassandraOptions, TIMEOUT, session};

/// A connection to the cluster that the tables are in.
#[derive(Debug)]
pub struct Cluster {
    session: Session,
    options: CassandraOptions,
    /// Shared by all that goes through this connection: all mirrors of a server.
    budget: budget::Budget,
}

impl Cluster {
    /// Connects. The keyspace of the options is Mooring's own: it is never mirrored.
    ///
    /// # Errors
    ///
    /// Where no node answers.
    pub async fn connect(options: CassandraOptions) -> Result<Self, TableError> {
        // Every request here may be sent twice: reads, and writes with a time of their own, which made twice are the same. So
        // where one node cannot answer the next one is asked; but never two at once, for some reads are large.
        let profile = ExecutionProfile::builder()
            .consistency(options.quorum())
            .serial_consistency(Some(options.serial()))
            .request_timeout(Some(TIMEOUT))
            .retry_policy(Arc::new(AnotherNode))
            .speculative_execution_policy(None)
            .build();
        let session = session(&options, profile).await.map_err(TableError::answer)?;
        Ok(Self { session, options, budget: budget::Budget::default() })
    }

    fn is_own(&self, keyspace: &str) -> bool {
        self.options.keyspace == keyspace
    }

    /// A read that also ends conditional writes of others in which a coordinator failed: what it shows is decided.
    fn serial(&self) -> Consistency {
        if self.options.local_serial { Consistency::LocalSerial } else { Consistency::Serial }
    }
}

fn rows<T>(result: QueryResult) -> Result<Vec<T>, TableError>
where
    T: for<'f, 'm> DeserializeRow<'f, 'm>,
{
    let result = result.into_rows_result().map_err(TableError::answer)?;
    let rows = result.rows::<T>().map_err(TableError::answer)?;
    rows.collect::<Result<_, _>>().map_err(TableError::answer)
}

/// A name as CQL reads it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
