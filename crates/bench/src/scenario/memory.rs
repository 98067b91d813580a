//! The peak memory of each program in all scenarios together, except the overload.

use crate::row::{PeakMb, Row, Unit};

const RECEIVER_MB_MAX: f64 = 60.0;
const WORKER_MB_MAX: f64 = 120.0;

pub(crate) fn memory(peak_mb: PeakMb) -> impl Iterator<Item = Row> {
    let limits = [
        ("receiver", peak_mb.receiver, RECEIVER_MB_MAX),
        ("worker", peak_mb.worker, WORKER_MB_MAX),
    ];
    limits.into_iter().filter_map(|(program, peak, mb_max)| {
        let (what, peak) = (format!("{program}, memory at full load"), peak?);
        let mut row = Row::new(what, "peak", Unit::Megabytes);
        row.ours.series.push(peak);
        row.goal(format!("at most {mb_max} MB"), peak <= mb_max);
        Some(row)
    })
}
