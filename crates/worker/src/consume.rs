//! Queue to batch: takes the messages that have arrived, up to a limit, and never waits for more.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use paynow_process::broker::connect::step;
use paynow_process::broker::{BrokerError, Link, Probe};
use tokio_util::sync::CancellationToken;

use crate::message::Message;

/// One statement carries all bodies of a batch, and PostgreSQL refuses values of 1 GB and more. A batch
/// may exceed these 32 MiB by one message, and RabbitMQ accepts no message above 512 MiB.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// Messages that are handled together and settled together.
pub struct Batch {
    pub messages: Arc<Vec<Message>>,
    /// One per message, ascending.
    pub delivery_tags: Vec<u64>,
}

impl Batch {
    /// The messages with their delivery tags, to be settled one by one.
    pub(crate) fn into_letters(self) -> impl Iterator<Item = (u64, Arc<Message>)> {
        let messages = Arc::unwrap_or_clone(self.messages);
        let messages = messages.into_iter().map(Arc::new);
        self.delivery_tags.into_iter().zip(messages)
    }
}

/// A consumer on its own channel, which nothing else uses.
pub struct BatchConsumer {
    consumer: Consumer,
    channel: Channel,
    probe: Probe,
}

impl BatchConsumer {
    /// Sets the prefetch before it consumes, because only the prefetch limits what lapin buffers.
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
            // Empty: the broker chooses the tag, so the tags of replicas never clash.
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = step("asked for messages (has `paynowctl setup` run?)", consume).await?;
        Ok(Self {
            consumer,
            probe: Probe::new(&channel, prefetch),
            channel,
        })
    }

    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Waits for one message, then adds those that have arrived, up to `batch_max` messages or
    /// [`BATCH_BYTES_MAX`]. Returns `None` after `stop`. Fails when the broker gives no sign of life; then
    /// it may have no messages and may not have read the acknowledgements. Safe to drop and call again.
    pub async fn next_batch(
        &mut self,
        batch_max: usize,
        stop: &CancellationToken,
    ) -> Result<Option<Batch>, BrokerError> {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            silent = self.probe.failure() => return Err(silent),
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
        let delivery_tags = deliveries.iter().map(|one| one.delivery_tag).collect();
        let messages = deliveries.into_iter().map(Message::from).collect();
        Ok(Some(Batch {
            messages: Arc::new(messages),
            delivery_tags,
        }))
    }
}

/// The stream ends when the broker cancels the consumer, which is an error here.
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
