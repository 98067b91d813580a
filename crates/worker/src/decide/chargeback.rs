//! Which step of a chargeback is its newest: PayNow may report them in any order, and a chargeback that
//! was closed may be opened again. Pure.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

use paynow_shared::event::{Chargeback, ChargebackState};
use paynow_shared::ids::EventId;
use paynow_shared::wire::Failure;

use super::decision::{Decision, conflict, made_at_us};
use super::policy::Policy;
use super::record::{ChargebackStep, Record, ReversalKind};
use super::reversal::{await_order, reject_other_store, reverse};
use super::view::LedgerView;

pub(super) fn decide_chargeback(
    chargeback: &Chargeback,
    event_id: EventId,
    view: &LedgerView,
    policy: &Policy,
) -> Result<Decision, Failure> {
    reject_other_store(chargeback.store_id, policy)?;
    let order_id = chargeback.order_id;
    let known = view.chargebacks.get(&chargeback.payment_id);
    // All steps must name one order, because their entries share keys.
    let mut known = known.into_iter().flatten();
    if let Some((other, step)) = known.clone().find(|(named, _step)| *named != order_id) {
        return Err(conflict(format!(
            "{} {} was recorded before, for order {other}",
            ReversalKind::from(step.state).code(),
            step.payment_id
        )));
    }
    let steps: Vec<ChargebackStep> = known.by_ref().map(|(_order, step)| *step).collect();
    let Some(step) = next_step(chargeback, event_id, &steps)? else {
        return Ok(Decision::AlreadyPosted);
    };
    match view.orders.get(&order_id) {
        Some(before) => reverse(order_id, before, Record::Chargeback(step), view),
        None => Ok(await_order(order_id)),
    }
}

/// The step that the event reports; `None` if it is recorded already.
fn next_step(
    chargeback: &Chargeback,
    event_id: EventId,
    steps: &[ChargebackStep],
) -> Result<Option<ChargebackStep>, Failure> {
    let is_closing = match chargeback.state {
        ChargebackState::Opened => false,
        ChargebackState::Won | ChargebackState::Lost => true,
    };
    let last = ChargebackStep::newest_state(steps);
    let is_closed = matches!(last, Some(ChargebackState::Won | ChargebackState::Lost));
    let at_us = match chargeback.at_us {
        // A closing without a time ends what is open by now, and a second one must say the same.
        None if is_closing && is_closed => return repeated(chargeback, last).map(|()| None),
        None if is_closing => {
            let opened = steps.iter().filter_map(|step| step.at_us).max();
            Some(made_at_us(event_id).max(opened.unwrap_or(i64::MIN)))
        }
        at_us => at_us,
    };
    let mut at_that_time = steps.iter().filter(|step| step.at_us == at_us);
    if at_that_time
        .clone()
        .any(|step| step.state == chargeback.state)
    {
        return Ok(None);
    }
    if let Some(closed) = at_that_time.find(|step| step.state != ChargebackState::Opened)
        && is_closing
    {
        repeated(chargeback, Some(closed.state))?;
    }
    Ok(Some(ChargebackStep {
        payment_id: chargeback.payment_id,
        state: chargeback.state,
        at_us,
    }))
}

fn repeated(chargeback: &Chargeback, closed: Option<ChargebackState>) -> Result<(), Failure> {
    if closed == Some(chargeback.state) {
        return Ok(());
    }
    let payment = chargeback.payment_id;
    Err(conflict(format!(
        "the chargeback of payment {payment} was closed with the opposite result before"
    )))
}
