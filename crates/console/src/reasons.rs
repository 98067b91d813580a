//! What a reason means and what to do about it, as the contract says it, in a few words.

use paynow_shared::reason::Reason;

/// What happened, and what to do.
pub(crate) fn advice(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Malformed => (
            "PayNow signed it, but it cannot be read as an event, or the order contradicts itself.",
            "Read the error. Tell PayNow, or have the decoder extended.",
        ),
        Reason::Unsigned => (
            "No known secret signed it, and nobody vouched for it.",
            "Add a missing secret and replay. Otherwise find who published it and compare it with PayNow.",
        ),
        Reason::UnknownProduct => (
            "Neither the products nor the metadata say how many points a product of it gives.",
            "Set the points of the product, then replay.",
        ),
        Reason::WrongStore => (
            "The order belongs to another store, or names none.",
            "Correct PAYNOW_STORE_ID or the webhook's subscription at PayNow.",
        ),
        Reason::Conflict => (
            "The same event or order as before, with other content.",
            "Compare both bodies. Credit nothing by hand before the difference is understood.",
        ),
        Reason::Overflow => (
            "The points or the balance would not fit into 64 bits.",
            "The points of a product are wrong: correct them.",
        ),
        Reason::OrderUnknown => (
            "The order of a refund or chargeback had not arrived after the last attempt.",
            "If the order is a dead letter, settle that first. Otherwise let PayNow send the order's event again. Then replay.",
        ),
        Reason::PartialRefund => (
            "A refund of a part of its order, whose amounts do not tell which part.",
            "Look it up at PayNow, decide with `paynowctl refund attribute`, then replay.",
        ),
        Reason::RefundNotCompleted => (
            "A refund event whose refund is not completed.",
            "Discard it: PayNow sends another event when the refund is completed.",
        ),
        Reason::CurrencyMismatch => (
            "A refund in another currency than its order.",
            "Compare both at PayNow, correct the wallet, then discard it.",
        ),
        Reason::OrderNotCompleted => (
            "An order event whose order is not completed.",
            "Discard it, unless PayNow says that the order was paid: then ask PayNow to send it again.",
        ),
        Reason::OrderType => (
            "By setting, orders of this type, or trials, are for a person to decide.",
            "Set the type or trial to credit and replay. A discarded order leaves its refunds unknown.",
        ),
        Reason::LedgerRejected => (
            "A named constraint refused its rows at every attempt.",
            "The error names the constraint. This is a bug: report it.",
        ),
        Reason::WalletLocked => (
            "At every attempt another transaction held a wallet of it.",
            "The error names the wallets. Find who holds them, end that transaction, then replay.",
        ),
        Reason::RowLocked => (
            "At every attempt another transaction held a row that it needs.",
            "Find who holds the row, end that transaction, then replay.",
        ),
        Reason::CrashLoop => (
            "The worker crashed or panicked while it handled it.",
            "The worker's log says where. This is a bug: report it.",
        ),
        Reason::Unspecified => (
            "It reached the dead-letter queue without a reason.",
            "Check the broker's dead-lettering, then replay.",
        ),
    }
}
