//! The time from a post to its commit. The database records when each transaction committed.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::bench::{Bench, CREDIT_TIMEOUT};
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Result, ensure};
use crate::figures::Latencies;
use crate::load::{Exchange, LoadReport, OpenLoop};
use crate::orders::Batch;
use crate::row::Cost;
use crate::servers::{Receiver, Store, Worker};

const CONNECTIONS: usize = 64;
/// The start of each run is not counted: connections are made and caches are filled.
const WARM_UP_SECONDS: f64 = 1.5;
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Runs `work` while the database records commit times. Restarts it before and after.
pub(super) fn with_commit_times<T>(
    bench: &mut Bench,
    work: impl FnOnce(&mut Bench) -> Result<T>,
) -> Result<T> {
    bench.store.track_commits(true)?;
    bench.stack.restart_database()?;
    let done = work(bench)?;
    bench.store.track_commits(false)?;
    bench.stack.restart_database()?;
    Ok(done)
}

/// Signed posts at a constant rate to a receiver and a worker.
pub(super) struct Live<'a> {
    programs: (&'a Receiver, &'a Worker),
    load: OpenLoop,
}

impl<'a> Live<'a> {
    pub(super) fn new(
        bench: &mut Bench,
        programs: (&'a Receiver, &'a Worker),
        per_second: f64,
        seconds: f64,
    ) -> Self {
        let (orders, address) = (&mut bench.orders, programs.0.address);
        let seconds = seconds + WARM_UP_SECONDS;
        let load = OpenLoop::steady(orders, address, CONNECTIONS, per_second, seconds);
        Self { programs, load }
    }

    /// Ends the posts before their time is over.
    pub(super) fn stop(&self) {
        self.load.stop.store(true, Ordering::Relaxed);
    }

    /// Posts, and waits for the credits. Gives median and 99th percentile of the milliseconds from when
    /// a post was due to its commit.
    pub(super) fn run(
        &self,
        bench: &Bench,
        expected: &mut ExpectedCredits,
        cost: &mut Cost,
    ) -> Result<(f64, f64)> {
        let (receiver, worker) = self.programs;
        bench.store.reset_flush_statistics()?;
        let meter = bench.meter(Some(receiver), Some(worker))?;
        let (batch, report) = (&self.load.batch, self.load.run()?);
        cost.add(meter.stop(), report.exchanges.len());
        expected.add_load(batch, &report);
        let commits = commits(&bench.store, batch, &report)?;
        let warm = Duration::from_secs_f64(WARM_UP_SECONDS);
        let latency = |exchange: &Exchange| {
            let due_us = report.began_us + i64::try_from(exchange.due.as_micros()).ok()?;
            let commit_us = commits.get(&batch.event_id(exchange.index))?;
            let micros = u64::try_from(commit_us - due_us).unwrap_or(0);
            Some(Duration::from_micros(micros))
        };
        let counted = report.accepted().filter(|exchange| exchange.due >= warm);
        let (p50, p99) = Latencies::of(counted.filter_map(latency))?.p50_and_p99_ms();
        // PostgreSQL takes a commit's time before the flush that makes it durable.
        let flush = bench.store.flush_ms()?;
        Ok((p50 + flush, p99 + flush))
    }
}

/// When each accepted event was committed, in Unix microseconds. Waits until the ledger has all of them;
/// the worker's counter would not do, because it may be crediting other events too.
fn commits(store: &Store, batch: &Batch, report: &LoadReport) -> Result<HashMap<i64, i64>> {
    let mut expected = ExpectedCredits::default();
    expected.add_load(batch, report);
    let began = Instant::now();
    loop {
        let commits = store.commit_times(expected.id_range())?;
        let commits: HashMap<i64, i64> = commits
            .into_iter()
            .map(|commit| (commit.event_id, commit.at_us))
            .collect();
        let is_committed =
            |exchange: &Exchange| commits.contains_key(&batch.event_id(exchange.index));
        if report.accepted().all(is_committed) {
            return Ok(commits);
        }
        ensure(
            began.elapsed() < CREDIT_TIMEOUT,
            "waiting for credits",
            || format!("{} of {} were committed", commits.len(), expected.len()),
        )?;
        pause(POLL_INTERVAL);
    }
}
