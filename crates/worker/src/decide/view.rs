//! The part of the ledger that the decisions about some events depend on. It is read once per batch,
//! and each decision updates it: an order, its repeat and its refund in one batch give the same result
//! as in three batches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use paynow_shared::digest::BodyDigest;
use paynow_shared::event::{LineAmounts, Order};
use paynow_shared::ids::{EventId, OrderId, OrderLineId, PaymentId, ProductId, RefundId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};

use super::prices::Prices;
use super::record::{Attribution, ChargebackStep, Record, RefundRecord, Source};

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// Events recorded before, each with the digest of its body.
    pub events: HashMap<EventId, BodyDigest>,
    /// The points of one unit of a product.
    pub products: HashMap<ProductId, Prices>,
    /// Entries posted before, by business key.
    pub entries: HashMap<EntryKey, PostedEntry>,
    /// Orders recorded before.
    pub orders: HashMap<OrderId, OrderState>,
    /// Refunds recorded before, of any order.
    pub refunds: HashMap<RefundId, (OrderId, RefundRecord)>,
    /// Steps of chargebacks recorded before, of any order.
    pub chargebacks: HashMap<PaymentId, Vec<(OrderId, ChargebackStep)>>,
    /// What a person, or PayNow's API, says about a refund.
    pub told: HashMap<RefundId, Told>,
}

/// The part of a posted entry that must be the same when another event reports it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedEntry {
    pub wallet_id: WalletId,
    pub order_id: OrderId,
}

/// What somebody else says about a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub by: Source,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The refund is for this.
    For(Attribution),
    /// The refund's attribution cannot be known, because of this.
    Unknown(String),
}

/// What the ledger knows of one order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OrderState {
    pub total_amount_minor: Option<i64>,
    pub giftcard_amount_minor: Option<i64>,
    pub currency: Option<String>,
    pub lines: BTreeMap<OrderLineId, LineState>,
    /// The points that its lines credited, by wallet.
    pub credited: BTreeMap<WalletId, Points>,
    /// How many of these points are taken back now, by wallet.
    pub taken_back: BTreeMap<WalletId, Points>,
    pub refunds: BTreeMap<RefundId, RefundRecord>,
    /// The lines that these refunds were for.
    pub refunded_lines: BTreeSet<OrderLineId>,
    pub chargebacks: BTreeMap<PaymentId, Vec<ChargebackStep>>,
    /// How many reversals are recorded, which is the sequence number of the next one.
    pub reversal_count: i32,
}

/// What the ledger knows of one line of an order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LineState {
    /// The points that it credited, and to whom; `None` when the order's type gives no points.
    pub credit: Option<(WalletId, Points)>,
    /// `None` for an order that was recorded before lines were.
    pub details: Option<LineDetails>,
}

/// One row of `order_lines`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineDetails {
    pub product_id: ProductId,
    pub quantity: i64,
    pub amounts: LineAmounts,
}

impl LedgerView {
    /// Adds an order that will be recorded in this transaction, without its entries.
    pub fn add_order(&mut self, order: &Order) {
        let state = self.orders.entry(order.id).or_default();
        state.total_amount_minor = order.total_amount_minor;
        state.giftcard_amount_minor = order.giftcard_amount_minor;
        state.currency.clone_from(&order.currency);
        for line in &order.lines {
            let details = LineDetails {
                product_id: line.product_id,
                quantity: line.quantity_or_one(),
                amounts: line.amounts,
            };
            state.lines.entry(line.id).or_default().details = Some(details);
        }
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
            EntryKind::OrderLine => {
                if let Some(line) = entry.key.line_id() {
                    let credit = (entry.wallet_id, entry.points);
                    order.lines.entry(line).or_default().credit = Some(credit);
                }
                (&mut order.credited, entry.points)
            }
            EntryKind::Refund | EntryKind::Chargeback | EntryKind::ChargebackWon => {
                (&mut order.taken_back, entry.points.negated())
            }
        };
        let sum = sums.entry(entry.wallet_id).or_default();
        // No sum exceeds all points of the order, and these were checked to fit when it was posted.
        *sum = sum.checked_add(points).unwrap_or(*sum);
    }

    /// Adds a reversal that is recorded, or will be in this transaction.
    pub fn add_reversal(&mut self, order_id: OrderId, record: &Record) {
        match record {
            Record::Refund(refund) => {
                self.refunds.insert(refund.id, (order_id, *refund));
            }
            Record::Chargeback(step) => {
                let steps = self.chargebacks.entry(step.payment_id).or_default();
                steps.push((order_id, *step));
            }
        }
        let order = self.orders.entry(order_id).or_default();
        order.reversal_count = order.reversal_count.saturating_add(1);
        order.add(record);
    }
}

impl OrderState {
    pub(super) fn add(&mut self, record: &Record) {
        match record {
            Record::Refund(refund) => {
                self.refunds.insert(refund.id, *refund);
                if let Attribution::Line(line) = refund.attribution {
                    self.refunded_lines.insert(line);
                }
            }
            Record::Chargeback(step) => {
                let steps = self.chargebacks.entry(step.payment_id).or_default();
                steps.push(*step);
            }
        }
    }

    pub(super) fn is_refunded(&self, line: OrderLineId) -> bool {
        self.refunded_lines.contains(&line)
    }

    /// How much of the order was paid with gift cards, in minor units.
    pub(super) fn giftcards(&self) -> i128 {
        self.giftcard_amount_minor.map_or(0, i128::from)
    }
}
