//! What is taken back of an order, and what is given again. Pure.
//!
//! Whatever the order of arrival, the result is the same, because every decision asks one question:
//! given all refunds and chargebacks known by now, how much of what the order gave should be taken?
//! The entry it posts is the difference to what is taken already.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

use paynow_shared::event::{Chargeback, ChargebackState, Refund};
use paynow_shared::ids::{OrderId, StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Failure;
use strum::IntoEnumIterator;

use super::view::{LedgerView, OrderBook, ReversalKind, ReversalRecord};
use crate::decide::{Decision, PartialRefunds, Policy};

/// A reversal to be recorded, with the entries it posts: none when nothing changes now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    pub record: ReversalRecord,
    /// Its place among the order's reversals. Two workers that decide at once claim the same
    /// place, and the second decides anew.
    pub sequence: i32,
    pub entries: Vec<LedgerEntry>,
}

pub fn decide_refund(
    refund: &Refund,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    check_store(refund.store_id, policy)?;
    if let Some(status) = refund
        .status
        .as_deref()
        .filter(|status| *status != "completed")
    {
        let status = if is_known_status(status) {
            status
        } else {
            "something else"
        };
        let error = format!("the refund is {status}, not completed");
        return Err(Failure::new(Reason::RefundNotCompleted, error));
    }
    let Some(amount_minor) = refund.amount_minor.filter(|amount| *amount >= 0) else {
        let error = format!("refund {} names no amount to give back", refund.id);
        return Err(Failure::new(Reason::Malformed, error));
    };
    let record = ReversalRecord {
        order_id: refund.order_id,
        kind: ReversalKind::Refund,
        reference_id: refund.id.get(),
        amount_minor: Some(amount_minor),
    };
    decide_reversal(record, EntryKey::refund(refund.id), view, policy)
}

pub fn decide_chargeback(
    chargeback: &Chargeback,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    check_store(chargeback.store_id, policy)?;
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

/// The status names that PayNow documents; any other text is not repeated.
fn is_known_status(status: &str) -> bool {
    ["created", "approved", "processing", "canceled", "failed"].contains(&status)
}

/// The order is looked up by its id, so a reversal that names no store is still the right one's.
fn check_store(store_id: Option<StoreId>, policy: &Policy) -> Result<(), Failure> {
    match (policy.store_id, store_id) {
        (Some(ours), Some(theirs)) if ours != theirs => Err(Failure::new(
            Reason::WrongStore,
            format!("the event names store {theirs}, and this worker serves store {ours}"),
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
    if told_before(&record, view)? {
        return Ok(Decision::AlreadyPosted);
    }
    let Some(book) = view.orders.get(&record.order_id) else {
        return Ok(Decision::Defer(Failure::new(
            Reason::OrderUnknown,
            format!("order {} has not come yet", record.order_id),
        )));
    };
    let mut after = book.clone();
    after.note(&record);
    if record.kind == ReversalKind::Refund {
        check_partial(&after, record.order_id, policy)?;
    }
    let entries = differences(&record, &key, book, &after)?;
    Ok(Decision::Reverse(Reversal {
        record,
        sequence: book.reversals,
        entries,
    }))
}

/// Whether the same step of the same refund or chargeback is recorded. With another order or
/// amount, or a chargeback that ended both ways, it contradicts itself.
fn told_before(record: &ReversalRecord, view: &LedgerView) -> Result<bool, Failure> {
    let conflict = |error: String| Failure::new(Reason::Conflict, error);
    let id = record.reference_id;
    // All steps of a chargeback are of one order: their entries share keys.
    let of_another_order = ReversalKind::iter()
        .filter(|kind| (*kind == ReversalKind::Refund) == (record.kind == ReversalKind::Refund))
        .filter_map(|kind| view.reversals.get(&(kind, id)))
        .find(|known| known.order_id != record.order_id);
    if let Some(known) = of_another_order {
        return Err(conflict(format!(
            "{} {id} is of order {}, as was recorded before",
            record.kind.code(),
            known.order_id
        )));
    }
    let other_end = match record.kind {
        ReversalKind::ChargebackWon => Some(ReversalKind::ChargebackLost),
        ReversalKind::ChargebackLost => Some(ReversalKind::ChargebackWon),
        ReversalKind::Refund | ReversalKind::ChargebackOpened => None,
    };
    if other_end.is_some_and(|other| view.reversals.contains_key(&(other, id))) {
        return Err(conflict(format!(
            "the chargeback of payment {id} was closed the other way"
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

fn check_partial(book: &OrderBook, order_id: OrderId, policy: &Policy) -> Result<(), Failure> {
    let refused = |error: String| Err(Failure::new(Reason::PartialRefund, error));
    match (refunded_share(book), policy.partial_refunds) {
        (None, _) => refused(format!("the total of order {order_id} is not known")),
        (Some(Share::Whole), _) | (Some(Share::Part { .. }), PartialRefunds::Proportional) => {
            Ok(())
        }
        (Some(Share::Part { .. }), PartialRefunds::DeadLetter) => refused(format!(
            "the refunds of order {order_id} are below its total"
        )),
    }
}

/// How much of an order's money went back.
enum Share {
    Whole,
    Part { refunded: i128, total: i128 },
}

/// `None` when the order's total is not known.
fn refunded_share(book: &OrderBook) -> Option<Share> {
    let total = i128::from(book.total_amount_minor?);
    let refunded: i128 = book
        .refunds
        .values()
        .map(|amount| i128::from(*amount))
        .sum();
    Some(if refunded >= total {
        Share::Whole
    } else {
        Share::Part { refunded, total }
    })
}

/// What should be taken of a wallet's share of the order, given everything known.
fn due(credited: Points, book: &OrderBook) -> Points {
    let stands = |state: &ChargebackState| match state {
        ChargebackState::Opened | ChargebackState::Lost => true,
        ChargebackState::Won => false,
    };
    if book.chargebacks.values().any(stands) {
        return credited;
    }
    if book.refunds.is_empty() {
        return Points::ZERO;
    }
    match refunded_share(book) {
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

/// One entry for each wallet in which what should be taken is not what is taken.
fn differences(
    record: &ReversalRecord,
    key: &EntryKey,
    before: &OrderBook,
    after: &OrderBook,
) -> Result<Vec<LedgerEntry>, Failure> {
    let kind = match record.kind {
        ReversalKind::Refund => EntryKind::Refund,
        ReversalKind::ChargebackOpened | ReversalKind::ChargebackLost => EntryKind::Chargeback,
        ReversalKind::ChargebackWon => EntryKind::ChargebackWon,
    };
    let too_large = "the points taken back would not fit into 64 bits";
    let mut entries = Vec::new();
    for (place, (wallet_id, credited)) in before.credited.iter().enumerate() {
        let taken = before.taken.get(wallet_id).copied().unwrap_or_default();
        let points = taken
            .checked_add(due(*credited, after).negated())
            .ok_or_else(|| Failure::new(Reason::Overflow, too_large))?;
        if points != Points::ZERO {
            entries.push(LedgerEntry {
                key: key_of(key, place, *wallet_id),
                wallet_id: *wallet_id,
                order_id: record.order_id,
                kind,
                points,
            });
        }
    }
    Ok(entries)
}

/// The first wallet of the order has the plain key: most orders have one.
fn key_of(key: &EntryKey, place: usize, wallet_id: WalletId) -> EntryKey {
    if place == 0 {
        key.clone()
    } else {
        key.in_wallet(wallet_id)
    }
}

#[cfg(test)]
mod tests;
