//! Whether the worker gets the messages that it holds committed, and whether the database answers it while
//! it holds none. If not, for whatever cause, it is not ready: a server that is silent reports no error.

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
    /// Since when the database has not answered the idle worker; [`IDLE`] while it answers.
    unanswered_ms: AtomicU64,
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
            unanswered_ms: AtomicU64::new(IDLE),
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
        self.uncommitted_for().max(self.unanswered_for()) >= self.stall_after
    }

    /// Why a worker that consumes messages could not credit one now.
    pub fn not_ready(&self) -> Option<&'static str> {
        match (self.is_stalled(), self.is_unanswered()) {
            (true, _) => Some("stalled"),
            (false, true) => Some("database"),
            (false, false) => None,
        }
    }

    /// Whether no lane holds messages.
    pub(crate) fn is_idle(&self) -> bool {
        let mut marks = self.since_ms.iter();
        marks.all(|mark| mark.load(Ordering::Relaxed) == IDLE)
    }

    /// The database has answered.
    pub(crate) fn answered(&self) {
        self.unanswered_ms.store(IDLE, Ordering::Relaxed);
    }

    /// The database has not answered a question that was asked at `asked`. If an earlier one was not
    /// answered either, the time counts from then.
    pub(crate) fn unanswered(&self, asked: Instant) {
        if !self.is_unanswered() {
            let asked = asked.saturating_duration_since(self.started);
            let asked_ms = u64::try_from(asked.as_millis()).unwrap_or(IDLE);
            self.unanswered_ms.store(asked_ms, Ordering::Relaxed);
        }
    }

    fn is_unanswered(&self) -> bool {
        self.unanswered_ms.load(Ordering::Relaxed) != IDLE
    }

    fn unanswered_for(&self) -> Duration {
        self.since(self.unanswered_ms.load(Ordering::Relaxed))
    }

    /// How long a lane has held messages without a commit: the longest time of all lanes.
    fn uncommitted_for(&self) -> Duration {
        let marks = self
            .since_ms
            .iter()
            .map(|mark| mark.load(Ordering::Relaxed));
        self.since(marks.min().unwrap_or(IDLE))
    }

    /// The time since a mark; none for [`IDLE`].
    fn since(&self, mark_ms: u64) -> Duration {
        match mark_ms == IDLE {
            true => Duration::ZERO,
            false => Duration::from_millis(self.now_ms().saturating_sub(mark_ms)),
        }
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
            let (held_for, unanswered_for) = (self.uncommitted_for(), self.unanswered_for());
            let is_stalled = self.is_stalled();
            Uncommitted {
                held_for,
                unanswered_for,
                is_stalled,
            }
            .emit();
            match (was_stalled, is_stalled) {
                (false, true) => Stalled {
                    held_for,
                    unanswered_for,
                }
                .emit(),
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
        self.progress.answered();
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

    #[test]
    fn an_idle_worker_whose_database_is_silent_is_not_ready_until_it_answers() {
        let progress = Arc::new(Progress::new(1, Duration::from_secs(3600)));
        assert!(progress.is_idle() && progress.not_ready().is_none());
        progress.unanswered(Instant::now());
        assert_eq!(progress.not_ready(), Some("database"));
        progress.unanswered_ms.store(0, Ordering::Relaxed);
        progress.unanswered(Instant::now() + Duration::from_secs(9));
        assert_eq!(progress.unanswered_ms.load(Ordering::Relaxed), 0);
        progress.lane(0).committed();
        assert!(!progress.is_idle() && progress.not_ready().is_none());
        let impatient = Progress::new(1, Duration::ZERO);
        impatient.unanswered(Instant::now());
        assert_eq!(impatient.not_ready(), Some("stalled"));
    }
}
