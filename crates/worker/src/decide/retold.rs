//! An order that another event told before. Pure.

use paynow_shared::event::Order;
use paynow_shared::ids::WalletId;
use paynow_shared::wallet::EntryKey;
use paynow_shared::wire::Failure;

use super::decision::{Decision, conflict, differ};
use super::view::{LedgerView, LineDetails, OrderState};

/// What to do about an order that was recorded before; `None` if it was not. When an event tells another
/// order, line, wallet, quantity or amount than the event before, a person has to decide.
pub(super) fn retold(
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
