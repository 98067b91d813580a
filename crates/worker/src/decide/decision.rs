//! What can be decided about an event.

use paynow_shared::ids::{EventId, OrderId, PaymentId, RefundId, StoreId};
use paynow_shared::reason::Reason;
use paynow_shared::wallet::LedgerEntry;
use paynow_shared::wire::Failure;

use super::record::Record;

/// What should happen because of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Record the event and its order, and post one entry per line, even for a line without points.
    Post(Vec<LedgerEntry>),
    /// Orders of this type give no points: record the event and its order, post nothing.
    RecordOrder,
    /// An earlier event reported the same: record the event, post nothing.
    AlreadyPosted,
    /// Record the event and the reversal, and post the changes it causes.
    Reverse(Reversal),
    /// The event changes no points: record the event.
    Ignore,
    /// Not possible yet: try again later, until the retry ladder ends.
    Defer(Failure),
    /// PayNow's API can tell what is missing. If it does not, the event is refused.
    Ask(Question, Failure),
    /// The event can never be applied as it is: it becomes a dead letter.
    Refuse(Failure),
}

/// A reversal to record and the entries to post for it, none when it changes nothing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    pub order_id: OrderId,
    pub record: Record,
    /// Its position among the order's reversals. Of two workers that decide at the same time, only
    /// one can insert this position; the other decides again.
    pub sequence: i32,
    pub entries: Vec<LedgerEntry>,
}

/// Which line was this refund for?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub refund_id: RefundId,
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub store_id: Option<StoreId>,
}

pub(super) fn malformed(error: String) -> Failure {
    Failure::new(Reason::Malformed, error)
}

pub(super) fn conflict(error: String) -> Failure {
    Failure::new(Reason::Conflict, error)
}

pub(super) fn overflow(amount: &str) -> Failure {
    let error = format!("{amount} would not fit into 64 bits");
    Failure::new(Reason::Overflow, error)
}

/// Whether two statements contradict each other. What one of them does not say contradicts nothing.
pub(super) fn differ<T: PartialEq>(known: Option<T>, told: Option<T>) -> bool {
    known.zip(told).is_some_and(|(known, told)| known != told)
}

/// When `PayNow` made the event, by its id, in Unix microseconds.
pub(super) fn made_at_us(event_id: EventId) -> i64 {
    event_id.created_at_ms().saturating_mul(1000)
}
