//! What an error of the driver says about a conditional write.
//!
//! An error is an answer only if nothing can have been started. Everything else is [`Committed::Unknown`]: the caller
//! reads the head at serial consistency, which decides the write, and goes on from there.

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use crate::store::{Committed, StoreError};

/// The outcome of a conditional batch that ended with this error.
pub(super) fn of_commit(error: &ExecutionError) -> Result<Committed, StoreError> {
    if is_too_large(error) {
        Err(StoreError::Refused(error.to_string()))
    } else if in_doubt(error) {
        tracing::debug!(%error, "a commit is in doubt");
        Ok(Committed::Unknown)
    } else {
        Err(unavailable(error))
    }
}

/// The same for everything but commits: nothing is known of it.
pub(super) fn unavailable(error: &ExecutionError) -> StoreError {
    if is_too_many_tombstones(error) {
        return StoreError::Expired(error.to_string());
    }
    StoreError::Unavailable(error.to_string())
}

/// What the database says of a request that is larger than it ever takes; nothing of it was started.
fn is_too_large(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, why)) => {
            why.contains("too big") || why.contains("too large")
        }
        _ => false,
    }
}

/// Whether the database knows no such table, or is just making it.
pub(super) fn is_not_there(error: &ExecutionError) -> bool {
    let ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) = error else {
        return false;
    };
    matches!(error, DbError::Invalid | DbError::ServerError)
}

/// Whether a read gave up on the expired rows before it (`tombstone_failure_threshold`). Version 4 of the protocol has no
/// other sign of it than the text, which is Cassandra's since 4.0.
fn is_too_many_tombstones(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::ReadFailure { .. }, why)) => {
            why.contains("READ_TOO_MANY_TOMBSTONES")
        }
        _ => false,
    }
}

/// Whether the write may have been started somewhere.
pub(super) fn in_doubt(error: &ExecutionError) -> bool {
    match error {
        // found by the driver before it sent anything
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_)
        | ExecutionError::UseKeyspaceError(_) => false,
        ExecutionError::LastAttemptError(attempt) => attempt_was_sent(attempt),
        // the answer did not come in time, or anything that this driver's next version may bring
        ExecutionError::RequestTimeout(_) => true,
        _ => true,
    }
}

fn attempt_was_sent(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::UnableToAllocStreamId
        | RequestAttemptError::RepreparedIdChanged { .. }
        | RequestAttemptError::RepreparedIdMissingInBatch => false,
        RequestAttemptError::DbError(error, _) => started(error),
        // the connection broke: before the write reached the database or after, nobody knows
        RequestAttemptError::BrokenConnectionError(_) => true,
        // an answer came that cannot be read
        RequestAttemptError::BodyExtensionsParseError(_)
        | RequestAttemptError::CqlResultParseError(_)
        | RequestAttemptError::CqlErrorParseError(_)
        | RequestAttemptError::UnexpectedResponse(_)
        | RequestAttemptError::NonfinishedPagingState => true,
        _ => true,
    }
}

fn started(error: &DbError) -> bool {
    match error {
        // the statement itself was refused
        DbError::SyntaxError
        | DbError::Invalid
        | DbError::AlreadyExists { .. }
        | DbError::FunctionFailure { .. }
        | DbError::AuthenticationError
        | DbError::Unauthorized
        | DbError::ConfigError
        | DbError::Unprepared { .. }
        | DbError::ProtocolError
        // a node that is not part of the ring yet coordinates nothing
        | DbError::IsBootstrapping => false,
        // a coordinator counts the living nodes again and may refuse to write hints after the proposal was accepted
        DbError::Unavailable { .. } | DbError::Overloaded => true,
        DbError::WriteTimeout { .. }
        | DbError::WriteFailure { .. }
        | DbError::ReadTimeout { .. }
        | DbError::ReadFailure { .. }
        | DbError::TruncateError
        | DbError::ServerError
        | DbError::RateLimitReached { .. }
        | DbError::Other(_) => true,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::errors::WriteType;
    use scylla::statement::Consistency::{Quorum, Serial};
    use std::time::Duration;

    fn db(error: DbError) -> ExecutionError {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, String::new()))
    }

    #[test]
    fn what_may_have_been_written_is_unknown() {
        let timeout = |write_type| {
            db(DbError::WriteTimeout { consistency: Quorum, received: 1, required: 2, write_type })
        };
        for error in [
            timeout(WriteType::Cas),
            timeout(WriteType::Simple),
            db(DbError::ReadTimeout { consistency: Serial, received: 1, required: 2, data_present: false }),
            db(DbError::WriteFailure {
                consistency: Quorum,
                received: 1,
                required: 2,
                numfailures: 1,
                write_type: WriteType::Cas,
            }),
            db(DbError::Unavailable { consistency: Quorum, required: 2, alive: 1 }),
            db(DbError::Overloaded),
            db(DbError::ServerError),
            // CAS_WRITE_UNKNOWN
            db(DbError::Other(0x1700)),
            ExecutionError::RequestTimeout(Duration::from_secs(1)),
        ] {
            assert_eq!(of_commit(&error), Ok(Committed::Unknown), "{error}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_for_good_and_other_refusals_are_not() {
        let said = |error: DbError, why: &str| {
            ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, why.into()))
        };
        let large = said(
            DbError::Invalid,
            "Request is too big: length 20701430 exceeds maximum allowed length 16777216.",
        );
        assert!(matches!(of_commit(&large), Err(StoreError::Refused(_))));
        let other = said(DbError::Invalid, "unconfigured table partition_rows");
        assert!(matches!(of_commit(&other), Err(StoreError::Unavailable(_))));
        let failure = || DbError::ReadFailure {
            consistency: Quorum,
            received: 0,
            required: 1,
            numfailures: 1,
            data_present: false,
        };
        let why = "Operation failed - received 0 responses and 1 failures: READ_TOO_MANY_TOMBSTONES from /127.0.0.1:7000";
        assert!(matches!(unavailable(&said(failure(), why)), StoreError::Expired(_)));
        assert!(matches!(unavailable(&said(failure(), "UNKNOWN")), StoreError::Unavailable(_)));
    }

    #[test]
    fn what_was_never_started_is_unavailable() {
        for error in [
            db(DbError::IsBootstrapping),
            db(DbError::Unauthorized),
            db(DbError::Invalid),
            ExecutionError::EmptyPlan,
            ExecutionError::LastAttemptError(RequestAttemptError::UnableToAllocStreamId),
        ] {
            assert!(matches!(of_commit(&error), Err(StoreError::Unavailable(_))), "{error}");
        }
    }
}
