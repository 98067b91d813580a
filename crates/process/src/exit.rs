//! The end of a program: exit codes that scripts can use.

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

/// The exit code of a program. Prints one sentence on standard error when the program failed.
pub fn exit_code(program: &str, result: Result<(), Fatal>) -> ExitCode {
    ExitCode::from(print_and_code(program, result))
}

/// Ends the process with the code of [`exit_code`] and without the exit handlers of C libraries:
/// OpenSSL's frees tables that libpq still uses on a thread that waits for the database.
pub(crate) fn exit(program: &str, result: Result<(), Fatal>) -> ! {
    signal_hook::low_level::exit(i32::from(print_and_code(program, result)))
}

#[expect(
    clippy::print_stderr,
    reason = "a program may fail before it has a logger"
)]
fn print_and_code(program: &str, result: Result<(), Fatal>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(fatal) => {
            eprintln!("{program}: {}", chain(&fatal));
            match fatal {
                Fatal::Setting(_) => USAGE,
                Fatal::Failed { .. } => FAILURE,
            }
        }
    }
}
