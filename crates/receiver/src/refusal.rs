//! Every reason for which we refuse a request. (What is not HTTP, actix itself answers with 400.)

use paynow_process::broker::PublishError;

use crate::body::BodyError;
use crate::code::Code;
use crate::socket::HeadError;
use crate::source::SourceError;
use crate::verify::VerifyError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("this server speaks HTTP/1.1 only and switches to nothing else")]
    UpgradeNotSupported,
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    #[error(transparent)]
    NotQueued(#[from] PublishError),
    #[error("this request failed, and so did too many others within a minute")]
    TooManyFailures { retry_after_seconds: u32 },
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes POST only")]
    MethodNotAllowed,
}

impl Refusal {
    pub fn code(&self) -> Code {
        match self {
            Self::Head(HeadError::TooSlow) => Code::HeadTooSlow,
            Self::Head(HeadError::TooLarge) => Code::HeadTooLarge,
            Self::Head(HeadError::Malformed) => Code::MalformedHead,
            Self::UpgradeNotSupported => Code::UpgradeNotSupported,
            Self::Source(SourceError::NotAllowed) => Code::SourceNotAllowed,
            Self::Source(SourceError::Unknown) => Code::SourceUnknown,
            Self::Body(BodyError::TooLarge { .. }) => Code::BodyTooLarge,
            Self::Body(BodyError::TooSlow) => Code::BodyTooSlow,
            Self::Body(BodyError::BrokenOff) => Code::BodyBrokenOff,
            Self::Body(BodyError::CrowdedOut) => Code::CrowdedOut,
            Self::Unverified(VerifyError::MissingHeader(_)) => Code::MissingHeader,
            Self::Unverified(VerifyError::MalformedHeader(_)) => Code::MalformedHeader,
            Self::Unverified(VerifyError::Mismatch) => Code::Mismatch,
            Self::Unverified(VerifyError::Stale) => Code::Stale,
            Self::NotQueued(PublishError::Nacked) => Code::Nacked,
            Self::NotQueued(PublishError::Returned) => Code::Returned,
            Self::NotQueued(PublishError::TimedOut) => Code::TimedOut,
            Self::NotQueued(PublishError::Overloaded) => Code::Overloaded,
            Self::NotQueued(PublishError::Blocked) => Code::Blocked,
            Self::NotQueued(PublishError::Disconnected) => Code::Disconnected,
            Self::TooManyFailures { .. } | Self::Body(BodyError::SourceFailed { .. }) => {
                Code::TooManyFailures
            }
            Self::NotFound => Code::NotFound,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
        }
    }

    /// Seconds to wait before the request is sent again; `None` when waiting does not help.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            // An overload passes with the burst; the broker needs longer to come back.
            Self::NotQueued(PublishError::Overloaded) | Self::Body(BodyError::CrowdedOut) => {
                Some(1)
            }
            Self::NotQueued(_) => Some(5),
            Self::TooManyFailures {
                retry_after_seconds,
            }
            | Self::Body(BodyError::SourceFailed {
                retry_after_seconds,
            }) => Some(*retry_after_seconds),
            Self::Head(_)
            | Self::UpgradeNotSupported
            | Self::Source(_)
            | Self::Body(_)
            | Self::Unverified(_)
            | Self::NotFound
            | Self::MethodNotAllowed => None,
        }
    }
}
