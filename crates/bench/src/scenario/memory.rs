//! The peak memory of each program in all scenarios together, except the overload.

use crate::bench::Bench;
use crate::figures::Series;
use crate::row::{Figure, Row, Unit};

const RECEIVER_MB_MAX: f64 = 60.0;
const WORKER_MB_MAX: f64 = 120.0;

pub(crate) fn memory(bench: &Bench) -> Vec<Row> {
    let row = |what: &str, peaks: &Series, goal: &'static str, mb_max: f64| {
        let peak = Figure::new(
            "peak",
            Unit::Megabytes,
            std::iter::once(peaks.max()).collect(),
        );
        let row = Row::new(what, peak).goal(goal, peaks.max() <= mb_max);
        (!peaks.values().is_empty()).then_some(row)
    };
    let (what, goal) = ("receiver, memory at full load", "at most 60 MB");
    let receiver = row(what, &bench.receiver_peaks, goal, RECEIVER_MB_MAX);
    let (what, goal) = ("worker, memory at full load", "at most 120 MB");
    let worker = row(what, &bench.worker_peaks, goal, WORKER_MB_MAX);
    receiver.into_iter().chain(worker).collect()
}
