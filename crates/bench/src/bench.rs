//! What every scenario works with, and the steps they share.

use std::time::{Duration, Instant};

use crate::accounts::Claims;
use crate::bare;
use crate::clock::pause;
use crate::failure::{Result, ensure};
use crate::figures::Series;
use crate::orders::{Batch, Orders};
use crate::row::Cost;
use crate::servers::{Broker, Launcher, Receiver, Stack, Store, Worker};
use crate::sizes::Sizes;
use crate::usage::{Meter, Watched, peak_mb};

/// Customers of an ordinary run.
pub(crate) const MANY_WALLETS: i64 = 100_000;
/// How many publishes fill a queue fastest.
const FILL_IN_FLIGHT: usize = 512;
/// A whole queue need not fit into our memory.
const FILL_AT_ONCE: usize = 50_000;
/// A worker that credits nothing for so long has stopped.
pub(crate) const STANDSTILL: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Bench {
    pub(crate) sizes: Sizes,
    pub(crate) stack: Stack,
    pub(crate) broker: Broker,
    pub(crate) store: Store,
    pub(crate) launcher: Launcher,
    pub(crate) orders: Orders,
    /// Peaks at full load, in MB.
    pub(crate) receiver_peaks: Series,
    pub(crate) worker_peaks: Series,
    /// Events a second that the whole way carries, once it is known.
    pub(crate) sustained: Option<f64>,
}

impl Bench {
    /// Nothing in the queue, nothing in the books, once what is in them is proven right.
    pub(crate) fn begin_anew(&self) -> Result<()> {
        self.prove(&self.store)?;
        self.broker.purge()?;
        self.store.reset()
    }

    /// Has `paynowctl check` look at all invariants.
    pub(crate) fn prove(&self, store: &Store) -> Result<()> {
        self.launcher.run_ctl(store, &["check"]).map(drop)
    }

    pub(crate) fn meter(
        &self,
        receiver: Option<&Receiver>,
        worker: Option<&Worker>,
    ) -> Result<Meter> {
        Ok(Meter::start(Watched {
            servers: self.stack.pids()?,
            receiver: receiver.map(Receiver::pid),
            worker: worker.map(Worker::pid),
        }))
    }

    /// Takes down the peak of a receiver that had all it can do.
    pub(crate) fn saw_receiver(&mut self, receiver: &Receiver, cost: &mut Cost) {
        let peak = peak_mb(receiver.pid());
        self.receiver_peaks.push(peak);
        cost.saw_receiver(peak);
    }

    pub(crate) fn saw_worker(&mut self, worker: &Worker, cost: &mut Cost) {
        let peak = peak_mb(worker.pid());
        self.worker_peaks.push(peak);
        cost.saw_worker(peak);
    }

    /// Publishes a batch as the bare client, and throws the messages away: how many a second.
    pub(crate) fn bare_publish(&self, batch: &Batch, in_flight: usize) -> Result<f64> {
        let published = bare::publish(&self.broker.address, batch, in_flight)?;
        self.purge_exactly(batch.len())?;
        Ok(published.per_second())
    }

    /// What the broker confirmed it must have.
    pub(crate) fn purge_exactly(&self, confirmed: usize) -> Result<()> {
        let purged = self.broker.purge()?;
        ensure(purged == confirmed, "looking into the queue", || {
            format!("{confirmed} messages were confirmed, and {purged} are there")
        })
    }

    /// Fills the queue and consumes it as the bare client: how many a second.
    pub(crate) fn bare_consume(&mut self) -> Result<f64> {
        let count = self.fill(self.sizes.full_queue, MANY_WALLETS)?.len();
        bare::consume(&self.broker.address, count)
    }

    /// Applies bare batches of rows: how many rows a second.
    pub(crate) fn bare_rows(&self) -> Result<f64> {
        bare::batch_rows_per_second(&mut self.store.connect()?, self.sizes.transactions)
    }

    /// Puts messages into the worker's queue; gives their events.
    pub(crate) fn fill(&mut self, count: usize, wallets: i64) -> Result<Vec<i64>> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let batch = self
                .orders
                .batch(FILL_AT_ONCE.min(count - ids.len()), wallets);
            bare::publish(&self.broker.address, &batch, FILL_IN_FLIGHT)?;
            ids.extend(batch.event_ids());
        }
        Ok(ids)
    }

    /// Fills the queue, starts a worker and has it credit everything: how many a second, from its
    /// first transaction to its last. The books must be right in the end.
    pub(crate) fn drain(
        &mut self,
        store: &Store,
        count: usize,
        wallets: i64,
        cost: &mut Cost,
    ) -> Result<f64> {
        let claims = Claims::of_confirmed(self.fill(count, wallets)?);
        let (first, last) = claims.range();
        let mut meter = self.meter(None, None)?;
        let worker = self.launcher.worker(store)?;
        meter.watch_worker(worker.pid());
        self.await_credits(&worker, count)?;
        let (cpu, took) = meter.stop();
        cost.add(&cpu, count, took);
        self.saw_worker(&worker, cost);
        worker.stop()?;
        claims.settle(store)?;
        store.credits_per_second(first, last)
    }

    /// Has a worker credit what waits, without measuring it.
    pub(crate) fn work_off(&self, claims: &Claims) -> Result<()> {
        let worker = self.launcher.worker(&self.store)?;
        self.await_credits(&worker, claims.len())?;
        worker.stop()?;
        claims.settle(&self.store)
    }

    /// Waits until the worker has credited so many since it started.
    pub(crate) fn await_credits(&self, worker: &Worker, expected: usize) -> Result<()> {
        let (mut credited, mut moved) = (0, Instant::now());
        loop {
            let now = worker.credited()?;
            if now >= expected {
                return Ok(());
            }
            if now > credited {
                (credited, moved) = (now, Instant::now());
            }
            ensure(moved.elapsed() < STANDSTILL, "waiting for credits", || {
                format!("{credited} of {expected} came, and then no more")
            })?;
            pause(LOOK_AGAIN);
        }
    }
}
