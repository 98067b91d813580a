//! Whether the worker gets the messages that it holds committed. If not, for whatever cause, it is not
//! ready: a server that is silent reports no error.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use paynow_process::observe::Observable;

use crate::observe::sessions::{StallEnded, Stalled, Uncommitted};

const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The mark of a lane that holds no messages.
const IDLE: u64 = u64::MAX;

/// Since when each lane has held messages without a commit. It outlives sessions: after a failure of the
/// database the same messages come again.
pub struct Progress {
    started: Instant,
    /// Milliseconds after `started`, or [`IDLE`].
    since_ms: Vec<AtomicU64>,
    stall_after: Duration,
}

/// The part of one lane.
pub struct LaneProgress {
    progress: Arc<Progress>,
    lane: usize,
}

impl Progress {
    pub fn new(lanes: u16, stall_after: Duration) -> Self {
        Self {
            started: Instant::now(),
            since_ms: (0..lanes).map(|_lane| AtomicU64::new(IDLE)).collect(),
            stall_after,
        }
    }

    pub fn lane(self: &Arc<Self>, lane: u16) -> LaneProgress {
        LaneProgress {
            progress: Arc::clone(self),
            lane: lane.into(),
        }
    }

    pub fn is_stalled(&self) -> bool {
        self.uncommitted_for() >= self.stall_after
    }

    /// How long a lane has held messages without a commit: the longest time of all lanes.
    fn uncommitted_for(&self) -> Duration {
        let marks = self
            .since_ms
            .iter()
            .map(|mark| mark.load(Ordering::Relaxed));
        let oldest = marks.filter(|since_ms| *since_ms != IDLE).min();
        oldest.map_or(Duration::ZERO, |since_ms| {
            Duration::from_millis(self.now_ms().saturating_sub(since_ms))
        })
    }

    /// No lane holds messages any more.
    pub fn release(&self) {
        for mark in &self.since_ms {
            mark.store(IDLE, Ordering::Relaxed);
        }
    }

    /// Reports for ever.
    pub async fn report(self: Arc<Self>) -> Infallible {
        let mut was_stalled = false;
        loop {
            let held_for = self.uncommitted_for();
            let is_stalled = held_for >= self.stall_after;
            Uncommitted {
                held_for,
                is_stalled,
            }
            .emit();
            match (was_stalled, is_stalled) {
                (false, true) => Stalled(held_for).emit(),
                (true, false) => StallEnded.emit(),
                (false, false) | (true, true) => {}
            }
            was_stalled = is_stalled;
            tokio::time::sleep(REPORT_INTERVAL).await;
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(IDLE)
    }
}

impl LaneProgress {
    /// The lane holds messages. If it held some before, the time counts from then.
    pub(crate) fn holding(&self) {
        if let Some(mark) = self.mark()
            && mark.load(Ordering::Relaxed) == IDLE
        {
            mark.store(self.progress.now_ms(), Ordering::Relaxed);
        }
    }

    /// Something was committed, or a whole batch was settled.
    pub(crate) fn committed(&self) {
        if let Some(mark) = self.mark() {
            mark.store(self.progress.now_ms(), Ordering::Relaxed);
        }
    }

    /// The broker has no message for the lane.
    pub(crate) fn idle(&self) {
        if let Some(mark) = self.mark() {
            mark.store(IDLE, Ordering::Relaxed);
        }
    }

    fn mark(&self) -> Option<&AtomicU64> {
        self.progress.since_ms.get(self.lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_held_messages_without_a_commit_are_a_stall() {
        let progress = Arc::new(Progress::new(2, Duration::ZERO));
        let (first, second) = (progress.lane(0), progress.lane(1));
        first.holding();
        second.holding();
        let since = || progress.since_ms[0].load(Ordering::Relaxed);
        let held_since = since();
        first.holding();
        assert_eq!(since(), held_since);
        progress.since_ms[1].store(0, Ordering::Relaxed);
        assert_eq!(
            progress.uncommitted_for().as_millis(),
            u128::from(progress.now_ms())
        );
        second.idle();
        assert_eq!(since(), held_since);
        progress.release();
        assert_eq!(progress.uncommitted_for(), Duration::ZERO);
    }
}
