//! The types of a ledger entry. `WALLET_CONTRACT.md` states their rules.

use std::fmt;

use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::ids::{OrderId, OrderLineId, PaymentId, RefundId, WalletId};
use crate::points::Points;

/// The business key of a ledger entry: what happened, whichever event reported it. Keys are kept for
/// ever, so something reported twice, under any event id, changes a balance once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryKey(String);

impl EntryKey {
    pub fn order_line(line: OrderLineId) -> Self {
        Self(format!("order-line:{line}"))
    }

    pub fn refund(refund: RefundId) -> Self {
        Self(format!("refund:{refund}"))
    }

    pub fn chargeback(payment: PaymentId) -> Self {
        Self(format!("chargeback:{payment}"))
    }

    pub fn chargeback_won(payment: PaymentId) -> Self {
        Self(format!("chargeback-won:{payment}"))
    }

    /// The key of a reversal's entry in a further wallet: an order with gifts credits several.
    pub fn in_wallet(&self, wallet: WalletId) -> Self {
        Self(format!("{self}:{wallet}"))
    }

    /// The key of a later round of a chargeback, which was opened again at this time.
    pub fn at(&self, unix_ms: i64) -> Self {
        Self(format!("{self}@{unix_ms}"))
    }

    /// The line of the entry, if it is the entry of a line.
    pub fn line_id(&self) -> Option<OrderLineId> {
        self.0.strip_prefix("order-line:")?.parse().ok()
    }

    /// A key that was read from the ledger.
    pub fn from_stored(key: String) -> Self {
        Self(key)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kinds of entries that name an order, as `ledger_entry_kind` spells them in PostgreSQL. Other
/// kinds come from game backends and people.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum EntryKind {
    /// The points of one line of a paid order.
    OrderLine,
    /// Points that a refund took back.
    Refund,
    /// Points that an open or lost chargeback took back.
    Chargeback,
    /// Points that a won chargeback restored.
    ChargebackWon,
}

impl EntryKind {
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A ledger entry to post. A balance changes in no other way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    pub key: EntryKey,
    pub wallet_id: WalletId,
    pub order_id: OrderId,
    pub kind: EntryKind,
    pub points: Points,
}
