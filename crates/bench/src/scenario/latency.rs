//! The time from POST to credited at low rates, compared with one confirm and one commit.

use std::sync::atomic::AtomicBool;

use super::timed::{Live, with_commit_times};
use super::whole_way;
use crate::bare;
use crate::bench::{Bench, MANY_WALLETS};
use crate::expected::ExpectedCredits;
use crate::failure::Result;
use crate::figures::{Latencies, Series};
use crate::row::{Cost, Figure, Latency, Row};

const SHARE: f64 = 0.1;
const RATIO_MAX: f64 = 3.0;
const P99_MS_MAX: f64 = 20.0;
const SLOW_PER_SECOND: f64 = 200.0;
const SLOW_P50_MS_MAX: f64 = 2.0;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let sustained = sustained(bench)?;
    let per_second = (sustained * SHARE).max(1.0);
    with_commit_times(bench, |bench| {
        let what = format!("POST to credited at {per_second:.0}/s, 10 % of the sustained rate");
        let (row, latency) = measure(bench, what, per_second)?;
        let reached = row.median_ratio() <= RATIO_MAX && latency.p99_ms.median() < P99_MS_MAX;
        let at_share = row
            .goal("p50 within 3 times, p99 under 20 ms", reached)
            .latency(latency);
        let what = format!("POST to credited at {SLOW_PER_SECOND}/s");
        let (row, latency) = measure(bench, what, SLOW_PER_SECOND)?;
        let reached = latency.p50_ms.median() < SLOW_P50_MS_MAX;
        Ok(vec![
            at_share,
            row.goal("p50 under 2 ms", reached).latency(latency),
        ])
    })
}

/// The rate that `whole-way` measured, or that one search finds now.
fn sustained(bench: &mut Bench) -> Result<f64> {
    if let Some(per_second) = bench.sustained.filter(|per_second| *per_second > 0.0) {
        return Ok(per_second);
    }
    let limit = whole_way::limit(bench)?;
    let found = whole_way::search(bench, limit, &mut Cost::default())?;
    // The lowest rate of the search may be too high: this one is lower.
    let per_second = found.map_or(limit / 8.0, |step| step.per_second);
    // Kept, so that a baseline is measured at the same rate.
    bench.sustained = Some(per_second);
    Ok(per_second)
}

fn measure(bench: &mut Bench, what: String, per_second: f64) -> Result<(Row, Latency)> {
    let (mut ours, mut limit) = (Series::default(), Series::default());
    let (mut latency, mut cost) = (Latency::default(), Cost::default());
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        limit.push(confirm_and_commit_ms(bench)?);
        let receiver = bench.launcher.receiver()?;
        let worker = bench.launcher.worker(&bench.store)?;
        let live = Live {
            programs: (&receiver, &worker),
            per_second,
            seconds: bench.sizes.latency_seconds,
            stop: &AtomicBool::new(false),
        };
        let batch = live.batch(bench);
        let mut expected = ExpectedCredits::default();
        let (p50, p99) = live.run(bench, &batch, &mut expected, &mut cost)?;
        ours.push(p50);
        latency.push((p50, p99));
        receiver.program.stop()?;
        worker.program.stop()?;
        expected.verify(&bench.store)?;
    }
    let limit = Figure::millis("confirm + commit", limit);
    let row = Row::new(what, Figure::millis("p50", ours)).limit(limit);
    Ok((row.cost(cost), latency))
}

/// The sum of the median times of a single confirm and of a single commit.
fn confirm_and_commit_ms(bench: &mut Bench) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.singles, MANY_WALLETS);
    let confirms = bare::publish(&bench.broker.address, &batch, 1)?.latencies;
    bench.purge_confirmed(batch.len())?;
    let commits = bare::commit_latencies(&mut bench.store.connect()?, bench.sizes.singles)?;
    let mut sum_ms = 0.0;
    for latencies in [confirms, commits] {
        sum_ms += Latencies::of(latencies)?.percentile_ms(50.0);
    }
    Ok(sum_ms)
}
