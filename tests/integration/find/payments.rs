//! Which order a payment was for.

use serde_json::{Value, json};

use super::hits;
use crate::harness::{Order, TestApp, eventually, flake};
use crate::reversals::{chargeback, refund};

const POINTS: i64 = 600_000_000_000_000_040;

fn named(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', payment_id, order_id, event_id) AS value FROM order_payments ORDER BY event_id",
    )
}

fn completed(payment: i64, order: Option<i64>) -> Vec<u8> {
    let order = order.map(|id| id.to_string());
    json!({
        "event_type": "ON_PAYMENT_COMPLETED", "event_id": flake().to_string(),
        "body": {"id": payment.to_string(), "order_id": order, "amount": 1000, "customer": null}
    })
    .to_string()
    .into_bytes()
}

#[test]
fn a_payment_is_found_for_every_event_that_names_it_also_by_older_payloads() {
    let mut app = TestApp::start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    app.drain();
    let (paid, charged) = (flake(), flake());
    let given_back = refund(&order, flake(), 500);
    let told: Value = serde_json::from_slice(&given_back).unwrap();
    let of_refund = told["body"]["payment_id"].as_str().unwrap().to_owned();
    for body in [
        given_back,
        chargeback(&order, charged, None),
        chargeback(&order, charged, Some("won")),
        completed(paid, Some(order.order_id)),
        completed(flake(), None),
    ] {
        app.deliver_bytes(&body);
        app.drain();
    }

    for payment in [&of_refund, &charged.to_string(), &paid.to_string()] {
        let found = app.ctl_json(&["find", payment]);
        let expected = format!("payment {payment}");
        assert!(hits(&found).contains(&expected), "{found}");
        let command = format!("paynowctl orders show {}", order.order_id);
        assert_eq!(found["hits"][0]["command"], command, "{found}");
    }
    let story = app.ctl_json(&["orders", "show", &order.order_id.to_string()]);
    let payments = story["payments"].as_array().unwrap();
    let types: Vec<&str> = payments
        .iter()
        .map(|it| it["event_type"].as_str().unwrap())
        .collect();
    let expected = [
        "ON_REFUND",
        "ON_CHARGEBACK",
        "ON_CHARGEBACK_CLOSED",
        "ON_PAYMENT_COMPLETED",
    ];
    assert_eq!(types, expected);

    let by_worker = named(&app);
    app.workers.remove(0).stop();
    let unfilled = "TRUNCATE order_payments; \
         UPDATE upgrade_rule SET payments_filled_to = 0, payments_filled_until = now()";
    app.database.execute(unfilled).unwrap();
    app.start_worker();
    eventually("all payloads were read", || {
        let left = "SELECT count(payments_filled_to) AS value FROM upgrade_rule";
        (app.database.number(left) == 0).then_some(())
    });
    assert_eq!(named(&app), by_worker);
    app.await_log(r#""event":"payments_filled""#);
}
