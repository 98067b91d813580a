//! The codes of refusals: the words that programs read in answers, log records and metrics.

use actix_web::http::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Code {
    HeadTooSlow,
    HeadTooLarge,
    MalformedHead,
    UpgradeNotSupported,
    SourceNotAllowed,
    SourceUnknown,
    BodyTooLarge,
    BodyTooSlow,
    BodyBrokenOff,
    CrowdedOut,
    MissingHeader,
    MalformedHeader,
    Mismatch,
    Stale,
    Nacked,
    Returned,
    TimedOut,
    Overloaded,
    Blocked,
    Disconnected,
    TooManyFailures,
    NotFound,
    MethodNotAllowed,
}

impl Code {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedHead
            | Self::UpgradeNotSupported
            | Self::BodyBrokenOff
            | Self::MissingHeader
            | Self::MalformedHeader => StatusCode::BAD_REQUEST,
            Self::Mismatch | Self::Stale => StatusCode::UNAUTHORIZED,
            Self::SourceNotAllowed | Self::SourceUnknown => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeadTooSlow | Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::CrowdedOut
            | Self::Nacked
            | Self::Returned
            | Self::TimedOut
            | Self::Overloaded
            | Self::Blocked
            | Self::Disconnected => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether a webhook failed through the fault of its sender.
    pub fn is_failure(self) -> bool {
        let is_webhook = !matches!(
            self,
            Self::HeadTooSlow
                | Self::HeadTooLarge
                | Self::MalformedHead
                | Self::TooManyFailures
                | Self::NotFound
                | Self::MethodNotAllowed
        );
        is_webhook && self.status().is_client_error()
    }
}
