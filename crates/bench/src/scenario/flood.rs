//! Signed posts while a flood of forged ones hits the same receiver. The flood, its generator and its
//! refusal use cores that every program needs, so the limit is the same flood at a second receiver: the
//! ratio shows what the flood does inside the receiver that it hits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::bench::Bench;
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Result, ensure, join};
use crate::figures::Series;
use crate::load::{LoadReport, OpenLoop, closed_while};
use crate::orders::Orders;
use crate::row::{Latency, Row, Unit};
use crate::servers::Receiver;

const PER_SECOND: f64 = 200.0;
const CONNECTIONS: usize = 16;
const FLOOD_CONNECTIONS: usize = 64;
/// Sent again and again: a receiver does not remember refused posts.
const FORGED: usize = 1000;
/// The flood starts this long before the signed posts.
const FLOOD_LEAD: Duration = Duration::from_millis(300);
const RATIO_MAX: f64 = 1.5;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let what = format!("posts at {PER_SECOND}/s during a flood of forged ones");
    let mut row = Row::new(what, "p99", Unit::Milliseconds);
    let (mut alone, mut elsewhere) = (Latency::default(), Latency::default());
    let [mut flood_rates, mut flood_rates_elsewhere] = [const { Series::new() }; 2];
    let mut answers = Vec::new();
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let (ours, other) = (bench.launcher.receiver()?, bench.launcher.receiver()?);
        let mut expected = ExpectedCredits::default();
        post(bench, &ours, &mut expected)?;
        alone.push(post(bench, &ours, &mut expected)?.latency_ms()?);
        let (report, flooded) = post_during_flood(bench, &ours, &other, &mut expected)?;
        let limit = report.latency_ms()?;
        elsewhere.push(limit);
        flood_rates_elsewhere.push(flooded.per_second());
        let meter = bench.meter(Some(&ours), None)?;
        let (report, flooded) = post_during_flood(bench, &ours, &ours, &mut expected)?;
        let posts = report.exchanges.len() + flooded.exchanges.len();
        row.cost.add(meter.stop(), posts);
        let latency = report.latency_ms()?;
        row.latency.push(latency);
        row.push(latency.1, "the flood at another receiver, p99", limit.1);
        flood_rates.push(flooded.per_second());
        answers.push(format!("forged: {}", flooded.describe()));
        bench.record_peaks(Some(&ours), None, &mut row.cost);
        ours.program.stop()?;
        other.program.stop()?;
        bench.drain_unmeasured(&expected)?;
    }
    let p50_ratio = row.latency.p50_ms.over(&elsewhere.p50_ms).median();
    let reached = row.median_ratio() <= RATIO_MAX && p50_ratio <= RATIO_MAX;
    row.goal(format!("ratio at most {RATIO_MAX}, of p50 too"), reached);
    row.note(format!(
        "p50 {:.2} ms with the flood at another receiver, a ratio of {p50_ratio:.2}; without a flood p50 {:.2} ms, p99 {:.2} ms",
        elsewhere.p50_ms.median(),
        alone.p50_ms.median(),
        alone.p99_ms.median(),
    ));
    row.note(format!(
        "{FLOOD_CONNECTIONS} connections forged {:.0}/s, and {:.0}/s at another receiver; CPU time is for all requests, refused or not",
        flood_rates.median(),
        flood_rates_elsewhere.median(),
    ));
    row.notes.extend(answers);
    Ok(vec![row])
}

/// Posts to one receiver while the flood hits it or another one. Gives both reports.
fn post_during_flood(
    bench: &mut Bench,
    posted: &Receiver,
    flooded: &Receiver,
    expected: &mut ExpectedCredits,
) -> Result<(LoadReport, LoadReport)> {
    let forged = Orders::new("pn-no-receiver-has-this-secret").batch(FORGED);
    let (stop, address) = (AtomicBool::new(false), flooded.address);
    std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            closed_while(address, &forged, FLOOD_CONNECTIONS, |_sent| {
                !stop.load(Ordering::Relaxed)
            })
        });
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
    let (address, seconds) = (receiver.address, bench.sizes.flood_seconds);
    let open = OpenLoop::steady(&mut bench.orders, address, CONNECTIONS, PER_SECOND, seconds);
    let report = open.run()?;
    expected.add_load(&open.batch, &report);
    let statuses = report.by_status();
    let are_fair = statuses.keys().all(|status| [202, 503].contains(status));
    ensure(are_fair, "checking the answers to signed posts", || {
        report.describe()
    })?;
    Ok(report)
}
