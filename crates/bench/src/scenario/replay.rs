//! Signed posts while an operator replays very many dead letters, compared with the same posts alone.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::timed::{Live, with_commit_times};
use crate::bench::{Bench, MANY_WALLETS};
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Doing, Result, ensure, join};
use crate::row::{Cost, Figure, Latency, Row};
use crate::servers::{Receiver, Worker};

const LIVE_PER_SECOND: f64 = 200.0;
const LETTERS_PER_INSERT: usize = 2000;
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A longer replay counts as hanging.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(3600);
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
        bench.reset()?;
        let mut expected = ExpectedCredits::default();
        let letters = file_letters(bench)?;
        let receiver = bench.launcher.receiver()?;
        let worker = bench.launcher.worker(&bench.store)?;
        let programs = (&receiver, &worker);
        let (mut alone, mut during) = (Latency::default(), Latency::default());
        let mut cost = Cost::default();

        let live = Live {
            programs,
            per_second: LIVE_PER_SECOND,
            seconds: bench.sizes.latency_seconds,
            stop: &AtomicBool::new(false),
        };
        let batch = live.batch(bench);
        alone.push(live.run(bench, &batch, &mut expected, &mut Cost::default())?);
        let (latency, took) = during_a_replay(bench, programs, &mut expected, &mut cost)?;
        during.push(latency);

        let count = letters.len();
        expected.add_confirmed(letters);
        bench.await_credits(&worker, expected.len())?;
        bench.record_peaks(None, Some(&worker), &mut cost);
        receiver.program.stop()?;
        worker.program.stop()?;
        expected.verify(&bench.store)?;
        let what = format!(
            "POST to credited at {LIVE_PER_SECOND}/s, during a replay of {count} dead letters"
        );
        let p50 = Figure::millis("p50", during.p50_ms.clone());
        let limit = Figure::millis("without a replay", alone.p50_ms);
        let row = Row::new(what, p50).limit(limit);
        let note = format!(
            "p99 without a replay {:.2} ms; the replay took {:.0} s, {:.0} letters/s",
            alone.p99_ms.median(),
            took.as_secs_f64(),
            count as f64 / took.as_secs_f64()
        );
        Ok(vec![row.latency(during).cost(cost).note(note)])
    })
}

/// Files open dead letters; gives their event ids.
fn file_letters(bench: &mut Bench) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    while ids.len() < bench.sizes.letters {
        let count = LETTERS_PER_INSERT.min(bench.sizes.letters - ids.len());
        let batch = bench.orders.batch(count, MANY_WALLETS);
        let bodies: Vec<&[u8]> = (0..count).map(|index| batch.body(index)).collect();
        let events: Vec<i64> = batch.event_ids().collect();
        bench.store.file_letters(&events, &bodies)?;
        ids.extend(events);
    }
    Ok(ids)
}

fn during_a_replay(
    bench: &mut Bench,
    programs: (&Receiver, &Worker),
    expected: &mut ExpectedCredits,
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
    let mut command = bench.launcher.measured_ctl(&bench.store, &REPLAY);
    let replaying = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let replaying = replaying.doing("starting a replay")?;
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let took = await_replay(replaying);
            stop.store(true, Ordering::Relaxed);
            took
        });
        let latency = live.run(bench, &batch, expected, cost)?;
        Ok((latency, join(watching, "replaying")?))
    })
}

/// Waits for a replay, which must succeed; gives how long it took.
fn await_replay(mut replaying: Child) -> Result<Duration> {
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
        if began.elapsed() >= REPLAY_TIMEOUT {
            let _ended = (replaying.kill(), replaying.wait());
            return Err("it did not end in time").doing("replaying");
        }
        pause(POLL_INTERVAL);
    }
}
