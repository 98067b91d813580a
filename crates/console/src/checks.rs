//! The newest check of everything that somebody asked this console for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use paynow_desk::check::Row;
use paynow_process::clock;
use serde::Serialize;

/// What a check found, when, and who asked for it.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) at: String,
    pub(crate) by: String,
    pub(crate) rows: Vec<Row>,
}

/// One check at a time: it reads the whole ledger.
#[derive(Default)]
pub(crate) struct Checks {
    turn: Mutex<()>,
    newest: Mutex<Option<Arc<Checked>>>,
}

impl Checks {
    /// Checks and keeps what was found; `None` while another check runs.
    pub(crate) fn run(&self, by: &str, check: impl FnOnce() -> Vec<Row>) -> Option<Arc<Checked>> {
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::WouldBlock) => return None,
            // A check that panicked has found nothing, and keeps nobody from another.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        let checked = Arc::new(Checked {
            rows: check(),
            at: clock::now_rfc3339(),
            by: by.to_owned(),
        });
        *self.kept() = Some(Arc::clone(&checked));
        Some(checked)
    }

    /// `None` where nobody has asked since the console began.
    pub(crate) fn newest(&self) -> Option<Arc<Checked>> {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Option<Arc<Checked>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_check_is_kept_and_only_one_runs() {
        let checks = Checks::default();
        assert!(checks.newest().is_none());
        let first = checks.run("anna", || {
            assert!(checks.run("bo", Vec::new).is_none(), "one runs");
            Vec::new()
        });
        assert_eq!(first.map(|it| it.by.clone()).as_deref(), Some("anna"));
        assert!(checks.run("bo", Vec::new).is_some());
        assert_eq!(
            checks.newest().map(|it| it.by.clone()).as_deref(),
            Some("bo")
        );
    }
}
