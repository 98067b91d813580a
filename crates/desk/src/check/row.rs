//! One row of a check.

use serde::Serialize;

/// Whether an invariant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    Ok,
    /// Broken: someone must act.
    Failed,
    /// Nothing is broken; someone may want to know.
    Notice,
    /// It could not be read.
    Unknown,
}

impl Status {
    pub fn is_fine(self) -> bool {
        match self {
            Self::Ok | Self::Notice => true,
            Self::Failed | Self::Unknown => false,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub id: &'static str,
    pub status: Status,
    pub message: String,
}

impl Row {
    pub(super) fn new(id: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            id,
            status,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_invariant_is_fine() {
        assert!(Status::Ok.is_fine() && Status::Notice.is_fine());
        assert!(!Status::Failed.is_fine() && !Status::Unknown.is_fine());
    }
}
