//! The receiver, compared with the bare client that has as many publishes of the same bytes in flight.

use crate::bench::Bench;
use crate::expected::ExpectedCredits;
use crate::failure::Result;
use crate::figures::Series;
use crate::load::closed;
use crate::row::{Row, Unit};
use crate::servers::Receiver;

const RATIO_MIN: f64 = 0.75;
const P99_MS_MAX: f64 = 12.0;

pub(super) fn with_64_connections(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = measure(bench, 64, bench.sizes.posts_64)?;
    let reached = row.median_ratio() >= RATIO_MIN && row.latency.p99_ms.median() < P99_MS_MAX;
    row.goal(
        format!("ratio at least {RATIO_MIN}, p99 under {P99_MS_MAX} ms"),
        reached,
    );
    Ok(vec![row])
}

pub(super) fn with_8_connections(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = measure(bench, 8, bench.sizes.posts_8)?;
    row.ratio_goal(RATIO_MIN);
    Ok(vec![row])
}

fn measure(bench: &mut Bench, connections: usize, posts: usize) -> Result<Row> {
    let what = format!("receiver, {connections} keep-alive connections");
    let mut row = Row::new(what, "202", Unit::PerSecond);
    let (mut wide, mut refused) = (Series::default(), 0);
    let receiver = bench.launcher.receiver()?;
    warm_up(bench, &receiver, connections)?;
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let batch = bench.orders.batch(posts);
        let limit = bench.bare_publish(&batch, connections)?;
        let meter = bench.meter(Some(&receiver), None)?;
        let report = closed(receiver.address, &batch, connections)?;
        row.cost.add(meter.stop(), batch.len());
        row.push(report.accepted_per_second(), "bare publish", limit);
        row.latency.push(report.latency_ms()?);
        refused += report.refused();
        let mut expected = ExpectedCredits::default();
        expected.add_load(&batch, &report);
        bench.drain_unmeasured(&expected)?;
        wide.push(bench.bare_publish(&batch, 512)?);
    }
    bench.record_peaks(Some(&receiver), None, &mut row.cost);
    receiver.program.stop()?;
    row.note(format!(
        "with 512 in flight the bare client publishes {:.0}/s",
        wide.median()
    ));
    match refused {
        0 => {}
        1 => row.note("1 post was not answered 202"),
        some => row.note(format!("{some} posts were not answered 202")),
    }
    Ok(row)
}

fn warm_up(bench: &mut Bench, receiver: &Receiver, connections: usize) -> Result<()> {
    let batch = bench.orders.batch(bench.sizes.warm_up);
    bench.bare_publish(&batch, connections)?;
    let report = closed(receiver.address, &batch, connections)?;
    bench.purge_confirmed(report.accepted().count())
}
