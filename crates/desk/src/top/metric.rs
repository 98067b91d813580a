//! The metrics that `top` reads, and how series of them are selected. `ops/telemetry.md` lists all
//! metrics.

use std::collections::BTreeMap;

use super::exposition::{Samples, Series};

pub(super) const RECEIVER: &str = "paynow-receiver";
pub(super) const WORKER: &str = "paynow-worker";

pub(super) const BUILD_INFO: &str = "paynow_build_info";
pub(super) const LOG_RECORDS: &str = "paynow_log_records_total";
pub(super) const CONNECTED: &str = "paynow_publisher_connected";
pub(super) const BLOCKED: &str = "paynow_publisher_blocked";
pub(super) const CONFIRM_BUCKETS: &str = "paynow_publisher_confirm_duration_seconds_bucket";
pub(super) const REQUESTS: &str = "paynow_receiver_requests_total";
pub(super) const REQUEST_COUNT: &str = "paynow_receiver_request_duration_seconds_count";
pub(super) const REQUEST_BUCKETS: &str = "paynow_receiver_request_duration_seconds_bucket";
pub(super) const CONSUMING: &str = "paynow_worker_consuming";
pub(super) const UNANSWERED: &str = "paynow_worker_database_unanswered_seconds";
pub(super) const PAUSES: &str = "paynow_worker_pauses_total";
pub(super) const APPLY_BUCKETS: &str = "paynow_worker_apply_duration_seconds_bucket";
pub(super) const AGE_BUCKETS: &str = "paynow_worker_event_age_seconds_bucket";
pub(super) const EVENTS: &str = "paynow_worker_events_total";
pub(super) const RETRIES: &str = "paynow_worker_retries_total";
pub(super) const VIOLATIONS: &str = "paynow_worker_ledger_violations";
pub(super) const CPU: &str = "process_cpu_seconds_total";
pub(super) const MEMORY: &str = "process_resident_memory_bytes";
pub(super) const STARTED: &str = "process_start_time_seconds";

/// Selects series by name, and by the values of a label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selector<'a> {
    name: &'a str,
    /// A label and the values that it may have.
    only: Option<(&'a str, &'a [&'a str])>,
}

impl<'a> Selector<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        Self { name, only: None }
    }

    pub(super) fn only(name: &'a str, label: &'a str, values: &'a [&'a str]) -> Self {
        let only = Some((label, values));
        Self { name, only }
    }

    fn matches_labels(&self, series: &Series) -> bool {
        let has_label = |(label, values): (&str, &[&str])| values.contains(&series.label(label));
        self.only.is_none_or(has_label)
    }
}

/// `None` without figures.
pub(super) fn sum_of(figures: impl IntoIterator<Item = f64>) -> Option<f64> {
    figures.into_iter().reduce(|sum, figure| sum + figure)
}

/// The sum of the figures of each key.
pub(super) fn sums_by<K: Ord>(figures: impl IntoIterator<Item = (K, f64)>) -> BTreeMap<K, f64> {
    let mut sums = BTreeMap::new();
    for (key, figure) in figures {
        *sums.entry(key).or_default() += figure;
    }
    sums
}

pub(super) fn matching<'a>(
    samples: &'a Samples,
    selector: &'a Selector<'a>,
) -> impl Iterator<Item = (&'a Series, f64)> {
    // Series are sorted by name first.
    let first = Series {
        name: selector.name.to_owned(),
        labels: BTreeMap::new(),
    };
    samples
        .range(first..)
        .take_while(|(series, _value)| series.name == selector.name)
        .filter(|(series, _value)| selector.matches_labels(series))
        .map(|(series, value)| (series, *value))
}
