//! What became of the requests of one run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::figures::percentile;

/// Stands for the status of a request that got no answer.
pub(super) const NO_ANSWER: u16 = 0;
const ACCEPTED: u16 = 202;

/// One request. Times are since the run began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot {
    pub(crate) index: usize,
    pub(crate) status: u16,
    /// When it should have been sent; latency counts from here, so that a late send is not hidden.
    pub(crate) due: Duration,
    pub(crate) answered: Duration,
}

impl Shot {
    pub(crate) fn is_accepted(&self) -> bool {
        self.status == ACCEPTED
    }

    pub(crate) fn latency_ms(&self) -> f64 {
        self.answered.saturating_sub(self.due).as_secs_f64() * 1000.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) shots: Vec<Shot>,
    /// Due while every connection was busy, and left out.
    pub(crate) left_out: usize,
    /// Unix microseconds of the run's beginning.
    pub(crate) began_us: i64,
}

impl Outcome {
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Shot> {
        self.shots.iter().filter(|shot| shot.is_accepted())
    }

    /// Those without a 202: the broker may have them or not.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &Shot> {
        self.shots.iter().filter(|shot| !shot.is_accepted())
    }

    pub(crate) fn by_status(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for shot in &self.shots {
            *counts.entry(shot.status).or_default() += 1;
        }
        counts
    }

    /// Accepted requests a second, over the whole run.
    pub(crate) fn accepted_per_second(&self) -> f64 {
        let last = self.shots.iter().map(|shot| shot.answered).max();
        let seconds = last.unwrap_or_default().as_secs_f64();
        self.accepted().count() as f64 / seconds.max(f64::EPSILON)
    }

    /// Median and 99th percentile of the accepted, in milliseconds.
    pub(crate) fn latency_ms(&self) -> (f64, f64) {
        halves_and_tails(self.accepted().map(Shot::latency_ms).collect())
    }
}

/// Median and 99th percentile.
pub(crate) fn halves_and_tails(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    (percentile(&figures, 50.0), percentile(&figures, 99.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_when_it_was_due_and_of_the_accepted_only() {
        let shot = |index, status, due_ms, answered_ms| Shot {
            index,
            status,
            due: Duration::from_millis(due_ms),
            answered: Duration::from_millis(answered_ms),
        };
        let outcome = Outcome {
            shots: vec![
                shot(0, 202, 0, 10),
                shot(1, 202, 10, 500),
                shot(2, 503, 20, 1000),
                shot(3, NO_ANSWER, 20, 1000),
            ],
            ..Outcome::default()
        };
        assert_eq!(outcome.latency_ms(), (10.0, 490.0));
        assert_eq!(outcome.accepted_per_second(), 2.0);
        assert_eq!(outcome.refused().count(), 2);
        assert_eq!(
            outcome.by_status(),
            BTreeMap::from([(0, 1), (202, 2), (503, 1)])
        );
    }
}
