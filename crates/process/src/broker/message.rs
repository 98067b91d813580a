//! Our headers as AMQP properties, and back. Reading is lenient: whatever a header holds, the
//! message must reach a decision.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use paynow_shared::event::EventType;
use paynow_shared::reason::Reason;
use paynow_shared::wire::{Failure, Headers, header};

/// Written to disk by the broker before it confirms.
const PERSISTENT: u8 = 2;

/// The properties of a message that we publish.
pub fn properties(
    message_id: &str,
    event_type: Option<&EventType>,
    headers: &Headers,
) -> BasicProperties {
    let number = AMQPValue::LongLongInt;
    let text = |text: &str| AMQPValue::LongString(text.into());
    let failure = headers.failure.as_ref();
    let values = [
        (header::ATTEMPT, Some(AMQPValue::LongUInt(headers.attempt))),
        (header::RECEIVED_AT_MS, headers.received_at_ms.map(number)),
        (header::SIGNED_AT_MS, headers.signed_at_ms.map(number)),
        (header::SECRET_ID, headers.secret_id.as_deref().map(text)),
        (header::SIGNATURE, headers.signature.as_deref().map(text)),
        (header::REASON, failure.map(|it| text(it.reason.code()))),
        (header::ERROR, failure.map(|it| text(&it.error))),
        (header::REPLAY, headers.replay.map(number)),
    ];
    let mut table = FieldTable::default();
    for (name, value) in values {
        if let Some(value) = value {
            table.insert(name.into(), value);
        }
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message_id.into())
        .with_headers(table);
    match event_type {
        Some(event_type) => properties.with_type(event_type.as_str().into()),
        None => properties,
    }
}

/// The headers of a received message.
pub fn headers(properties: &BasicProperties) -> Headers {
    let table = properties.headers().as_ref();
    let value = |name: &str| table.and_then(|table| table.inner().get(name));
    let text = |name: &str| value(name).and_then(text_of);
    let number = |name: &str| value(name).and_then(AMQPValue::as_long_long_int);
    Headers {
        received_at_ms: number(header::RECEIVED_AT_MS),
        signed_at_ms: number(header::SIGNED_AT_MS),
        secret_id: text(header::SECRET_ID),
        signature: text(header::SIGNATURE),
        attempt: value(header::ATTEMPT)
            .and_then(AMQPValue::as_long_uint)
            .unwrap_or(0),
        failure: failure(text(header::REASON), text(header::ERROR), table),
        replay: number(header::REPLAY),
    }
}

/// How often a quorum queue had delivered the message before, by its own count.
pub fn redeliveries(properties: &BasicProperties) -> u32 {
    let table = properties.headers().as_ref();
    let count = table.and_then(|table| table.inner().get("x-delivery-count"));
    let count = count.and_then(AMQPValue::as_long_long_int).unwrap_or(0);
    u32::try_from(count).unwrap_or(0)
}

fn text_of(value: &AMQPValue) -> Option<String> {
    let bytes = value.as_long_string()?.as_bytes();
    // PostgreSQL takes every character but NUL.
    Some(String::from_utf8_lossy(bytes).replace('\0', ""))
}

fn failure(
    reason: Option<String>,
    error: Option<String>,
    table: Option<&FieldTable>,
) -> Option<Failure> {
    if let Some(reason) = reason {
        let reason = reason.parse().unwrap_or(Reason::Unspecified);
        return Some(Failure::new(reason, error.unwrap_or_default()));
    }
    // The broker itself dead-letters a message only past the delivery limit; every version then sets
    // this header.
    let by_broker = table.is_some_and(|table| table.contains_key("x-first-death-reason"));
    let error = "delivered more often than the delivery limit allows";
    by_broker.then(|| Failure::new(Reason::CrashLoop, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_as_they_were_written() {
        let written = Headers {
            received_at_ms: Some(1_767_225_600_123),
            signed_at_ms: Some(1_767_225_600_000),
            secret_id: Some("orders".to_owned()),
            signature: Some("1GGKVsqAWTuJKeJxvm+6XG+69sNIVNfbloDf5Sq4yo0=".to_owned()),
            attempt: 3,
            failure: Some(Failure::new(Reason::Conflict, "ł")),
            replay: Some(12),
        };
        let event_type = "ON_REFUND".parse().unwrap();
        let properties = properties("42", Some(&event_type), &written);
        assert_eq!(headers(&properties), written);
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), "42");
        assert_eq!(properties.kind().as_ref().unwrap().as_str(), "ON_REFUND");
        assert_eq!(*properties.delivery_mode(), Some(PERSISTENT));
    }

    #[test]
    fn only_a_replayed_message_names_a_replay() {
        let fresh = properties("42", None, &Headers::default());
        let table = fresh.headers().as_ref().unwrap();
        assert!(!table.contains_key(header::REPLAY));
        let replayed = Headers {
            replay: Some(i64::MAX),
            ..Headers::default()
        };
        let properties = properties("42", None, &replayed);
        let table = properties.headers().as_ref().unwrap().inner();
        let expected = AMQPValue::LongLongInt(i64::MAX);
        assert_eq!(table.get("paynow-replay"), Some(&expected));
    }

    #[test]
    fn foreign_headers_are_no_obstacle() {
        assert_eq!(headers(&BasicProperties::default()), Headers::default());
        let mut table = FieldTable::default();
        table.insert(header::ATTEMPT.into(), AMQPValue::Boolean(true));
        table.insert(header::REPLAY.into(), AMQPValue::LongString("12".into()));
        table.insert(
            header::REASON.into(),
            AMQPValue::LongString("no such code".into()),
        );
        let read = headers(&BasicProperties::default().with_headers(table));
        assert_eq!((read.attempt, read.replay), (0, None));
        assert_eq!(read.failure.unwrap().reason, Reason::Unspecified);
    }

    #[test]
    fn a_message_the_broker_gave_up_on_is_a_crash_loop() {
        let mut table = FieldTable::default();
        let reason = AMQPValue::LongString("delivery_limit".into());
        table.insert("x-first-death-reason".into(), reason);
        let read = headers(&BasicProperties::default().with_headers(table));
        assert_eq!(read.failure.unwrap().reason, Reason::CrashLoop);
    }
}
