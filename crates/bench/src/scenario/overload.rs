//! Offers the receiver twice its capacity and then half of it: how many posts are accepted, how long
//! they take, and how soon the receiver has recovered.

use std::time::Duration;

use paynow_process::exit::Fatal;

use crate::bench::Bench;
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Result, join};
use crate::figures::Series;
use crate::load::{Exchange, LoadReport, OpenLoop, Phase, WhenBusy, closed};
use crate::row::{Cost, PeakMb, Row, Unit};
use crate::servers::Receiver;
use crate::usage::peak_mb;

const P99_MS_MAX: f64 = 250.0;
/// A receiver that has recovered answers 202 within this.
const HEALTHY_LATENCY: Duration = Duration::from_millis(250);
const RECOVERY_SECONDS_MAX: f64 = 1.0;
/// Memory may grow this much in the second half of an overload.
const GROWTH_MAX: f64 = 1.1;
const CONNECTIONS: usize = 64;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let what = "receiver, offered twice its capacity";
    let mut row = Row::new(what, "202", Unit::PerSecond);
    let [mut recoveries, mut growth] = [const { Series::new() }; 2];
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let receiver = bench.launcher.receiver()?;
        let capacity = capacity(bench, &receiver)?;
        let (report, half_way_mb) = overload(bench, &receiver, capacity, &mut row.cost)?;
        let peak = peak_mb(receiver.program.pid());
        growth.push(peak / half_way_mb);
        row.cost.peak_mb.raise(PeakMb {
            receiver: Some(peak),
            ..PeakMb::default()
        });
        let during = Duration::from_secs_f64(bench.sizes.overload_seconds);
        let all = report.exchanges.iter().copied();
        let load = LoadReport {
            exchanges: all.filter(|exchange| exchange.due < during).collect(),
            ..LoadReport::default()
        };
        let per_second = load.accepted().count() as f64 / during.as_secs_f64();
        row.push(per_second, "capacity", capacity);
        row.latency.push(load.latency_ms()?);
        recoveries.push(recovery_seconds(&report, during));
        row.note(format!(
            "{}, {} not sent because every connection waited for an answer",
            report.describe(),
            report.skipped
        ));
        receiver.program.stop()?;
    }
    row.goal(
        "p99 of the accepted under 250 ms, memory bounded, recovery within a second",
        row.latency.p99_ms.median() < P99_MS_MAX
            && recoveries.median() <= RECOVERY_SECONDS_MAX
            && growth.median() <= GROWTH_MAX,
    );
    row.note(format!(
        "over {} connections the receiver's peak grew {:.2} times in the second half of the overload",
        bench.sizes.overload_connections,
        growth.median()
    ));
    row.note(format!(
        "the last answer that was not a 202 within 250 ms belongs to a post {:.2} s after the load fell to half of the capacity ({:.2} s in the worst run)",
        recoveries.median(),
        recoveries.max()
    ));
    Ok(vec![row])
}

/// The rate that 64 connections reach.
fn capacity(bench: &mut Bench, receiver: &Receiver) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.posts_8);
    let report = closed(receiver.address, &batch, CONNECTIONS)?;
    bench.purge_confirmed(report.accepted().count())?;
    Ok(report.accepted_per_second())
}

/// Also gives the receiver's peak memory half-way through the overload.
fn overload(
    bench: &mut Bench,
    receiver: &Receiver,
    capacity: f64,
    cost: &mut Cost,
) -> Result<(LoadReport, f64)> {
    let phase = |share: f64, seconds: f64| Phase {
        per_second: capacity * share,
        seconds,
    };
    let half_way = Duration::from_secs_f64(bench.sizes.overload_seconds / 2.0);
    let phases = [
        phase(2.0, bench.sizes.overload_seconds),
        phase(0.5, bench.sizes.recovery_seconds),
    ];
    let (orders, connections) = (&mut bench.orders, bench.sizes.overload_connections);
    let open = OpenLoop::new(
        orders,
        receiver.address,
        connections,
        &phases,
        WhenBusy::Skip,
    );
    let meter = bench.meter(Some(receiver), None)?;
    let (report, half_way_mb) = std::thread::scope(|scope| {
        let load = scope.spawn(|| open.run());
        pause(half_way);
        let half_way_mb = peak_mb(receiver.program.pid());
        Ok::<_, Fatal>((join(load, "offering load")?, half_way_mb))
    })?;
    cost.add(meter.stop(), report.exchanges.len());
    let mut expected = ExpectedCredits::default();
    expected.add_load(&open.batch, &report);
    bench.drain_unmeasured(&expected)?;
    Ok((report, half_way_mb))
}

/// How long after the load fell the last post was due that was answered late or not with 202.
fn recovery_seconds(report: &LoadReport, fell: Duration) -> f64 {
    let is_healthy =
        |exchange: &Exchange| exchange.is_accepted() && exchange.latency() <= HEALTHY_LATENCY;
    let after = report
        .exchanges
        .iter()
        .filter(|exchange| exchange.due >= fell);
    let unhealthy = after
        .filter(|exchange| !is_healthy(exchange))
        .map(|exchange| exchange.due);
    unhealthy
        .max()
        .map_or(0.0, |last| (last.saturating_sub(fell)).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_recovered_when_no_answer_is_late_or_refused() {
        let exchange = |due_ms, answered_ms, status| Exchange {
            index: 0,
            status,
            due: Duration::from_millis(due_ms),
            answered: Duration::from_millis(answered_ms),
        };
        let of = |exchanges| LoadReport {
            exchanges,
            ..LoadReport::default()
        };
        let fell = Duration::from_secs(1);
        let report = of(vec![exchange(900, 2000, 503), exchange(1000, 1100, 202)]);
        assert_eq!(recovery_seconds(&report, fell), 0.0);
        let report = of(vec![
            exchange(1100, 1101, 503),
            exchange(1200, 1451, 202),
            exchange(1300, 1301, 202),
        ]);
        assert_eq!(recovery_seconds(&report, fell), 0.2);
    }
}
