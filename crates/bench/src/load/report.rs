//! What became of the requests of one run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::Result;
use crate::figures::Latencies;

/// In place of a status, for a request that got no answer.
pub(super) const NO_ANSWER: u16 = 0;
const ACCEPTED: u16 = 202;

/// One request and its answer. Times are since the run began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    /// The number of the request in its batch.
    pub(crate) index: usize,
    pub(crate) status: u16,
    /// When it should have been sent: latency counts from here, so that a late send is not hidden.
    pub(crate) due: Duration,
    pub(crate) answered: Duration,
}

impl Exchange {
    pub(crate) fn is_accepted(&self) -> bool {
        self.status == ACCEPTED
    }

    pub(crate) fn latency(&self) -> Duration {
        self.answered.saturating_sub(self.due)
    }
}

#[derive(Debug, Default)]
pub(crate) struct LoadReport {
    pub(crate) exchanges: Vec<Exchange>,
    /// Requests that were due while every connection was busy, and were not sent.
    pub(crate) skipped: usize,
    /// When the run began, in Unix microseconds.
    pub(crate) began_us: i64,
}

impl LoadReport {
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Exchange> {
        let all = self.exchanges.iter();
        all.filter(|exchange| exchange.is_accepted())
    }

    /// The number of requests without a 202.
    pub(crate) fn refused(&self) -> usize {
        self.exchanges.len() - self.accepted().count()
    }

    /// How often each status was answered.
    pub(crate) fn by_status(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for exchange in &self.exchanges {
            *counts.entry(exchange.status).or_default() += 1;
        }
        counts
    }

    /// "3 answered 202, 1 without an answer".
    pub(crate) fn describe(&self) -> String {
        let counts = self.by_status().into_iter();
        let counts = counts.map(|(status, count)| match status {
            NO_ANSWER => format!("{count} without an answer"),
            status => format!("{count} answered {status}"),
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Answered requests per second, over the whole run.
    pub(crate) fn per_second(&self) -> f64 {
        let all = self.exchanges.iter();
        let last = all.map(|exchange| exchange.answered).max();
        let seconds = last.unwrap_or_default().as_secs_f64();
        self.exchanges.len() as f64 / seconds.max(f64::EPSILON)
    }

    pub(crate) fn accepted_per_second(&self) -> f64 {
        let share = self.accepted().count() as f64 / self.exchanges.len().max(1) as f64;
        self.per_second() * share
    }

    /// Median and 99th percentile of the accepted, in milliseconds.
    pub(crate) fn latency_ms(&self) -> Result<(f64, f64)> {
        let latencies = Latencies::of(self.accepted().map(Exchange::latency))?;
        Ok(latencies.p50_and_p99_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_when_it_was_due_and_of_the_accepted_only() {
        let exchange = |index, status, due_ms, answered_ms| Exchange {
            index,
            status,
            due: Duration::from_millis(due_ms),
            answered: Duration::from_millis(answered_ms),
        };
        let report = LoadReport {
            exchanges: vec![
                exchange(0, 202, 0, 10),
                exchange(1, 202, 10, 500),
                exchange(2, 503, 20, 1000),
                exchange(3, NO_ANSWER, 20, 1000),
            ],
            ..LoadReport::default()
        };
        assert_eq!(report.latency_ms().unwrap(), (10.0, 490.0));
        assert_eq!(report.accepted_per_second(), 2.0);
        assert_eq!(report.refused(), 2);
        assert_eq!(
            report.by_status(),
            BTreeMap::from([(0, 1), (202, 2), (503, 1)])
        );
    }
}
