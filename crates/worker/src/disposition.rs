//! What the ledger answered, and what the broker is told because of it.

use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

/// What the ledger says of an event it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Recorded now, with its entries if it has any.
    Applied,
    /// The same event with the same body was recorded before.
    AlreadyApplied,
    /// The same event id was recorded before, with another body.
    ConflictsWithEarlier,
}

/// What happens to the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    Ack,
    /// To the next rung of the retry ladder, or from its end to `paynow.credits.dead`.
    RetryLater(Failure),
    /// To `paynow.credits.dead`, and acknowledged once that is confirmed.
    DeadLetter(Failure),
}

impl Disposition {
    pub fn is_ack(&self) -> bool {
        match self {
            Self::Ack => true,
            Self::RetryLater(_) | Self::DeadLetter(_) => false,
        }
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
