//! The bodies of a history's events, as `PayNow` writes them.

use serde_json::{Value, json};

use super::history::{Body, Event, Line, Order, Refund, Step};

pub(crate) const STORE: &str = "600000000000000002";

pub(crate) fn bytes(event: &Event) -> Vec<u8> {
    let (event_type, body) = match &event.body {
        Body::Order(told) => ("ON_ORDER_COMPLETED", order(told)),
        Body::Refund(told) => ("ON_REFUND", refund(told)),
        Body::Chargeback(told) => (told.event_type, chargeback(told)),
    };
    let event = json!({ "event_type": event_type, "event_id": event.id.to_string(), "body": body });
    event.to_string().into_bytes()
}

fn order(order: &Order) -> Value {
    let lines: Vec<Value> = order.lines.iter().map(line).collect();
    json!({
        "id": order.id.to_string(), "store_id": STORE,
        "customer": { "id": order.buyer.to_string(), "name": null },
        "type": order.kind, "status": order.status, "currency": order.currency,
        "tax_inclusive": order.tax_inclusive,
        "tax_amount": order.lines.iter().map(|line| line.tax).sum::<i64>(),
        "total_amount": order.total, "giftcard_usage_amount": order.giftcards,
        "completed_at": order.completed_at.map(time), "lines": lines,
    })
}

fn line(line: &Line) -> Value {
    json!({
        "id": line.id.to_string(), "product_id": line.product.to_string(),
        "quantity": line.quantity, "total_amount": line.total, "tax_amount": line.tax,
        "giftcard_usage_amount": line.giftcards,
        "trial_id": line.is_trial.then(|| line.id.to_string()),
        "gift_to_customer": line.gift_to.map(|id| json!({ "id": id.to_string() })),
    })
}

fn refund(refund: &Refund) -> Value {
    json!({
        "id": refund.id.to_string(), "order_id": refund.order_id.to_string(), "store_id": STORE,
        "payment_id": refund.payment_id.to_string(), "customer": null,
        "currency": refund.currency, "amount": refund.buyer_amount,
        "store_refund_amount": refund.store_amount, "status": refund.status,
    })
}

fn chargeback(step: &Step) -> Value {
    json!({
        "id": step.payment_id.to_string(), "order_id": step.order_id.to_string(),
        "store_id": STORE, "customer": null, "amount": 1, "status": "completed",
        "chargeback_status": step.chargeback_status, "chargeback_at": step.at.map(time),
    })
}

/// A time as RFC 3339 has it.
fn time(unix_ms: i64) -> String {
    const DAY: i64 = 86_400_000;
    let (day, of_day) = (unix_ms.div_euclid(DAY), unix_ms.rem_euclid(DAY));
    let (year, month, day) = date(day);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, ms) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The date of a day after 1970, in the Gregorian calendar.
fn date(mut day: i64) -> (i64, i64, i64) {
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [
        31,
        28 + i64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}
