//! Signed posts while an operator replays very many dead letters, compared with the same posts alone.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::timed::{Live, with_commit_times};
use crate::bench::Bench;
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Doing, Result, ensure, join};
use crate::row::{Cost, Row, Unit};
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
        let (programs, count) = ((&receiver, &worker), letters.len());
        let what = format!(
            "POST to credited at {LIVE_PER_SECOND}/s, during a replay of {count} dead letters"
        );
        let mut row = Row::new(what, "p50", Unit::Milliseconds);

        let seconds = bench.sizes.latency_seconds;
        let live = Live::new(bench, programs, LIVE_PER_SECOND, seconds);
        let (p50_alone, p99_alone) = live.run(bench, &mut expected, &mut Cost::default())?;
        let (latency, took) = during_a_replay(bench, programs, &mut expected, &mut row.cost)?;
        row.push(latency.0, "without a replay", p50_alone);
        row.latency.push(latency);

        expected.add_confirmed(letters);
        bench.await_credits(&worker, expected.len())?;
        bench.record_peaks(None, Some(&worker), &mut row.cost);
        receiver.program.stop()?;
        worker.program.stop()?;
        expected.verify(&bench.store)?;
        row.note(format!(
            "p99 without a replay {p99_alone:.2} ms; the replay took {:.0} s, {:.0} letters/s",
            took.as_secs_f64(),
            count as f64 / took.as_secs_f64()
        ));
        Ok(vec![row])
    })
}

/// Files open dead letters; gives their event ids.
fn file_letters(bench: &mut Bench) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    while ids.len() < bench.sizes.letters {
        let count = LETTERS_PER_INSERT.min(bench.sizes.letters - ids.len());
        let batch = bench.orders.batch(count);
        bench.store.file_letters(&batch)?;
        ids.extend(batch.event_ids());
    }
    Ok(ids)
}

fn during_a_replay(
    bench: &mut Bench,
    programs: (&Receiver, &Worker),
    expected: &mut ExpectedCredits,
    cost: &mut Cost,
) -> Result<((f64, f64), Duration)> {
    let seconds = bench.sizes.replay_seconds;
    let live = Live::new(bench, programs, LIVE_PER_SECOND, seconds);
    let mut command = bench.launcher.measured_ctl(&bench.store, &REPLAY);
    let replaying = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let replaying = replaying.doing("starting a replay")?;
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let took = await_replay(replaying);
            live.stop();
            took
        });
        let latency = live.run(bench, expected, cost)?;
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
