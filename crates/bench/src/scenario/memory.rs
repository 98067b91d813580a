//! The peak memory of each program in all scenarios together, except the overload.

use crate::row::{Figure, PeakMb, Row, Unit};

const RECEIVER_MB_MAX: f64 = 60.0;
const WORKER_MB_MAX: f64 = 120.0;

pub(crate) fn memory(peak_mb: &PeakMb) -> impl Iterator<Item = Row> {
    let row = |what: &str, peak: f64, goal: &'static str, mb_max: f64| {
        let series = std::iter::once(peak).collect();
        Row::new(what, Figure::new("peak", Unit::Megabytes, series)).goal(goal, peak <= mb_max)
    };
    let (what, goal) = ("receiver, memory at full load", "at most 60 MB");
    let receiver = peak_mb
        .receiver
        .map(|peak| row(what, peak, goal, RECEIVER_MB_MAX));
    let (what, goal) = ("worker, memory at full load", "at most 120 MB");
    let worker = peak_mb
        .worker
        .map(|peak| row(what, peak, goal, WORKER_MB_MAX));
    receiver.into_iter().chain(worker)
}
