//! One look at everything: what each source told, or why it did not.

use std::collections::BTreeMap;

use paynow_shared::topology::{CREDITS_QUEUE, retry_queue};

use super::exposition::{Samples, Series};
use super::metric::{Metric, added_up, matching};

/// What a source told, or the reason why it did not.
pub(super) type Told<T> = Result<T, String>;

/// The same of a source that needs a setting.
pub(super) type Asked<T> = Result<T, Silent>;

/// Why a source told nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Silent {
    /// We were not told where it is.
    #[error("{0}")]
    NotAsked(String),
    #[error("{0}")]
    NoAnswer(String),
}

#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Seconds since the program began to look.
    pub(super) at: f64,
    /// Unix milliseconds.
    pub(super) taken_at_ms: i64,
    /// By address.
    pub(super) processes: BTreeMap<String, Told<Scrape>>,
    pub(super) broker: Asked<Broker>,
    pub(super) books: Asked<Books>,
}

/// One process, as its metrics tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Scrape {
    /// Seconds, on the clock of [`Sample::at`].
    pub(super) at: f64,
    pub(super) program: String,
    pub(super) version: String,
    pub(super) samples: Samples,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Broker {
    pub(super) queues: Vec<Queue>,
    /// By queue.
    pub(super) consumers: Told<BTreeMap<String, u64>>,
    /// Alarms and absent nodes, each in a few words.
    pub(super) alarms: Told<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) name: String,
    /// `None` while the queue does not tell.
    pub(super) ready: Option<u64>,
    pub(super) unacked: Option<u64>,
}

/// What the database knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) letters: Vec<OpenLetters>,
    pub(super) debt_wallets: u64,
    pub(super) debt_points: i64,
}

/// Open dead letters of one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenLetters {
    pub(super) reason: String,
    pub(super) letters: u64,
    pub(super) oldest_age_seconds: i64,
}

impl Scrape {
    /// The series that are meant.
    pub(super) fn of<'a>(
        &'a self,
        metric: &'a Metric<'a>,
    ) -> impl Iterator<Item = (&'a Series, f64)> {
        matching(&self.samples, metric)
    }

    /// What they add up to; `None` when there are none.
    pub(super) fn sum(&self, metric: &Metric<'_>) -> Option<f64> {
        let values: Vec<f64> = self.of(metric).map(|(_series, value)| value).collect();
        (!values.is_empty()).then(|| added_up(values))
    }
}

impl Queue {
    pub(super) fn messages(&self) -> Option<u64> {
        self.ready?.checked_add(self.unacked?)
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
        assert_eq!(scrape.sum(&Metric::of("a_b")), Some(5.0));
        assert_eq!(scrape.sum(&Metric::of("b")), None);
    }
}
