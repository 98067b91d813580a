//! The answer of the ledger to an event, and what happens to the event's message because of it.

use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use crate::decide::Question;

/// The answer of the ledger to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The event is recorded now, with its entries if it has any.
    Applied,
    /// The same event with the same body was recorded before.
    AlreadyApplied,
    /// The same event id was recorded before, with another body.
    ConflictsWithEarlier,
}

/// What happens to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    Ack,
    /// It is published to the next retry queue or, after the last one, to `paynow.credits.dead`.
    RetryLater(Failure),
    /// PayNow's API is asked, and the event is applied again with the answer. Without an answer it is
    /// published to a retry queue, and that counts no attempt.
    AskPayNow(Question, Failure),
    /// It is published to `paynow.credits.dead`, and acknowledged once that is confirmed.
    DeadLetter(Failure),
}

impl Disposition {
    pub fn is_ack(&self) -> bool {
        *self == Self::Ack
    }
}

impl From<Applied> for Disposition {
    fn from(applied: Applied) -> Self {
        match applied {
            Applied::Applied | Applied::AlreadyApplied => Self::Ack,
            Applied::ConflictsWithEarlier => Self::DeadLetter(Failure::new(
                Reason::Conflict,
                "this event id was recorded before with another body",
            )),
        }
    }
}
