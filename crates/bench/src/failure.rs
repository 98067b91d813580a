//! Every way a measurement can break, as one sentence with its cause. A figure is never one.

use std::error::Error;

use paynow_process::exit::Fatal;

pub(crate) type Result<T> = std::result::Result<T, Fatal>;

/// Says what we were at when something failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|error| Fatal::failed(what, error))
    }
}

/// What must hold for the figures to mean anything.
pub(crate) fn ensure(holds: bool, what: &str, why: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Fatal::failed(what, why()))
    }
}
