//! Closed loop: every connection sends its next request when its last one is answered.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::report::{Exchange, LoadReport, NO_ANSWER};
use super::wire::Wire;
use crate::clock::now_us;
use crate::failure::Result;
use crate::orders::Batch;
use crate::runtime::block_on;

/// Posts the whole batch over this many connections.
pub(crate) fn closed(address: SocketAddr, batch: &Batch, connections: usize) -> Result<LoadReport> {
    closed_while(address, batch, connections, |sent| sent < batch.len())
}

/// Posts the batch, from its start again after its end, as long as `has_more` is true of the number of
/// requests that were sent.
pub(crate) fn closed_while(
    address: SocketAddr,
    batch: &Batch,
    connections: usize,
    has_more: impl Fn(usize) -> bool,
) -> Result<LoadReport> {
    block_on(async {
        let wires = Wire::open_all(address, connections).await?;
        let sent = Cell::new(0);
        let exchanges = RefCell::new(Vec::with_capacity(batch.len()));
        let (began, began_us) = (Instant::now(), now_us());
        let loops: FuturesUnordered<_> = wires
            .into_iter()
            .map(async |mut wire| {
                while has_more(sent.get()) {
                    let index = sent.replace(sent.get() + 1) % batch.len();
                    let due = began.elapsed();
                    let answered = wire.exchange(batch.request(index)).await;
                    exchanges.borrow_mut().push(Exchange {
                        index,
                        status: answered.unwrap_or(NO_ANSWER),
                        due,
                        answered: began.elapsed(),
                    });
                }
            })
            .collect();
        loops.collect::<()>().await;
        Ok(LoadReport {
            exchanges: exchanges.into_inner(),
            skipped: 0,
            began_us,
        })
    })
}
