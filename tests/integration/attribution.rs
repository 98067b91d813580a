//! Refunds whose amounts do not tell what they were for: PayNow is asked, or a person decides.

mod api;
mod paynow;
mod person;
mod rules;

use serde_json::json;

use crate::harness::{Answer, Order, TestApp, flake};

const COINS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;

/// An order of the same product for two players. Each line costs 500 and gives 500 points, so a refund of
/// 500 may be for either.
struct Shared {
    order: Order,
    buyer: i64,
    friend: i64,
}

impl Shared {
    fn new() -> Self {
        let (buyer, friend) = (flake(), flake());
        Self {
            order: Order::of(COINS, buyer).line(COINS, 1, Some(friend)),
            buyer,
            friend,
        }
    }

    /// The line of the friend.
    fn gift(&self) -> i64 {
        self.order.lines[1].line_id
    }

    fn deliver(&self, app: &TestApp) {
        app.deliver(&self.order);
        app.drain();
        assert_eq!(self.balances(app), (PRICE, PRICE));
    }

    fn balances(&self, app: &TestApp) -> (i64, i64) {
        (app.balance_of(self.buyer), app.balance_of(self.friend))
    }
}

/// A refund that PayNow reports without its line.
struct Refund {
    id: i64,
    payment_id: i64,
    event_id: i64,
    body: Vec<u8>,
}

impl Refund {
    fn of(order: &Order) -> Self {
        Self::with_amounts(order, PRICE, PRICE)
    }

    fn with_amounts(order: &Order, amount: i64, store_amount: i64) -> Self {
        let (id, payment_id, event_id) = (flake(), flake(), flake());
        let body = json!({
            "event_type": "ON_REFUND", "event_id": event_id.to_string(),
            "body": {
                "id": id.to_string(), "order_id": order.order_id.to_string(),
                "store_id": order.store_id.to_string(), "payment_id": payment_id.to_string(),
                "customer": null, "currency": "USD", "status": "completed",
                "amount": amount, "store_refund_amount": store_amount
            }
        });
        Self {
            id,
            payment_id,
            event_id,
            body: body.to_string().into_bytes(),
        }
    }

    fn deliver(&self, app: &TestApp) -> Answer {
        app.deliver_bytes(&self.body)
    }

    fn event(&self) -> String {
        self.event_id.to_string()
    }

    /// As the open dead letters list it.
    fn undecided(&self) -> String {
        format!("{}: partial_refund", self.event_id)
    }
}

/// The attempts of all refunds that are settled.
fn attempts(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT attempts::text AS value FROM webhook_events WHERE event_type = 'ON_REFUND' \
         ORDER BY event_id",
    )
}

/// What each applied refund was for, and how that is known.
fn attributions(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', attribution, line_id, points, 'by', attribution_source) AS value \
         FROM reversals ORDER BY recorded_at, sequence",
    )
}
