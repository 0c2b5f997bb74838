//! What Cassandra answers when it is in trouble.

use scylla::errors::{DbError, WriteType};
use scylla::statement::Consistency;

/// What Cassandra says when it does not know itself how a conditional write ended.
pub const CAS_WRITE_UNKNOWN: DbError = DbError::Other(0x1700);
/// A conditional write had no answer of enough nodes in time.
pub fn cas_timeout() -> DbError {
    DbError::WriteTimeout {
        consistency: Consistency::Serial,
        received: 1,
        required: 2,
        write_type: WriteType::Cas,
    }
}

/// A node could not do a conditional write.
pub fn write_failure() -> DbError {
    DbError::WriteFailure {
        consistency: Consistency::Quorum,
        received: 1,
        required: 2,
        numfailures: 1,
        write_type: WriteType::Cas,
    }
}

/// A read had no answer of enough nodes in time.
pub fn read_timeout() -> DbError {
    DbError::ReadTimeout { consistency: Consistency::Quorum, received: 1, required: 2, data_present: false }
}

/// Too few nodes are alive.
pub fn unavailable() -> DbError {
    DbError::Unavailable { consistency: Consistency::Quorum, required: 2, alive: 1 }
}

/// A node could not do a read.
pub fn read_failure() -> DbError {
    DbError::ReadFailure {
        consistency: Consistency::Quorum,
        received: 1,
        required: 2,
        numfailures: 1,
        data_present: false,
    }
}
