//! A message to publish, the caller that waits for its confirm, and the answer the caller gets.

use std::time::Instant;

use bytes::Bytes;
use paynow_shared::event::EventType;
use paynow_shared::wire::Headers;
use strum::{EnumIter, IntoStaticStr};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A message to publish; it is persistent and mandatory.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub exchange: &'static str,
    pub routing_key: String,
    pub message_id: String,
    pub event_type: Option<EventType>,
    pub headers: Headers,
    pub body: Bytes,
}

/// Proof that the broker confirmed a message. Only the publisher makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed(pub(super) ());

/// Why a message is not known to be published. After `TimedOut`, `Disconnected` and `Blocked` the
/// broker may have it nevertheless: publish it again, and expect it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PublishError {
    #[error("the broker refused the message")]
    Nacked,
    #[error("no queue takes the message")]
    Returned,
    #[error("the broker did not confirm in time")]
    TimedOut,
    #[error("too many messages wait for their confirm")]
    Overloaded,
    #[error("the broker blocks publishers for now")]
    Blocked,
    #[error("there is no connection to the broker")]
    Disconnected,
}

impl PublishError {
    /// The label in metrics.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Whether a lane can publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneState {
    Disconnected,
    Blocked,
    Open,
}

/// A message to publish, and the caller that waits for the answer.
pub(super) struct Job {
    pub(super) message: Outgoing,
    pub(super) waiter: Waiter,
}

/// The caller of a publish, which waits for the answer.
pub(super) struct Waiter {
    pub(super) since: Instant,
    sender: oneshot::Sender<Result<Confirmed, PublishError>>,
    _in_flight: OwnedSemaphorePermit,
}

impl Waiter {
    pub(super) fn new(
        sender: oneshot::Sender<Result<Confirmed, PublishError>>,
        in_flight: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            since: Instant::now(),
            sender,
            _in_flight: in_flight,
        }
    }

    /// Whether the caller has stopped waiting.
    pub(super) fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) fn answer(self, answer: Result<Confirmed, PublishError>) {
        // A caller that stopped waiting treats the outcome as unknown, which is right.
        let _nobody_waits = self.sender.send(answer);
    }
}
