//! Why a command did not do its job, and the exit code that says so.

use std::error::Error;
use std::process::ExitCode;

use paynow_process::environment::SettingError;
use paynow_process::error_chain::chain;
use paynow_process::exit;
use paynow_process::interrupt::StopSignal;

use crate::database::DatabaseError;
use crate::management::ManagementError;

/// There is no such wallet, event or dead letter.
const NOT_FOUND: u8 = 3;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Broker(#[from] ManagementError),
    /// The sentence says what there is not, and what to do.
    #[error("{0}")]
    NotFound(String),
    #[error("{what}")]
    Failed {
        what: String,
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nothing broke underneath: the sentence is all there is to say.
    #[error("{0}")]
    Refused(String),
    /// A person or a supervisor ended it before it was done.
    #[error("{what}")]
    Interrupted { signal: StopSignal, what: String },
    /// The printed rows say it all.
    #[error("already told")]
    Told,
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Failure {
    pub(crate) fn failed(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed {
            what: what.into(),
            source: source.into(),
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(_) => exit::USAGE,
            Self::NotFound(_) => NOT_FOUND,
            Self::Interrupted { signal, what: _ } => signal.exit_code(),
            Self::Database(_)
            | Self::Broker(_)
            | Self::Failed { .. }
            | Self::Refused(_)
            | Self::Told => exit::FAILURE,
        }
    }
}

/// An error with its causes; those of libpq come in several lines.
pub(crate) fn in_one_line(error: &dyn Error) -> String {
    let text = chain(error);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Prints one sentence on standard error when the command failed, and gives its exit code.
#[expect(
    clippy::print_stderr,
    reason = "standard error is where a command line tool says why it failed"
)]
pub(crate) fn report(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    if !matches!(failure, Failure::Told) {
        eprintln!("paynowctl: {}", in_one_line(&failure));
    }
    ExitCode::from(failure.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_failures_apart() {
        for (failure, code) in [
            (SettingError::new("DATABASE_URL", "is wrong").into(), 64),
            (Failure::NotFound("no wallet 7".to_owned()), 3),
            (Failure::failed("the database refused", "no"), 1),
            (Failure::Refused("a queue is in the way".to_owned()), 1),
            (Failure::Told, 1),
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
