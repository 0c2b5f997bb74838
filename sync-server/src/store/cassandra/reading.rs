//! How a read is sent: to another node where one cannot answer it, or does not.
//!
//! A node that is cut off from the others still talks to servers. It answers that it cannot reach enough of them, or
//! does not answer in time; the next one knows more.

use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::errors::{DbError, RequestAttemptError};
use scylla::policies::retry::{RequestInfo, RetryDecision, RetryPolicy, RetrySession};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use std::sync::Arc;
use std::time::Duration;

use super::TIMEOUT;

/// How long one node may think before another one is asked as well: above what an answer takes, far below the 5 s
/// after which a node that cannot reach the others says so. A request has some reads, one after the other.
const LONG: Duration = Duration::from_millis(500);
/// So many others are asked: of three copies each one, of more nodes not all.
const OTHERS: usize = 2;

/// For all statements that read.
pub(super) fn profile() -> ExecutionProfileHandle {
    let also = SimpleSpeculativeExecutionPolicy { max_retry_count: OTHERS, retry_interval: LONG };
    let profile = ExecutionProfile::builder()
        .request_timeout(Some(TIMEOUT))
        .retry_policy(Arc::new(AnotherNode))
        .speculative_execution_policy(Some(Arc::new(also)))
        .build();
    profile.into_handle()
}

/// Asks the next node where it may know more than this one.
#[derive(Debug)]
pub(crate) struct AnotherNode;

struct Asked {
    others: usize,
}

impl RetryPolicy for AnotherNode {
    fn new_session(&self) -> Box<dyn RetrySession> {
        Box::new(Asked { others: 0 })
    }
}

impl RetrySession for Asked {
    fn decide_should_retry(&mut self, info: RequestInfo<'_>) -> RetryDecision {
        if self.others == OTHERS || !info.is_idempotent || !is_of_this_node(info.error) {
            return RetryDecision::DontRetry;
        }
        self.others += 1;
        RetryDecision::RetryNextTarget(None)
    }

    fn reset(&mut self) {
        self.others = 0;
    }
}

/// Whether this says something of one node alone.
fn is_of_this_node(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::DbError(error, _) => matches!(
            error,
            DbError::Unavailable { .. }
                | DbError::ReadTimeout { .. }
                | DbError::ReadFailure { .. }
                // a read at serial consistency finishes a write that it finds half done
                | DbError::WriteTimeout { .. }
                | DbError::WriteFailure { .. }
                | DbError::Overloaded
                | DbError::IsBootstrapping
                | DbError::ServerError
                | DbError::TruncateError
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::statement::Consistency::{Quorum, Serial};

    fn of_this_node(error: DbError) -> bool {
        is_of_this_node(&RequestAttemptError::DbError(error, String::new()))
    }

    #[test]
    fn another_node_is_asked_where_one_does_not_reach_enough_of_the_others() {
        for consistency in [Quorum, Serial] {
            assert!(of_this_node(DbError::Unavailable { consistency, required: 2, alive: 1 }));
            let (received, required, data_present) = (1, 2, true);
            assert!(of_this_node(DbError::ReadTimeout { consistency, received, required, data_present }));
        }
        assert!(of_this_node(DbError::Overloaded));
        assert!(is_of_this_node(&RequestAttemptError::UnableToAllocStreamId));
    }

    #[test]
    fn what_every_node_would_say_is_said_at_once() {
        for error in [DbError::Invalid, DbError::Unauthorized, DbError::SyntaxError] {
            assert!(!of_this_node(error.clone()), "{error}");
        }
    }
}
