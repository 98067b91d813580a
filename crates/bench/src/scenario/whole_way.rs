//! Receiver, broker, worker and database at once: the highest rate at which nothing is refused and the
//! queue stays flat.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::accounts::Claims;
use crate::bench::{Bench, MANY_WALLETS};
use crate::clock::pause;
use crate::failure::{Doing, Result};
use crate::figures::{Series, combined};
use crate::load::{Busy, OpenLoop, Phase};
use crate::row::{Cost, Latency, Row, rate};
use crate::servers::{Receiver, Worker};

const RATIO_MIN: f64 = 0.5;
const CONNECTIONS: usize = 64;
/// Credits keep up with what is due when they are so much of it, in the second half of a step.
const KEPT_UP_MIN: f64 = 0.98;
/// What waits in the end, in seconds of the rate: more is a queue that has grown, in the broker or
/// before the receiver.
const WAITING_SECONDS_MAX: f64 = 0.25;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut ours, mut limits] = [const { Vec::new() }; 2];
    let (mut latency, mut cost) = (Latency::default(), Cost::default());
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        let limit = limit(bench)?;
        let found = search(bench, limit, &mut cost)?;
        ours.push(found.as_ref().map_or(0.0, |step| step.per_second));
        limits.push(limit);
        latency.push(found.map_or((0.0, 0.0), |step| step.latency_ms));
    }
    let series = |figures: Vec<f64>| figures.into_iter().collect::<Series>();
    let ours = series(ours);
    bench.sustained = Some(ours.median());
    let row = Row::new("whole way, sustained", rate("posted and credited", ours));
    let (row, ratio) = row.beside(rate("publish + consume + batch", series(limits)));
    let row = row.goal("ratio at least 0.5, the queue flat", ratio >= RATIO_MIN);
    let note = "the latency is of the posts, at the highest rate that was sustained";
    Ok(vec![row.latency(latency).cost(cost).note(note)])
}

/// The three limits one behind the other, measured now.
pub(super) fn limit(bench: &mut Bench) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.posts_64, MANY_WALLETS);
    let published = bench.bare_publish(&batch, CONNECTIONS)?;
    let consumed = bench.bare_consume()?;
    Ok(combined(&[published, consumed, bench.bare_rows()?]))
}

/// One rate, offered for some seconds.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) per_second: f64,
    latency_ms: (f64, f64),
    holds: bool,
}

/// Halves the distance to the highest share of the limit that holds; the last that held.
pub(super) fn search(bench: &mut Bench, limit: f64, cost: &mut Cost) -> Result<Option<Step>> {
    let receiver = bench.launcher.receiver()?;
    let worker = bench.launcher.worker(&bench.store)?;
    let mut claims = Claims::default();
    let (mut share, mut distance, mut best) = (0.5, 0.25, None);
    for _step in 0..bench.sizes.steps {
        let step = offer(
            bench,
            (&receiver, &worker),
            share * limit,
            &mut claims,
            cost,
        )?;
        if step.holds {
            share += distance;
            best = Some(step);
        } else {
            share -= distance;
        }
        distance /= 2.0;
    }
    bench.saw_receiver(&receiver, cost);
    bench.saw_worker(&worker, cost);
    receiver.stop()?;
    worker.stop()?;
    claims.settle(&bench.store)?;
    Ok(best)
}

fn offer(
    bench: &mut Bench,
    (receiver, worker): (&Receiver, &Worker),
    per_second: f64,
    claims: &mut Claims,
    cost: &mut Cost,
) -> Result<Step> {
    let seconds = bench.sizes.step_seconds;
    let phases = [Phase {
        per_second,
        seconds,
    }];
    let open = OpenLoop {
        address: receiver.address,
        connections: CONNECTIONS,
        phases: &phases,
        busy: Busy::Wait,
    };
    let batch = bench.orders.batch(open.requests(), MANY_WALLETS);
    let meter = bench.meter(Some(receiver), Some(worker))?;
    let before = claims.len();
    let stop = AtomicBool::new(false);
    let (outcome, samples) = std::thread::scope(|scope| {
        let load = scope.spawn(|| open.run(&batch, &stop));
        let mut samples = Vec::new();
        let began = Instant::now();
        while !load.is_finished() {
            samples.push(Sample {
                at: began.elapsed().as_secs_f64(),
                // What was refused earlier and credited all the same would count here; a step with
                // refusals is lost anyway.
                credited: worker.credited()?.saturating_sub(before),
            });
            pause(LOOK_AGAIN);
        }
        let outcome = load
            .join()
            .map_err(|_panic| "it panicked")
            .doing("offering load")??;
        Ok::<_, paynow_process::exit::Fatal>((outcome, samples))
    })?;
    let (cpu, took) = meter.stop();
    cost.add(&cpu, batch.len(), took);
    claims.add_outcome(&batch, &outcome);
    bench.await_credits(worker, claims.len())?;
    Ok(Step {
        per_second: outcome.accepted_per_second(),
        latency_ms: outcome.latency_ms(),
        holds: outcome.refused().next().is_none() && is_flat(&samples, per_second, seconds),
    })
}

struct Sample {
    /// Seconds since the first post was due.
    at: f64,
    credited: usize,
}

/// Whether credits keep up with what is due once it has settled: no queue grows anywhere on the way.
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
        // It grows slowly, it waits long, it was never looked at.
        assert!(!is_flat(&samples(&[0, 100, 200, 290, 380]), 100.0, 4.0));
        assert!(!is_flat(&samples(&[0, 0, 100, 200, 300]), 100.0, 4.0));
        assert!(!is_flat(&[], 100.0, 4.0));
    }
}
