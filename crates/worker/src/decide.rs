//! Event to decision. Pure and total: no clock, no connection, no log; time and the ledger are
//! arguments, and every event gets an answer.

#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic
)]

pub mod reversal;
pub mod view;

use std::collections::HashSet;

use paynow_shared::event::{Event, EventKind, Order, OrderLine};
use paynow_shared::ids::{StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Failure;

use reversal::{Reversal, decide_chargeback, decide_refund};
use view::LedgerView;

/// The shop's choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// `PAYNOW_STORE_ID`: events of another store are refused.
    pub store_id: Option<StoreId>,
    /// `PARTIAL_REFUNDS`
    pub partial_refunds: PartialRefunds,
    /// `POINTS_METADATA_KEY`: where a product that is not in `products` tells its points.
    pub points_metadata_key: Option<String>,
}

/// What a refund below the order's total does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PartialRefunds {
    /// Takes points back in proportion.
    #[default]
    Proportional,
    /// Is kept for a person.
    DeadLetter,
}

/// What should happen because of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Record the event and its order, post these entries: one per line, even when it gives none.
    Post(Vec<LedgerEntry>),
    /// Another event told us of this before: record the event, post nothing.
    AlreadyPosted,
    /// Record the event and the reversal, post what changes because of it.
    Reverse(Reversal),
    /// The type moves no points: record the event.
    Ignore,
    /// Not possible yet: try again later, and give up at the end of the retry ladder.
    Defer(Failure),
    /// It can never work as it is: a dead letter.
    Refuse(Failure),
}

pub fn decide(event: &Event, view: &LedgerView, policy: &Policy) -> Decision {
    let decision = match &event.kind {
        EventKind::Ignored => Ok(Decision::Ignore),
        EventKind::OrderCompleted(order) => decide_order(order, view, policy),
        EventKind::Refunded(refund) => decide_refund(refund, view, policy),
        EventKind::Chargeback(chargeback) => decide_chargeback(chargeback, view, policy),
    };
    decision.unwrap_or_else(Decision::Refuse)
}

fn decide_order(order: &Order, view: &LedgerView, policy: &Policy) -> Result<Decision, Failure> {
    check_store(order.store_id, policy)?;
    let wallets = receivers(order)?;
    if already_posted(order, &wallets, view)? {
        return Ok(Decision::AlreadyPosted);
    }
    let entry = |(line, wallet_id): (&OrderLine, &WalletId)| {
        Ok(LedgerEntry {
            key: EntryKey::order_line(line.id),
            wallet_id: *wallet_id,
            order_id: order.id,
            kind: EntryKind::OrderLine,
            points: points_of(line, view, policy)?,
        })
    };
    let entries: Vec<LedgerEntry> = order
        .lines
        .iter()
        .zip(&wallets)
        .map(entry)
        .collect::<Result<_, Failure>>()?;
    let total = entries
        .iter()
        .try_fold(Points::ZERO, |sum, entry| sum.checked_add(entry.points));
    if total.is_none() {
        return Err(overflow("the points of the order"));
    }
    Ok(Decision::Post(entries))
}

fn check_store(store_id: Option<StoreId>, policy: &Policy) -> Result<(), Failure> {
    match (policy.store_id, store_id) {
        (None, _) => Ok(()),
        (Some(ours), Some(theirs)) if ours == theirs => Ok(()),
        (Some(ours), theirs) => {
            let theirs = theirs.map_or_else(|| "no store".to_owned(), |id| format!("store {id}"));
            let error = format!("the order names {theirs}, and this worker serves store {ours}");
            Err(Failure::new(Reason::WrongStore, error))
        }
    }
}

/// Whose wallet each line goes to: the receiver of a gift, else the buyer.
fn receivers(order: &Order) -> Result<Vec<WalletId>, Failure> {
    let mut seen = HashSet::new();
    if order.lines.is_empty() {
        return Err(malformed("the order has no lines".to_owned()));
    }
    let receiver = |line: &OrderLine| {
        if !seen.insert(line.id) {
            return Err(malformed(format!("the order has line {} twice", line.id)));
        }
        line.gift_to
            .or(order.customer_id)
            .ok_or_else(|| malformed(format!("nobody is named to receive line {}", line.id)))
    };
    order.lines.iter().map(receiver).collect()
}

/// Whether every line was posted before. Some of them, or to somebody else, is a contradiction
/// that a person has to look at.
fn already_posted(order: &Order, wallets: &[WalletId], view: &LedgerView) -> Result<bool, Failure> {
    let mut posted_lines: usize = 0;
    for (line, wallet_id) in order.lines.iter().zip(wallets) {
        let Some(posted) = view.entries.get(&EntryKey::order_line(line.id)) else {
            continue;
        };
        if posted.order_id != order.id || posted.wallet_id != *wallet_id {
            let (order_id, wallet_id) = (posted.order_id, posted.wallet_id);
            return Err(conflict(format!(
                "line {} was posted before, for order {order_id} to wallet {wallet_id}",
                line.id
            )));
        }
        posted_lines = posted_lines.saturating_add(1);
    }
    match (
        view.orders.contains_key(&order.id),
        posted_lines == order.lines.len(),
    ) {
        (false, _) => Ok(false),
        (true, true) => Ok(true),
        (true, false) => Err(conflict(format!(
            "order {} was posted before, with other lines",
            order.id
        ))),
    }
}

fn points_of(line: &OrderLine, view: &LedgerView, policy: &Policy) -> Result<Points, Failure> {
    // PayNow marks many fields required that may be null: a line that was bought is bought once.
    let quantity = line.quantity.unwrap_or(1);
    if quantity < 1 {
        return Err(malformed(format!(
            "line {} has quantity {quantity}",
            line.id
        )));
    }
    let price = match view.products.get(&line.product_id) {
        Some(price) => *price,
        None => points_in_metadata(line, policy)?,
    };
    price
        .checked_times(quantity)
        .ok_or_else(|| overflow("the points of a line"))
}

fn points_in_metadata(line: &OrderLine, policy: &Policy) -> Result<Points, Failure> {
    let unknown = |error: String| Failure::new(Reason::UnknownProduct, error);
    let product = line.product_id;
    let Some(key) = &policy.points_metadata_key else {
        return Err(unknown(format!(
            "product {product} has no points in products"
        )));
    };
    let Some(text) = line.product_metadata.get(key) else {
        return Err(unknown(format!(
            "product {product} has no points in products and no metadata {key:?}"
        )));
    };
    text.parse()
        .map_err(|error| unknown(format!("metadata {key:?} of product {product}: {error}")))
}

fn malformed(error: String) -> Failure {
    Failure::new(Reason::Malformed, error)
}

fn conflict(error: String) -> Failure {
    Failure::new(Reason::Conflict, error)
}

fn overflow(what: &str) -> Failure {
    Failure::new(
        Reason::Overflow,
        format!("{what} would not fit into 64 bits"),
    )
}

#[cfg(test)]
mod tests;
