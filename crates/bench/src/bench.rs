//! What every scenario uses, and the steps that scenarios share.

use std::time::{Duration, Instant};

use crate::bare;
use crate::clock::pause;
use crate::expected::ExpectedCredits;
use crate::failure::{Result, ensure};
use crate::orders::{Batch, MANY_WALLETS, Orders};
use crate::row::{Cost, PeakMb};
use crate::servers::{Broker, Launcher, Receiver, Stack, Store, Worker};
use crate::sizes::Sizes;
use crate::usage::{Meter, Watched, peak_mb};

/// Publishes in flight that fill a queue fastest.
const FILL_IN_FLIGHT: usize = 512;
/// Limits the memory for orders while a long queue is filled.
const FILL_BATCH: usize = 50_000;
/// A worker that credits nothing for so long has stopped.
pub(crate) const CREDIT_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Bench {
    pub(crate) sizes: Sizes,
    pub(crate) stack: Stack,
    pub(crate) broker: Broker,
    pub(crate) store: Store,
    pub(crate) launcher: Launcher,
    pub(crate) orders: Orders,
    /// Peak memory at full load.
    pub(crate) peak_mb: PeakMb,
    /// Events a second that the whole pipeline sustains, once measured.
    pub(crate) sustained: Option<f64>,
}

/// Messages of the worker's queue, and the database that their events are credited in.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) store: Store,
    pub(crate) messages: usize,
    /// How many customers the orders are drawn from.
    pub(crate) wallets: i64,
    /// Open dead letters that the database had before.
    pub(crate) letters: i64,
}

impl Bench {
    /// Checks the ledger of the run before, then empties queue and ledger.
    pub(crate) fn reset(&self) -> Result<()> {
        self.check_invariants(&self.store)?;
        self.broker.purge()?;
        self.store.reset()
    }

    pub(crate) fn check_invariants(&self, store: &Store) -> Result<()> {
        self.launcher.run_ctl(store, &["check"])
    }

    pub(crate) fn meter(
        &self,
        receiver: Option<&Receiver>,
        worker: Option<&Worker>,
    ) -> Result<Meter> {
        Ok(Meter::start(Watched {
            servers: self.stack.pids()?,
            receiver: receiver.map(|receiver| receiver.program.pid()),
            worker: worker.map(|worker| worker.program.pid()),
        }))
    }

    /// Records the peak memory of programs after a run at full load.
    pub(crate) fn record_peaks(
        &mut self,
        receiver: Option<&Receiver>,
        worker: Option<&Worker>,
        cost: &mut Cost,
    ) {
        let peak = PeakMb {
            receiver: receiver.map(|receiver| peak_mb(receiver.program.pid())),
            worker: worker.map(|worker| peak_mb(worker.program.pid())),
        };
        self.peak_mb.raise(peak);
        cost.peak_mb.raise(peak);
    }

    /// Publishes a batch with the bare client and deletes the messages; gives the rate per second.
    pub(crate) fn bare_publish(&self, batch: &Batch, in_flight: usize) -> Result<f64> {
        let published = bare::publish(&self.broker.address, batch, in_flight)?;
        self.purge_confirmed(batch.len())?;
        Ok(published.per_second())
    }

    /// Deletes all messages, of which the queue must hold as many as the broker confirmed.
    pub(crate) fn purge_confirmed(&self, confirmed: usize) -> Result<()> {
        let purged = self.broker.purge()?;
        ensure(purged == confirmed, "counting the messages", || {
            format!("the broker confirmed {confirmed}, and the queue held {purged}")
        })
    }

    /// Fills the queue and consumes it with the bare client; gives the rate per second.
    pub(crate) fn bare_consume(&mut self) -> Result<f64> {
        let count = self.fill(self.sizes.full_queue, MANY_WALLETS)?.len();
        bare::consume(&self.broker.address, count)
    }

    /// Writes batches of rows with the bare client; gives the rows per second.
    pub(crate) fn bare_rows(&self) -> Result<f64> {
        bare::batch_rows_per_second(&mut self.store.connect()?, self.sizes.transactions)
    }

    /// Publishes orders into the worker's queue; gives their event ids.
    pub(crate) fn fill(&mut self, count: usize, wallets: i64) -> Result<Vec<i64>> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let size = FILL_BATCH.min(count - ids.len());
            let batch = self.orders.batch_of(size, wallets);
            bare::publish(&self.broker.address, &batch, FILL_IN_FLIGHT)?;
            ids.extend(batch.event_ids());
        }
        Ok(ids)
    }

    pub(crate) fn full_queue(&self) -> Queue {
        Queue {
            store: self.store.clone(),
            messages: self.sizes.full_queue,
            wallets: MANY_WALLETS,
            letters: 0,
        }
    }

    /// Fills the queue, starts a worker and waits until it has credited everything; gives the credits
    /// per second from the first to the last transaction. Then verifies the ledger.
    pub(crate) fn drain(&mut self, queue: &Queue, cost: &mut Cost) -> Result<f64> {
        let mut expected = ExpectedCredits::beside_letters(queue.letters);
        expected.add_confirmed(self.fill(queue.messages, queue.wallets)?);
        let mut meter = self.meter(None, None)?;
        let worker = self.launcher.worker(&queue.store)?;
        meter.watch_worker(worker.program.pid());
        self.await_credits(&worker, queue.messages)?;
        cost.add(meter.stop(), queue.messages);
        self.record_peaks(None, Some(&worker), cost);
        worker.program.stop()?;
        expected.verify(&queue.store)?;
        queue.store.credits_per_second(expected.id_range())
    }

    /// Lets a worker credit the waiting messages without measuring it, and verifies the ledger.
    pub(crate) fn drain_unmeasured(&self, expected: &ExpectedCredits) -> Result<()> {
        let worker = self.launcher.worker(&self.store)?;
        self.await_credits(&worker, expected.len())?;
        worker.program.stop()?;
        expected.verify(&self.store)
    }

    /// Waits until the worker has credited this many events since its start.
    pub(crate) fn await_credits(&self, worker: &Worker, expected: usize) -> Result<()> {
        let (mut credited, mut progressed_at) = (0, Instant::now());
        loop {
            let now = worker.credited()?;
            if now >= expected {
                return Ok(());
            }
            if now > credited {
                (credited, progressed_at) = (now, Instant::now());
            }
            let is_progressing = progressed_at.elapsed() < CREDIT_TIMEOUT;
            ensure(is_progressing, "waiting for credits", || {
                format!("the worker stopped after {credited} of {expected}")
            })?;
            pause(POLL_INTERVAL);
        }
    }
}
