//! The system clock in microseconds, which the database's commit times are compared with, and waiting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, in Unix microseconds: a millisecond is long where a confirm takes half of one.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock of paynow_process tells milliseconds"
)]
pub(crate) fn now_us() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// The threads that wait here run nothing else.
#[expect(
    clippy::disallowed_methods,
    reason = "no runtime thread waits here, and a runtime's own timer is a millisecond coarse"
)]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}
