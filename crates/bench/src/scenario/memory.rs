//! The most memory that either program had, whatever was asked of it above.

use crate::bench::Bench;
use crate::figures::Series;
use crate::row::{Row, megabytes};

const RECEIVER_MB_MAX: f64 = 60.0;
const WORKER_MB_MAX: f64 = 120.0;

pub(crate) fn memory(bench: &Bench) -> Vec<Row> {
    let row = |what: &str, peaks: &Series, goal: &'static str, most: f64| {
        let peak: Series = std::iter::once(peaks.max()).collect();
        let reached = peaks.max() <= most;
        let row = Row::new(what, megabytes("peak", peak)).goal(goal, reached);
        (!peaks.values().is_empty()).then_some(row)
    };
    let receiver = row(
        "receiver, memory at full load",
        &bench.receiver_peaks,
        "at most 60 MB",
        RECEIVER_MB_MAX,
    );
    let worker = row(
        "worker, memory at full load",
        &bench.worker_peaks,
        "at most 120 MB",
        WORKER_MB_MAX,
    );
    receiver.into_iter().chain(worker).collect()
}
