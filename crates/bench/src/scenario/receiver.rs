//! The receiver, compared with the bare client that has as many publishes of the same bytes in flight.

use crate::bench::{Bench, MANY_WALLETS};
use crate::expected::ExpectedCredits;
use crate::failure::Result;
use crate::figures::Series;
use crate::load::closed;
use crate::row::{Cost, Figure, Latency, Row};
use crate::servers::Receiver;

const RATIO_MIN: f64 = 0.75;
const P99_MS_MAX: f64 = 12.0;

pub(super) fn with_64_connections(bench: &mut Bench) -> Result<Vec<Row>> {
    let (row, latency) = measure(bench, 64, bench.sizes.posts_64)?;
    let reached = row.median_ratio() >= RATIO_MIN && latency.p99_ms.median() < P99_MS_MAX;
    let row = row.goal("ratio at least 0.75, p99 under 12 ms", reached);
    Ok(vec![row.latency(latency)])
}

pub(super) fn with_8_connections(bench: &mut Bench) -> Result<Vec<Row>> {
    let (row, latency) = measure(bench, 8, bench.sizes.posts_8)?;
    let reached = row.median_ratio() >= RATIO_MIN;
    let row = row.goal("ratio at least 0.75", reached);
    Ok(vec![row.latency(latency)])
}

fn measure(bench: &mut Bench, connections: usize, posts: usize) -> Result<(Row, Latency)> {
    let (mut ours, mut limit, mut wide) = (Series::default(), Series::default(), Series::default());
    let (mut latency, mut cost) = (Latency::default(), Cost::default());
    let mut refused = 0;
    let receiver = bench.launcher.receiver()?;
    warm_up(bench, &receiver, connections)?;
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let batch = bench.orders.batch(posts, MANY_WALLETS);
        limit.push(bench.bare_publish(&batch, connections)?);
        let meter = bench.meter(Some(&receiver), None)?;
        let report = closed(receiver.address, &batch, connections)?;
        cost.add(meter.stop(), batch.len());
        ours.push(report.accepted_per_second());
        latency.push(report.latency_ms()?);
        refused += report.refused();
        let mut expected = ExpectedCredits::default();
        expected.add_load(&batch, &report);
        bench.drain_unmeasured(&expected)?;
        wide.push(bench.bare_publish(&batch, 512)?);
    }
    bench.record_peaks(Some(&receiver), None, &mut cost);
    receiver.program.stop()?;
    let what = format!("receiver, {connections} keep-alive connections");
    let row = Row::new(what, Figure::rate("202", ours)).limit(Figure::rate("bare publish", limit));
    let row = row.cost(cost).note(format!(
        "with 512 in flight the bare client publishes {:.0}/s",
        wide.median()
    ));
    let row = match refused {
        0 => row,
        1 => row.note("1 post was not answered 202"),
        some => row.note(format!("{some} posts were not answered 202")),
    };
    Ok((row, latency))
}

fn warm_up(bench: &mut Bench, receiver: &Receiver, connections: usize) -> Result<()> {
    let batch = bench.orders.batch(bench.sizes.warm_up, MANY_WALLETS);
    bench.bare_publish(&batch, connections)?;
    let report = closed(receiver.address, &batch, connections)?;
    bench.purge_confirmed(report.accepted().count())
}
