//! What the ledger knows that matters to a batch of events. Read once per batch; each decision
//! updates it, so that an event and its repeat in one batch work like two batches.

use std::collections::{HashMap, HashSet};

use paynow_shared::digest::BodyDigest;
use paynow_shared::ids::{EventId, OrderId, ProductId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::EntryKey;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// Events settled before, and the digest of the body they had.
    pub events: HashMap<EventId, BodyDigest>,
    /// What one unit of a product gives.
    pub products: HashMap<ProductId, Points>,
    /// Entries posted before, by business key.
    pub entries: HashMap<EntryKey, PostedEntry>,
    /// Orders that have entries.
    pub orders: HashSet<OrderId>,
}

impl LedgerView {
    /// Notes an entry that is posted, or will be in this transaction.
    pub fn note(&mut self, key: EntryKey, posted: PostedEntry) {
        self.orders.insert(posted.order_id);
        self.entries.insert(key, posted);
    }
}

/// The part of a posted entry that the same happening must repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedEntry {
    pub wallet_id: WalletId,
    pub order_id: OrderId,
}
