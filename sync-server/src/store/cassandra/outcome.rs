//! What an error of the driver says about a conditional write.
//!
//! An error is an answer only if nothing can have been started. Everything else is [`Committed::Unknown`]: the caller
//! reads the head at serial consistency, which decides the write, and goes on from there.

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use crate::store::{Committed, StoreError};

/// The outcome of a conditional batch that ended with this error.
pub(super) fn of_commit(error: &ExecutionError) -> Result<Committed, StoreError> {
    if in_doubt(error) {
        tracing::debug!(%error, "a commit is in doubt");
        Ok(Committed::Unknown)
    } else {
        Err(unavailable(error))
    }
}

/// The same for everything but commits: nothing is known of it.
pub(super) fn unavailable(error: &ExecutionError) -> StoreError {
    StoreError::Unavailable(error.to_string())
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
