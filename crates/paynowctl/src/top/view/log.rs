//! What the programs wrote into their logs that is not as usual.

use std::cmp::Reverse;

use super::Level;
use crate::top::exposition::Samples;
use crate::top::increase::Span;
use crate::top::metric::{LOG_RECORDS, Metric};
use crate::top::sample::Sample;

/// From the worst to the least that is shown.
const LEVELS: [&str; 3] = ["critical", "error", "warning"];

/// Log records of one event.
#[derive(Debug)]
pub(in crate::top) struct LogRecords {
    pub(in crate::top) level: String,
    pub(in crate::top) event: String,
    /// In the last minute.
    pub(in crate::top) recent: f64,
    /// Since the processes that answer were started.
    pub(in crate::top) total: f64,
}

impl LogRecords {
    /// An error that is going on; what is past says so itself.
    pub(in crate::top) fn weight(&self) -> Level {
        if self.recent <= 0.0 {
            Level::Fine
        } else if self.level == "warning" {
            Level::Warning
        } else {
            Level::Alarm
        }
    }
}

/// What goes on first, then the worst, then the most.
pub(super) fn records(now: &Sample, window: &Span) -> Vec<LogRecords> {
    let metric = Metric::only(LOG_RECORDS, "level", &LEVELS);
    let mut totals = Samples::new();
    for scrape in now.processes.values().flatten() {
        for (series, records) in scrape.of(&metric) {
            *totals.entry(series.clone()).or_default() += records;
        }
    }
    let rose = window.rose(&metric);
    let mut records: Vec<LogRecords> = totals
        .iter()
        .filter(|(_series, total)| **total > 0.0)
        .map(|(series, total)| LogRecords {
            level: series.label("level").to_owned(),
            event: series.label("event").to_owned(),
            recent: rose.get(series).copied().unwrap_or(0.0),
            total: *total,
        })
        .collect();
    let place = |level: &str| LEVELS.iter().position(|known| *known == level);
    records.sort_by(|one, other| {
        let rank = |of: &LogRecords| (Reverse(of.recent > 0.0), place(&of.level));
        let more = other.recent.total_cmp(&one.recent);
        rank(one)
            .cmp(&rank(other))
            .then(more)
            .then(other.total.total_cmp(&one.total))
    });
    records
}
