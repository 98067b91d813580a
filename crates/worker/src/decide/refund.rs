//! What a refund takes back. Pure.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

use paynow_shared::event::{Refund, RefundAmounts};
use paynow_shared::reason::Reason;
use paynow_shared::wire::Failure;

use super::attribution::Fit;
use super::decision::{Decision, Question, conflict, differ, malformed};
use super::policy::{PartialRefunds, Policy};
use super::record::{Attribution, Record, RefundRecord, Source};
use super::reversal::{await_order, reject_other_store, reverse};
use super::view::{Answer, LedgerView, OrderState, Told};

pub(super) fn decide_refund(
    refund: &Refund,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    reject_other_store(refund.store_id, policy)?;
    require_completed(refund.status.as_deref())?;
    let amount_minor = amount_of(refund)?;
    if already_recorded(refund, amount_minor, view)? {
        return Ok(Decision::AlreadyPosted);
    }
    let Some(before) = view.orders.get(&refund.order_id) else {
        return Ok(await_order(refund.order_id));
    };
    require_same_currency(refund, before)?;
    let unattributed = unattributed(refund, amount_minor);
    let told = view.told.get(&refund.id);
    match attribute(unattributed, before, told, policy) {
        Ok((attribution, source)) => {
            let record = RefundRecord {
                attribution,
                source: Some(source),
                ..unattributed
            };
            reverse(refund.order_id, before, Record::Refund(record), view)
        }
        Err(error) => {
            let failure = Failure::new(Reason::PartialRefund, error);
            let may_ask = policy.asks_paynow
                && policy.partial_refunds == PartialRefunds::ByLine
                && told.is_none();
            match refund.payment_id.filter(|_id| may_ask) {
                None => Err(failure),
                Some(payment_id) => {
                    let question = Question {
                        refund_id: refund.id,
                        payment_id,
                        order_id: refund.order_id,
                        store_id: refund.store_id,
                    };
                    Ok(Decision::Ask(question, failure))
                }
            }
        }
    }
}

/// Everything, and the lines not refunded yet, as far as they fit one of a refund's amounts.
pub fn candidates(refund: &Refund, view: &LedgerView) -> Vec<Attribution> {
    match (view.orders.get(&refund.order_id), amount_of(refund)) {
        (Some(order), Ok(amount)) => Fit::new(order, unattributed(refund, amount)).candidates(),
        (None, _) | (_, Err(_)) => Vec::new(),
    }
}

fn unattributed(refund: &Refund, amount_minor: i64) -> RefundRecord {
    RefundRecord {
        id: refund.id,
        amounts: refund.amounts,
        amount_minor,
        attribution: Attribution::Proportional,
        source: Some(Source::Amounts),
    }
}

/// A refund without a status is completed: `PayNow` sends the event for completed refunds.
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

/// The amount that a share of the order's total is computed from.
fn amount_of(refund: &Refund) -> Result<i64, Failure> {
    let RefundAmounts { buyer, store } = refund.amounts;
    let amount = store.filter(|amount| *amount != 0).or(buyer).or(store);
    let is_negative = |amount: Option<i64>| amount.is_some_and(|amount| amount < 0);
    match amount {
        Some(amount) if !is_negative(buyer) && !is_negative(store) => Ok(amount),
        Some(_) | None => {
            let error = format!("refund {} names no amount, or one below zero", refund.id);
            Err(malformed(error))
        }
    }
}

/// Whether the same refund is recorded. It is a conflict when the two differ in order or amount.
fn already_recorded(
    refund: &Refund,
    amount_minor: i64,
    view: &LedgerView,
) -> Result<bool, Failure> {
    let Some((order_id, known)) = view.refunds.get(&refund.id) else {
        return Ok(false);
    };
    if *order_id != refund.order_id {
        return Err(conflict(format!(
            "refund {} was recorded before, for order {order_id}",
            refund.id
        )));
    }
    // The version before recorded one amount, which it chose in its own way.
    let old_amount = refund.amounts.store.or(refund.amounts.buyer);
    let is_same = match known.source {
        None => old_amount == Some(known.amount_minor),
        Some(_) => {
            known.amount_minor == amount_minor
                && !differ(known.amounts.buyer, refund.amounts.buyer)
                && !differ(known.amounts.store, refund.amounts.store)
        }
    };
    if is_same {
        return Ok(true);
    }
    Err(conflict(format!(
        "refund {} was recorded before, with another amount",
        refund.id
    )))
}

