//! Why a call did not do what was asked.

use std::error::Error;

use paynow_process::error_chain::chain;

use crate::database::DatabaseError;
use crate::management::ManagementError;
use crate::text::one_line;

type Cause = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Management(#[from] ManagementError),
    /// The sentence says what does not exist, and what to do.
    #[error("{0}")]
    NotFound(String),
    /// A rule of ours forbids it; the sentence is the whole explanation.
    #[error("{0}")]
    Refused(String),
    #[error("{what}")]
    Failed { what: String, source: Cause },
    /// The caller's own report of progress failed.
    #[error(transparent)]
    Progress(Cause),
}

impl From<diesel::result::Error> for DeskError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl DeskError {
    pub fn failed(what: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Failed {
            what: what.into(),
            source: source.into(),
        }
    }
}

/// An error with its causes; libpq breaks its own into several lines.
pub fn in_one_line(error: &dyn Error) -> String {
    one_line(&chain(error))
}
