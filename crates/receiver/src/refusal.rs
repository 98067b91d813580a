//! Every way to say no, each with its stable code. Only this file and `http` know status codes.

use actix_web::http::StatusCode;
use paynow_process::broker::PublishError;

use crate::body::BodyError;
use crate::verify::VerifyError;

/// Why a request got no 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    #[error(transparent)]
    NotQueued(#[from] PublishError),
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes POST only")]
    MethodNotAllowed,
}

impl Refusal {
    /// The code for programs, in the answer, the log and the metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Body(BodyError::TooLarge { .. }) => "body_too_large",
            Self::Body(BodyError::TooSlow) => "body_too_slow",
            Self::Body(BodyError::BrokenOff) => "body_broken_off",
            Self::Unverified(VerifyError::MissingHeader(_)) => "missing_header",
            Self::Unverified(VerifyError::MalformedHeader(_)) => "malformed_header",
            Self::Unverified(VerifyError::Mismatch) => "mismatch",
            Self::Unverified(VerifyError::Stale) => "stale",
            Self::NotQueued(error) => error.code(),
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::BrokenOff)
            | Self::Unverified(VerifyError::MissingHeader(_) | VerifyError::MalformedHeader(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::Unverified(VerifyError::Mismatch | VerifyError::Stale) => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotQueued(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Seconds after which the same request may fare better; `None` when it will not.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            // An overload passes with the burst; the broker needs longer to come back.
            Self::NotQueued(PublishError::Overloaded) => Some(1),
            Self::NotQueued(
                PublishError::Nacked
                | PublishError::Returned
                | PublishError::TimedOut
                | PublishError::Blocked
                | PublishError::Disconnected,
            ) => Some(5),
            Self::Body(_) | Self::Unverified(_) | Self::NotFound | Self::MethodNotAllowed => None,
        }
    }
}
