//! Verified to queued: the body goes to the broker byte for byte, even when it is no valid event.

use paynow_process::broker::{Confirmed, Outgoing, PublishError, Publisher};
use paynow_shared::topology::{EVENTS_EXCHANGE, routing_key};
use paynow_shared::wire::{Headers, label};

use crate::verify::VerifiedWebhook;

/// A webhook that the broker has confirmed. Only [`publish`] makes one, so only it leads to a 202.
#[derive(Debug)]
pub struct Queued {
    /// The event id, or the SHA-256 of the body when it names none.
    pub event_id: String,
    /// The id of the secret that signed it.
    pub secret_id: String,
    /// `PayNow-Timestamp`, in Unix milliseconds.
    pub signed_at_ms: i64,
    _proof: Confirmed,
}

pub async fn publish(
    publisher: &Publisher,
    webhook: VerifiedWebhook,
) -> Result<Queued, PublishError> {
    let label = label(&webhook.body);
    let event_id = label.message_id.clone();
    let (secret_id, signed_at_ms) = (webhook.secret_id.clone(), webhook.signed_at_ms);
    let message = Outgoing {
        exchange: EVENTS_EXCHANGE,
        routing_key: routing_key(label.event_type.as_ref()),
        message_id: label.message_id,
        event_type: label.event_type,
        headers: Headers {
            received_at_ms: Some(webhook.received_at_ms),
            signed_at_ms: Some(webhook.signed_at_ms),
            secret_id: Some(webhook.secret_id),
            signature: Some(webhook.signature.to_base64()),
            attempt: 1,
            failure: None,
            replay: None,
        },
        body: webhook.body,
    };
    let proof = publisher.publish(message).await?;
    paynow_process::fault_point!("after_confirm");
    Ok(Queued {
        event_id,
        secret_id,
        signed_at_ms,
        _proof: proof,
    })
}