fn require_same_currency(refund: &Refund, order: &OrderState) -> Result<(), Failure> {
    if !differ(order.currency.as_deref(), refund.currency.as_deref()) {
        return Ok(());
    }
    let error = format!(
        "refund {} is in {}, and its order in {}",
        refund.id,
        refund.currency.as_deref().unwrap_or_default(),
        order.currency.as_deref().unwrap_or_default()
    );
    Err(Failure::new(Reason::CurrencyMismatch, error))
}

/// What the refund was for, and how that is known; or why it is not decided.
fn attribute(
    refund: RefundRecord,
    order: &OrderState,
    told: Option<&Told>,
    policy: &Policy,
) -> Result<(Attribution, Source), String> {
    let fit = Fit::new(order, refund);
    let told_unknown = match told {
        None => None,
        Some(Told {
            by,
            answer: Answer::For(attribution),
        }) => return checked(*attribution, *by, &fit, order).map(|checked| (checked, *by)),
        Some(Told {
            by: _,
            answer: Answer::Unknown(why),
        }) => Some(why),
    };
    let by_amounts = |attribution| Ok((attribution, Source::Amounts));
    let candidates = fit.candidates();
    if fit.is_everything() && !fit.may_be_one_of_several_lines(&candidates) {
        return by_amounts(Attribution::Everything);
    }
    match (fit.agreed(&candidates), policy.partial_refunds) {
        (Some(attribution), PartialRefunds::ByLine) => return by_amounts(attribution),
        (Some(Attribution::Everything), _) => return by_amounts(Attribution::Everything),
        (Some(_), PartialRefunds::Proportional | PartialRefunds::DeadLetter) | (None, _) => {}
    }
    if fit.takes_nothing() || (candidates.is_empty() && fit.is_more_than_everything()) {
        return by_amounts(Attribution::Everything);
    }
    match (policy.partial_refunds, order.total_amount_minor) {
        (PartialRefunds::Proportional, Some(_total)) => by_amounts(Attribution::Proportional),
        (PartialRefunds::Proportional, None) => Err("the order's total is not known".to_owned()),
        (PartialRefunds::DeadLetter, _) => Err(
            "the refund is of a part of the order, and PARTIAL_REFUNDS is dead_letter".to_owned(),
        ),
        (PartialRefunds::ByLine, _) => Err(match told_unknown {
            None => fit.explain(&candidates),
            Some(why) => format!("{}; {why}", fit.explain(&candidates)),
        }),
    }
}

/// Whether what somebody told can be true of this order.
fn checked(
    told: Attribution,
    by: Source,
    fit: &Fit<'_>,
    order: &OrderState,
) -> Result<Attribution, String> {
    match told {
        Attribution::Line(line) if !order.lines.contains_key(&line) => {
            Err(format!("line {line} is not a line of the order"))
        }
        Attribution::Line(line) if order.is_refunded(line) => {
            // An earlier refund took one of several equal lines: which one made no difference.
            let equal = fit.equal_open_line(line).map(Attribution::Line);
            equal.ok_or_else(|| format!("line {line} was refunded before"))
        }
        Attribution::Everything if by == Source::PayNow && !fit.may_be_everything() => Err(
            "PayNow names no line, and the refund's amounts are not all that was charged"
                .to_owned(),
        ),
        Attribution::Points { wallet_id, .. } if !order.credited.contains_key(&wallet_id) => {
            Err(format!("the order gave wallet {wallet_id} no points"))
        }
        Attribution::Line(_)
        | Attribution::Everything
        | Attribution::Points { .. }
        | Attribution::Proportional => Ok(told),
    }
}
