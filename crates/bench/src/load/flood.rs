//! A flood: as many requests as the connections can send, all of which should be refused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;

use super::report::NO_ANSWER;
use super::wire::Wire;
use crate::failure::Result;
use crate::orders::Batch;
use crate::runtime::block_on;

#[derive(Debug, Default)]
pub(crate) struct FloodReport {
    /// How often each status was answered.
    pub(crate) by_status: BTreeMap<u16, usize>,
    pub(crate) seconds: f64,
}

impl FloodReport {
    pub(crate) fn requests(&self) -> usize {
        self.by_status.values().sum()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.requests() as f64 / self.seconds.max(f64::EPSILON)
    }
}

/// Posts the batch again and again until `stop`.
pub(crate) fn flood(
    address: SocketAddr,
    batch: &Batch,
    connections: usize,
    stop: &AtomicBool,
) -> Result<FloodReport> {
    block_on(async {
        let wires = Wire::open_all(address, connections).await?;
        let next = Cell::new(0);
        let by_status = RefCell::new(BTreeMap::new());
        let began = Instant::now();
        join_all(wires.into_iter().map(async |mut wire| {
            while !stop.load(Ordering::Relaxed) {
                let index = next.replace((next.get() + 1) % batch.len());
                let answered = wire.exchange(batch.request(index)).await;
                let status = answered.unwrap_or(NO_ANSWER);
                *by_status.borrow_mut().entry(status).or_default() += 1;
            }
        }))
        .await;
        Ok(FloodReport {
            by_status: by_status.into_inner(),
            seconds: began.elapsed().as_secs_f64(),
        })
    })
}
