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
pub fn report(program: &str, result: Result<(), Fatal>) -> ExitCode {
    ExitCode::from(told(program, result))
}

/// Reports, and ends the process at once, whatever its other threads do: no handler of a C library
/// runs, which would take from a thread that still waits for the database what it stands on
/// (OpenSSL frees its tables at exit, under the feet of libpq).
pub(crate) fn end(program: &str, result: Result<(), Fatal>) -> ! {
    signal_hook::low_level::exit(i32::from(told(program, result)))
}

#[expect(
    clippy::print_stderr,
    reason = "the last words of a program may come before any logger"
)]
fn told(program: &str, result: Result<(), Fatal>) -> u8 {
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
