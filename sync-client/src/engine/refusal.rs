//! What a server's refusals (and its silence) are to a person who asked for something.

use sync_protocol::message::ProblemCode;

use super::failure;
use crate::api::{Failure, FailureKind};
use crate::replica::session::SendError;

/// A server's silence where it is the address that was asked for, and all else as [`refused`].
pub(super) fn refused_there(error: &SendError) -> Failure {
    match error {
        SendError::NoAnswer(message) => failure(
            FailureKind::Offline,
            format!("{message} Check the network and the address, then try again."),
        ),
        other => refused(other),
    }
}

/// A server's refusal (or silence) as a person reads it.
pub(super) fn refused(error: &SendError) -> Failure {
    match error {
        SendError::NoAnswer(message) => {
            failure(FailureKind::Offline, format!("{message} Check the network, then try again."))
        }
        SendError::Strange(message) | SendError::Untrusted(message) => {
            failure(FailureKind::Offline, message.clone())
        }
        // its words are for changes, which are sent again by themselves; what a person asks for is not
        SendError::Problem { problem, .. } if problem.code == ProblemCode::Unavailable => failure(
            FailureKind::Offline,
            "The server cannot do this at the moment. Try again in a few seconds.",
        ),
        SendError::Problem { problem, .. } => failure(FailureKind::Refused, problem.message.clone()),
    }
}
