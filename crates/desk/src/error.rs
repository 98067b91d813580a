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

impl DeskError {
    /// Whether the database refused because the role has no such right. PostgreSQL's word for it is a
    /// code, which diesel keeps only in the text.
    pub fn is_missing_right(&self) -> bool {
        let text = chain(self);
        text.contains("permission denied") || text.contains("must be member of role")
    }
}

/// A limit that PostgreSQL ended a statement at. Nothing of the statement was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// `statement_timeout`
    TooLong,
    /// `lock_timeout`: somebody else holds what it needs.
    Locked,
}

impl DeskError {
    /// The limit that a statement ran into. Its code is also only in the text.
    pub fn ended(&self) -> Option<Ended> {
        let (Self::Database(_) | Self::Failed { .. }) = self else {
            return None;
        };
        let text = chain(self);
        if text.contains("canceling statement due to statement timeout") {
            return Some(Ended::TooLong);
        }
        let is_locked = text.contains("canceling statement due to lock timeout");
        is_locked.then_some(Ended::Locked)
    }
}

/// Why a transaction is rolled back.
pub(crate) enum Undone<T> {
    /// It showed what it would change.
    OnPurpose(Box<T>),
    ByError(DeskError),
}

impl<T> Undone<T> {
    /// What the transaction did, or only showed.
    pub(crate) fn shown(outcome: Result<T, Self>) -> Result<T, DeskError> {
        match outcome {
            Ok(done) => Ok(done),
            Err(Self::OnPurpose(shown)) => Ok(*shown),
            Err(Self::ByError(error)) => Err(error),
        }
    }
}

impl<T, E: Into<DeskError>> From<E> for Undone<T> {
    fn from(error: E) -> Self {
        Self::ByError(error.into())
    }
}

/// An error with its causes; libpq breaks its own into several lines.
pub fn in_one_line(error: &dyn Error) -> String {
    one_line(&chain(error))
}
