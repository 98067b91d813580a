//! Broker to messages: a consumer on its own channel, taken in batches of whatever is there.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use paynow_process::broker::connect::step;
use paynow_process::broker::{BrokerError, Link, message};
use paynow_shared::wire::{Failure, Headers};
use tokio_util::sync::CancellationToken;

use crate::ledger::plan::Received;

/// One statement carries all bodies of a batch, and PostgreSQL takes nothing beyond 1 GB. A batch may
/// pass this by one message, so the largest that a broker can be set to take still fits.
const BATCH_BYTES_MAX: usize = 32 << 20;
/// All headers of a message share one frame, 128 KiB unless the broker is set otherwise. A text that
/// leaves no room for ours would cost us the connection, each time the message is handed on.
const HEADER_CHARACTERS_MAX: usize = 2_000;

/// Messages that were delivered together and are settled together.
pub struct Batch {
    pub messages: Arc<Vec<Received>>,
    /// One per message, rising.
    pub delivery_tags: Vec<u64>,
}

/// A consumer and the channel it lives on; nothing else uses that channel.
pub struct Intake {
    consumer: Consumer,
    channel: Channel,
}

impl Intake {
    /// The prefetch is the only bound on what lapin buffers, so it is set before consuming.
    pub async fn open(
        link: &mut Link,
        queue: &'static str,
        prefetch: u16,
    ) -> Result<Self, BrokerError> {
        let channel = link.channel().await?;
        step(
            "set the prefetch",
            channel.basic_qos(prefetch, BasicQosOptions::default()),
        )
        .await?;
        let consume = channel.basic_consume(
            queue.into(),
            // Empty: the broker picks a tag, so that replicas never clash.
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = step("asked for messages (has `paynowctl setup` run?)", consume).await?;
        Ok(Self { consumer, channel })
    }

    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Waits for a message, then takes what else is already here, up to `batch_max` or some bytes,
    /// and waits for no more. `None` when asked to stop.
    pub async fn next_batch(
        &mut self,
        batch_max: usize,
        stop: &CancellationToken,
    ) -> Result<Option<Batch>, BrokerError> {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            delivery = self.consumer.next() => received(delivery)?,
        };
        let mut bytes = first.data.len();
        let mut deliveries = vec![first];
        while deliveries.len() < batch_max && bytes < BATCH_BYTES_MAX {
            let Some(delivery) = self.consumer.next().now_or_never() else {
                break;
            };
            let delivery = received(delivery)?;
            bytes = bytes.saturating_add(delivery.data.len());
            deliveries.push(delivery);
        }
        let delivery_tags = deliveries
            .iter()
            .map(|delivery| delivery.delivery_tag)
            .collect();
        let messages = deliveries.into_iter().map(|delivery| Received {
            headers: bounded(message::headers(&delivery.properties)),
            redeliveries: message::redeliveries(&delivery.properties),
            body: delivery.data,
        });
        Ok(Some(Batch {
            messages: Arc::new(messages.collect()),
            delivery_tags,
        }))
    }
}

/// The headers of a message that may be a stranger's.
fn bounded(headers: Headers) -> Headers {
    Headers {
        secret_id: headers.secret_id.as_deref().map(short_text),
        failure: headers
            .failure
            .map(|failure| Failure::new(failure.reason, short_text(&failure.error))),
        ..headers
    }
}

/// As much of a text as a header may hold.
pub(crate) fn short_text(text: &str) -> String {
    text.chars().take(HEADER_CHARACTERS_MAX).collect()
}

/// The end of the stream is how the broker cancels a consumer: an error like any other.
fn received(delivery: Option<lapin::Result<Delivery>>) -> Result<Delivery, BrokerError> {
    match delivery {
        Some(Ok(delivery)) => Ok(delivery),
        Some(Err(source)) => Err(BrokerError::Refused {
            doing: "waited for messages",
            source,
        }),
        None => Err(BrokerError::Ended),
    }
}
