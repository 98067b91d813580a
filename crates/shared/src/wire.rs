//! The message between receiver and worker: `PayNow`'s exact bytes as the body, and headers that say
//! how they arrived. `decode` reads a body and never panics, whatever the bytes.

mod bodies;
mod people;
mod payment;
mod object;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::digest::BodyDigest;
use crate::event::{Event, EventKind, EventType};
use crate::ids::EventId;
use crate::reason::Reason;
use object::Object;
pub use payment::payment;
pub use people::identities;

/// Names of the message headers.
pub mod header {
    /// When the receiver received the request, in Unix milliseconds.
    pub const RECEIVED_AT_MS: &str = "paynow-received-at-ms";
    /// The `PayNow-Timestamp` that was signed, in Unix milliseconds.
    pub const SIGNED_AT_MS: &str = "paynow-signed-at-ms";
    /// The id of the signing secret that matched.
    pub const SECRET_ID: &str = "paynow-secret-id";
    /// The `PayNow-Signature` over the signed timestamp and the body.
    pub const SIGNATURE: &str = "paynow-signature";
    /// The number of this attempt, from 1.
    pub const ATTEMPT: &str = "paynow-attempt";
    /// The reason code of the last failure.
    pub const REASON: &str = "paynow-reason";
    /// The error text of the last failure, for people.
    pub const ERROR: &str = "paynow-error";
    /// The id of the operator action that replayed this dead letter.
    pub const REPLAY: &str = "paynow-replay";
}

/// The headers of a message: how its body arrived, and its last failure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    pub received_at_ms: Option<i64>,
    pub signed_at_ms: Option<i64>,
    pub secret_id: Option<String>,
    /// As `PayNow` sent it, in base64; any text if another program published the message.
    pub signature: Option<String>,
    /// From 1; 0 when the message has no such header.
    pub attempt: u32,
    pub failure: Option<Failure>,
    /// The id of the operator action that replayed this dead letter; `None` on a first arrival.
    pub replay: Option<i64>,
}

/// Why an event could not be applied: a code for programs, a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub reason: Reason,
    pub error: String,
}

impl Failure {
    pub fn new(reason: Reason, error: impl Into<String>) -> Self {
        Self {
            reason,
            error: error.into(),
        }
    }
}

/// The id and type of a message, as far as its body can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The event id, or the SHA-256 of the body when the body names none.
    pub message_id: String,
    pub event_type: Option<EventType>,
}

/// Why a body cannot be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the body is not a JSON object with event_type and event_id: {detail}")]
    NoEnvelope { detail: String },
    #[error("the body of {event_type} does not have the expected shape: {detail}")]
    WrongShape {
        event_type: EventType,
        detail: String,
    },
}

/// The error's text without the value that serde quotes, because that may be a person's name.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let quoted = text.find('"').zip(text.rfind('"'));
    match quoted.filter(|(first, last)| first < last) {
        Some((first, last)) => {
            let (before, rest) = text.split_at(first.saturating_add(1));
            let (_value, after) = rest.split_at(last.saturating_sub(first.saturating_add(1)));
            format!("{before}…{after}")
        }
        None => text,
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    event_type: EventType,
    event_id: EventId,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// Reads each field independently, so that an unreadable type does not hide the id.
#[derive(Deserialize)]
struct LooseEnvelope<'a> {
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
}

/// Labels a body, whatever its bytes are.
pub fn label(body: &[u8]) -> Label {
    let envelope = serde_json::from_slice::<Object<LooseEnvelope<'_>>>(body).ok();
    let field = |raw: Option<&RawValue>| raw.map(RawValue::get).map(str::to_owned);
    let (event_type, event_id) = envelope
        .map(|Object(envelope)| (field(envelope.event_type), field(envelope.event_id)))
        .unwrap_or_default();
    let event_id: Option<EventId> = event_id.and_then(|raw| serde_json::from_str(&raw).ok());
    Label {
        message_id: event_id.map_or_else(
            || BodyDigest::of(body).to_string(),
            |event_id| event_id.to_string(),
        ),
        event_type: event_type.and_then(|raw| serde_json::from_str(&raw).ok()),
    }
}

/// Reads a body as an event. Only the ids that the ledger needs are required; every other field may
/// be null or absent, and unknown fields and types are accepted.
pub fn decode(body: &[u8]) -> Result<Event, DecodeError> {
    let Object(envelope): Object<Envelope<'_>> =
        serde_json::from_slice(body).map_err(|error| DecodeError::NoEnvelope {
            detail: without_values(&error),
        })?;
    // An absent body gives the same error as an empty one: an id is missing.
    let body = envelope.body.map_or("{}", RawValue::get);
    let kind = match envelope.event_type.as_str() {
        "ON_ORDER_COMPLETED" => bodies::order(body).map(EventKind::OrderCompleted),
        "ON_REFUND" => bodies::refund(body).map(EventKind::Refunded),
        "ON_CHARGEBACK" => bodies::chargeback(body).map(EventKind::Chargeback),
        "ON_CHARGEBACK_CLOSED" => bodies::chargeback_closed(body).map(EventKind::Chargeback),
        _other => Ok(EventKind::Ignored),
    };
    match kind {
        Ok(kind) => Ok(Event {
            id: envelope.event_id,
            event_type: envelope.event_type,
            kind,
        }),
        Err(error) => Err(DecodeError::WrongShape {
            event_type: envelope.event_type,
            detail: without_values(&error),
        }),
    }
}

#[cfg(test)]
mod tests;
