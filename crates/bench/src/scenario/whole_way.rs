//! The whole pipeline of receiver, broker, worker and database: the highest rate at which nothing is
//! refused and no queue grows.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Result, join};
use crate::figures::combined;
use crate::load::OpenLoop;
use crate::row::{Cost, Row, Unit};
use crate::servers::{Receiver, Worker};

const RATIO_MIN: f64 = 0.5;
const CONNECTIONS: usize = 64;
/// Credits keep up when they are this share of the posts due in the second half of a step.
const KEPT_UP_MIN: f64 = 0.98;
/// How many events may wait at the end of a step, in seconds of its rate. With more, a queue has grown in
/// the broker or before the receiver.
const WAITING_SECONDS_MAX: f64 = 0.25;
const POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = Row::new(
        "whole way, sustained",
        "posted and credited",
        Unit::PerSecond,
    );
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let limit = limit(bench)?;
        let found = search(bench, limit, &mut row.cost)?;
        let sustained = found.as_ref().map_or(0.0, |step| step.per_second);
        row.push(sustained, "publish + consume + batch", limit);
        row.latency
            .push(found.map_or((0.0, 0.0), |step| step.latency_ms));
    }
    bench.sustained = Some(row.ours.series.median());
    let reached = row.median_ratio() >= RATIO_MIN;
    row.goal(
        format!("ratio at least {RATIO_MIN}, the queue flat"),
        reached,
    );
    row.note("latency from a post to its answer, at the highest rate that was sustained");
    Ok(vec![row])
}

/// The combined rate of bare publishing, consuming and batches.
pub(super) fn limit(bench: &mut Bench) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.posts_64);
    let published = bench.bare_publish(&batch, CONNECTIONS)?;
    let consumed = bench.bare_consume()?;
    Ok(combined(&[published, consumed, bench.bare_rows()?]))
}

/// The result of offering one rate for some seconds.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) per_second: f64,
    latency_ms: (f64, f64),
    is_sustained: bool,
}

/// Searches for the highest share of the limit that is sustained, by bisection; gives the best step.
pub(super) fn search(bench: &mut Bench, limit: f64, cost: &mut Cost) -> Result<Option<Step>> {
    let receiver = bench.launcher.receiver()?;
    let worker = bench.launcher.worker(&bench.store)?;
    let mut expected = ExpectedCredits::default();
    let (mut share, mut distance, mut best) = (0.5, 0.25, None);
    for _step in 0..bench.sizes.steps {
        let step = offer(
            bench,
            (&receiver, &worker),
            share * limit,
            &mut expected,
            cost,
        )?;
        if step.is_sustained {
            share += distance;
            best = Some(step);
        } else {
            share -= distance;
        }
        distance /= 2.0;
    }
    bench.record_peaks(Some(&receiver), Some(&worker), cost);
    receiver.program.stop()?;
    worker.program.stop()?;
    expected.verify(&bench.store)?;
    Ok(best)
}

fn offer(
    bench: &mut Bench,
    (receiver, worker): (&Receiver, &Worker),
    per_second: f64,
    expected: &mut ExpectedCredits,
    cost: &mut Cost,
) -> Result<Step> {
    let (address, seconds) = (receiver.address, bench.sizes.step_seconds);
    let open = OpenLoop::steady(&mut bench.orders, address, CONNECTIONS, per_second, seconds);
    let meter = bench.meter(Some(receiver), Some(worker))?;
    let before = expected.len();
    let (report, samples) = std::thread::scope(|scope| {
        let load = scope.spawn(|| open.run());
        let mut samples = Vec::new();
        let began = Instant::now();
        while !load.is_finished() {
            samples.push(Sample {
                at: began.elapsed().as_secs_f64(),
                // Refused posts that are credited later would count here, but a step with refusals is
                // not sustained anyway.
                credited: worker.credited()?.saturating_sub(before),
            });
            pause(POLL_INTERVAL);
        }
        let report = join(load, "offering load")?;
        Ok::<_, paynow_process::exit::Fatal>((report, samples))
    })?;
    cost.add(meter.stop(), open.batch.len());
    expected.add_load(&open.batch, &report);
    bench.await_credits(worker, expected.len())?;
    Ok(Step {
        per_second: report.accepted_per_second(),
        latency_ms: report.latency_ms()?,
        is_sustained: report.refused() == 0 && is_flat(&samples, per_second, seconds),
    })
}

struct Sample {
    /// Seconds since the first post was due.
    at: f64,
    credited: usize,
}

/// Whether credits keep up with the posts in the second half of a step, so that no queue grows.
fn is_flat(samples: &[Sample], per_second: f64, seconds: f64) -> bool {
    let is_later = |sample: &&Sample| (seconds / 2.0..=seconds).contains(&sample.at);
    let mut later = samples.iter().filter(is_later);
    let (Some(first), Some(last)) = (later.next(), later.next_back()) else {
        return false;
    };
    let due = (last.at - first.at) * per_second;
    let credited = last.credited.saturating_sub(first.credited) as f64;
    let waiting = last.at * per_second - last.credited as f64;
    credited >= due * KEPT_UP_MIN && waiting <= per_second * WAITING_SECONDS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(credited: &[usize]) -> Vec<Sample> {
        let sample = |(second, credited): (usize, &usize)| Sample {
            at: second as f64,
            credited: *credited,
        };
        credited.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn a_queue_is_flat_when_credits_keep_up_in_the_second_half() {
        assert!(is_flat(&samples(&[0, 50, 180, 280, 380]), 100.0, 4.0));
        // The queue grows slowly, the queue is long, there are no samples.
        assert!(!is_flat(&samples(&[0, 100, 200, 290, 380]), 100.0, 4.0));
        assert!(!is_flat(&samples(&[0, 0, 100, 200, 300]), 100.0, 4.0));
        assert!(!is_flat(&[], 100.0, 4.0));
    }
}
