//! Twice of what the receiver can carry, and then half of it: what is refused, how long the accepted
//! wait, and when it is over.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use paynow_process::exit::Fatal;

use crate::accounts::Claims;
use crate::bench::{Bench, MANY_WALLETS};
use crate::clock::pause;
use crate::failure::{Doing, Result};
use crate::figures::Series;
use crate::load::{Busy, OpenLoop, Outcome, Phase, Shot, closed, halves_and_tails};
use crate::row::{Cost, Latency, Row, rate};
use crate::servers::Receiver;
use crate::usage::peak_mb;

const P99_MS_MAX: f64 = 250.0;
/// Answers within this, and with 202, are those of a receiver that is well.
const WELL: Duration = Duration::from_millis(250);
const RECOVERY_SECONDS_MAX: f64 = 1.0;
/// What it may still grow by in the second half of an overload.
const GROWTH_MAX: f64 = 1.1;
const CONNECTIONS: usize = 64;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (mut ours, mut limit) = (Series::default(), Series::default());
    let (mut latency, mut cost) = (Latency::default(), Cost::default());
    let (mut recoveries, mut growth) = (Series::default(), Series::default());
    let mut notes = Vec::new();
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        let receiver = bench.launcher.receiver()?;
        let capacity = capacity(bench, &receiver)?;
        limit.push(capacity);
        let (outcome, half_way_mb) = overload(bench, &receiver, capacity, &mut cost)?;
        let peak = peak_mb(receiver.pid());
        growth.push(peak / half_way_mb);
        cost.saw_receiver(peak);
        let during = Duration::from_secs_f64(bench.sizes.overload_seconds);
        let load: Vec<&Shot> = outcome
            .shots
            .iter()
            .filter(|shot| shot.due < during)
            .collect();
        let accepted = || load.iter().filter(|shot| shot.is_accepted());
        ours.push(accepted().count() as f64 / during.as_secs_f64());
        latency.push(halves_and_tails(
            accepted().map(|shot| shot.latency_ms()).collect(),
        ));
        recoveries.push(recovery_seconds(&outcome, during));
        notes.push(told(&outcome));
        receiver.stop()?;
    }
    let reached = latency.p99_ms.median() < P99_MS_MAX
        && recoveries.median() <= RECOVERY_SECONDS_MAX
        && growth.median() <= GROWTH_MAX;
    let row = Row::new("receiver, offered twice its capacity", rate("202", ours));
    let (row, _ratio) = row.beside(rate("capacity", limit));
    let row = row.goal(
        "p99 of the accepted under 250 ms, memory bounded, well within a second",
        reached,
    );
    let recovery = format!(
        "the last answer that was not a 202 within 250 ms belongs to a post {:.2} s after the load fell to half of the capacity ({:.2} s in the worst run)",
        recoveries.median(),
        recoveries.max()
    );
    notes.push(format!(
        "over {} connections the receiver's peak grew {:.2} times in the second half of the overload",
        bench.sizes.overload_connections,
        growth.median()
    ));
    let row = notes.into_iter().fold(row, Row::note);
    Ok(vec![row.latency(latency).cost(cost).note(recovery)])
}

/// What it carries of 64 connections, just before.
fn capacity(bench: &mut Bench, receiver: &Receiver) -> Result<f64> {
    let batch = bench.orders.batch(bench.sizes.posts_8, MANY_WALLETS);
    let outcome = closed(receiver.address, &batch, CONNECTIONS)?;
    bench.purge_exactly(outcome.accepted().count())?;
    Ok(outcome.accepted_per_second())
}

/// Gives the receiver's peak half-way through the overload, too.
fn overload(
    bench: &mut Bench,
    receiver: &Receiver,
    capacity: f64,
    cost: &mut Cost,
) -> Result<(Outcome, f64)> {
    let phase = |share: f64, seconds: f64| Phase {
        per_second: capacity * share,
        seconds,
    };
    let half_way = Duration::from_secs_f64(bench.sizes.overload_seconds / 2.0);
    let phases = [
        phase(2.0, bench.sizes.overload_seconds),
        phase(0.5, bench.sizes.recovery_seconds),
    ];
    let open = OpenLoop {
        address: receiver.address,
        connections: bench.sizes.overload_connections,
        phases: &phases,
        busy: Busy::LeaveOut,
    };
    let batch = bench.orders.batch(open.requests(), MANY_WALLETS);
    let meter = bench.meter(Some(receiver), None)?;
    let stop = AtomicBool::new(false);
    let (outcome, half_way_mb) = std::thread::scope(|scope| {
        let load = scope.spawn(|| open.run(&batch, &stop));
        pause(half_way);
        let half_way_mb = peak_mb(receiver.pid());
        let outcome = load.join().map_err(|_panic| "it panicked");
        Ok::<_, Fatal>((outcome.doing("offering load")??, half_way_mb))
    })?;
    let (cpu, took) = meter.stop();
    cost.add(&cpu, outcome.shots.len(), took);
    let mut claims = Claims::default();
    claims.add_outcome(&batch, &outcome);
    bench.work_off(&claims)?;
    Ok((outcome, half_way_mb))
}

/// How long after the load fell a post was still answered late or not with 202.
fn recovery_seconds(outcome: &Outcome, fell: Duration) -> f64 {
    let is_well =
        |shot: &Shot| shot.is_accepted() && shot.answered.saturating_sub(shot.due) <= WELL;
    let after = outcome.shots.iter().filter(|shot| shot.due >= fell);
    let ill = after.filter(|shot| !is_well(shot)).map(|shot| shot.due);
    ill.max()
        .map_or(0.0, |last| (last.saturating_sub(fell)).as_secs_f64())
}

fn told(outcome: &Outcome) -> String {
    let counts = outcome.by_status().into_iter();
    let counts = counts.map(|(status, count)| match status {
        0 => format!("{count} without an answer"),
        status => format!("{count} answered {status}"),
    });
    format!(
        "{}, {} not sent because every connection waited for an answer",
        counts.collect::<Vec<_>>().join(", "),
        outcome.left_out
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_recovered_when_nothing_is_late_or_refused_any_more() {
        let shot = |due_ms, answered_ms, status| Shot {
            index: 0,
            status,
            due: Duration::from_millis(due_ms),
            answered: Duration::from_millis(answered_ms),
        };
        let of = |shots| Outcome {
            shots,
            ..Outcome::default()
        };
        let fell = Duration::from_secs(1);
        let outcome = of(vec![shot(900, 2000, 503), shot(1000, 1100, 202)]);
        assert_eq!(recovery_seconds(&outcome, fell), 0.0);
        let outcome = of(vec![
            shot(1100, 1101, 503),
            shot(1200, 1451, 202),
            shot(1300, 1301, 202),
        ]);
        assert_eq!(recovery_seconds(&outcome, fell), 0.2);
    }
}
