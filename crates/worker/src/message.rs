//! A message of the broker, and the event that it carries.

use lapin::message::Delivery;
use paynow_process::broker::message;
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::Event;
use paynow_shared::reason::Reason;
use paynow_shared::signature::Signature;
use paynow_shared::wire::{Failure, Headers, decode};

use crate::disposition::Disposition;

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
                signature: headers.signature.as_deref().map(header_text),
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

/// A signature of PayNow that the worker has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    pub signature: Signature,
    /// The id of the secret that made it, whatever the message says.
    pub secret_id: String,
}

/// Why a message may change the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// One of the secrets made this signature over the body.
    Signature(VerifiedSignature),
    /// A person vouched for the body, in this action.
    Vouched(i64),
    /// The message is from before messages had a signature, or nothing is written.
    NotRequired,
}

#[derive(Debug)]
pub struct DecodedMessage<'a> {
    pub message: &'a Message,
    pub digest: BodyDigest,
    /// `None` if the message has none; then it has no event either.
    pub proof: Option<Proof>,
    /// The event, or what happens to a message that has none.
    pub event: Result<Event, Disposition>,
}

impl<'a> DecodedMessage<'a> {
    /// Reads the body, unless the message has no proof.
    pub(crate) fn of(message: &'a Message, proof: Result<Proof, Disposition>) -> Self {
        match proof {
            Ok(proof) => Self::decode(message, proof),
            Err(disposition) => Self {
                message,
                digest: BodyDigest::of(&message.body),
                proof: None,
                event: Err(disposition),
            },
        }
    }

    pub fn decode(message: &'a Message, proof: Proof) -> Self {
        #[cfg(feature = "poison")]
        crate::poison::strike(&message.body);
        Self {
            message,
            digest: BodyDigest::of(&message.body),
            proof: Some(proof),
            event: decode(&message.body).map_err(|error| {
                Disposition::DeadLetter(Failure::new(Reason::Malformed, error.to_string()))
            }),
        }
    }

    /// The signature that proves the message.
    pub(crate) fn signature(&self) -> Option<&VerifiedSignature> {
        match &self.proof {
            Some(Proof::Signature(verified)) => Some(verified),
            Some(Proof::Vouched(_) | Proof::NotRequired) | None => None,
        }
    }

    /// The secret that signed the message, by its proof; by the message's own words where it has none.
    pub(crate) fn secret_id(&self) -> Option<&str> {
        let claimed = self.message.headers.secret_id.as_deref();
        self.signature()
            .map(|verified| verified.secret_id.as_str())
            .or(claimed)
    }

    /// The action in which a person vouched for the message.
    pub(crate) fn vouched_by(&self) -> Option<i64> {
        match self.proof {
            Some(Proof::Vouched(action_id)) => Some(action_id),
            Some(Proof::Signature(_) | Proof::NotRequired) | None => None,
        }
    }
}
