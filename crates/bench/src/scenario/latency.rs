//! POST to credited, far from any limit: against one confirm and one commit.

use std::sync::atomic::AtomicBool;

use super::timed::{Live, with_commit_times};
use super::whole_way;
use crate::accounts::Claims;
use crate::bare;
use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::{Series, percentile};
use crate::row::{Cost, Latency, Row, millis};

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
        let (row, latency, ratio) = measure(bench, what, per_second)?;
        let reached = ratio <= RATIO_MAX && latency.p99_ms.median() < P99_MS_MAX;
        let at_share = row
            .goal("p50 within 3 times, p99 under 20 ms", reached)
            .latency(latency);
        let what = format!("POST to credited at {SLOW_PER_SECOND}/s");
        let (row, latency, _ratio) = measure(bench, what, SLOW_PER_SECOND)?;
        let reached = latency.p50_ms.median() < SLOW_P50_MS_MAX;
        Ok(vec![
            at_share,
            row.goal("p50 under 2 ms", reached).latency(latency),
        ])
    })
}

/// As measured before, or by one search now.
fn sustained(bench: &mut Bench) -> Result<f64> {
    if let Some(per_second) = bench.sustained.filter(|per_second| *per_second > 0.0) {
        return Ok(per_second);
    }
    let limit = whole_way::limit(bench)?;
    let found = whole_way::search(bench, limit, &mut Cost::default())?;
    // Less than the search tries holds, if anything does.
    Ok(found.map_or(limit / 8.0, |step| step.per_second))
}

fn measure(bench: &mut Bench, what: String, per_second: f64) -> Result<(Row, Latency, f64)> {
    let (mut ours, mut limit) = (Series::default(), Series::default());
    let (mut latency, mut cost) = (Latency::default(), Cost::default());
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
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
        let mut claims = Claims::default();
        let (p50, p99) = live.run(bench, &batch, &mut claims, &mut cost)?;
        ours.push(p50);
        latency.push((p50, p99));
        receiver.stop()?;
        worker.stop()?;
        claims.settle(&bench.store)?;
    }
    let row = Row::new(what, millis("p50", ours));
    let (row, ratio) = row.beside(millis("confirm + commit", limit));
    Ok((row.cost(cost), latency, ratio))
}

/// The medians of a single confirm and of a single commit, one behind the other.
fn confirm_and_commit_ms(bench: &mut Bench) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.singles, MANY_WALLETS);
    let confirms = bare::publish(&bench.broker.address, &batch, 1)?.latencies_ms;
    bench.purge_exactly(batch.len())?;
    let commits = bare::commit_latencies_ms(&mut bench.store.connect()?, bench.sizes.singles)?;
    let median = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        percentile(&figures, 50.0)
    };
    Ok(median(confirms) + median(commits))
}
