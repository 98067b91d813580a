//! Rightly signed posts beside a flood of forged ones. The flood, its generator and the work of
//! refusing it take the cores from everybody, so it is compared with the same flood at another
//! receiver: what is left is what the flood does within the one that it hits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::accounts::Claims;
use crate::bench::{Bench, MANY_WALLETS};
use crate::clock::pause;
use crate::failure::{Doing, Result, ensure};
use crate::figures::Series;
use crate::load::{Busy, Flooded, OpenLoop, Outcome, Phase, flood};
use crate::orders::{Batch, Orders};
use crate::row::{Cost, Latency, Row, millis};
use crate::servers::Receiver;

const PER_SECOND: f64 = 200.0;
const CONNECTIONS: usize = 16;
const FLOOD_CONNECTIONS: usize = 64;
/// Sent again and again: a receiver keeps nothing of what it refuses.
const FORGED: usize = 1000;
/// Before anything is measured beside it.
const FLOOD_LEAD: Duration = Duration::from_millis(300);
const RATIO_MAX: f64 = 1.5;

#[derive(Default)]
struct Seen {
    alone: Latency,
    flooded: Latency,
    elsewhere: Latency,
    floods: Series,
    floods_elsewhere: Series,
    answers: Vec<String>,
    cost: Cost,
}

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut seen = Seen::default();
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        let (ours, other) = (bench.launcher.receiver()?, bench.launcher.receiver()?);
        let mut claims = Claims::default();
        post(bench, &ours, &mut claims)?;
        seen.alone
            .push(post(bench, &ours, &mut claims)?.latency_ms());
        let (outcome, flooded) = beside(bench, &ours, &other, &mut claims)?;
        seen.elsewhere.push(outcome.latency_ms());
        seen.floods_elsewhere.push(flooded.per_second());
        let meter = bench.meter(Some(&ours), None)?;
        let (outcome, flooded) = beside(bench, &ours, &ours, &mut claims)?;
        let (cpu, took) = meter.stop();
        let forged: usize = flooded.by_status.values().sum();
        seen.cost.add(&cpu, outcome.shots.len() + forged, took);
        seen.flooded.push(outcome.latency_ms());
        seen.floods.push(flooded.per_second());
        seen.answers.push(told(&flooded));
        bench.saw_receiver(&ours, &mut seen.cost);
        ours.stop()?;
        other.stop()?;
        bench.work_off(&claims)?;
    }
    Ok(vec![row(seen)])
}

fn row(seen: Seen) -> Row {
    let what = format!("posts at {PER_SECOND}/s beside a flood of forged ones");
    let row = Row::new(what, millis("p99", seen.flooded.p99_ms.clone()));
    let limit = millis("the flood at another receiver, p99", seen.elsewhere.p99_ms);
    let (row, ratio) = row.beside(limit);
    let halves = seen.flooded.p50_ms.over(&seen.elsewhere.p50_ms);
    let reached = ratio <= RATIO_MAX && halves.median() <= RATIO_MAX;
    let row = row.goal("ratio at most 1.5, of p50 too", reached);
    let row = row.note(format!(
        "p50 {:.2} ms with the flood at another receiver, a ratio of {:.2}; without a flood p50 {:.2} ms, p99 {:.2} ms",
        seen.elsewhere.p50_ms.median(),
        halves.median(),
        seen.alone.p50_ms.median(),
        seen.alone.p99_ms.median(),
    ));
    let row = row.note(format!(
        "{FLOOD_CONNECTIONS} connections forged {:.0}/s, and {:.0}/s at another receiver; CPU is for each request, refused or not",
        seen.floods.median(),
        seen.floods_elsewhere.median(),
    ));
    let row = seen.answers.into_iter().fold(row, Row::note);
    row.latency(seen.flooded).cost(seen.cost)
}

/// Posts to one receiver while another, or the same, is flooded.
fn beside(
    bench: &mut Bench,
    posted: &Receiver,
    flooded: &Receiver,
    claims: &mut Claims,
) -> Result<(Outcome, Flooded)> {
    let forged = Orders::new("pn-nobody-has-this-one").batch(FORGED, MANY_WALLETS);
    let (stop, address) = (AtomicBool::new(false), flooded.address);
    std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(address, &forged, FLOOD_CONNECTIONS, &stop));
        pause(FLOOD_LEAD);
        let outcome = post(bench, posted, claims);
        stop.store(true, Ordering::Relaxed);
        let flooded = flooding.join().map_err(|_panic| "it panicked");
        let flooded = flooded.doing("flooding")??;
        ensure(
            !flooded.by_status.contains_key(&202),
            "looking at the answers to forged posts",
            || format!("they were {:?}", flooded.by_status),
        )?;
        Ok((outcome?, flooded))
    })
}

/// None of them may be refused for what others sent.
fn post(bench: &mut Bench, receiver: &Receiver, claims: &mut Claims) -> Result<Outcome> {
    let phases = [Phase {
        per_second: PER_SECOND,
        seconds: bench.sizes.flood_seconds,
    }];
    let open = OpenLoop {
        address: receiver.address,
        connections: CONNECTIONS,
        phases: &phases,
        busy: Busy::Wait,
    };
    let batch: Batch = bench.orders.batch(open.requests(), MANY_WALLETS);
    let outcome = open.run(&batch, &AtomicBool::new(false))?;
    claims.add_outcome(&batch, &outcome);
    let statuses = outcome.by_status();
    let is_fair = statuses.keys().all(|status| [202, 503].contains(status));
    ensure(is_fair, "looking at the answers to signed posts", || {
        format!("they were {statuses:?}")
    })?;
    Ok(outcome)
}

fn told(flooded: &Flooded) -> String {
    let counts = flooded
        .by_status
        .iter()
        .map(|(status, count)| match status {
            0 => format!("{count} without an answer"),
            status => format!("{count} answered {status}"),
        });
    format!("forged: {}", counts.collect::<Vec<_>>().join(", "))
}
