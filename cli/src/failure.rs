//! Why a command did not do what it was asked for, and the exit code that a script goes by.

use std::process::ExitCode;

use serde_json::json;
use sync_client::api::FailureKind;

/// Sorted by what a script does next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something on this device.
    #[error("{0}")]
    Device(String),
    /// The command line, or a value on it.
    #[error("{0}")]
    Usage(String),
    /// It names something that is not there.
    #[error("{0}")]
    Nothing(String),
    /// The server.
    #[error("{0}")]
    Offline(String),
    /// Nobody is signed in.
    #[error("{0}")]
    SignIn(String),
    /// The server refused it, or what is there already forbids it.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Device(_) => 1,
            Self::Usage(_) => 2,
            Self::Nothing(_) => 3,
            Self::Offline(_) => 4,
            Self::SignIn(_) => 5,
            Self::Refused(_) => 6,
        }
    }

    /// Tells it on standard error; what the process ends with.
    pub(crate) fn tell(&self, as_json: bool) -> ExitCode {
        if as_json {
            eprintln!("{}", json!({ "error": self.to_string(), "code": self.code() }));
        } else {
            eprintln!("mooring-cli: {self}");
        }
        ExitCode::from(self.code())
    }
}

impl From<sync_client::api::Failure> for Failure {
    fn from(failure: sync_client::api::Failure) -> Self {
        let message = match (&failure.field, failure.op) {
            (_, Some(op)) => format!("Line {}: {}", op + 1, failure.message),
            (Some(field), None) => format!("{field}: {}", failure.message),
            (None, None) => failure.message,
        };
        match failure.kind {
            FailureKind::Input => Self::Usage(message),
            FailureKind::Offline => Self::Offline(message),
            FailureKind::NeedsSignIn => Self::SignIn(message),
            FailureKind::Exists | FailureKind::Unsent | FailureKind::Open | FailureKind::Refused => {
                Self::Refused(message)
            }
            FailureKind::Storage | FailureKind::Ended | FailureKind::Internal => Self::Device(message),
        }
    }
}
