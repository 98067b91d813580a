//! The benchmark's own requests to the broker, which are not measured.

use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::{AMQPValue, FieldTable};
use paynow_process::broker::BrokerAddress;
use paynow_shared::topology::CREDITS_QUEUE;

use crate::failure::{Doing, Result};
use crate::runtime::on_channel;

pub(crate) struct Broker {
    pub(crate) address: BrokerAddress,
}

impl Broker {
    /// Deletes the messages that wait for the worker; gives how many they were.
    pub(crate) fn purge(&self) -> Result<usize> {
        on_channel(&self.address, async |channel| {
            let purged = channel.queue_purge(CREDITS_QUEUE.into(), QueuePurgeOptions::default());
            let count = purged.await.doing("purging the queue")?;
            Ok(count as usize)
        })
    }

    /// Declares the worker's queue as a quorum queue, which fails when it is of another kind.
    pub(crate) fn ensure_quorum_queue(&self) -> Result<()> {
        on_channel(&self.address, async |channel| {
            let mut arguments = FieldTable::default();
            arguments.insert(
                "x-queue-type".into(),
                AMQPValue::LongString("quorum".into()),
            );
            let durable = QueueDeclareOptions {
                durable: true,
                ..QueueDeclareOptions::default()
            };
            channel
                .queue_declare(CREDITS_QUEUE.into(), durable, arguments)
                .await
                .doing("checking that the queue is a quorum queue")?;
            Ok(())
        })
    }
}
