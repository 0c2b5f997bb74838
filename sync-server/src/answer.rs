//! What every request that fails is answered with: one [`Problem`], its status, and when to come back.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use sync_protocol::message::{Problem, ProblemCode};
use tracing::{error, warn};

use crate::limits;
use crate::partition::EngineError;
use crate::store::StoreError;

/// A request that failed, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the client reads.
    pub problem: Problem,
    /// When to come back, for [`ProblemCode::SlowDown`] and [`ProblemCode::Unavailable`].
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a time to come back.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { problem: Problem { code, message: message.into() }, retry_after: None }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::BadRequest, message)
    }

    /// 401, the same for every reason: a token tells nobody why it does not work.
    pub fn needs_sign_in() -> Self {
        Self::new(
            ProblemCode::NeedsSignIn,
            "You are not signed in, or your session has ended. Sign in again; what you have not sent yet stays on this device.",
        )
    }

    /// 404 for a workspace that is not there, and for one that the user is no member of: the same on purpose.
    pub fn no_workspace() -> Self {
        Self::new(
            ProblemCode::NotFound,
            "There is no such workspace, or you are not a member of it. Ask one of its owners to add you.",
        )
    }

    /// 403.
    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::NotPermitted, message)
    }

    /// 413.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::TooLarge, message)
    }

    /// 429, with the time to wait.
    pub fn slow_down(message: impl Into<String>, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::new(ProblemCode::SlowDown, message) }
    }

    /// 503, with the usual time to wait.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retry_after: Some(limits::RETRY_AFTER), ..Self::new(ProblemCode::Unavailable, message) }
    }

    /// 500: a defect of the server. The caller logs what it was.
    pub fn internal() -> Self {
        Self::new(
            ProblemCode::Internal,
            "The server has a defect and could not answer. Your changes are safe on your device; tell whoever runs the server the time of this message.",
        )
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_)
            | StoreError::InUse(_)
            | StoreError::Refused(_)
            | StoreError::Expired(_) => {
                warn!(%error, "the store does not answer");
                Self::unavailable(
                    "The server's database does not answer now. Nothing is lost: your device sends again by itself.",
                )
            }
            StoreError::Full(_) => {
                warn!(%error, "the disk is full");
                Self::unavailable(
                    "The server's disk is full. Your changes stay on your device and are sent once there is room; tell whoever runs the server.",
                )
            }
            StoreError::ReadOnly(_) => {
                warn!(%error, "the disk may not be written");
                Self::unavailable(
                    "The server may not write to its disk. Your changes stay on your device and are sent once it may; tell whoever runs the server.",
                )
            }
            StoreError::Corrupt(_) | StoreError::Newer(_) => {
                error!(%error, "stored data cannot be read");
                Self::internal()
            }
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::BadRequest(how) => {
                Self::bad_request(format!("The request breaks the protocol: {how}. Update the app."))
            }
            EngineError::Busy => Self::unavailable(
                "The server has as many changes to judge as it can. Your device sends again by itself.",
            ),
            EngineError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.problem)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1_000).max(1);
            headers
                .insert(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
