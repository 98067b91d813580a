//! One snapshot of everything: what each source answered, or why its state is unknown.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use paynow_shared::topology::{CREDITS_QUEUE, retry_queue};
use serde::Serialize;

use super::exposition::{Samples, Series};
use super::metric::{Selector, matching, sum_of};

/// What a source answered, or the reason why it did not.
pub type Answer<T> = Result<T, String>;

/// The same for a source that needs a setting.
pub type Reading<T> = Result<T, Unknown>;

/// Why the state of a source is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The setting with its address is missing or wrong.
    #[error("{0}")]
    NotConfigured(String),
    #[error("{0}")]
    NoAnswer(String),
}

#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Seconds since the program started.
    pub at: f64,
    /// Unix milliseconds.
    pub taken_at_ms: i64,
    /// By address.
    pub processes: BTreeMap<String, Answer<Scrape>>,
    pub broker: Reading<Broker>,
    pub database: Reading<DatabaseState>,
}

/// The metrics of one process.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// Seconds, on the clock of [`Snapshot::at`].
    pub at: f64,
    pub program: String,
    pub version: String,
    pub(super) samples: Samples,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    pub queues: Vec<Queue>,
    /// By queue.
    pub consumers: Answer<BTreeMap<String, u64>>,
    /// Alarms and absent nodes, each in a few words.
    pub alarms: Answer<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub name: String,
    /// `None` as long as the broker has no statistics of the queue.
    pub ready: Option<u64>,
    pub unacked: Option<u64>,
    /// Neither: of a rung, those that are due and not back in the workers' queue.
    pub expired: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseState {
    pub dead_letters: Vec<OpenDeadLetters>,
    pub debts: Debts,
}

/// Open dead letters with the same reason.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName, Serialize)]
pub struct OpenDeadLetters {
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = BigInt)]
    pub letters: i64,
    #[diesel(sql_type = BigInt)]
    pub oldest_age_seconds: i64,
}

/// Wallets below zero, and the points that they lack.
#[derive(Debug, Clone, Default, PartialEq, Eq, QueryableByName, Serialize)]
pub struct Debts {
    #[diesel(sql_type = BigInt)]
    pub wallets: i64,
    #[diesel(sql_type = BigInt)]
    pub points: i64,
}

impl Snapshot {
    /// Every process that answered.
    pub(super) fn scrapes(&self) -> impl Iterator<Item = &Scrape> {
        self.processes.values().flatten()
    }
}

impl Scrape {
    pub(super) fn matching<'a>(
        &'a self,
        selector: &'a Selector<'a>,
    ) -> impl Iterator<Item = (&'a Series, f64)> {
        matching(&self.samples, selector)
    }

    /// The sum of all matching series; `None` when there are none.
    pub(super) fn sum(&self, selector: &Selector<'_>) -> Option<f64> {
        sum_of(self.matching(selector).map(|(_series, value)| value))
    }
}

impl Queue {
    pub(super) fn messages(&self) -> Option<u64> {
        let kept = self.ready?.checked_add(self.unacked?)?;
        kept.checked_add(self.expired.unwrap_or(0))
    }

    /// The delay of a retry queue.
    pub(super) fn rung_seconds(&self) -> Option<u32> {
        let digits = self.name.strip_prefix(CREDITS_QUEUE)?;
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        let seconds = digits.parse().ok()?;
        (retry_queue(seconds) == self.name).then_some(seconds)
    }
}

impl Broker {
    pub(super) fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::parse;
    use super::*;

    #[test]
    fn a_rung_is_known_by_its_queue() {
        for (name, seconds) in [
            ("paynow.credits.retry.1024s", Some(1024)),
            ("paynow.credits.retry.04s", None),
            ("paynow.credits.dead", None),
            ("other.retry.4s", None),
        ] {
            let queue = Queue {
                name: name.to_owned(),
                ready: None,
                unacked: None,
                expired: None,
            };
            assert_eq!(queue.rung_seconds(), seconds, "{name}");
        }
    }

    #[test]
    fn a_metric_is_found_among_names_that_begin_alike() {
        let scrape = Scrape {
            samples: parse("a 1\na_b{x=\"1\"} 2\na_b{x=\"2\"} 3\na_bc 4\n").unwrap(),
            ..Scrape::default()
        };
        assert_eq!(scrape.sum(&Selector::of("a_b")), Some(5.0));
        assert_eq!(scrape.sum(&Selector::of("b")), None);
    }
}
