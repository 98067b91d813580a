//! Signed posts while a flood of forged ones hits the same receiver. The flood, its generator and its
//! refusal use cores that every program needs, so the limit is the same flood at a second receiver: the
//! ratio shows what the flood does inside the receiver that it hits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::bench::{Bench, MANY_WALLETS};
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Result, ensure, join};
use crate::figures::Series;
use crate::load::{LoadReport, OpenLoop, Phase, flood};
use crate::orders::Orders;
use crate::row::{Cost, Figure, Latency, Row};
use crate::servers::Receiver;

const PER_SECOND: f64 = 200.0;
const CONNECTIONS: usize = 16;
const FLOOD_CONNECTIONS: usize = 64;
/// Sent again and again: a receiver does not remember refused posts.
const FORGED: usize = 1000;
/// The flood starts this long before the signed posts.
const FLOOD_LEAD: Duration = Duration::from_millis(300);
const RATIO_MAX: f64 = 1.5;

#[derive(Default)]
struct Measured {
    /// Signed posts without a flood.
    alone: Latency,
    flooded: Latency,
    /// Signed posts while the flood hits the second receiver.
    elsewhere: Latency,
    flood_rates: Series,
    flood_rates_elsewhere: Series,
    /// How each flood was answered.
    answers: Vec<String>,
    cost: Cost,
}

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut measured = Measured::default();
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let (ours, other) = (bench.launcher.receiver()?, bench.launcher.receiver()?);
        let mut expected = ExpectedCredits::default();
        post(bench, &ours, &mut expected)?;
        let report = post(bench, &ours, &mut expected)?;
        measured.alone.push(report.latency_ms()?);
        let (report, flooded) = post_during_flood(bench, &ours, &other, &mut expected)?;
        measured.elsewhere.push(report.latency_ms()?);
        measured.flood_rates_elsewhere.push(flooded.per_second());
        let meter = bench.meter(Some(&ours), None)?;
        let (report, flooded) = post_during_flood(bench, &ours, &ours, &mut expected)?;
        let used = meter.stop();
        measured
            .cost
            .add(used, report.exchanges.len() + flooded.exchanges.len());
        measured.flooded.push(report.latency_ms()?);
        measured.flood_rates.push(flooded.per_second());
        measured
            .answers
            .push(format!("forged: {}", flooded.describe()));
        bench.record_peaks(Some(&ours), None, &mut measured.cost);
        ours.program.stop()?;
        other.program.stop()?;
        bench.drain_unmeasured(&expected)?;
    }
    Ok(vec![row(measured)])
}

fn row(measured: Measured) -> Row {
    let what = format!("posts at {PER_SECOND}/s during a flood of forged ones");
    let p99 = measured.flooded.p99_ms.clone();
    let limit = Figure::millis(
        "the flood at another receiver, p99",
        measured.elsewhere.p99_ms,
    );
    let row = Row::new(what, Figure::millis("p99", p99)).limit(limit);
    let p50_ratio = measured.flooded.p50_ms.over(&measured.elsewhere.p50_ms);
    let reached = row.median_ratio() <= RATIO_MAX && p50_ratio.median() <= RATIO_MAX;
    let row = row.goal("ratio at most 1.5, of p50 too", reached);
    let row = row.note(format!(
        "p50 {:.2} ms with the flood at another receiver, a ratio of {:.2}; without a flood p50 {:.2} ms, p99 {:.2} ms",
        measured.elsewhere.p50_ms.median(),
        p50_ratio.median(),
        measured.alone.p50_ms.median(),
        measured.alone.p99_ms.median(),
    ));
    let row = row.note(format!(
        "{FLOOD_CONNECTIONS} connections forged {:.0}/s, and {:.0}/s at another receiver; CPU time is for all requests, refused or not",
        measured.flood_rates.median(),
        measured.flood_rates_elsewhere.median(),
    ));
    let row = measured.answers.into_iter().fold(row, Row::note);
    row.latency(measured.flooded).cost(measured.cost)
}

/// Posts to one receiver while the flood hits it or another one. Gives both reports.
fn post_during_flood(
    bench: &mut Bench,
    posted: &Receiver,
    flooded: &Receiver,
    expected: &mut ExpectedCredits,
) -> Result<(LoadReport, LoadReport)> {
    let forged = Orders::new("pn-no-receiver-has-this-secret").batch(FORGED, MANY_WALLETS);
    let (stop, address) = (AtomicBool::new(false), flooded.address);
    std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(address, &forged, FLOOD_CONNECTIONS, &stop));
        pause(FLOOD_LEAD);
        let report = post(bench, posted, expected);
        stop.store(true, Ordering::Relaxed);
        let flooded = join(flooding, "flooding")?;
        ensure(
            flooded.accepted().next().is_none(),
            "checking the answers to forged posts",
            || flooded.describe(),
        )?;
        Ok((report?, flooded))
    })
}

/// Sends signed posts, of which none may be refused because of the flood.
fn post(
    bench: &mut Bench,
    receiver: &Receiver,
    expected: &mut ExpectedCredits,
) -> Result<LoadReport> {
    let phase = Phase {
        per_second: PER_SECOND,
        seconds: bench.sizes.flood_seconds,
    };
    let open = OpenLoop::steady(receiver.address, CONNECTIONS, phase);
    let batch = bench.orders.batch(open.requests(), MANY_WALLETS);
    let report = open.run(&batch, &AtomicBool::new(false))?;
    expected.add_load(&batch, &report);
    let statuses = report.by_status();
    let are_fair = statuses.keys().all(|status| [202, 503].contains(status));
    ensure(are_fair, "checking the answers to signed posts", || {
        report.describe()
    })?;
    Ok(report)
}
