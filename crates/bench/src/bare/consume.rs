//! The bare client's consumer: no work, one acknowledgement for a hundred messages.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use paynow_process::broker::BrokerAddress;
use paynow_shared::topology::CREDITS_QUEUE;

use crate::failure::{Doing, Result};
use crate::runtime::on_channel;

/// The worker's default.
const PREFETCH: u16 = 500;
const ACK_EVERY: usize = 100;
/// A queue without a message for so long has lost one.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Consumes `count` messages from the worker's queue; gives the messages per second from the first to the
/// last.
pub(crate) fn consume(address: &BrokerAddress, count: usize) -> Result<f64> {
    on_channel(address, async |channel| {
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await
            .doing("setting the prefetch")?;
        let asked = channel.basic_consume(
            CREDITS_QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut consumer = asked.await.doing("starting a consumer")?;
        let mut first = None;
        for taken in 1..=count {
            let next = tokio::time::timeout(MESSAGE_TIMEOUT, consumer.next()).await;
            let delivery = next.doing(format!("waiting for message {taken} of {count}"))?;
            let delivery = delivery.ok_or("the broker ended the consumer");
            let delivery = delivery.doing("consuming")?.doing("consuming")?;
            first.get_or_insert_with(Instant::now);
            if taken % ACK_EVERY == 0 || taken == count {
                let acked = delivery.acker.ack(BasicAckOptions { multiple: true }).await;
                acked.doing("acknowledging")?;
            }
        }
        let took = first.map_or(Duration::ZERO, |first| first.elapsed());
        Ok(count as f64 / took.as_secs_f64().max(f64::EPSILON))
    })
}
