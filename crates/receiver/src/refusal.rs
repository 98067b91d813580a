//! Every way to say no, each with its stable code. Only this file and `http` know status codes.

use actix_web::http::StatusCode;
use paynow_process::broker::PublishError;

use crate::body::BodyError;
use crate::source::SourceError;
use crate::verify::VerifyError;

/// Why a request never began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("the request's head did not arrive in time")]
    TooSlow,
    #[error("the request's head is too large")]
    TooLarge,
}

/// Why a request got no 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    #[error(transparent)]
    NotQueued(#[from] PublishError),
    #[error("it failed, as too many requests of the last minute did")]
    TooManyFailures { retry_after_seconds: u32 },
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes POST only")]
    MethodNotAllowed,
}

impl Refusal {
    /// The code for programs, in the answer, the log and the metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Head(HeadError::TooSlow) => "head_too_slow",
            Self::Head(HeadError::TooLarge) => "head_too_large",
            Self::Source(SourceError::NotAllowed) => "source_not_allowed",
            Self::Source(SourceError::Unknown) => "source_unknown",
            Self::Body(BodyError::TooLarge { .. }) => "body_too_large",
            Self::Body(BodyError::TooSlow) => "body_too_slow",
            Self::Body(BodyError::BrokenOff) => "body_broken_off",
            Self::Body(BodyError::CrowdedOut) => "crowded_out",
            Self::Unverified(VerifyError::MissingHeader(_)) => "missing_header",
            Self::Unverified(VerifyError::MalformedHeader(_)) => "malformed_header",
            Self::Unverified(VerifyError::Mismatch) => "mismatch",
            Self::Unverified(VerifyError::Stale) => "stale",
            Self::NotQueued(error) => error.code(),
            Self::TooManyFailures { .. } => "too_many_failures",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Head(HeadError::TooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Source(_) => StatusCode::FORBIDDEN,
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Head(HeadError::TooSlow) | Self::Body(BodyError::TooSlow) => {
                StatusCode::REQUEST_TIMEOUT
            }
            Self::Body(BodyError::BrokenOff)
            | Self::Unverified(VerifyError::MissingHeader(_) | VerifyError::MalformedHeader(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::Unverified(VerifyError::Mismatch | VerifyError::Stale) => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotQueued(_) | Self::Body(BodyError::CrowdedOut) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Seconds after which the same request may fare better; `None` when it will not.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            // An overload passes with the burst; the broker needs longer to come back.
            Self::NotQueued(PublishError::Overloaded) | Self::Body(BodyError::CrowdedOut) => {
                Some(1)
            }
            Self::NotQueued(
                PublishError::Nacked
                | PublishError::Returned
                | PublishError::TimedOut
                | PublishError::Blocked
                | PublishError::Disconnected,
            ) => Some(5),
            Self::TooManyFailures {
                retry_after_seconds,
            } => Some(*retry_after_seconds),
            Self::Head(_)
            | Self::Source(_)
            | Self::Body(BodyError::TooLarge { .. } | BodyError::TooSlow | BodyError::BrokenOff)
            | Self::Unverified(_)
            | Self::NotFound
            | Self::MethodNotAllowed => None,
        }
    }

    /// Whether a request to the webhooks' path failed by its sender's doing.
    pub(crate) fn is_failure(&self) -> bool {
        match self {
            Self::Source(_)
            | Self::Body(BodyError::TooLarge { .. } | BodyError::TooSlow | BodyError::BrokenOff)
            | Self::Unverified(_) => true,
            Self::Head(_)
            | Self::Body(BodyError::CrowdedOut)
            | Self::NotQueued(_)
            | Self::TooManyFailures { .. }
            | Self::NotFound
            | Self::MethodNotAllowed => false,
        }
    }
}
