//! Turns messages into the rows that one transaction writes, and each into one disposition. They are
//! decided in order, against a view that contains the earlier ones. Pure.

use paynow_shared::event::{Event, EventKind, Order};
use paynow_shared::ids::{OrderId, PaymentId, RefundId};
use paynow_shared::points::Points;
use paynow_shared::wallet::LedgerEntry;
use strum::{EnumIter, IntoStaticStr};

use crate::decide::record::Record;
use crate::decide::view::LedgerView;
use crate::decide::{Decision, Policy, Reversal, decide};
use crate::disposition::{Applied, Disposition};
use crate::message::DecodedMessage;
use crate::observe::events::BatchCommitted;

/// The column `webhook_events.outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    Credited,
    AlreadyCredited,
    /// A refund or chargeback took points back.
    Reversed,
    /// A won chargeback restored points.
    Restored,
    /// A refund or chargeback that changed no balance: it moves no points, or was recorded before.
    Noted,
    Ignored,
}

impl Outcome {
    /// The label in the enum `event_outcome` of PostgreSQL.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// One row of `webhook_events`.
#[derive(Debug)]
pub struct PlannedEvent<'a> {
    pub event: &'a Event,
    pub decoded: &'a DecodedMessage<'a>,
    pub outcome: Outcome,
    pub order_id: Option<OrderId>,
}

/// One row of `orders`, and those of its lines.
#[derive(Debug)]
pub struct PlannedOrder<'a> {
    pub event: &'a Event,
    pub order: &'a Order,
}

/// One row of `reversals`.
#[derive(Debug)]
pub struct PlannedReversal<'a> {
    pub event: &'a Event,
    pub order_id: OrderId,
    pub record: Record,
    pub sequence: i32,
}

/// One row of `ledger_entries`.
#[derive(Debug)]
pub struct PlannedEntry<'a> {
    pub event: &'a Event,
    pub entry: LedgerEntry,
}

/// All rows that one transaction writes, and what happens to the messages once it has committed.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    pub events: Vec<PlannedEvent<'a>>,
    pub orders: Vec<PlannedOrder<'a>>,
    pub reversals: Vec<PlannedReversal<'a>>,
    pub entries: Vec<PlannedEntry<'a>>,
    /// One per message, in order.
    pub dispositions: Vec<Disposition>,
}

pub fn plan<'a>(
    messages: &'a [DecodedMessage<'a>],
    view: &mut LedgerView,
    policy: &Policy,
) -> Plan<'a> {
    let mut plan = Plan::default();
    for decoded in messages {
        let disposition = match &decoded.event {
            Err(disposition) => disposition.clone(),
            Ok(event) => plan.add(event, decoded, view, policy),
        };
        plan.dispositions.push(disposition);
    }
    plan
}

impl<'a> Plan<'a> {
    fn add(
        &mut self,
        event: &'a Event,
        decoded: &'a DecodedMessage<'a>,
        view: &mut LedgerView,
        policy: &Policy,
    ) -> Disposition {
        if let Some(earlier) = view.events.get(&event.id) {
            return if *earlier == decoded.digest {
                Applied::AlreadyApplied.into()
            } else {
                Applied::ConflictsWithEarlier.into()
            };
        }
        let outcome = match decide(event, view, policy) {
            Decision::Refuse(failure) => return Disposition::DeadLetter(failure),
            Decision::Defer(failure) => return Disposition::RetryLater(failure),
            Decision::Ask(question, failure) => return Disposition::AskPayNow(question, failure),
            Decision::Ignore => Outcome::Ignored,
            Decision::RecordOrder => {
                self.record_order(event, view);
                Outcome::Ignored
            }
            Decision::AlreadyPosted if order_of(event).is_some() => Outcome::AlreadyCredited,
            Decision::AlreadyPosted => Outcome::Noted,
            Decision::Post(entries) => {
                self.record_order(event, view);
                self.post(event, entries, view);
                Outcome::Credited
            }
            Decision::Reverse(reversal) => self.reverse(event, reversal, view),
        };
        view.events.insert(event.id, decoded.digest);
        let order_id = order_id_of(event);
        self.events.push(PlannedEvent {
            event,
            decoded,
            outcome,
            order_id,
        });
        Applied::Applied.into()
    }

    fn record_order(&mut self, event: &'a Event, view: &mut LedgerView) {
        if let Some(order) = order_of(event) {
            view.add_order(order);
            self.orders.push(PlannedOrder { event, order });
        }
    }

    fn reverse(&mut self, event: &'a Event, reversal: Reversal, view: &mut LedgerView) -> Outcome {
        let Reversal {
            order_id,
            record,
            sequence,
            entries,
        } = reversal;
        let outcome = if entries.is_empty() {
            Outcome::Noted
        } else if entries.iter().any(|entry| entry.points < Points::ZERO) {
            Outcome::Reversed
        } else {
            Outcome::Restored
        };
        view.add_reversal(order_id, &record);
        self.reversals.push(PlannedReversal {
            event,
            order_id,
            record,
            sequence,
        });
        self.post(event, entries, view);
        outcome
    }

    fn post(&mut self, event: &'a Event, entries: Vec<LedgerEntry>, view: &mut LedgerView) {
        for entry in entries {
            view.add_entry(&entry);
            self.entries.push(PlannedEntry { event, entry });
        }
    }
}

/// The order that an event carries.
pub(crate) fn order_of(event: &Event) -> Option<&Order> {
    match &event.kind {
        EventKind::OrderCompleted(order) => Some(order),
        EventKind::Refunded(_) | EventKind::Chargeback(_) | EventKind::Ignored => None,
    }
}

/// The id of the order that an event concerns.
pub(crate) fn order_id_of(event: &Event) -> Option<OrderId> {
    match &event.kind {
        EventKind::OrderCompleted(order) => Some(order.id),
        EventKind::Refunded(refund) => Some(refund.order_id),
        EventKind::Chargeback(chargeback) => Some(chargeback.order_id),
        EventKind::Ignored => None,
    }
}

/// The refund that an event reports.
pub(crate) fn refund_of(event: &Event) -> Option<RefundId> {
    match &event.kind {
        EventKind::Refunded(refund) => Some(refund.id),
        EventKind::OrderCompleted(_) | EventKind::Chargeback(_) | EventKind::Ignored => None,
    }
}

/// The payment that an event reports as charged back.
pub(crate) fn charged_back_by(event: &Event) -> Option<PaymentId> {
    match &event.kind {
        EventKind::Chargeback(chargeback) => Some(chargeback.payment_id),
        EventKind::OrderCompleted(_) | EventKind::Refunded(_) | EventKind::Ignored => None,
    }
}

impl Plan<'_> {
    /// What its transaction does, in numbers.
    pub(super) fn totals(&self) -> BatchCommitted {
        let mut totals = BatchCommitted::default();
        for planned in &self.events {
            *totals.outcomes.entry(planned.outcome.code()).or_default() += 1;
            let signed_at_ms = planned.decoded.message.headers.signed_at_ms;
            totals.signed_at_ms.extend(signed_at_ms);
        }
        for planned in &self.entries {
            let points = totals.points.entry(planned.entry.kind.code()).or_default();
            *points = points.saturating_add(planned.entry.points.get().unsigned_abs());
        }
        let acknowledged = self.dispositions.iter().filter(|one| one.is_ack()).count();
        let duplicates = acknowledged.saturating_sub(self.events.len());
        totals.duplicates = u64::try_from(duplicates).unwrap_or(u64::MAX);
        totals
    }
}

#[cfg(test)]
mod tests;
