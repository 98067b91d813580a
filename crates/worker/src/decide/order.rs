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

use super::chargeback::made_at_us;
use super::decision::{Decision, conflict, differ, malformed, overflow};
use super::policy::{OrderType, Policy, Treatment, UnknownProducts};
use super::view::{LedgerView, LineDetails, OrderState};

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
    if let Some(decision) = already_recorded(order, &wallets, view)? {
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

/// What to do about an order that was recorded before; `None` if it was not. When an event tells another
/// order, line, wallet, quantity or amount than the event before, a person has to decide.
fn already_recorded(
    order: &Order,
    wallets: &[WalletId],
    view: &LedgerView,
) -> Result<Option<Decision>, Failure> {
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
    }
    let Some(known) = view.orders.get(&order.id) else {
        return Ok(None);
    };
    if let Some(what) = difference(order, known) {
        let error = format!("order {} was recorded before, with {what}", order.id);
        return Err(conflict(error));
    }
    let gave_points = known.lines.values().any(|line| line.credit.is_some());
    Ok(Some(match gave_points {
        true => Decision::AlreadyPosted,
        false => Decision::Ignore,
    }))
}

/// What the event tells otherwise than the record. What one of them does not tell is no difference.
fn difference(order: &Order, known: &OrderState) -> Option<&'static str> {
    if known.lines.len() != order.lines.len() {
        return Some("other lines");
    }
    for line in &order.lines {
        let Some(known) = known.lines.get(&line.id) else {
            return Some("other lines");
        };
        let Some(LineDetails {
            product_id,
            quantity,
            amounts,
        }) = known.details
        else {
            continue;
        };
        if product_id != line.product_id || quantity != line.quantity_or_one() {
            return Some("another product or quantity");
        }
        if differ(amounts.total, line.amounts.total) || differ(amounts.tax, line.amounts.tax) {
            return Some("another amount of a line");
        }
    }
    let differs = differ(known.total_amount_minor, order.total_amount_minor)
        || differ(known.giftcard_amount_minor, order.giftcard_amount_minor)
        || differ(known.currency.as_deref(), order.currency.as_deref());
    differs.then_some("another total, gift-card amount or currency")
}

fn for_a_person(order_type: OrderType) -> Failure {
    let error = format!(
        "orders of the type {} are for a person to decide (ORDER_TYPES)",
        order_type.code()
    );
    Failure::new(Reason::OrderType, error)
}

fn points_of(
    line: &OrderLine,
    at_us: i64,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Points, Failure> {
    // The paid order that follows a trial has an amount, and may name the trial too.
    let is_trial = line.is_of_trial && line.amounts.total.unwrap_or_default() == 0;
    match policy.trials.0 {
        Treatment::Ignore if is_trial => return Ok(Points::ZERO),
        Treatment::DeadLetter if is_trial => {
            let error = format!(
                "line {} is a trial, for a person to decide (TRIALS)",
                line.id
            );
            return Err(Failure::new(Reason::OrderType, error));
        }
        Treatment::Credit | Treatment::Ignore | Treatment::DeadLetter => {}
    }
    let prices = view.products.get(&line.product_id);
    let price = match prices.and_then(|prices| prices.at(at_us)) {
        Some(price) => price,
        None => points_in_metadata(line, policy)?,
    };
    price
        .checked_times(line.quantity_or_one())
        .ok_or_else(|| overflow("the points of a line"))
}

/// For a product without a price.
fn points_in_metadata(line: &OrderLine, policy: &Policy) -> Result<Points, Failure> {
    let unknown = |error: String| Failure::new(Reason::UnknownProduct, error);
    let product = line.product_id;
    let key = policy.points_metadata_key.as_ref();
    let text = key.and_then(|key| line.product_metadata.get(key));
    match (key, text, policy.unknown_products) {
        (Some(key), Some(text), _) => text
            .parse()
            .map_err(|error| unknown(format!("metadata {key:?} of product {product}: {error}"))),
        (None | Some(_), None | Some(_), UnknownProducts::Zero) => Ok(Points::ZERO),
        (None, None | Some(_), UnknownProducts::DeadLetter) => {
            let error = format!("product {product} has no points in products");
            Err(unknown(error))
        }
        (Some(key), None, UnknownProducts::DeadLetter) => {
            let error =
                format!("product {product} has no points in products and no metadata {key:?}");
            Err(unknown(error))
        }
    }
}
