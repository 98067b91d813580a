//! Everything a crate can report: its metrics and the names of its log records.

use super::log::RECORDS;
use super::log_event::LogEvent;
use super::metric::Declaration;

/// All that a crate reports, in one list per module that reports it.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    pub metrics: &'static [&'static [&'static Declaration]],
    pub log_events: &'static [&'static [LogEvent]],
}

impl Catalog {
    pub fn metrics(&self) -> impl Iterator<Item = &'static Declaration> {
        self.metrics.iter().copied().flatten().copied()
    }

    pub fn log_events(&self) -> impl Iterator<Item = &'static LogEvent> {
        self.log_events.iter().copied().flatten()
    }

    /// Describes the metrics and starts the series that are known by now.
    pub(super) fn start(&self) {
        for metric in self.metrics() {
            metric.describe();
            metric.start(None);
        }
        for event in self.log_events() {
            RECORDS.with([event.level_word(), event.name]).increment(0);
        }
    }
}
