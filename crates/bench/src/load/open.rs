//! Open loop: requests are sent when they are due, whether or not earlier ones have been answered.
//! Latency counts from the due time, so that a slow receiver cannot slow down its own measurement.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::report::{Exchange, LoadReport, NO_ANSWER};
use super::schedule::{Phase, announce_due, due_times};
use super::wire::Wire;
use crate::clock::now_us;
use crate::failure::Result;
use crate::orders::{Batch, Orders};
use crate::runtime::block_on;

/// What happens to a request that is due while every connection is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenBusy {
    /// It waits for a connection, and its latency grows.
    Wait,
    /// It is skipped and counted, so that no backlog builds up in the generator.
    Skip,
}

/// Complete requests, by their number.
pub(crate) trait Requests: Sync {
    fn request(&self, index: usize) -> &[u8];
}

impl Requests for Batch {
    fn request(&self, index: usize) -> &[u8] {
        self.request(index)
    }
}

impl Requests for Vec<Vec<u8>> {
    fn request(&self, index: usize) -> &[u8] {
        &self[index]
    }
}

pub(crate) struct OpenLoop<R = Batch> {
    address: SocketAddr,
    connections: usize,
    when_busy: WhenBusy,
    /// Since the run began, one for each request of the batch.
    due_times: Vec<Duration>,
    pub(crate) batch: R,
    /// Ends the run before all requests are sent.
    pub(crate) stop: AtomicBool,
}

impl OpenLoop {
    pub(crate) fn new(
        orders: &mut Orders,
        address: SocketAddr,
        connections: usize,
        phases: &[Phase],
        when_busy: WhenBusy,
    ) -> Self {
        let due_times = due_times(phases);
        Self {
            address,
            connections,
            when_busy,
            batch: orders.batch(due_times.len()),
            due_times,
            stop: AtomicBool::new(false),
        }
    }

    /// One rate, of which every request is sent.
    pub(crate) fn steady(
        orders: &mut Orders,
        address: SocketAddr,
        connections: usize,
        per_second: f64,
        seconds: f64,
    ) -> Self {
        let phase = Phase {
            per_second,
            seconds,
        };
        Self::new(orders, address, connections, &[phase], WhenBusy::Wait)
    }
}

impl<R: Requests> OpenLoop<R> {
    /// Sends each of these requests, at one rate.
    pub(crate) fn of(batch: R, address: SocketAddr, connections: usize, phase: Phase) -> Self {
        Self {
            address,
            connections,
            when_busy: WhenBusy::Wait,
            due_times: due_times(&[phase]),
            batch,
            stop: AtomicBool::new(false),
        }
    }

    /// Posts until all requests are sent, or until `stop` is set, and waits for the last answers.
    pub(crate) fn run(&self) -> Result<LoadReport> {
        let (announce, due_count) = watch::channel(0);
        std::thread::scope(|scope| {
            block_on(async {
                let idle = Wire::open_all(self.address, self.connections).await?;
                let (began, began_us) = (Instant::now(), now_us());
                // The thread drops `announce` after the last request, which ends `send_all`.
                scope.spawn(move || announce_due(&self.due_times, began, &self.stop, &announce));
                let (exchanges, skipped) = self.send_all(due_count, idle, began).await;
                Ok(LoadReport {
                    exchanges,
                    skipped,
                    began_us,
                })
            })
        })
    }

    /// Gives the exchanges, and the number of requests that were skipped.
    async fn send_all(
        &self,
        mut due_count: watch::Receiver<usize>,
        mut idle: Vec<Wire>,
        began: Instant,
    ) -> (Vec<Exchange>, usize) {
        let mut exchanges = Vec::with_capacity(self.due_times.len());
        let mut waiting = VecDeque::new();
        let mut in_flight = FuturesUnordered::new();
        let (mut next, mut skipped, mut more) = (0, 0, true);
        while more || !in_flight.is_empty() {
            tokio::select! {
                biased;
                changed = due_count.changed(), if more => {
                    more = changed.is_ok();
                    let due = *due_count.borrow_and_update();
                    for index in next..due {
                        // Prefers the connection used last, so that no more are used than needed.
                        match (idle.pop(), self.when_busy) {
                            (Some(wire), WhenBusy::Wait | WhenBusy::Skip) => {
                                in_flight.push(self.send(wire, index, began));
                            }
                            (None, WhenBusy::Wait) => waiting.push_back(index),
                            (None, WhenBusy::Skip) => skipped += 1,
                        }
                    }
                    next = due;
                }
                Some((wire, exchange)) = in_flight.next(), if !in_flight.is_empty() => {
                    exchanges.push(exchange);
                    match waiting.pop_front() {
                        Some(index) => in_flight.push(self.send(wire, index, began)),
                        None => idle.push(wire),
                    }
                }
            }
        }
        (exchanges, skipped)
    }

    async fn send(&self, mut wire: Wire, index: usize, began: Instant) -> (Wire, Exchange) {
        let answered = wire.exchange(self.batch.request(index)).await;
        let exchange = Exchange {
            index,
            status: answered.unwrap_or(NO_ANSWER),
            due: self.due_times[index],
            answered: began.elapsed(),
        };
        (wire, exchange)
    }
}
