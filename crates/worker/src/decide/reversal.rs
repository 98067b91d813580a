//! The points of an order that refunds and chargebacks take back or restore. Pure.
//!
//! The result does not depend on the order of arrival. Every decision computes how many points should
//! be taken back in total, given all refunds and chargebacks known by now. The entry it posts is the
//! difference to the points that are taken back already.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

use std::collections::BTreeMap;

use paynow_shared::event::ChargebackState;
use paynow_shared::ids::{OrderId, StoreId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::{EntryKey, EntryKind, LedgerEntry};
use paynow_shared::wire::Failure;

use super::decision::{Decision, Reversal, overflow};
use super::policy::Policy;
use super::record::{Attribution, ChargebackStep, Record};
use super::view::{LedgerView, OrderState};

/// A reversal may name no store, because the id of its order is enough to find the right one.
pub(super) fn reject_other_store(
    store_id: Option<StoreId>,
    policy: &Policy,
) -> Result<(), Failure> {
    match (policy.store_id, store_id) {
        (Some(own), Some(named)) if own != named => Err(Failure::new(
            Reason::WrongStore,
            format!("the event names store {named}, and this worker serves store {own}"),
        )),
        (None | Some(_), None | Some(_)) => Ok(()),
    }
}

/// The reversal waits for its order.
pub(super) fn await_order(order_id: OrderId) -> Decision {
    let error = format!("order {order_id} has not arrived yet");
    Decision::Defer(Failure::new(Reason::OrderUnknown, error))
}

/// Records a reversal of a known order, and posts what it changes.
pub(super) fn reverse(
    order_id: OrderId,
    before: &OrderState,
    record: Record,
    view: &LedgerView,
) -> Result<Decision, Failure> {
    let mut after = before.clone();
    after.add(&record);
    let key = free_key(&record, before, view);
    let mut entries = Vec::new();
    for (position, (wallet_id, to_take_back)) in points_to_take_back(&after).iter().enumerate() {
        let taken_back = before.taken_back.get(wallet_id).copied();
        let points = taken_back
            .unwrap_or_default()
            .checked_add(to_take_back.negated())
            .ok_or_else(|| overflow("the points taken back"))?;
        if points != Points::ZERO {
            entries.push(LedgerEntry {
                key: key_in(&key, position, *wallet_id),
                wallet_id: *wallet_id,
                order_id,
                kind: kind_of(&record),
                points,
            });
        }
    }
    Ok(Decision::Reverse(Reversal {
        order_id,
        record,
        sequence: before.reversal_count,
        entries,
    }))
}

fn kind_of(record: &Record) -> EntryKind {
    match record {
        Record::Refund(_) => EntryKind::Refund,
        Record::Chargeback(step) => match step.state {
            ChargebackState::Opened | ChargebackState::Lost => EntryKind::Chargeback,
            ChargebackState::Won => EntryKind::ChargebackWon,
        },
    }
}

/// The key of the reversal's entries. A chargeback that was opened again has the time in its key.
fn free_key(record: &Record, order: &OrderState, view: &LedgerView) -> EntryKey {
    let (key, at_us) = match record {
        Record::Refund(refund) => return EntryKey::refund(refund.id),
        Record::Chargeback(ChargebackStep {
            payment_id,
            state: ChargebackState::Won,
            at_us,
        }) => (EntryKey::chargeback_won(*payment_id), at_us),
        Record::Chargeback(ChargebackStep {
            payment_id,
            state: ChargebackState::Opened | ChargebackState::Lost,
            at_us,
        }) => (EntryKey::chargeback(*payment_id), at_us),
    };
    let is_used = |key: &EntryKey| {
        let mut wallets = order.credited.keys().enumerate();
        wallets.any(|(position, wallet_id)| {
            view.entries
                .contains_key(&key_in(key, position, *wallet_id))
        })
    };
    match at_us {
        Some(at_us) if is_used(&key) => key.at(at_us.div_euclid(1000)),
        Some(_) | None => key,
    }
}

/// The first wallet of the order gets the plain key, because most orders have one wallet.
fn key_in(key: &EntryKey, position: usize, wallet_id: WalletId) -> EntryKey {
    if position == 0 {
        key.clone()
    } else {
        key.in_wallet(wallet_id)
    }
}

/// How many of the points that the order credited should be taken back, by wallet.
fn points_to_take_back(order: &OrderState) -> BTreeMap<WalletId, Points> {
    let is_taken = |steps: &Vec<ChargebackStep>| match ChargebackStep::newest_state(steps) {
        Some(ChargebackState::Opened | ChargebackState::Lost) => true,
        Some(ChargebackState::Won) | None => false,
    };
    if order.chargebacks.values().any(is_taken) {
        return order.credited.clone();
    }
    points_refunded(order)
}

/// How many of these points the refunds alone take back.
pub(super) fn points_refunded(order: &OrderState) -> BTreeMap<WalletId, Points> {
    let mut sums = BTreeMap::<WalletId, i128>::new();
    let mut add = |wallet_id: WalletId, points: Points| {
        let sum = sums.entry(wallet_id).or_default();
        *sum = sum.saturating_add(points.get().into());
    };
    for refund in order.refunds.values() {
        match refund.attribution {
            Attribution::Everything => return order.credited.clone(),
            Attribution::Line(line_id) => {
                let line = order.lines.get(&line_id).and_then(|line| line.credit);
                line.into_iter()
                    .for_each(|(wallet_id, points)| add(wallet_id, points));
            }
            Attribution::Points { wallet_id, points } => add(wallet_id, points),
            Attribution::Proportional => {}
        }
    }
    let shares = shares(order);
    if shares.iter().any(Share::is_whole) || all_that_was_charged_is_back(order) {
        return order.credited.clone();
    }
    let wallets = order.credited.iter().map(|(wallet_id, credited)| {
        let sum = sums.get(wallet_id).copied().unwrap_or_default();
        let sum = shares
            .iter()
            .fold(sum, |sum, share| sum.saturating_add(share.of(*credited)));
        let points = i64::try_from(sum).map_or(*credited, Points::new);
        (*wallet_id, points.min(*credited))
    });
    wallets.collect()
}

/// The part of an order that proportional refunds gave back, in minor units.
struct Share {
    refunded: i128,
    of: i128,
}

/// A refund of the version before took its share of the total, whatever was paid with gift cards.
fn shares(order: &OrderState) -> Vec<Share> {
    let total = order.total_amount_minor.map_or(0, i128::from);
    let charged = total.saturating_sub(order.giftcards());
    let share = |is_old: bool, of: i128| {
        let refunds = order.refunds.values().filter(|refund| {
            refund.attribution == Attribution::Proportional && refund.source.is_none() == is_old
        });
        let amounts = refunds.map(|refund| i128::from(refund.amount_minor));
        let refunded = amounts.reduce(i128::saturating_add)?;
        Some(Share { refunded, of })
    };
    [share(true, total), share(false, charged)]
        .into_iter()
        .flatten()
        .collect()
}

impl Share {
    fn is_whole(&self) -> bool {
        self.refunded >= self.of
    }

    /// Rounded half up. The share is not the whole.
    fn of(&self, points: Points) -> i128 {
        let twice = i128::from(points.get())
            .saturating_mul(self.refunded)
            .saturating_mul(2);
        twice
            .saturating_add(self.of)
            .div_euclid(self.of.saturating_mul(2).max(1))
    }
}

/// Every line that cost something was refunded. Those that cost nothing came with them.
fn all_that_was_charged_is_back(order: &OrderState) -> bool {
    let mut has_cost = false;
    order.lines.iter().all(|(id, line)| {
        let total = line.details.and_then(|details| details.amounts.total);
        has_cost |= total.is_some_and(|total| total > 0);
        total == Some(0) || order.is_refunded(*id)
    }) && has_cost
}

#[cfg(test)]
mod tests;
