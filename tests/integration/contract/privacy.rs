//! Personal data is in the payload of an event, the body of a dead letter and the name of a customer, and
//! nowhere else.

use serde_json::Value;

use super::database::TABLES;
use crate::harness::{Order, TestApp, flake};

const KNOWN: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;

/// The personal data in an order.
fn personal(order: &Order) -> Vec<String> {
    let order = order.json();
    let fields = [
        "billing_name",
        "billing_email",
        "customer_ip",
        "customer/name",
        "customer/minecraft/name",
    ];
    fields
        .map(|field| {
            order
                .pointer(&format!("/body/{field}"))
                .and_then(Value::as_str)
                .unwrap()
                .into()
        })
        .to_vec()
}

/// Every row of every table without its raw bytes and names of customers, as text.
fn rows_without_bodies(app: &TestApp) -> String {
    let rows = TABLES.map(|table| {
        let names = if table == "customer_identities" {
            " - 'name'"
        } else {
            ""
        };
        format!(
            "SELECT (to_jsonb(one) - 'payload' - 'body'{names})::text AS value FROM {table} AS one"
        )
    });
    app.database.texts(&rows.join(" UNION ALL ")).join("\n")
}

#[test]
fn personal_data_is_only_in_payloads_bodies_and_names() {
    let app = TestApp::start();
    app.set_product(KNOWN, 500);
    let credited = Order::of(KNOWN, flake());
    let refused = Order::of(UNKNOWN, flake());

    app.deliver(&credited);
    app.deliver(&refused);
    app.drain();

    let rows = rows_without_bodies(&app);
    assert!(rows.contains(&credited.event_id.to_string()) && rows.contains("unknown_product"));
    for text in personal(&credited) {
        assert!(!rows.contains(&text), "{text} in\n{rows}");
    }
    let kept = "SELECT count(*) AS value FROM webhook_events WHERE payload IS NOT NULL";
    assert_eq!(app.database.number(kept), 1);
    let name = "SELECT name AS value FROM customer_identities";
    assert_eq!(app.database.texts(name), ["PlayerOne"]);
}
