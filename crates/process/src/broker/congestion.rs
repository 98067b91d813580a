//! Whether a lane is congested: set by the lane, read by every call of `publish`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The value for a lane that is not congested.
const NONE: u64 = u64::MAX;

/// Since when the oldest unanswered message has waited, while the lane may send no further one.
#[derive(Debug)]
pub(super) struct Congestion {
    /// The start of `since_us`.
    epoch: Instant,
    since_us: AtomicU64,
}

impl Congestion {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            since_us: AtomicU64::new(NONE),
        }
    }

    /// `None` ends the congestion.
    pub(super) fn set(&self, since: Option<Instant>) {
        let since_us = since.map(|since| since.saturating_duration_since(self.epoch).as_micros());
        let since_us = since_us.map_or(NONE, |us| u64::try_from(us).unwrap_or(NONE));
        self.since_us.store(since_us, Ordering::Relaxed);
    }

    /// How long the oldest message has waited; `None` without congestion.
    pub(super) fn wait(&self) -> Option<Duration> {
        let since_us = self.since_us.load(Ordering::Relaxed);
        let since = Duration::from_micros(since_us);
        (since_us != NONE).then(|| self.epoch.elapsed().saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_lasts_as_long_as_the_oldest_message_waits() {
        let hour = Duration::from_secs(3600);
        let congestion = Congestion {
            epoch: Instant::now() - hour,
            ..Congestion::new()
        };
        assert_eq!(congestion.wait(), None);
        congestion.set(Some(Instant::now() + hour));
        assert_eq!(congestion.wait(), Some(Duration::ZERO));
        congestion.set(Some(Instant::now() - hour / 2));
        assert!(congestion.wait() >= Some(hour / 2) && congestion.wait() < Some(hour));
        congestion.set(None);
        assert_eq!(congestion.wait(), None);
    }
}
