//! Publishes messages that cannot be acknowledged as done to another queue: a retry queue or the
//! dead-letter queue.

use std::time::Duration;

use paynow_process::broker::{Outgoing, PublishError, Publisher};
use paynow_process::observe::Observable;
use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::{DEAD_QUEUE, DEFAULT_EXCHANGE, retry_queue};
use paynow_shared::wire::{Failure, Headers, Label, label};
use tokio::time::Instant;

use crate::message::{Message, header_text};
use crate::observe::events::{EventDeadLettered, EventDeferred};
use crate::waiting::WaitingNotes;

/// How long a message waits for a publisher that reconnects.
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);
/// While PayNow's API does not answer, a refund is tried again on the first rung of at least so many seconds.
const API_OUTAGE_SECONDS: u32 = 15;
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_millis(200);

pub struct Handoff {
    pub publisher: Publisher,
    pub ladder: RetryLadder,
    pub(crate) waiting: WaitingNotes,
}

impl Handoff {
    /// Whether the next event that must be handed off would wait for a connection. While the broker blocks
    /// publishers, credits go on.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.publisher.ready() == Err(PublishError::Disconnected)
    }

    /// Publishes to the retry queue of this attempt or, after the last attempt, to the dead letters.
    pub(crate) async fn retry_later(
        &self,
        message: &Message,
        failure: &Failure,
    ) -> Result<(), PublishError> {
        let attempt = message.headers.attempt.max(1);
        let Some(delay_seconds) = self.ladder.delay_seconds_after(attempt) else {
            return self.dead_letter(message, failure).await;
        };
        let headers = Headers {
            attempt: attempt.saturating_add(1),
            ..message.headers.clone()
        };
        self.defer(headers, message, failure, delay_seconds).await
    }

    /// Publishes to a retry queue for an outage of PayNow's API, which counts no attempt.
    pub(crate) async fn await_paynow(
        &self,
        message: &Message,
        failure: &Failure,
    ) -> Result<(), PublishError> {
        let headers = message.headers.clone();
        let delay_seconds = outage_delay_seconds(&self.ladder);
        self.defer(headers, message, failure, delay_seconds).await
    }

    async fn defer(
        &self,
        headers: Headers,
        message: &Message,
        failure: &Failure,
        delay_seconds: u32,
    ) -> Result<(), PublishError> {
        let queue = retry_queue(delay_seconds);
        let label = self.publish(queue, headers, message, failure).await?;
        self.waiting
            .deferred(&label, message, failure, delay_seconds);
        EventDeferred {
            message_id: &label.message_id,
            headers: &message.headers,
            failure,
            delay_seconds,
        }
        .emit();
        Ok(())
    }

    pub(crate) async fn dead_letter(
        &self,
        message: &Message,
        failure: &Failure,
    ) -> Result<(), PublishError> {
        let (queue, headers) = (DEAD_QUEUE.to_owned(), message.headers.clone());
        let label = self.publish(queue, headers, message, failure).await?;
        self.waiting.over(message);
        EventDeadLettered {
            message_id: &label.message_id,
            headers: &message.headers,
            failure,
        }
        .emit();
        Ok(())
    }

    /// Publishes the message with the failure in its headers, and returns its label.
    async fn publish(
        &self,
        queue: String,
        headers: Headers,
        message: &Message,
        failure: &Failure,
    ) -> Result<Label, PublishError> {
        let label = label(&message.body);
        let outgoing = Outgoing {
            exchange: DEFAULT_EXCHANGE,
            routing_key: queue,
            message_id: label.message_id.clone(),
            event_type: label.event_type.clone(),
            headers: Headers {
                failure: Some(Failure::new(failure.reason, header_text(&failure.error))),
                ..headers
            },
            body: message.body.clone().into(),
        };
        let deadline = Instant::now() + PUBLISH_LIMIT;
        loop {
            match self.publisher.publish(outgoing.clone()).await {
                Ok(_confirmed) => {
                    paynow_process::fault_point!("after_handoff");
                    return Ok(label);
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                // If both copies arrive, the ledger or the table of dead letters keeps one row.
                Err(_temporary) => tokio::time::sleep(PUBLISH_AGAIN_AFTER).await,
            }
        }
    }
}

/// The first rung of at least [`API_OUTAGE_SECONDS`], or the last one.
fn outage_delay_seconds(ladder: &RetryLadder) -> u32 {
    let long = ladder
        .delays_seconds()
        .find(|delay| *delay >= API_OUTAGE_SECONDS);
    long.or(ladder.delays_seconds().last())
        .unwrap_or(API_OUTAGE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_waited_for_on_a_rung_that_exists_and_is_not_too_short() {
        let delay = |ladder: &str| outage_delay_seconds(&ladder.parse().unwrap());
        assert_eq!(outage_delay_seconds(&RetryLadder::default()), 16);
        assert_eq!((delay("1,2"), delay("20,30"), delay("15,60")), (2, 20, 15));
    }
}
