//! Errors of a measurement: what was being done, and the cause. No figure is ever an error.

use std::error::Error;
use std::thread::ScopedJoinHandle;

use paynow_process::exit::Fatal;

pub(crate) type Result<T> = std::result::Result<T, Fatal>;

/// Adds to an error what was being done.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|error| Fatal::failed(what, error))
    }
}

/// Fails unless a condition holds without which the figures mean nothing.
pub(crate) fn ensure(holds: bool, what: &str, why: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Fatal::failed(what, why()))
    }
}

/// The result of a thread, also when it panicked.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, Result<T>>, what: &str) -> Result<T> {
    thread
        .join()
        .map_err(|_panic| "the thread panicked")
        .doing(what)?
}
