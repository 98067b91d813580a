//! As many requests as so many connections can send, of which every one should be refused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::outcome::NO_ANSWER;
use super::wire::Wire;
use crate::failure::{Doing, Result};
use crate::orders::Batch;
use crate::runtime::block_on;

/// What became of a flood.
#[derive(Debug, Default)]
pub(crate) struct Flooded {
    pub(crate) by_status: BTreeMap<u16, usize>,
    pub(crate) seconds: f64,
}

impl Flooded {
    pub(crate) fn per_second(&self) -> f64 {
        self.by_status.values().sum::<usize>() as f64 / self.seconds.max(f64::EPSILON)
    }
}

/// Posts the batch, again and again, until `stop`.
pub(crate) fn flood(
    address: SocketAddr,
    batch: &Batch,
    connections: usize,
    stop: &AtomicBool,
) -> Result<Flooded> {
    block_on(async {
        let mut wires = Vec::new();
        for _connection in 0..connections {
            let wire = Wire::open(address).await;
            wires.push(wire.doing("connecting to the receiver")?);
        }
        let next = Cell::new(0);
        let by_status = RefCell::new(BTreeMap::new());
        let began = Instant::now();
        let loops = wires.into_iter().map(|mut wire| {
            let (next, by_status) = (&next, &by_status);
            async move {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.replace((next.get() + 1) % batch.len());
                    let answered = wire.exchange(batch.request(index)).await;
                    let status = answered.unwrap_or(NO_ANSWER);
                    *by_status.borrow_mut().entry(status).or_default() += 1;
                }
            }
        });
        let mut loops: FuturesUnordered<_> = loops.collect();
        while loops.next().await.is_some() {}
        drop(loops);
        Ok(Flooded {
            by_status: by_status.into_inner(),
            seconds: began.elapsed().as_secs_f64(),
        })
    })
}
