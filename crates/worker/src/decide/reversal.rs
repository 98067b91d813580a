//! The points of an order that refunds and chargebacks take back or restore. Pure.
//!
//! The result does not depend on the order of arrival. Every decision computes how many points should
//! be taken back in total, given all refunds and chargebacks known by now. The entry it posts is the
//! difference to the points that are taken back already.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

use paynow_shared::event::{Chargeback, ChargebackState, Refund};
use paynow_shared::ids::{OrderId, StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Failure;
use strum::IntoEnumIterator;

use super::decision::{Decision, PartialRefunds, Policy, Reversal, conflict, malformed, overflow};
use super::view::{LedgerView, OrderState, ReversalKind, ReversalRecord};

pub(super) fn decide_refund(
    refund: &Refund,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    reject_other_store(refund.store_id, policy)?;
    require_completed(refund.status.as_deref())?;
    let Some(amount_minor) = refund.amount_minor.filter(|amount| *amount >= 0) else {
        let error = format!("refund {} names no amount, or one below zero", refund.id);
        return Err(malformed(error));
    };
    let record = ReversalRecord {
        order_id: refund.order_id,
        kind: ReversalKind::Refund,
        reference_id: refund.id.get(),
        amount_minor: Some(amount_minor),
    };
    decide_reversal(record, EntryKey::refund(refund.id), view, policy)
}

pub(super) fn decide_chargeback(
    chargeback: &Chargeback,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    reject_other_store(chargeback.store_id, policy)?;
    let record = ReversalRecord {
        order_id: chargeback.order_id,
        kind: chargeback.state.into(),
        reference_id: chargeback.payment_id.get(),
        amount_minor: None,
    };
    let key = match chargeback.state {
        ChargebackState::Opened | ChargebackState::Lost => {
            EntryKey::chargeback(chargeback.payment_id)
        }
        ChargebackState::Won => EntryKey::chargeback_won(chargeback.payment_id),
    };
    decide_reversal(record, key, view, policy)
}

/// A refund without a status is completed: PayNow sends the event for completed refunds.
fn require_completed(status: Option<&str>) -> Result<(), Failure> {
    let status = match status {
        None | Some("completed") => return Ok(()),
        Some(known @ ("created" | "approved" | "processing" | "canceled" | "failed")) => known,
        // PayNow documents no other status, and an unknown text does not belong in the log.
        Some(_unknown) => "something else",
    };
    let error = format!("the refund is {status}, not completed");
    Err(Failure::new(Reason::RefundNotCompleted, error))
}

/// A reversal may name no store, because the id of its order is enough to find the right one.
fn reject_other_store(store_id: Option<StoreId>, policy: &Policy) -> Result<(), Failure> {
    match (policy.store_id, store_id) {
        (Some(own), Some(named)) if own != named => Err(Failure::new(
            Reason::WrongStore,
            format!("the event names store {named}, and this worker serves store {own}"),
        )),
        (None | Some(_), None | Some(_)) => Ok(()),
    }
}

fn decide_reversal(
    record: ReversalRecord,
    key: EntryKey,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    if already_recorded(&record, view)? {
        return Ok(Decision::AlreadyPosted);
    }
    let Some(before) = view.orders.get(&record.order_id) else {
        let error = format!("order {} has not arrived yet", record.order_id);
        return Ok(Decision::Defer(Failure::new(Reason::OrderUnknown, error)));
    };
    let mut after = before.clone();
    after.add(&record);
    if record.kind == ReversalKind::Refund {
        check_partial(&after, record.order_id, policy)?;
    }
    let entries = differences(&record, &key, before, &after)?;
    Ok(Decision::Reverse(Reversal {
        record,
        sequence: before.reversal_count,
        entries,
    }))
}

/// Whether the same step of the same refund or chargeback is recorded. It is a conflict when the two
/// differ in order or amount, and when a chargeback is both won and lost.
fn already_recorded(record: &ReversalRecord, view: &LedgerView) -> Result<bool, Failure> {
    let id = record.reference_id;
    // All steps of a chargeback must name one order, because their entries share keys.
    let of_another_order = ReversalKind::iter()
        .filter(|kind| (*kind == ReversalKind::Refund) == (record.kind == ReversalKind::Refund))
        .filter_map(|kind| view.reversals.get(&(kind, id)))
        .find(|known| known.order_id != record.order_id);
    if let Some(known) = of_another_order {
        return Err(conflict(format!(
            "{} {id} was recorded before, for order {}",
            record.kind.code(),
            known.order_id
        )));
    }
    let opposite = match record.kind {
        ReversalKind::ChargebackWon => Some(ReversalKind::ChargebackLost),
        ReversalKind::ChargebackLost => Some(ReversalKind::ChargebackWon),
        ReversalKind::Refund | ReversalKind::ChargebackOpened => None,
    };
    if opposite.is_some_and(|kind| view.reversals.contains_key(&(kind, id))) {
        return Err(conflict(format!(
            "the chargeback of payment {id} was closed with the opposite result before"
        )));
    }
    match view.reversals.get(&(record.kind, id)) {
        None => Ok(false),
        Some(known) if known.amount_minor == record.amount_minor => Ok(true),
        Some(_known) => Err(conflict(format!(
            "{} {id} was recorded before, with another amount",
            record.kind.code()
        ))),
    }
}

fn check_partial(order: &OrderState, order_id: OrderId, policy: &Policy) -> Result<(), Failure> {
    let refused = |error: String| Err(Failure::new(Reason::PartialRefund, error));
    match (refunded_share(order), policy.partial_refunds) {
        (None, _) => refused(format!("the total of order {order_id} is not known")),
        (Some(Share::Whole), _) | (Some(Share::Part { .. }), PartialRefunds::Proportional) => {
            Ok(())
        }
        (Some(Share::Part { .. }), PartialRefunds::DeadLetter) => refused(format!(
            "the refunds of order {order_id} are below its total"
        )),
    }
}

/// The part of an order's total that was refunded, in minor units.
enum Share {
    Whole,
    Part { refunded: i128, total: i128 },
}

/// `None` when the order's total is not known.
fn refunded_share(order: &OrderState) -> Option<Share> {
    let total = i128::from(order.total_amount_minor?);
    let refunds = order.refunds.values();
    let refunded: i128 = refunds.map(|amount| i128::from(*amount)).sum();
    Some(if refunded >= total {
        Share::Whole
    } else {
        Share::Part { refunded, total }
    })
}

/// How many of the points that the order credited to a wallet should be taken back.
fn points_to_take_back(credited: Points, order: &OrderState) -> Points {
    let takes_all = |state: &ChargebackState| match state {
        ChargebackState::Opened | ChargebackState::Lost => true,
        ChargebackState::Won => false,
    };
    if order.chargebacks.values().any(takes_all) {
        return credited;
    }
    if order.refunds.is_empty() {
        return Points::ZERO;
    }
    match refunded_share(order) {
        Some(Share::Whole) => credited,
        Some(Share::Part { refunded, total }) => half_up(credited, refunded, total),
        // A refund of an order without a total is never recorded.
        None => Points::ZERO,
    }
}

/// `credited * refunded / total`, rounded half up; `refunded` is from 0 to below `total`.
fn half_up(credited: Points, refunded: i128, total: i128) -> Points {
    let twice = i128::from(credited.get())
        .saturating_mul(refunded)
        .saturating_mul(2);
    let rounded = twice
        .saturating_add(total)
        .div_euclid(total.saturating_mul(2).max(1));
    i64::try_from(rounded)
        .map_or(credited, Points::new)
        .min(credited)
}

/// Returns one entry for each wallet in which the points to take back have changed.
fn differences(
    record: &ReversalRecord,
    key: &EntryKey,
    before: &OrderState,
    after: &OrderState,
) -> Result<Vec<LedgerEntry>, Failure> {
    let kind = match record.kind {
        ReversalKind::Refund => EntryKind::Refund,
        ReversalKind::ChargebackOpened | ReversalKind::ChargebackLost => EntryKind::Chargeback,
        ReversalKind::ChargebackWon => EntryKind::ChargebackWon,
    };
    let mut entries = Vec::new();
    for (position, (wallet_id, credited)) in before.credited.iter().enumerate() {
        let taken_back = before.taken_back.get(wallet_id).copied();
        let points = taken_back
            .unwrap_or_default()
            .checked_add(points_to_take_back(*credited, after).negated())
            .ok_or_else(|| overflow("the points taken back"))?;
        if points != Points::ZERO {
            entries.push(LedgerEntry {
                key: key_of(key, position, *wallet_id),
                wallet_id: *wallet_id,
                order_id: record.order_id,
                kind,
                points,
            });
        }
    }
    Ok(entries)
}

/// The first wallet of the order gets the plain key, because most orders have one wallet.
fn key_of(key: &EntryKey, position: usize, wallet_id: WalletId) -> EntryKey {
    if position == 0 {
        key.clone()
    } else {
        key.in_wallet(wallet_id)
    }
}

#[cfg(test)]
mod tests;
