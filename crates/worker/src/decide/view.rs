//! The part of the ledger that the decisions about some events depend on. It is read once per batch,
//! and each decision updates it: an order, its repeat and its refund in one batch give the same result
//! as in three batches.

use std::collections::{BTreeMap, HashMap};

use paynow_shared::digest::BodyDigest;
use paynow_shared::event::ChargebackState;
use paynow_shared::ids::{EventId, OrderId, PaymentId, ProductId, RefundId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use strum::{EnumIter, EnumString, IntoStaticStr};

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// Events recorded before, each with the digest of its body.
    pub events: HashMap<EventId, BodyDigest>,
    /// The points of one unit of a product.
    pub products: HashMap<ProductId, Points>,
    /// Entries posted before, by business key.
    pub entries: HashMap<EntryKey, PostedEntry>,
    /// Orders posted before.
    pub orders: HashMap<OrderId, OrderState>,
    /// Refunds and chargebacks recorded before, of any order, by kind and [`ReversalRecord::reference_id`].
    pub reversals: HashMap<(ReversalKind, i64), ReversalRecord>,
}

/// The part of a posted entry that must be the same when another event reports it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedEntry {
    pub wallet_id: WalletId,
    pub order_id: OrderId,
}

/// What the ledger knows of one order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OrderState {
    pub total_amount_minor: Option<i64>,
    /// The points that its lines credited, by wallet.
    pub credited: BTreeMap<WalletId, Points>,
    /// How many of these points are taken back now, by wallet.
    pub taken_back: BTreeMap<WalletId, Points>,
    /// The amount of each refund, in minor units.
    pub refunds: BTreeMap<RefundId, i64>,
    pub chargebacks: BTreeMap<PaymentId, ChargebackState>,
    /// How many reversals are recorded, which is the sequence number of the next one.
    pub reversal_count: i32,
}

/// The column `reversals.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReversalKind {
    Refund,
    ChargebackOpened,
    ChargebackWon,
    ChargebackLost,
}

impl ReversalKind {
    /// The label in the enum `reversal_kind` of PostgreSQL.
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

/// A refund or a step of a chargeback, as the table `reversals` records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReversalRecord {
    pub order_id: OrderId,
    pub kind: ReversalKind,
    /// The refund's id, or the payment's.
    pub reference_id: i64,
    /// In minor units; refunds only.
    pub amount_minor: Option<i64>,
}

impl LedgerView {
    /// Adds an order that is recorded, or will be in this transaction.
    pub fn add_order(&mut self, order_id: OrderId, total_amount_minor: Option<i64>) {
        self.orders.entry(order_id).or_default().total_amount_minor = total_amount_minor;
    }

    /// Adds an entry that is posted, or will be in this transaction.
    pub fn add_entry(&mut self, entry: &LedgerEntry) {
        let posted = PostedEntry {
            wallet_id: entry.wallet_id,
            order_id: entry.order_id,
        };
        self.entries.insert(entry.key.clone(), posted);
        let order = self.orders.entry(entry.order_id).or_default();
        let (sums, points) = match entry.kind {
            EntryKind::OrderLine => (&mut order.credited, entry.points),
            EntryKind::Refund | EntryKind::Chargeback | EntryKind::ChargebackWon => {
                (&mut order.taken_back, entry.points.negated())
            }
        };
        let sum = sums.entry(entry.wallet_id).or_default();
        // No sum exceeds all points of the order, and these were checked to fit when it was posted.
        *sum = sum.checked_add(points).unwrap_or(*sum);
    }

    /// Adds a reversal that is recorded, or will be in this transaction.
    pub fn add_reversal(&mut self, record: &ReversalRecord) {
        self.reversals
            .insert((record.kind, record.reference_id), *record);
        let order = self.orders.entry(record.order_id).or_default();
        order.reversal_count = order.reversal_count.saturating_add(1);
        order.add(record);
    }
}

impl OrderState {
    /// Adds a reversal. A chargeback that was closed stays closed.
    pub fn add(&mut self, record: &ReversalRecord) {
        let payment = PaymentId::from_i64(record.reference_id);
        let mut set = |state| {
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
            ReversalKind::ChargebackOpened => set(ChargebackState::Opened),
            ReversalKind::ChargebackWon => set(ChargebackState::Won),
            ReversalKind::ChargebackLost => set(ChargebackState::Lost),
        }
    }
}
