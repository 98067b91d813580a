//! Why an event is a dead letter. The list is closed: on-call has an entry for each.

use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// The stable code of a dead letter's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownReason, parse_err_fn = unknown_reason)]
pub enum Reason {
    /// Signed by `PayNow`, but not an event we can read.
    Malformed,
    /// No line of `products` and no metadata says how many points the product gives.
    UnknownProduct,
    /// The event belongs to another store than `PAYNOW_STORE_ID`.
    WrongStore,
    /// The same id was recorded before with other content.
    Conflict,
    /// The points or the balance would not fit into 64 bits.
    Overflow,
    /// A refund or chargeback whose order did not come within the retry ladder.
    OrderUnknown,
    /// A refund below the order's total, and the shop wants a person to decide (or no total is
    /// known to compare with).
    PartialRefund,
    /// A refund event that says the refund is not completed.
    RefundNotCompleted,
    /// The database refused the event's rows for the event's own sake.
    LedgerRejected,
    /// Handling it panicked, or the broker delivered it more often than its limit allows.
    CrashLoop,
    /// It reached the dead-letter queue without a reason of ours.
    Unspecified,
}

impl Reason {
    /// The code as it stands in headers, tables, metrics and runbooks.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A text that is no reason code of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason code of a dead letter")]
pub struct UnknownReason;

fn unknown_reason(_code: &str) -> UnknownReason {
    UnknownReason
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_code_reads_back() {
        for reason in Reason::iter() {
            assert_eq!(reason.code().parse(), Ok(reason));
        }
        assert_eq!("parked".parse::<Reason>(), Err(UnknownReason));
    }
}
