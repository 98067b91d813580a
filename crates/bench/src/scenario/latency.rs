//! The time from POST to credited at low rates, compared with one confirm and one commit.

use super::timed::{Live, with_commit_times};
use super::whole_way;
use crate::bare;
use crate::bench::Bench;
use crate::expected::ExpectedCredits;
use crate::failure::Result;
use crate::figures::Latencies;
use crate::row::{Cost, Row, Unit};

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
        let mut at_share = measure(bench, what, per_second)?;
        at_share.goal(
            format!("p50 within {RATIO_MAX} times, p99 under {P99_MS_MAX} ms"),
            at_share.median_ratio() <= RATIO_MAX && at_share.latency.p99_ms.median() < P99_MS_MAX,
        );
        let what = format!("POST to credited at {SLOW_PER_SECOND}/s");
        let mut slow = measure(bench, what, SLOW_PER_SECOND)?;
        let reached = slow.latency.p50_ms.median() < SLOW_P50_MS_MAX;
        slow.goal(format!("p50 under {SLOW_P50_MS_MAX} ms"), reached);
        Ok(vec![at_share, slow])
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

fn measure(bench: &mut Bench, what: String, per_second: f64) -> Result<Row> {
    let mut row = Row::new(what, "p50", Unit::Milliseconds);
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let limit = confirm_and_commit_ms(bench)?;
        let receiver = bench.launcher.receiver()?;
        let worker = bench.launcher.worker(&bench.store)?;
        let seconds = bench.sizes.latency_seconds;
        let live = Live::new(bench, (&receiver, &worker), per_second, seconds);
        let mut expected = ExpectedCredits::default();
        let latency = live.run(bench, &mut expected, &mut row.cost)?;
        row.push(latency.0, "confirm + commit", limit);
        row.latency.push(latency);
        receiver.program.stop()?;
        worker.program.stop()?;
        expected.verify(&bench.store)?;
    }
    Ok(row)
}

/// The sum of the median times of a single confirm and of a single commit.
fn confirm_and_commit_ms(bench: &mut Bench) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.singles);
    let confirms = bare::publish(&bench.broker.address, &batch, 1)?.latencies;
    bench.purge_confirmed(batch.len())?;
    let commits = bare::commit_latencies(&mut bench.store.connect()?, bench.sizes.singles)?;
    let (confirms, commits) = (Latencies::of(confirms)?, Latencies::of(commits)?);
    Ok(confirms.percentile_ms(50.0) + commits.percentile_ms(50.0))
}
