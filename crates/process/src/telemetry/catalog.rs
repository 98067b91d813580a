//! What a program can tell: its metrics and the names of its log records, each in one list.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use slog::Level;

use super::log::{RECORDS, level_word};

/// A metric as Prometheus knows it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The name of a log record of ours, and how much it matters.
#[derive(Debug, Clone, Copy)]
pub struct LogEvent {
    pub name: &'static str,
    pub level: Level,
    pub help: &'static str,
}

/// All that a crate tells.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    pub metrics: &'static [Metric],
    pub log_events: &'static [LogEvent],
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Counter, labels, help)
    }

    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Gauge, labels, help)
    }

    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Histogram, labels, help)
    }

    const fn new(
        name: &'static str,
        kind: Kind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            labels,
            help,
        }
    }
}

impl LogEvent {
    pub const fn new(name: &'static str, level: Level, help: &'static str) -> Self {
        Self { name, level, help }
    }

    pub fn level_word(&self) -> &'static str {
        level_word(self.level)
    }
}

impl Catalog {
    /// Gives the metrics their help texts, and log records that may come their counters at zero: a
    /// counter that begins with its first record does not rise by it.
    pub(super) fn describe(&self) {
        for metric in self.metrics {
            match metric.kind {
                Kind::Counter => describe_counter!(metric.name, Unit::Count, metric.help),
                Kind::Gauge => describe_gauge!(metric.name, metric.help),
                Kind::Histogram => describe_histogram!(metric.name, metric.help),
            }
            // Without labels there is nothing to wait for.
            match metric.kind {
                Kind::Counter if metric.labels.is_empty() => {
                    metrics::counter!(metric.name).increment(0);
                }
                Kind::Counter | Kind::Gauge | Kind::Histogram => {}
            }
        }
        for event in self.log_events {
            metrics::counter!(RECORDS, "level" => event.level_word(), "event" => event.name)
                .increment(0);
        }
    }
}
