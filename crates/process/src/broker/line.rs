//! How long a lane's line is: told by the lane, read by all who publish.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Stands for a lane that has room: nobody waits in line.
const NO_LINE: u64 = u64::MAX;

/// Since when the first in line has waited.
#[derive(Debug)]
pub(super) struct Line {
    /// What `since_us` counts from.
    epoch: Instant,
    since_us: AtomicU64,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            since_us: AtomicU64::new(NO_LINE),
        }
    }

    /// `None` when there is no line.
    pub(super) fn tell(&self, since: Option<Instant>) {
        let since_us = since.map(|since| since.saturating_duration_since(self.epoch).as_micros());
        let since_us = since_us.map_or(NO_LINE, |us| u64::try_from(us).unwrap_or(NO_LINE));
        self.since_us.store(since_us, Ordering::Relaxed);
    }

    /// How long the first in line has waited. `None` when there is no line.
    pub(super) fn wait(&self) -> Option<Duration> {
        let since_us = self.since_us.load(Ordering::Relaxed);
        let since = Duration::from_micros(since_us);
        (since_us != NO_LINE).then(|| self.epoch.elapsed().saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_its_first_has_waited() {
        let hour = Duration::from_secs(3600);
        let line = Line {
            epoch: Instant::now() - hour,
            ..Line::new()
        };
        assert_eq!(line.wait(), None);
        line.tell(Some(Instant::now() + hour));
        assert_eq!(line.wait(), Some(Duration::ZERO));
        line.tell(Some(Instant::now() - hour / 2));
        assert!(line.wait() >= Some(hour / 2) && line.wait() < Some(hour));
        line.tell(None);
        assert_eq!(line.wait(), None);
    }
}
