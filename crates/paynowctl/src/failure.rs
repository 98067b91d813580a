//! Why a command failed, and its exit code.

use std::error::Error;

use paynow_desk::database::DatabaseError;
use paynow_desk::error::DeskError;
use paynow_desk::management::ManagementError;
use paynow_process::environment::SettingError;
use paynow_process::exit;
use paynow_process::interrupt::StopSignal;

/// The exit code for a wallet, event or dead letter that does not exist.
const NOT_FOUND: u8 = 3;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A rule of ours forbids it; the sentence is the whole explanation.
    #[error("{0}")]
    Refused(String),
    /// A person or a supervisor ended it before it was done.
    #[error("{what}")]
    Interrupted { signal: StopSignal, what: String },
    /// The printed rows are the explanation.
    #[error("the explanation is already printed")]
    AlreadyPrinted,
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Desk(error.into())
    }
}

impl From<ManagementError> for Failure {
    fn from(error: ManagementError) -> Self {
        Self::Desk(error.into())
    }
}

impl Failure {
    pub(crate) fn failed(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Desk(DeskError::failed(what, source))
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(_) => exit::USAGE,
            Self::Desk(DeskError::NotFound(_)) => NOT_FOUND,
            Self::Interrupted { signal, what: _ } => signal.exit_code(),
            Self::Desk(_) | Self::Refused(_) | Self::AlreadyPrinted => exit::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_failures_apart() {
        for (failure, code) in [
            (SettingError::new("DATABASE_URL", "is wrong").into(), 64),
            (DeskError::NotFound("no wallet 7".to_owned()).into(), 3),
            (Failure::failed("the database refused", "no"), 1),
            (Failure::Refused("a queue is in the way".to_owned()), 1),
            (Failure::AlreadyPrinted, 1),
            (
                Failure::Interrupted {
                    signal: StopSignal::Interrupt,
                    what: "interrupted".to_owned(),
                },
                130,
            ),
        ] {
            assert_eq!(failure.exit_code(), code, "{failure}");
        }
    }
}
