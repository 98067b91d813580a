//! What the ledger knows that matters to a batch of events. Read once per batch; each decision
//! updates it, so that an order, its repeat and its refund in one batch work like three batches.

use std::collections::{BTreeMap, HashMap};

use paynow_shared::digest::BodyDigest;
use paynow_shared::event::ChargebackState;
use paynow_shared::ids::{EventId, OrderId, PaymentId, ProductId, RefundId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use strum::{EnumIter, EnumString, IntoStaticStr};

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// Events settled before, and the digest of the body they had.
    pub events: HashMap<EventId, BodyDigest>,
    /// What one unit of a product gives.
    pub products: HashMap<ProductId, Points>,
    /// Entries posted before, by business key.
    pub entries: HashMap<EntryKey, PostedEntry>,
    /// Orders posted before.
    pub orders: HashMap<OrderId, OrderBook>,
    /// Refunds and chargebacks recorded before, of whichever order.
    pub reversals: HashMap<(ReversalKind, i64), RecordedReversal>,
}

/// The part of a posted entry that the same happening must repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedEntry {
    pub wallet_id: WalletId,
    pub order_id: OrderId,
}

/// An order's side of the ledger.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OrderBook {
    pub total_amount_minor: Option<i64>,
    /// What its lines gave, by wallet.
    pub credited: BTreeMap<WalletId, Points>,
    /// What is taken back of that now, by wallet.
    pub taken: BTreeMap<WalletId, Points>,
    pub refunds: BTreeMap<RefundId, i64>,
    pub chargebacks: BTreeMap<PaymentId, ChargebackState>,
    /// How many reversals are recorded: the place of the next one.
    pub reversals: i32,
}

/// What `reversals.kind` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReversalKind {
    Refund,
    ChargebackOpened,
    ChargebackWon,
    ChargebackLost,
}

impl ReversalKind {
    /// The word of the enum `reversal_kind` in PostgreSQL.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl From<ChargebackState> for ReversalKind {
    fn from(state: ChargebackState) -> Self {
        match state {
            ChargebackState::Opened => Self::ChargebackOpened,
            ChargebackState::Won => Self::ChargebackWon,
            ChargebackState::Lost => Self::ChargebackLost,
        }
    }
}

/// The part of a recorded reversal that the same happening must repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedReversal {
    pub order_id: OrderId,
    pub amount_minor: Option<i64>,
}

/// A refund or a step of a chargeback, as it will be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReversalRecord {
    pub order_id: OrderId,
    pub kind: ReversalKind,
    /// The refund's id, or the payment's.
    pub reference_id: i64,
    /// Of a refund, in minor units.
    pub amount_minor: Option<i64>,
}

impl LedgerView {
    /// Notes an order that is recorded, or will be in this transaction.
    pub fn note_order(&mut self, order_id: OrderId, total_amount_minor: Option<i64>) {
        self.orders.entry(order_id).or_default().total_amount_minor = total_amount_minor;
    }

    /// Notes an entry that is posted, or will be in this transaction.
    pub fn note_entry(&mut self, entry: &LedgerEntry) {
        let posted = PostedEntry {
            wallet_id: entry.wallet_id,
            order_id: entry.order_id,
        };
        self.entries.insert(entry.key.clone(), posted);
        let book = self.orders.entry(entry.order_id).or_default();
        let (side, points) = match entry.kind {
            EntryKind::OrderLine => (&mut book.credited, entry.points),
            EntryKind::Refund | EntryKind::Chargeback | EntryKind::ChargebackWon => {
                (&mut book.taken, entry.points.negated())
            }
        };
        let sum = side.entry(entry.wallet_id).or_default();
        // Both sides are bounded by what the order gave, which was checked when it was posted.
        *sum = sum.checked_add(points).unwrap_or(*sum);
    }

    /// Notes a reversal that is recorded, or will be in this transaction.
    pub fn note_reversal(&mut self, record: &ReversalRecord) {
        let recorded = RecordedReversal {
            order_id: record.order_id,
            amount_minor: record.amount_minor,
        };
        self.reversals
            .insert((record.kind, record.reference_id), recorded);
        let book = self.orders.entry(record.order_id).or_default();
        book.reversals = book.reversals.saturating_add(1);
        book.note(record);
    }
}

impl OrderBook {
    /// Takes a reversal into account: amounts add up, and a final state of a chargeback stays.
    pub fn note(&mut self, record: &ReversalRecord) {
        let payment = PaymentId::from_i64(record.reference_id);
        let mut close = |state| {
            if let Ok(payment) = payment {
                let known = self.chargebacks.entry(payment).or_insert(state);
                if *known == ChargebackState::Opened {
                    *known = state;
                }
            }
        };
        match record.kind {
            ReversalKind::Refund => {
                if let Ok(refund) = RefundId::from_i64(record.reference_id) {
                    self.refunds
                        .insert(refund, record.amount_minor.unwrap_or_default());
                }
            }
            ReversalKind::ChargebackOpened => close(ChargebackState::Opened),
            ReversalKind::ChargebackWon => close(ChargebackState::Won),
            ReversalKind::ChargebackLost => close(ChargebackState::Lost),
        }
    }
}
