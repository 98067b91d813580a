//! Log records of the programs that are warnings or worse.

use std::cmp::Reverse;

use serde::Serialize;

use super::Level;
use crate::top::increase::Increases;
use crate::top::metric::{LOG_RECORDS, Selector, sums_by};
use crate::top::snapshot::Snapshot;

/// The log levels that are shown, the most urgent first.
const LEVELS: [&str; 3] = ["critical", "error", "warning"];

/// How many log records of one event there are.
#[derive(Debug, Serialize)]
pub struct LogRecords {
    /// The log level.
    pub level: String,
    pub event: String,
    /// In the last minute.
    #[serde(rename = "records")]
    pub recent: f64,
    /// Since the start of the processes that answer.
    pub total: f64,
}

impl LogRecords {
    /// Only recent records need attention.
    pub fn urgency(&self) -> Level {
        if self.recent <= 0.0 {
            Level::Fine
        } else if self.level == "warning" {
            Level::Warning
        } else {
            Level::Alarm
        }
    }
}

/// Events with recent records come first, then the most urgent, then the most frequent.
pub(super) fn records(now: &Snapshot, window: &Increases) -> Vec<LogRecords> {
    let selector = Selector::only(LOG_RECORDS, "level", &LEVELS);
    let totals = sums_by(now.scrapes().flat_map(|scrape| scrape.matching(&selector)));
    let recent = window.matching(&selector);
    let mut records: Vec<LogRecords> = totals
        .into_iter()
        .filter(|(_series, total)| *total > 0.0)
        .map(|(series, total)| LogRecords {
            level: series.label("level").to_owned(),
            event: series.label("event").to_owned(),
            recent: recent.get(series).copied().unwrap_or(0.0),
            total,
        })
        .collect();
    let rank = |of: &LogRecords| {
        let urgency = LEVELS.iter().position(|level| *level == of.level);
        (Reverse(of.recent > 0.0), urgency)
    };
    records.sort_by(|one, other| {
        rank(one)
            .cmp(&rank(other))
            .then(other.recent.total_cmp(&one.recent))
            .then(other.total.total_cmp(&one.total))
    });
    records
}
