//! An order with its payment, and the events about it, from short texts.

use serde_json::{Value, json};

use super::{COINS, MYSTERY, RANK};
use crate::harness::flake;

/// A chargeback is opened at one of these times.
const TIMES: [(&str, &str); 3] = [
    ("T1", "2026-01-10T08:00:00Z"),
    ("T2", "2026-02-10T08:00:00Z"),
    ("T3", "2026-03-10T08:00:00Z"),
];

pub(crate) struct Sale {
    pub(crate) buyer: i64,
    pub(crate) friend: i64,
    pub(crate) payment_id: i64,
    /// One more id, for whatever an event says differently.
    pub(crate) another: i64,
    /// The body of its event.
    pub(crate) order: Value,
}

impl Sale {
    /// Reads `<total> (gift card <amount>): <line>, <line>`; a line is `2 coins 1200 (tax 200)`, and
    /// what else it may have in parentheses is `gift card <amount>`, `for a friend` and `trial`.
    pub(crate) fn parse(text: &str) -> Self {
        let (buyer, friend) = (flake(), flake());
        let (head, lines) = text.split_once(':').expect("an order has lines");
        let head: Vec<&str> = parts(head);
        let giftcard = head.get(1).map_or(0, |part| last_number(part));
        let lines: Vec<Value> = lines.split(',').map(|text| line(text, friend)).collect();
        Self {
            order: json!({
                "id": flake().to_string(), "store_id": "600000000000000002",
                "status": "completed", "type": "one_time", "currency": "USD",
                "tax_inclusive": false, "total_amount": last_number(head[0]),
                "giftcard_usage_amount": giftcard,
                "created_at": "2026-01-01T10:00:00Z", "completed_at": "2026-01-01T10:00:05Z",
                "customer": {"id": buyer.to_string(), "name": "Player One"},
                "billing_email": "player.one@shop.example", "lines": lines,
            }),
            buyer,
            friend,
            payment_id: flake(),
            another: flake(),
        }
    }

    /// Reads `order`, `refund <amount> <store_refund_amount>`, or `opened`, `won` or `lost` with the time
    /// of the chargeback; `-` for a missing amount or time. `again` is the event before it, told by
    /// another event. `<path>=<value>` changes the body; the value is JSON, `absent` or `another` id.
    pub(crate) fn event(&self, text: &str, before: Option<&Value>) -> Value {
        let (changes, words): (Vec<&str>, Vec<&str>) =
            text.split_whitespace().partition(|word| word.contains('='));
        let mut event = match words[..] {
            ["order"] => event("ON_ORDER_COMPLETED", self.order.clone()),
            ["refund", amount, store] => event("ON_REFUND", self.refund(amount, store)),
            ["opened", time] => event("ON_CHARGEBACK", self.chargeback("pending", time)),
            [closed @ ("won" | "lost"), time] => {
                event("ON_CHARGEBACK_CLOSED", self.chargeback(closed, time))
            }
            ["again"] => Self::retold(before.expect("an event is told before it is told again")),
            _ => panic!("no event: {text}"),
        };
        for change in changes {
            let (path, value) = change.split_once('=').expect("it has one");
            let value = match value {
                "absent" => None,
                "another" => Some(json!(self.another.to_string())),
                text => Some(serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))),
            };
            set(&mut event["body"], path, value);
        }
        event
    }

    /// The same told by another event.
    pub(crate) fn retold(event: &Value) -> Value {
        let mut event = event.clone();
        event["event_id"] = json!(flake().to_string());
        event
    }

    fn refund(&self, amount: &str, store: &str) -> Value {
        let mut body = json!({
            "id": flake().to_string(), "order_id": self.order["id"],
            "payment_id": self.payment_id.to_string(), "store_id": self.order["store_id"],
            "customer": null, "currency": "USD", "status": "completed",
            "completed_at": "2026-01-05T10:00:00Z",
        });
        for (name, text) in [("amount", amount), ("store_refund_amount", store)] {
            let value = (text != "-").then(|| json!(last_number(text)));
            set(&mut body, name, value);
        }
        body
    }

    /// `status` is the payment's, so that a reader of the wrong field is caught.
    fn chargeback(&self, status: &str, time: &str) -> Value {
        let mut body = json!({
            "id": self.payment_id.to_string(), "order_id": self.order["id"],
            "store_id": self.order["store_id"], "customer": null, "currency": "USD",
            "amount": self.order["total_amount"], "status": "completed",
            "chargeback_status": status,
        });
        let known = TIMES.iter().find(|(name, _time)| *name == time);
        assert!(known.is_some() || time == "-", "no time: {time}");
        set(
            &mut body,
            "chargeback_at",
            known.map(|(_name, time)| json!(time)),
        );
        body
    }
}

fn event(event_type: &str, body: Value) -> Value {
    json!({"event_type": event_type, "event_id": flake().to_string(), "body": body})
}

/// A text and what it has in parentheses after it.
fn parts(text: &str) -> Vec<&str> {
    let parts = text.split(['(', ')']).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

fn last_number(text: &str) -> i64 {
    let word = text.split_whitespace().next_back();
    word.and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("it ends with a number: {text}"))
}

fn line(text: &str, friend: i64) -> Value {
    let parts = parts(text);
    let words: Vec<&str> = parts[0].split_whitespace().collect();
    let (quantity, product) = match words[..] {
        [product, _total] => (1, product),
        [quantity, product, _total] => (last_number(quantity), product),
        _ => panic!("no line: {text}"),
    };
    let product_id = match product {
        "coins" => COINS,
        "rank" => RANK,
        "mystery" => MYSTERY,
        _ => panic!("no product: {text}"),
    };
    let mut line = json!({
        "id": flake().to_string(), "product_id": product_id.to_string(), "product_name": product,
        "quantity": quantity, "discount_amount": 0, "tax_amount": 0,
        "total_amount": last_number(parts[0]), "trial_id": null, "gift_to_customer": null,
        "product": {"id": product_id.to_string(), "metadata": {}},
    });
    for part in &parts[1..] {
        match *part {
            "for a friend" => line["gift_to_customer"] = json!({"id": friend.to_string()}),
            "trial" => line["trial_id"] = json!(flake().to_string()),
            tax if tax.starts_with("tax ") => line["tax_amount"] = json!(last_number(tax)),
            card if card.starts_with("gift card ") => {
                line["giftcard_usage_amount"] = json!(last_number(card));
            }
            _ => panic!("a line has no {part}"),
        }
    }
    line
}

/// Sets a field by its path, or removes a field or an element.
fn set(body: &mut Value, path: &str, value: Option<Value>) {
    let (parents, field) = path.rsplit_once('/').unwrap_or(("", path));
    let pointer = if parents.is_empty() {
        String::new()
    } else {
        format!("/{parents}")
    };
    let parent = body.pointer_mut(&pointer);
    let parent = parent.unwrap_or_else(|| panic!("nothing holds {path}"));
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(field.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.remove(field)),
        (Value::Array(elements), None) => drop(elements.remove(field.parse().expect("an index"))),
        (parent, _value) => panic!("{parent} holds no {path}"),
    }
}
