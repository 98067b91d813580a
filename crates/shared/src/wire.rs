//! The message between receiver and worker: `PayNow`'s exact bytes as the body, what we know about
//! their arrival in the headers. This file reads bodies; `decode` never panics on any bytes.

mod bodies;
mod object;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::digest::BodyDigest;
use crate::event::{Event, EventKind, EventType};
use crate::ids::EventId;
use crate::reason::Reason;
use object::Object;

/// Names of the message headers.
pub mod header {
    /// When the receiver took the request, in Unix milliseconds.
    pub const RECEIVED_AT_MS: &str = "paynow-received-at-ms";
    /// The `PayNow-Timestamp` that was signed, in Unix milliseconds.
    pub const SIGNED_AT_MS: &str = "paynow-signed-at-ms";
    /// The id of the signing secret that matched.
    pub const SECRET_ID: &str = "paynow-secret-id";
    /// Which try this is, from 1.
    pub const ATTEMPT: &str = "paynow-attempt";
    /// The reason code of the last failure.
    pub const REASON: &str = "paynow-reason";
    /// The error text of the last failure, for a person.
    pub const ERROR: &str = "paynow-error";
    /// The operator action that gave this dead letter to the worker again.
    pub const REPLAY: &str = "paynow-replay";
}

/// What travels with a body: how it arrived, and why it failed last, if it did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    pub received_at_ms: Option<i64>,
    pub signed_at_ms: Option<i64>,
    pub secret_id: Option<String>,
    /// From 1; 0 when the message does not say.
    pub attempt: u32,
    pub failure: Option<Failure>,
    /// The operator action that gave this dead letter to the worker again; none on a first arrival.
    pub replay: Option<i64>,
}

/// Why an event could not be applied: a code for programs, a text for a person.
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

/// What the receiver needs to label a message: nothing here is required to be present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The event id, or the SHA-256 of the body when the body names none.
    pub message_id: String,
    pub event_type: Option<EventType>,
}

/// Why a message is no event.
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

/// serde quotes the text it did not expect, and that may be a person's name: it is cut out.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // A word that should have been one of a few stands in backticks, as our own words do.
    let quoted = if text.starts_with("unknown variant `") {
        text.find('`').zip(text.rfind("`, expected"))
    } else {
        text.find('"').zip(text.rfind('"'))
    };
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

/// Each field on its own terms, so that a missing type does not hide the id.
#[derive(Deserialize)]
struct LooseEnvelope<'a> {
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
}

/// Labels any signed bytes, whatever they are.
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

/// Reads a body as an event. Lenient: only the ids the ledger needs must be there; every other
/// field may be null or absent, and unknown fields and types are fine.
pub fn decode(body: &[u8]) -> Result<Event, DecodeError> {
    let Object(envelope): Object<Envelope<'_>> =
        serde_json::from_slice(body).map_err(|error| DecodeError::NoEnvelope {
            detail: without_values(&error),
        })?;
    // An absent body fails on the ids it lacks, with the same words as an empty one.
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
