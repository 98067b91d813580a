//! How a program ends: exit codes that scripts can use.

use std::error::Error;
use std::process::ExitCode;

use crate::environment::SettingError;
use crate::error_chain::chain;

/// A setting is missing or wrong (`EX_USAGE` of sysexits).
pub const USAGE: u8 = 64;
/// The program stopped on an error it could not handle.
pub const FAILURE: u8 = 1;

/// Why a program could not do its job.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("{what}")]
    Failed {
        what: String,
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Fatal {
    pub fn failed(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed {
            what: what.into(),
            source: source.into(),
        }
    }
}

/// Prints one sentence on standard error when the program failed, and gives its exit code.
#[expect(
    clippy::print_stderr,
    reason = "the last words of a program may come before any logger"
)]
pub fn report(program: &str, result: Result<(), Fatal>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fatal) => {
            eprintln!("{program}: {}", chain(&fatal));
            match fatal {
                Fatal::Setting(_) => ExitCode::from(USAGE),
                Fatal::Failed { .. } => ExitCode::from(FAILURE),
            }
        }
    }
}
