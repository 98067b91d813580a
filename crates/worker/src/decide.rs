//! Event to decision. Pure and total: no clock, no connection and no log. The ledger is an argument,
//! and every event gets a decision.

mod decision;
mod order;
mod reversal;
pub mod view;

pub use decision::{Decision, PartialRefunds, Policy, Reversal};

use paynow_shared::event::{Event, EventKind};
use view::LedgerView;

pub fn decide(event: &Event, view: &LedgerView, policy: &Policy) -> Decision {
    let decision = match &event.kind {
        EventKind::Ignored => Ok(Decision::Ignore),
        EventKind::OrderCompleted(order) => order::decide_order(order, view, policy),
        EventKind::Refunded(refund) => reversal::decide_refund(refund, view, policy),
        EventKind::Chargeback(chargeback) => reversal::decide_chargeback(chargeback, view, policy),
    };
    decision.unwrap_or_else(Decision::Refuse)
}

#[cfg(test)]
mod tests;
