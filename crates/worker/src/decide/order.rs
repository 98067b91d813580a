//! What a completed order credits. Pure.

#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic
)]

use std::collections::HashSet;

use paynow_shared::event::{Order, OrderLine};
use paynow_shared::ids::{StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Failure;

use super::decision::{Decision, Policy, conflict, malformed, overflow};
use super::view::LedgerView;

pub(super) fn decide_order(
    order: &Order,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    require_own_store(order.store_id, policy)?;
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

/// Whether every line was posted before. When only some were, or for another order or wallet, the
/// events contradict each other, and a person has to decide.
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
    let is_order_known = view.orders.contains_key(&order.id);
    if is_order_known && posted_lines != order.lines.len() {
        let error = format!("order {} was posted before, with other lines", order.id);
        return Err(conflict(error));
    }
    Ok(is_order_known)
}

fn points_of(line: &OrderLine, view: &LedgerView, policy: &Policy) -> Result<Points, Failure> {
    // PayNow's schema requires a quantity and still allows null; one unit is then assumed.
    let quantity = line.quantity.unwrap_or(1);
    if quantity < 1 {
        let error = format!("line {} has quantity {quantity}", line.id);
        return Err(malformed(error));
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
    let no_points = format!("product {product} has no points in products");
    let Some(key) = &policy.points_metadata_key else {
        return Err(unknown(no_points));
    };
    let Some(text) = line.product_metadata.get(key) else {
        return Err(unknown(format!("{no_points} and no metadata {key:?}")));
    };
    text.parse()
        .map_err(|error| unknown(format!("metadata {key:?} of product {product}: {error}")))
}
