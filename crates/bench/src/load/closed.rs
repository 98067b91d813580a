//! Closed loop: every connection sends its next request when it has its answer.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::outcome::{NO_ANSWER, Outcome, Shot};
use super::wire::Wire;
use crate::clock::now_us;
use crate::failure::{Doing, Result};
use crate::orders::Batch;
use crate::runtime::block_on;

/// Posts all of the batch over so many connections.
pub(crate) fn closed(address: SocketAddr, batch: &Batch, connections: usize) -> Result<Outcome> {
    block_on(async {
        let mut wires = Vec::new();
        for _connection in 0..connections {
            wires.push(
                Wire::open(address)
                    .await
                    .doing("connecting to the receiver")?,
            );
        }
        let next = Cell::new(0);
        let shots = RefCell::new(Vec::with_capacity(batch.len()));
        let (began, began_us) = (Instant::now(), now_us());
        let loops = wires.into_iter().map(|mut wire| {
            let (next, shots) = (&next, &shots);
            async move {
                while next.get() < batch.len() {
                    let index = next.replace(next.get() + 1);
                    let due = began.elapsed();
                    let answered = wire.exchange(batch.request(index)).await;
                    shots.borrow_mut().push(Shot {
                        index,
                        status: answered.unwrap_or(NO_ANSWER),
                        due,
                        answered: began.elapsed(),
                    });
                }
            }
        });
        let mut loops: FuturesUnordered<_> = loops.collect();
        while loops.next().await.is_some() {}
        drop(loops);
        Ok(Outcome {
            shots: shots.into_inner(),
            left_out: 0,
            began_us,
        })
    })
}
