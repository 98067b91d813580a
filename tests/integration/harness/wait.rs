//! Waits for a condition, never for a fixed time.

use std::time::{Duration, Instant};

/// Longer than any condition takes on a slow, busy machine. A failing test waits this long once.
const DEADLINE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Calls `found` until it returns a value. Panics with `what` at the deadline.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "waited {DEADLINE:?} without success: {what}"
        );
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the only place that polls")]
fn pause() {
    std::thread::sleep(POLL_INTERVAL);
}
