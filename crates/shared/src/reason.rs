//! Why an event is a dead letter: a closed list, each reason with an entry in `WALLET_CONTRACT.md`.

use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

/// The stable code of a dead letter's reason.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownReason, parse_err_fn = unknown_reason)]
pub enum Reason {
    /// Signed by `PayNow`, but not readable as an event.
    Malformed,
    /// No proof that `PayNow` signed it, and nobody has vouched for it.
    Unsigned,
    /// Neither `products` nor the metadata says how many points the product gives.
    UnknownProduct,
    /// The event belongs to a store other than `PAYNOW_STORE_ID`.
    WrongStore,
    /// The event contradicts what was recorded before, under the same id or about the same order.
    Conflict,
    /// The points or the balance would not fit into 64 bits.
    Overflow,
    /// A refund or chargeback whose order had not arrived after the last rung of the retry ladder.
    OrderUnknown,
    /// A refund of a part of the order that a person must decide: by setting, or because several lines,
    /// or none, fit its amounts.
    PartialRefund,
    /// A refund event that says the refund is not completed.
    RefundNotCompleted,
    /// A refund in another currency than its order.
    CurrencyMismatch,
    /// An order event that says the order is not completed.
    OrderNotCompleted,
    /// By setting, orders of this type, or trials, are for a person to decide.
    OrderType,
    /// A constraint rejected the event's rows, or they conflicted with other rows at every attempt.
    LedgerRejected,
    /// At every attempt another transaction held a wallet of the event.
    WalletLocked,
    /// At every attempt another transaction held another row that the event needs.
    RowLocked,
    /// Handling it panicked or crashed the worker, or the broker delivered it too often.
    CrashLoop,
    /// It reached the dead-letter queue without a reason code.
    Unspecified,
}

impl Reason {
    /// Of every reason.
    pub const CODES: &'static [&'static str] = Self::VARIANTS;

    /// The code that headers, tables, metrics and runbooks use.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The error for a text that is not a reason code.
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
