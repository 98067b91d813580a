//! Reads a message with any headers and any body as the worker does: the result is an event or a reason.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use paynow_process::broker::message;
use paynow_shared::digest::BodyDigest;
use paynow_shared::reason::Reason;
use paynow_shared::wire::{Headers, label};
use paynow_worker::disposition::Disposition;
use paynow_worker::message::{DecodedMessage, Message, Proof};

use super::{Pair, head_and_body};

/// A header's value: `u32 1`, `i64 -1`, `text x`, `bool 1`; anything else stands for an empty value.
fn value(text: &[u8]) -> AMQPValue {
    let (kind, content) = match text.iter().position(|byte| *byte == b' ') {
        Some(blank) => (&text[..blank], &text[blank + 1..]),
        None => (text, &[][..]),
    };
    let number = std::str::from_utf8(content).unwrap_or_default();
    match kind {
        b"u32" => AMQPValue::LongUInt(number.parse().unwrap_or(u32::MAX)),
        b"i64" => AMQPValue::LongLongInt(number.parse().unwrap_or(i64::MIN)),
        b"text" => AMQPValue::LongString(content.into()),
        b"bool" => AMQPValue::Boolean(content == b"1"),
        _other => AMQPValue::Void,
    }
}

fn properties(pairs: &[Pair<'_>]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, text) in pairs {
        // The broker refuses other names.
        if let Ok(name) = std::str::from_utf8(name)
            && name.len() < 256
        {
            table.insert(name.into(), value(text));
        }
    }
    BasicProperties::default().with_headers(table)
}

/// Headers stay the same when they are written and read again, and the database can store them.
fn check_headers(headers: &Headers, body: &[u8]) {
    let label = label(body);
    let written = message::properties(&label.message_id, label.event_type.as_ref(), headers);
    assert_eq!(message::headers(&written), *headers);
    let failure = headers.failure.as_ref().map(|failure| &failure.error);
    for text in headers
        .secret_id
        .iter()
        .chain(&headers.signature)
        .chain(failure)
    {
        assert!(!text.contains('\0'));
    }
}

pub fn decode(data: &[u8]) {
    let (pairs, body) = head_and_body(data);
    let properties = properties(&pairs);
    let headers = message::headers(&properties);
    check_headers(&headers, body);
    let message = Message {
        headers: headers.clone(),
        redeliveries: message::redeliveries(&properties),
        body: body.to_vec(),
    };
    let decoded = DecodedMessage::decode(&message, Proof::NotRequired);
    assert_eq!(decoded.message.body, body);
    assert_eq!(decoded.message.headers, headers);
    assert_eq!(decoded.digest, BodyDigest::of(body));
    let label = label(body);
    match &decoded.event {
        Ok(event) => {
            assert_eq!(label.message_id, event.id.to_string());
            assert_eq!(label.event_type.as_ref(), Some(&event.event_type));
        }
        Err(disposition) => {
            let Disposition::DeadLetter(failure) = disposition else {
                panic!("{disposition:?}")
            };
            assert_eq!(failure.reason, Reason::Malformed);
            assert!(!failure.error.is_empty() && !failure.error.contains('\0'));
            // A message that cannot be read has an id in the dead-letter desk, too.
            assert!(!label.message_id.is_empty());
        }
    }
}
