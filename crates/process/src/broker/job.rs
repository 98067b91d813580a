//! What is published, who waits for it, and what they are answered.

use std::time::Instant;

use bytes::Bytes;
use paynow_shared::event::EventType;
use paynow_shared::wire::Headers;
use strum::{EnumIter, IntoStaticStr};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A message to be published, persistent and mandatory.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub exchange: &'static str,
    pub routing_key: String,
    pub message_id: String,
    pub event_type: Option<EventType>,
    pub headers: Headers,
    pub body: Bytes,
}

/// Proof that the broker confirmed a message. Made here only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed(pub(super) ());

/// Why a message must not be taken for published. After `TimedOut`, `Disconnected` and `Blocked`
/// the broker may have it all the same: publish again, and expect it twice.
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
    #[error("the broker takes nothing for now")]
    Blocked,
    #[error("there is no connection to the broker")]
    Disconnected,
}

impl PublishError {
    /// A word for programs: metric label and problem code.
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

/// A message to be published, and who waits for the answer.
pub(super) struct Job {
    pub(super) message: Outgoing,
    pub(super) waiter: Waiter,
}

/// Who waits for the answer to a publish.
pub(super) struct Waiter {
    pub(super) since: Instant,
    answer: oneshot::Sender<Result<Confirmed, PublishError>>,
    _in_flight: OwnedSemaphorePermit,
}

impl Waiter {
    pub(super) fn new(
        answer: oneshot::Sender<Result<Confirmed, PublishError>>,
        in_flight: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            since: Instant::now(),
            answer,
            _in_flight: in_flight,
        }
    }

    /// Nobody waits any more.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn give(self, answer: Result<Confirmed, PublishError>) {
        // One that stopped waiting took the outcome for unknown, which is right.
        let _nobody_waits = self.answer.send(answer);
    }
}
