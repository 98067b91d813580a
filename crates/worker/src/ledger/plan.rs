//! A batch of messages to one set of rows: decodes and decides each against the view, in order,
//! and notes what to write and what each message will be told. Pure.

use paynow_shared::digest::BodyDigest;
use paynow_shared::event::{Event, EventKind, Order};
use paynow_shared::ids::OrderId;
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::LedgerEntry;
use paynow_shared::wire::{Failure, Headers, decode};
use strum::{EnumIter, IntoStaticStr};

use crate::decide::reversal::Reversal;
use crate::decide::view::{LedgerView, ReversalRecord};
use crate::decide::{Decision, Policy, decide};
use crate::disposition::{Applied, Disposition};

/// A message as it was delivered.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: Headers,
    /// How often the broker had delivered it before.
    pub redeliveries: u32,
    pub body: Vec<u8>,
}

/// A message read: an event, or the reason why it is none.
#[derive(Debug)]
pub struct Incoming<'a> {
    pub received: &'a Received,
    pub digest: BodyDigest,
    pub event: Result<Event, Failure>,
}

impl<'a> Incoming<'a> {
    pub fn read(received: &'a Received) -> Self {
        #[cfg(feature = "poison")]
        crate::poison::strike(&received.body);
        Self {
            received,
            digest: BodyDigest::of(&received.body),
            event: decode(&received.body)
                .map_err(|error| Failure::new(Reason::Malformed, error.to_string())),
        }
    }
}

/// What `webhook_events.outcome` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    Credited,
    AlreadyCredited,
    /// A refund or chargeback took points back.
    Reversed,
    /// A chargeback was won: points were given again.
    Restored,
    /// A refund or chargeback that changes no balance (now).
    Noted,
    Ignored,
}

impl Outcome {
    /// The word of the enum `event_outcome` in PostgreSQL.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// One row of `webhook_events`, with what else it brings.
#[derive(Debug)]
pub struct PlannedEvent<'a> {
    pub event: &'a Event,
    pub incoming: &'a Incoming<'a>,
    pub outcome: Outcome,
    pub order_id: Option<OrderId>,
}

/// One row of `orders`.
#[derive(Debug)]
pub struct PlannedOrder<'a> {
    pub event: &'a Event,
    pub order: &'a Order,
}

/// One row of `reversals`.
#[derive(Debug)]
pub struct PlannedReversal<'a> {
    pub event: &'a Event,
    pub record: ReversalRecord,
    pub sequence: i32,
}

/// One row of `ledger_entries`.
#[derive(Debug)]
pub struct PlannedEntry<'a> {
    pub event: &'a Event,
    pub entry: LedgerEntry,
}

/// Everything one transaction writes, and the answer to each message once it has committed.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    pub events: Vec<PlannedEvent<'a>>,
    pub orders: Vec<PlannedOrder<'a>>,
    pub reversals: Vec<PlannedReversal<'a>>,
    pub entries: Vec<PlannedEntry<'a>>,
    /// One per message, in the order of the batch.
    pub dispositions: Vec<Disposition>,
}

pub fn plan<'a>(batch: &'a [Incoming<'a>], view: &mut LedgerView, policy: &Policy) -> Plan<'a> {
    let mut plan = Plan::default();
    for incoming in batch {
        let disposition = match &incoming.event {
            Err(failure) => Disposition::DeadLetter(failure.clone()),
            Ok(event) => plan.add(event, incoming, view, policy),
        };
        plan.dispositions.push(disposition);
    }
    plan
}

impl<'a> Plan<'a> {
    fn add(
        &mut self,
        event: &'a Event,
        incoming: &'a Incoming<'a>,
        view: &mut LedgerView,
        policy: &Policy,
    ) -> Disposition {
        if let Some(earlier) = view.events.get(&event.id) {
            return if *earlier == incoming.digest {
                Applied::AlreadyApplied.into()
            } else {
                Applied::ConflictsWithEarlier.into()
            };
        }
        let outcome = match decide(event, view, policy) {
            Decision::Refuse(failure) => return Disposition::DeadLetter(failure),
            Decision::Defer(failure) => return Disposition::RetryLater(failure),
            Decision::Ignore => Outcome::Ignored,
            Decision::AlreadyPosted if order_of(event).is_some() => Outcome::AlreadyCredited,
            Decision::AlreadyPosted => Outcome::Noted,
            Decision::Post(entries) => {
                if let Some(order) = order_of(event) {
                    view.note_order(order.id, order.total_amount_minor);
                    self.orders.push(PlannedOrder { event, order });
                }
                self.post(event, entries, view);
                Outcome::Credited
            }
            Decision::Reverse(reversal) => self.reverse(event, reversal, view),
        };
        view.events.insert(event.id, incoming.digest);
        let order_id = order_id_of(event);
        self.events.push(PlannedEvent {
            event,
            incoming,
            outcome,
            order_id,
        });
        Applied::Applied.into()
    }

    fn reverse(&mut self, event: &'a Event, reversal: Reversal, view: &mut LedgerView) -> Outcome {
        let Reversal {
            record,
            sequence,
            entries,
        } = reversal;
        let taken = entries.iter().any(|entry| entry.points < Points::ZERO);
        let outcome = match (entries.is_empty(), taken) {
            (true, _) => Outcome::Noted,
            (false, true) => Outcome::Reversed,
            (false, false) => Outcome::Restored,
        };
        view.note_reversal(&record);
        self.reversals.push(PlannedReversal {
            event,
            record,
            sequence,
        });
        self.post(event, entries, view);
        outcome
    }

    fn post(&mut self, event: &'a Event, entries: Vec<LedgerEntry>, view: &mut LedgerView) {
        for entry in entries {
            view.note_entry(&entry);
            self.entries.push(PlannedEntry { event, entry });
        }
    }
}

/// The order an event tells of, if it tells of one.
pub(crate) fn order_of(event: &Event) -> Option<&Order> {
    match &event.kind {
        EventKind::OrderCompleted(order) => Some(order),
        EventKind::Refunded(_) | EventKind::Chargeback(_) | EventKind::Ignored => None,
    }
}

/// The order an event is about, if it is about one.
pub(crate) fn order_id_of(event: &Event) -> Option<OrderId> {
    match &event.kind {
        EventKind::OrderCompleted(order) => Some(order.id),
        EventKind::Refunded(refund) => Some(refund.order_id),
        EventKind::Chargeback(chargeback) => Some(chargeback.order_id),
        EventKind::Ignored => None,
    }
}

#[cfg(test)]
mod tests;
