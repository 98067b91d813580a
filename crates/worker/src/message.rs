//! A message of the broker, and the event that it carries.

use lapin::message::Delivery;
use paynow_process::broker::message;
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::Event;
use paynow_shared::reason::Reason;
use paynow_shared::wire::{Failure, Headers, decode};

/// All headers of a message share one frame, 128 KiB unless the broker is set otherwise. Without this
/// limit a text could leave no space for our headers, and the broker would close the connection at each
/// hand-off.
const HEADER_CHARACTERS_MAX: usize = 2_000;

/// A message as the broker delivered it.
#[derive(Debug, Clone)]
pub struct Message {
    pub headers: Headers,
    /// How often the broker had delivered it before.
    pub redeliveries: u32,
    pub body: Vec<u8>,
}

impl From<Delivery> for Message {
    /// Cuts the texts in the headers, because any program may have published the message.
    fn from(delivery: Delivery) -> Self {
        let headers = message::headers(&delivery.properties);
        Self {
            headers: Headers {
                secret_id: headers.secret_id.as_deref().map(header_text),
                failure: headers
                    .failure
                    .map(|failure| Failure::new(failure.reason, header_text(&failure.error))),
                ..headers
            },
            redeliveries: message::redeliveries(&delivery.properties),
            body: delivery.data,
        }
    }
}

/// The part of a text that a header may hold.
pub(crate) fn header_text(text: &str) -> String {
    text.chars().take(HEADER_CHARACTERS_MAX).collect()
}

#[derive(Debug)]
pub struct DecodedMessage<'a> {
    pub message: &'a Message,
    pub digest: BodyDigest,
    /// The event, or why the body cannot be read as one.
    pub event: Result<Event, Failure>,
}

impl<'a> DecodedMessage<'a> {
    pub fn decode(message: &'a Message) -> Self {
        #[cfg(feature = "poison")]
        crate::poison::strike(&message.body);
        Self {
            message,
            digest: BodyDigest::of(&message.body),
            event: decode(&message.body)
                .map_err(|error| Failure::new(Reason::Malformed, error.to_string())),
        }
    }
}
