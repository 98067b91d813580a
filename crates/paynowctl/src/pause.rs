//! Waiting, on a thread of our own: this program has no runtime that could be blocked.

use std::time::Duration;

#[expect(
    clippy::disallowed_methods,
    reason = "the ban protects runtime threads, and here are none"
)]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}
