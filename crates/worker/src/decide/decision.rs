//! What can be decided about an event, and the settings that a decision depends on.

use paynow_shared::ids::StoreId;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::LedgerEntry;
use paynow_shared::wire::Failure;

use super::view::ReversalRecord;

/// The shop's choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// `PAYNOW_STORE_ID`: events of another store are refused.
    pub store_id: Option<StoreId>,
    /// `PARTIAL_REFUNDS`: what a refund below the order's total does.
    pub partial_refunds: PartialRefunds,
    /// `POINTS_METADATA_KEY`: the metadata key with the points of a product that is not in `products`.
    pub points_metadata_key: Option<String>,
}

/// What a refund below the order's total does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PartialRefunds {
    /// It takes points back in proportion.
    #[default]
    Proportional,
    /// It becomes a dead letter, for a person to decide.
    DeadLetter,
}

/// What should happen because of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Record the event and its order, and post one entry per line, even for a line without points.
    Post(Vec<LedgerEntry>),
    /// An earlier event reported the same: record the event, post nothing.
    AlreadyPosted,
    /// Record the event and the reversal, and post the changes it causes.
    Reverse(Reversal),
    /// Events of this type change no points: record the event.
    Ignore,
    /// Not possible yet: try again later, until the retry ladder ends.
    Defer(Failure),
    /// The event can never be applied as it is: it becomes a dead letter.
    Refuse(Failure),
}

/// A reversal to record and the entries to post for it, none when it changes nothing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    pub record: ReversalRecord,
    /// Its position among the order's reversals. Of two workers that decide at the same time, only
    /// one can insert this position; the other decides again.
    pub sequence: i32,
    pub entries: Vec<LedgerEntry>,
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
