//! Event to decision. Pure and total: no clock, no connection and no log. The ledger is an argument,
//! and every event gets a decision.

mod attribution;
mod chargeback;
mod decision;
mod line;
mod order;
mod policy;
pub mod prices;
pub mod record;
mod refund;
mod retold;
mod reversal;
pub mod view;

pub use decision::{Decision, Question, Reversal};
pub use policy::{
    OrderType, OrderTypes, PartialRefunds, Policy, Treatment, Trials, UnknownProducts,
};
pub use refund::candidates;

use paynow_shared::event::{Event, EventKind};
use view::LedgerView;

pub fn decide(event: &Event, view: &LedgerView, policy: &Policy) -> Decision {
    let decision = match &event.kind {
        EventKind::Ignored => Ok(Decision::Ignore),
        EventKind::OrderCompleted(order) => order::decide_order(order, event.id, view, policy),
        EventKind::Refunded(refund) => refund::decide_refund(refund, view, policy),
        EventKind::Chargeback(step) => chargeback::decide_chargeback(step, event.id, view, policy),
    };
    decision.unwrap_or_else(Decision::Refuse)
}

#[cfg(test)]
mod tests;
