//! The system clock in microseconds, for comparison with the database's commit times, and pauses.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, in Unix microseconds. Milliseconds would be too coarse: a confirm takes half of one.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock of paynow_process counts milliseconds"
)]
pub(crate) fn now_us() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// Blocks the thread, which must not be one of a runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "no thread of a runtime pauses here, and a runtime's timer is only exact to a millisecond"
)]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}
