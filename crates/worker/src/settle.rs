//! Dispositions to the broker: the one place that acknowledges. It runs after the commit; whatever
//! it cannot settle comes back, and the ledger answers it with "already applied".

use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::BasicAckOptions;
use paynow_process::broker::connect::step;
use paynow_process::broker::{BrokerError, Outgoing, PublishError, Publisher};
use paynow_process::observe::Observable;
use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::{DEAD_QUEUE, DEFAULT_EXCHANGE, retry_queue};
use paynow_shared::wire::{Failure, Headers, label};

use crate::consume::{Batch, short_text};
use crate::disposition::Disposition;
use crate::ledger::plan::Received;
use crate::observe::{EventDeadLettered, EventDeferred};

/// How long a message waits for a publisher that is reconnecting.
const PATIENCE: Duration = Duration::from_secs(10);
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("an event could not be handed on to the retry ladder or the dead letters")]
    NotHandedOn(#[source] PublishError),
}

/// Where messages go that cannot be acknowledged as done: on to another queue of ours.
pub struct Onward {
    pub publisher: Publisher,
    pub ladder: RetryLadder,
}

/// Settles a batch. On an error the messages that are not settled stay with the broker.
pub async fn settle(
    channel: &Channel,
    batch: &Batch,
    dispositions: &[Disposition],
    onward: &Onward,
) -> Result<(), SettleError> {
    let settled = batch.messages.iter().zip(dispositions);
    let settled = settled.map(|(message, disposition)| async move {
        match disposition {
            Disposition::Ack => Ok(()),
            Disposition::RetryLater(failure) => onward.retry_later(message, failure).await,
            Disposition::DeadLetter(failure) => onward.dead_letter(message, failure).await,
        }
    });
    let outcomes = join_all(settled).await;
    match outcomes.iter().find_map(|outcome| outcome.err()) {
        None => ack_all(channel, batch).await.map_err(SettleError::Broker),
        Some(error) => {
            let tags = batch.delivery_tags.iter().zip(&outcomes);
            for (tag, _ok) in tags.filter(|(_tag, outcome)| outcome.is_ok()) {
                ack(channel, *tag, false).await?;
            }
            Err(SettleError::NotHandedOn(error))
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

impl Onward {
    /// To the rung of this attempt; past the last one it is a dead letter.
    async fn retry_later(&self, message: &Received, failure: &Failure) -> Result<(), PublishError> {
        let attempt = message.headers.attempt.max(1);
        let Some(delay_seconds) = self.ladder.delay_seconds_after(attempt) else {
            return self.dead_letter(message, failure).await;
        };
        let next = Headers {
            attempt: attempt.saturating_add(1),
            ..message.headers.clone()
        };
        let message_id = self
            .hand_on(retry_queue(delay_seconds), next, message, failure)
            .await?;
        EventDeferred {
            message_id: &message_id,
            headers: &message.headers,
            failure,
            delay_seconds,
        }
        .emit();
        Ok(())
    }

    async fn dead_letter(&self, message: &Received, failure: &Failure) -> Result<(), PublishError> {
        let headers = message.headers.clone();
        let message_id = self
            .hand_on(DEAD_QUEUE.to_owned(), headers, message, failure)
            .await?;
        EventDeadLettered {
            message_id: &message_id,
            headers: &message.headers,
            failure,
        }
        .emit();
        Ok(())
    }

    /// Publishes the message to another queue, with the failure in its headers; gives its id.
    async fn hand_on(
        &self,
        queue: String,
        headers: Headers,
        message: &Received,
        failure: &Failure,
    ) -> Result<String, PublishError> {
        let label = label(&message.body);
        let outgoing = Outgoing {
            exchange: DEFAULT_EXCHANGE,
            routing_key: queue,
            message_id: label.message_id.clone(),
            event_type: label.event_type,
            headers: Headers {
                failure: Some(Failure::new(failure.reason, short_text(&failure.error))),
                ..headers
            },
            body: message.body.clone().into(),
        };
        self.publish_patiently(outgoing).await?;
        Ok(label.message_id)
    }

    async fn publish_patiently(&self, outgoing: Outgoing) -> Result<(), PublishError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.publisher.publish(outgoing.clone()).await {
                Ok(_confirmed) => return Ok(()),
                Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
                // A second copy is answered by the ledger, or is one row in the desk.
                Err(_passing) => tokio::time::sleep(PUBLISH_AGAIN_AFTER).await,
            }
        }
    }
}
