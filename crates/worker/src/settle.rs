//! Dispositions to the broker: the one place that acknowledges. It runs after the commit; whatever
//! it cannot settle comes back, and the ledger answers it with "already applied".

use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::BasicAckOptions;
use paynow_process::broker::connect::step;
use paynow_process::broker::{BrokerError, Outgoing, PublishError, Publisher};
use paynow_shared::topology::{DEAD_QUEUE, DEFAULT_EXCHANGE};
use paynow_shared::wire::{Failure, Headers, label};

use crate::consume::Batch;
use crate::disposition::Disposition;
use crate::observe;
use crate::plan::Received;

/// How long a dead letter waits for a publisher that is reconnecting.
const PATIENCE: Duration = Duration::from_secs(10);
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("a dead letter could not be handed to the broker")]
    NotDeadLettered(#[source] PublishError),
}

/// Settles a batch. On an error the messages that are not settled stay with the broker.
pub async fn settle(
    channel: &Channel,
    batch: &Batch,
    dispositions: &[Disposition],
    publisher: &Publisher,
) -> Result<(), SettleError> {
    let each = batch
        .messages
        .iter()
        .zip(dispositions)
        .map(|(message, disposition)| async move {
            match disposition {
                Disposition::Ack => Ok(()),
                Disposition::DeadLetter(failure) => dead_letter(publisher, message, failure).await,
            }
        });
    let outcomes = join_all(each).await;
    match outcomes.iter().find_map(|outcome| outcome.err()) {
        None => ack_all(channel, batch).await.map_err(SettleError::Broker),
        Some(error) => {
            let tags = batch.delivery_tags.iter().zip(&outcomes);
            for (tag, _ok) in tags.filter(|(_tag, outcome)| outcome.is_ok()) {
                ack(channel, *tag, false).await?;
            }
            Err(SettleError::NotDeadLettered(error))
        }
    }
}

/// Acknowledges a whole batch at once. Only right because a lane settles its batches in order, so
/// that everything before the last tag on its channel is settled too.
pub async fn ack_all(channel: &Channel, batch: &Batch) -> Result<(), BrokerError> {
    match batch.delivery_tags.last() {
        Some(tag) => ack(channel, *tag, true).await,
        None => Ok(()),
    }
}

async fn ack(channel: &Channel, tag: u64, multiple: bool) -> Result<(), BrokerError> {
    step(
        "acknowledged",
        channel.basic_ack(tag, BasicAckOptions { multiple }),
    )
    .await
}

async fn dead_letter(
    publisher: &Publisher,
    message: &Received,
    failure: &Failure,
) -> Result<(), PublishError> {
    let label = label(&message.body);
    let headers = Headers {
        failure: Some(failure.clone()),
        ..message.headers.clone()
    };
    let outgoing = Outgoing {
        exchange: DEFAULT_EXCHANGE,
        routing_key: DEAD_QUEUE.to_owned(),
        message_id: label.message_id.clone(),
        event_type: label.event_type,
        headers,
        body: message.body.clone().into(),
    };
    publish_patiently(publisher, outgoing).await?;
    observe::dead_lettered(&label.message_id, failure);
    Ok(())
}

async fn publish_patiently(publisher: &Publisher, outgoing: Outgoing) -> Result<(), PublishError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match publisher.publish(outgoing.clone()).await {
            Ok(_confirmed) => return Ok(()),
            Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
            // A second copy in the queue is one row in the desk.
            Err(_passing) => tokio::time::sleep(PUBLISH_AGAIN_AFTER).await,
        }
    }
}
