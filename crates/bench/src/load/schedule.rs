//! When each request of an open loop is due, and a thread that says so on time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock::pause;

/// Above this rate requests come in small bursts, one each millisecond: waking more often would cost
/// the cores that are measured.
const SINGLE_PER_SECOND_MAX: f64 = 1000.0;
const TICK: Duration = Duration::from_millis(1);

/// So many requests a second, for so long.
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

/// The times of all requests, since the beginning.
pub(super) fn dues(phases: &[Phase]) -> Vec<Duration> {
    let mut from = 0.0;
    let mut dues = Vec::new();
    for phase in phases {
        for request in 0..phase.requests() {
            let due = Duration::from_secs_f64(from + request as f64 / phase.per_second);
            dues.push(if phase.per_second > SINGLE_PER_SECOND_MAX {
                let ticks = due.as_nanos().div_ceil(TICK.as_nanos());
                TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
            } else {
                due
            });
        }
        from += phase.seconds;
    }
    dues
}

/// Tells how many are due by now, until all are or somebody stops it. A thread of its own, because a
/// runtime's timer is a millisecond coarse.
pub(super) fn keep_time(
    dues: &[Duration],
    began: Instant,
    stop: &AtomicBool,
    due_now: &watch::Sender<usize>,
) {
    let mut told = 0;
    while let Some(next) = dues.get(told) {
        pause(next.saturating_sub(began.elapsed()));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let now = began.elapsed();
        let more = dues[told..].iter().take_while(|due| **due <= now).count();
        told += more;
        due_now.send_replace(told);
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
        let millis: Vec<u128> = dues(&phases).iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 100, 200, 201, 201, 201, 201, 202, 202, 202]);
    }

    #[test]
    fn the_time_keeper_tells_of_every_request_and_of_none_early() {
        let dues = dues(&[Phase {
            per_second: 2000.0,
            seconds: 0.02,
        }]);
        let (tell, told) = watch::channel(0);
        let began = Instant::now();
        keep_time(&dues, began, &AtomicBool::new(false), &tell);
        assert!(began.elapsed() >= *dues.last().unwrap());
        assert_eq!(*told.borrow(), dues.len());
        let (tell, told) = watch::channel(0);
        keep_time(&dues, began, &AtomicBool::new(true), &tell);
        assert_eq!(*told.borrow(), 0);
    }
}
