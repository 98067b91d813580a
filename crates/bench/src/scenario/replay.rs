//! Live traffic while an operator replays very many dead letters.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::timed::{Live, with_commit_times};
use crate::accounts::Claims;
use crate::bench::{Bench, MANY_WALLETS};
use crate::clock::pause;
use crate::failure::{Doing, Result, ensure};
use crate::row::{Cost, Latency, Row, millis};
use crate::servers::{Receiver, Worker};

const LIVE_PER_SECOND: f64 = 200.0;
const FILED_AT_ONCE: usize = 2000;
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A replay that takes longer hangs.
const REPLAY_LIMIT: Duration = Duration::from_secs(3600);
const REPLAY: [&str; 12] = [
    "dead",
    "replay",
    "--reason",
    "unknown_product",
    "--by",
    "bench",
    "--why",
    "the product has its points now",
    "--rate",
    "10000/s",
    "--yes",
    "--json",
];

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    with_commit_times(bench, |bench| {
        bench.begin_anew()?;
        let mut claims = Claims::default();
        let letters = file_letters(bench)?;
        let receiver = bench.launcher.receiver()?;
        let worker = bench.launcher.worker(&bench.store)?;
        let programs = (&receiver, &worker);
        let (mut alone, mut beside) = (Latency::default(), Latency::default());
        let mut cost = Cost::default();

        let live = Live {
            programs,
            per_second: LIVE_PER_SECOND,
            seconds: bench.sizes.latency_seconds,
            stop: &AtomicBool::new(false),
        };
        let batch = live.batch(bench);
        alone.push(live.run(bench, &batch, &mut claims, &mut Cost::default())?);
        let (latency, took) = beside_a_replay(bench, programs, &mut claims, &mut cost)?;
        beside.push(latency);

        let count = letters.len();
        claims.add_confirmed(letters);
        bench.await_credits(&worker, claims.len())?;
        bench.saw_worker(&worker, &mut cost);
        receiver.stop()?;
        worker.stop()?;
        claims.settle(&bench.store)?;
        let what = format!(
            "POST to credited at {LIVE_PER_SECOND}/s, beside a replay of {count} dead letters"
        );
        let row = Row::new(what, millis("p50", beside.p50_ms.clone()));
        let (row, _ratio) = row.beside(millis("without a replay", alone.p50_ms.clone()));
        let note = format!(
            "p99 without a replay {:.2} ms; the replay took {:.0} s, {:.0} letters/s",
            alone.p99_ms.median(),
            took.as_secs_f64(),
            count as f64 / took.as_secs_f64()
        );
        Ok(vec![row.latency(beside).cost(cost).note(note)])
    })
}

/// Fills the desk; gives the events.
fn file_letters(bench: &mut Bench) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    while ids.len() < bench.sizes.letters {
        let count = FILED_AT_ONCE.min(bench.sizes.letters - ids.len());
        let batch = bench.orders.batch(count, MANY_WALLETS);
        let bodies: Vec<&[u8]> = (0..count).map(|index| batch.body(index)).collect();
        let events: Vec<i64> = batch.event_ids().collect();
        bench.store.file_letters(&events, &bodies)?;
        ids.extend(events);
    }
    Ok(ids)
}

fn beside_a_replay(
    bench: &mut Bench,
    programs: (&Receiver, &Worker),
    claims: &mut Claims,
    cost: &mut Cost,
) -> Result<((f64, f64), Duration)> {
    let stop = AtomicBool::new(false);
    let live = Live {
        programs,
        per_second: LIVE_PER_SECOND,
        seconds: bench.sizes.replay_seconds,
        stop: &stop,
    };
    let batch = live.batch(bench);
    let mut command = bench.launcher.ctl(&bench.store, &REPLAY);
    let replaying = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let replaying = replaying.doing("starting a replay")?;
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let ended = ended(replaying);
            stop.store(true, Ordering::Relaxed);
            ended
        });
        let latency = live.run(bench, &batch, claims, cost)?;
        let took = watching
            .join()
            .map_err(|_panic| "it panicked")
            .doing("replaying")??;
        Ok((latency, took))
    })
}

/// Waits for the end of a replay, which must be a good one; how long it took.
fn ended(mut replaying: Child) -> Result<Duration> {
    let began = Instant::now();
    loop {
        if let Some(status) = replaying.try_wait().doing("waiting for the replay")? {
            ensure(status.success(), "replaying", || {
                let read = replaying.stderr.take().map(std::io::read_to_string);
                format!(
                    "{status}: {}",
                    read.and_then(std::io::Result::ok).unwrap_or_default()
                )
            })?;
            return Ok(began.elapsed());
        }
        if began.elapsed() >= REPLAY_LIMIT {
            let _gone = (replaying.kill(), replaying.wait());
            return Err("it did not end").doing("replaying");
        }
        pause(LOOK_AGAIN);
    }
}
