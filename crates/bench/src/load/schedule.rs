//! When each request of an open loop is due, and the thread that announces it on time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock::pause;

/// Above this rate requests are due in bursts, one each millisecond: waking up more often would take CPU
/// time from the measured programs.
const SINGLE_PER_SECOND_MAX: f64 = 1000.0;
const TICK: Duration = Duration::from_millis(1);

/// A constant rate for some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phase {
    pub(crate) per_second: f64,
    pub(crate) seconds: f64,
}

impl Phase {
    pub(crate) fn requests(&self) -> usize {
        (self.per_second * self.seconds).round() as usize
    }
}

/// When each request is due, since the run began.
pub(super) fn due_times(phases: &[Phase]) -> Vec<Duration> {
    let mut from = 0.0;
    let mut due_times = Vec::new();
    for phase in phases {
        for request in 0..phase.requests() {
            let due = Duration::from_secs_f64(from + request as f64 / phase.per_second);
            due_times.push(if phase.per_second > SINGLE_PER_SECOND_MAX {
                let ticks = due.as_nanos().div_ceil(TICK.as_nanos());
                TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
            } else {
                due
            });
        }
        from += phase.seconds;
    }
    due_times
}

/// Sends the number of requests that are due by now, until all are or until `stop`. Runs on a thread of
/// its own, because a runtime's timer is only exact to a millisecond.
pub(super) fn announce_due(
    due_times: &[Duration],
    began: Instant,
    stop: &AtomicBool,
    announce: &watch::Sender<usize>,
) {
    let mut due_count = 0;
    while let Some(next) = due_times.get(due_count) {
        pause(next.saturating_sub(began.elapsed()));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let now = began.elapsed();
        let later = due_times[due_count..].iter();
        due_count += later.take_while(|due| **due <= now).count();
        announce.send_replace(due_count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other() {
        let phases = [
            Phase {
                per_second: 10.0,
                seconds: 0.2,
            },
            Phase {
                per_second: 4000.0,
                seconds: 0.002,
            },
        ];
        let millis: Vec<u128> = due_times(&phases).iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 100, 200, 201, 201, 201, 201, 202, 202, 202]);
    }

    #[test]
    fn every_request_is_announced_and_none_early() {
        let due_times = due_times(&[Phase {
            per_second: 2000.0,
            seconds: 0.02,
        }]);
        let (announce, announced) = watch::channel(0);
        let began = Instant::now();
        announce_due(&due_times, began, &AtomicBool::new(false), &announce);
        assert!(began.elapsed() >= *due_times.last().unwrap());
        assert_eq!(*announced.borrow(), due_times.len());
        let (announce, announced) = watch::channel(0);
        announce_due(&due_times, began, &AtomicBool::new(true), &announce);
        assert_eq!(*announced.borrow(), 0);
    }
}
