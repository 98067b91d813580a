//! From a post to its commit: the database tells when each transaction committed.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::accounts::Claims;
use crate::bench::{Bench, MANY_WALLETS, STANDSTILL};
use crate::clock::pause;
use crate::failure::{Result, ensure};
use crate::load::{Busy, OpenLoop, Outcome, Phase, Shot, halves_and_tails};
use crate::orders::Batch;
use crate::row::Cost;
use crate::servers::{Receiver, Store, Worker};

const CONNECTIONS: usize = 64;
/// Of each run, uncounted: connections are made and caches filled.
const WARM_UP_SECONDS: f64 = 1.5;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Runs with commit times tracked, for which the database is restarted before and after.
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

/// Live traffic at a rate.
pub(super) struct Live<'a> {
    pub(super) programs: (&'a Receiver, &'a Worker),
    pub(super) per_second: f64,
    pub(super) seconds: f64,
    pub(super) stop: &'a AtomicBool,
}

impl Live<'_> {
    fn phase(&self) -> [Phase; 1] {
        [Phase {
            per_second: self.per_second,
            seconds: self.seconds + WARM_UP_SECONDS,
        }]
    }

    pub(super) fn batch(&self, bench: &mut Bench) -> Batch {
        let requests = self.phase().iter().map(Phase::requests).sum();
        bench.orders.batch(requests, MANY_WALLETS)
    }

    /// Posts until the time is over or somebody stops it, waits for the credits, and gives median and
    /// 99th percentile of the milliseconds from when a post was due to its commit.
    pub(super) fn run(
        &self,
        bench: &mut Bench,
        batch: &Batch,
        claims: &mut Claims,
        cost: &mut Cost,
    ) -> Result<(f64, f64)> {
        let (receiver, worker) = self.programs;
        let phases = self.phase();
        let open = OpenLoop {
            address: receiver.address,
            connections: CONNECTIONS,
            phases: &phases,
            busy: Busy::Wait,
        };
        bench.store.forget_flushes()?;
        let meter = bench.meter(Some(receiver), Some(worker))?;
        let outcome = open.run(batch, self.stop)?;
        let (cpu, took) = meter.stop();
        cost.add(&cpu, outcome.shots.len(), took);
        claims.add_outcome(batch, &outcome);
        let commits = commits(&bench.store, batch, &outcome)?;
        let warm = Duration::from_secs_f64(WARM_UP_SECONDS);
        let latency_ms = |shot: &Shot| {
            let due_us = outcome.began_us + i64::try_from(shot.due.as_micros()).ok()?;
            let commit_us = commits.get(&batch.event_id(shot.index))?;
            Some((commit_us - due_us) as f64 / 1000.0)
        };
        let counted = outcome.accepted().filter(|shot| shot.due >= warm);
        let (p50, p99) = halves_and_tails(counted.filter_map(latency_ms).collect());
        // A commit's time is taken before the flush that makes it one.
        let flush = bench.store.flush_ms()?;
        Ok((p50 + flush, p99 + flush))
    }
}

/// When each accepted event was committed, in Unix microseconds. Asked of the books and not of the
/// worker, which may be crediting others too.
fn commits(store: &Store, batch: &Batch, outcome: &Outcome) -> Result<HashMap<i64, i64>> {
    let mut claims = Claims::default();
    claims.add_outcome(batch, outcome);
    let (first, last) = claims.range();
    let began = Instant::now();
    loop {
        let commits: HashMap<i64, i64> = store
            .commit_times(first, last)?
            .into_iter()
            .map(|commit| (commit.event_id, commit.at_us))
            .collect();
        let is_there = |shot: &Shot| commits.contains_key(&batch.event_id(shot.index));
        if outcome.accepted().all(is_there) {
            return Ok(commits);
        }
        ensure(began.elapsed() < STANDSTILL, "waiting for credits", || {
            format!("{} of {} came", commits.len(), claims.len())
        })?;
        pause(LOOK_AGAIN);
    }
}
