//! One connection is opened at a time: otherwise nobody could tell whose a new socket is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long to wait while others open connections in vain.
const WAIT: Duration = Duration::from_secs(15);

static TURNS: Turns = Turns {
    state: Mutex::new(State {
        is_taken: false,
        opened: 0,
    }),
    left: Condvar::new(),
};

struct State {
    is_taken: bool,
    /// How many connections were opened. While it grows, the server is slow and not silent.
    opened: u64,
}

struct Turns {
    state: Mutex<State>,
    left: Condvar,
}

/// The right to open a connection.
pub(super) struct Turn;

impl Turn {
    /// `None` if those before did not open any connection for a while: the server is silent, and each of
    /// them would take its full time to find that out.
    pub(super) fn take() -> Option<Self> {
        let mut state = TURNS.lock();
        loop {
            let opened_before = state.opened;
            let waited = TURNS
                .left
                .wait_timeout_while(state, WAIT, |state| state.is_taken);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !state.is_taken {
                state.is_taken = true;
                return Some(Self);
            }
            if state.opened == opened_before {
                return None;
            }
        }
    }

    /// A connection was opened.
    pub(super) fn opened(self) {
        let mut state = TURNS.lock();
        state.opened = state.opened.wrapping_add(1);
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURNS.lock().is_taken = false;
        TURNS.left.notify_one();
    }
}
