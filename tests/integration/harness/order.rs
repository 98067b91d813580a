//! Orders, in the form tests write them.

use std::sync::atomic::{AtomicI64, Ordering};

use paynow_process::clock;
use serde_json::{Value, json};

const FLAKE_EPOCH_MS: i64 = 1_645_568_542_000;

/// A new PayNow id, unique within this run.
pub(crate) fn flake() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let serial = NEXT.fetch_add(1, Ordering::Relaxed) & 0x3f_ffff;
    ((clock::now_ms() - FLAKE_EPOCH_MS) << 22) | serial
}

/// A complete order event in PayNow's format. The fields are the parts that tests change.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) event_id: i64,
    pub(crate) order_id: i64,
    pub(crate) store_id: i64,
    pub(crate) customer_id: i64,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) line_id: i64,
    pub(crate) product_id: i64,
    pub(crate) quantity: i64,
    pub(crate) gift_to: Option<i64>,
}

impl Order {
    /// One unit of a product for a customer.
    pub(crate) fn of(product_id: i64, customer_id: i64) -> Self {
        let order = Self {
            event_id: flake(),
            order_id: flake(),
            store_id: 600_000_000_000_000_002,
            customer_id,
            lines: Vec::new(),
        };
        order.line(product_id, 1, None)
    }

    /// The same order with one more line.
    pub(crate) fn line(mut self, product_id: i64, quantity: i64, gift_to: Option<i64>) -> Self {
        self.lines.push(Line {
            line_id: flake(),
            product_id,
            quantity,
            gift_to,
        });
        self
    }

    pub(crate) fn quantity(mut self, quantity: i64) -> Self {
        self.lines[0].quantity = quantity;
        self
    }

    /// The same order in another event.
    pub(crate) fn retold(&self) -> Self {
        Self {
            event_id: flake(),
            ..self.clone()
        }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.json().to_string().into_bytes()
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "event_type": "ON_ORDER_COMPLETED",
            "event_id": self.event_id.to_string(),
            "body": {
                "id": self.order_id.to_string(), "store_id": self.store_id.to_string(),
                "status": "completed", "type": "one_time", "currency": "USD",
                "tax_inclusive": false, "subtotal_amount": 1000, "discount_amount": 0,
                "tax_amount": 0, "total_amount": 1000, "giftcard_usage_amount": 0,
                "created_at": "2026-01-01T10:00:00Z", "completed_at": "2026-01-01T10:00:05Z",
                "customer": customer(self.customer_id),
                "billing_name": PLANTED_NAME, "billing_email": PLANTED_EMAIL,
                "billing_address_country": "PL", "customer_ip": "203.0.113.7/24",
                "subscription_id": null, "coupon_id": null,
                "applied_coupons": [], "applied_giftcards": [],
                "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
            }
        })
    }
}

/// Personal data that must not appear in any log.
pub(crate) const PLANTED_NAME: &str = "Zofia Wiśniewska-Planted";
pub(crate) const PLANTED_EMAIL: &str = "zofia.planted@shop.example";

fn customer(id: i64) -> Value {
    json!({
        "id": id.to_string(), "name": PLANTED_NAME, "steam": null, "profile": null,
        "minecraft": {
            "id": "00000000-0000-4000-8000-000000000001", "name": "PlayerOne", "avatar_url": ""
        }
    })
}

fn line(line: &Line) -> Value {
    json!({
        "id": line.line_id.to_string(), "product_id": line.product_id.to_string(),
        "product_version_id": "600000000000000041", "product_name": "Points",
        "quantity": line.quantity, "price": 500, "discount_amount": 0, "subtotal_amount": 500,
        "tax_amount": 0, "total_amount": 500,
        "gift_to_customer": line.gift_to.map(customer),
        "product": {
            "id": line.product_id.to_string(), "metadata": {"points": "7"},
            "description": "<p>Points for the shop</p>", "commands": [], "tags": []
        }
    })
}
