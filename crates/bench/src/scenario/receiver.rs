//! The receiver against the bare client: the same bytes, as many in flight.

use crate::accounts::Claims;
use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::Series;
use crate::load::closed;
use crate::row::{Cost, Latency, Row, rate};

const RATIO_MIN: f64 = 0.75;
const P99_MS_MAX: f64 = 12.0;

pub(super) fn with_64_connections(bench: &mut Bench) -> Result<Vec<Row>> {
    let (row, latency, ratio) = measure(bench, 64, bench.sizes.posts_64)?;
    let reached = ratio >= RATIO_MIN && latency.p99_ms.median() < P99_MS_MAX;
    let row = row.goal("ratio at least 0.75, p99 under 12 ms", reached);
    Ok(vec![row.latency(latency)])
}

pub(super) fn with_8_connections(bench: &mut Bench) -> Result<Vec<Row>> {
    let (row, latency, ratio) = measure(bench, 8, bench.sizes.posts_8)?;
    let row = row.goal("ratio at least 0.75", ratio >= RATIO_MIN);
    Ok(vec![row.latency(latency)])
}

fn measure(bench: &mut Bench, connections: usize, posts: usize) -> Result<(Row, Latency, f64)> {
    let (mut ours, mut limit, mut wide) = (Series::default(), Series::default(), Series::default());
    let (mut latency, mut cost) = (Latency::default(), Cost::default());
    let mut refused = 0;
    let receiver = bench.launcher.receiver()?;
    warm_up(bench, &receiver, connections)?;
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        let batch = bench.orders.batch(posts, MANY_WALLETS);
        limit.push(bench.bare_publish(&batch, connections)?);
        let meter = bench.meter(Some(&receiver), None)?;
        let outcome = closed(receiver.address, &batch, connections)?;
        let (cpu, took) = meter.stop();
        cost.add(&cpu, batch.len(), took);
        ours.push(outcome.accepted_per_second());
        latency.push(outcome.latency_ms());
        refused += outcome.refused().count();
        let mut claims = Claims::default();
        claims.add_outcome(&batch, &outcome);
        bench.work_off(&claims)?;
        wide.push(bench.bare_publish(&batch, 512)?);
    }
    bench.saw_receiver(&receiver, &mut cost);
    receiver.stop()?;
    let what = format!("receiver, {connections} keep-alive connections");
    let (row, ratio) = Row::new(what, rate("202", ours)).beside(rate("bare publish", limit));
    let row = row.cost(cost).note(format!(
        "with 512 in flight the bare client publishes {:.0}/s",
        wide.median()
    ));
    let row = match refused {
        0 => row,
        some => row.note(format!("{some} posts were not answered 202")),
    };
    Ok((row, latency, ratio))
}

fn warm_up(
    bench: &mut Bench,
    receiver: &crate::servers::Receiver,
    connections: usize,
) -> Result<()> {
    let batch = bench.orders.batch(bench.sizes.warm_up, MANY_WALLETS);
    bench.bare_publish(&batch, connections)?;
    let outcome = closed(receiver.address, &batch, connections)?;
    bench.purge_exactly(outcome.accepted().count())
}
