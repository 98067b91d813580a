//! The sorts of post, and where an accepted event must end.

use std::collections::BTreeMap;

use strum::{Display, EnumIter};

/// The sorts of post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Sort {
    Order,
    Refund,
    Chargeback,
    /// An order told once more, with another content.
    Retelling,
    /// Another body under the id of an earlier event.
    OtherBody,
    Malformed,
    OtherType,
    /// An earlier body, signed anew.
    Repeat,
    Probe,
}

/// Where an accepted event must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// In the ledger, or dead for a reason that the truth allows. An order that is true must be in the
    /// ledger.
    Settled { event: i64, is_credited: bool },
    /// In the ledger as an event that moves no points.
    Ignored,
    /// A dead letter, with this reason.
    Dead(&'static str),
}

/// What was sent, in numbers.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    pub(crate) posts: u64,
    /// Accepted tries by sort, also those of an event that was accepted before.
    pub(crate) accepted: BTreeMap<Sort, u64>,
    /// Tries by answer; 0 for none.
    pub(crate) answers: BTreeMap<u16, u64>,
    pub(crate) forged: u64,
}
