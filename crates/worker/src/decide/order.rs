//! What a completed order credits. Pure.

#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic
)]

use std::collections::HashSet;

use paynow_shared::event::{Order, OrderLine};
use paynow_shared::ids::{EventId, StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Failure;

use super::decision::{Decision, made_at_us, malformed, overflow};
use super::line::points_of;
use super::policy::{OrderType, Policy, Treatment};
use super::retold::retold;
use super::view::LedgerView;

pub(super) fn decide_order(
    order: &Order,
    event_id: EventId,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    require_own_store(order.store_id, policy)?;
    require_completed(order.status.as_deref())?;
    let wallets = receivers(order)?;
    require_quantities(order)?;
    if let Some(decision) = retold(order, &wallets, view)? {
        return Ok(decision);
    }
    let order_type = OrderType::of(order.order_type.as_deref());
    match policy.order_types.treatment(order_type) {
        Treatment::Credit => {}
        Treatment::Ignore => return Ok(Decision::RecordOrder),
        Treatment::DeadLetter => return Err(for_a_person(order_type)),
    }
    let at_us = order.completed_at_us;
    let at_us = at_us.unwrap_or_else(|| made_at_us(event_id));
    let entry = |(line, wallet_id): (&OrderLine, &WalletId)| {
        Ok(LedgerEntry {
            key: EntryKey::order_line(line.id),
            wallet_id: *wallet_id,
            order_id: order.id,
            kind: EntryKind::OrderLine,
            points: points_of(line, at_us, view, policy)?,
        })
    };
    let lines = order.lines.iter().zip(&wallets);
    let entries: Vec<LedgerEntry> = lines.map(entry).collect::<Result<_, Failure>>()?;
    let total = entries
        .iter()
        .try_fold(Points::ZERO, |sum, entry| sum.checked_add(entry.points));
    if total.is_none() {
        return Err(overflow("the points of the order"));
    }
    Ok(Decision::Post(entries))
}

/// With `PAYNOW_STORE_ID` set, an order must name that store.
fn require_own_store(store_id: Option<StoreId>, policy: &Policy) -> Result<(), Failure> {
    let Some(own) = policy.store_id else {
        return Ok(());
    };
    if store_id == Some(own) {
        return Ok(());
    }
    let named = store_id.map_or_else(|| "no store".to_owned(), |id| format!("store {id}"));
    let error = format!("the order names {named}, and this worker serves store {own}");
    Err(Failure::new(Reason::WrongStore, error))
}

/// An order without a status is completed: PayNow sends the event for completed orders.
fn require_completed(status: Option<&str>) -> Result<(), Failure> {
    let status = match status {
        None | Some("completed") => return Ok(()),
        Some(known @ ("created" | "canceled" | "refunded" | "chargeback")) => known,
        // An unknown text does not belong in the log.
        Some(_unknown) => "something else",
    };
    let error = format!("the order is {status}, not completed");
    Err(Failure::new(Reason::OrderNotCompleted, error))
}

/// The wallet that each line credits: of the gift's receiver, else of the buyer.
fn receivers(order: &Order) -> Result<Vec<WalletId>, Failure> {
    if order.lines.is_empty() {
        return Err(malformed("the order has no lines".to_owned()));
    }
    let mut seen = HashSet::new();
    let receiver = |line: &OrderLine| {
        if !seen.insert(line.id) {
            return Err(malformed(format!("the order has line {} twice", line.id)));
        }
        line.gift_to
            .or(order.customer_id)
            .ok_or_else(|| malformed(format!("line {} names no receiver", line.id)))
    };
    order.lines.iter().map(receiver).collect()
}

fn require_quantities(order: &Order) -> Result<(), Failure> {
    let mut lines = order.lines.iter();
    match lines.find(|line| line.quantity_or_one() < 1) {
        None => Ok(()),
        Some(line) => {
            let (id, quantity) = (line.id, line.quantity_or_one());
            Err(malformed(format!("line {id} has quantity {quantity}")))
        }
    }
}

fn for_a_person(order_type: OrderType) -> Failure {
    let error = format!(
        "orders of the type {} are for a person to decide (ORDER_TYPES)",
        order_type.code()
    );
    Failure::new(Reason::OrderType, error)
}
