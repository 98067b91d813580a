//! Deferred events that are due while the workers' queue takes none: they are shown, and come soon after.

use std::time::{Duration, Instant};

use paynow_shared::wire::Headers;
use serde_json::{Value, json};

use crate::harness::{Order, SECRET, TestApp, eventually, flake, signed_headers};

const PRODUCT: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;
const RUNG: &str = "paynow.credits.retry.1s";
/// Twice the time that our broker waits for a confirm, and some for a slow machine. Its default is 180 s.
const BACK_AFTER: Duration = Duration::from_secs(40);

/// Fills the workers' queue, and puts an order on a rung: after its delay the queue refuses it. No worker
/// may run. Returns the order.
pub(crate) fn make_overdue(app: &TestApp, product: i64) -> Order {
    let limit = json!({"max-length": 1, "overflow": "reject-publish"});
    app.broker.limit_queue("paynow.credits", limit);
    eventually("the queue of the workers is full", || {
        (!app.deliver(&Order::of(product, flake())).accepted()).then_some(())
    });
    let order = Order::of(product, flake());
    let body = order.body();
    let headers = Headers {
        attempt: 2,
        ..signed_headers(SECRET, &body)
    };
    app.broker.publish(RUNG, &body, &headers);
    app.note_accepted(&order.event_id.to_string());
    order
}

/// The check's row and exit code, once the broker answers: a new virtual host is not known everywhere at once.
fn overdue_row(app: &TestApp) -> (Value, Option<i32>) {
    eventually("the check reads the broker", || {
        let check = app.ctl(&["check", "--json"]);
        let rows = check.json();
        let mut rows = rows.as_array()?.iter();
        let row = rows.find(|row| row["id"] == "overdue").cloned();
        if row.is_none() {
            eprintln!("the check does not tell: {check:?}");
        }
        Some((row?, check.code))
    })
}

#[test]
fn events_that_a_full_queue_refuses_are_overdue_and_come_back_soon() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(PRODUCT, PRICE);
    assert_eq!(overdue_row(&app).0["status"], "ok");
    let order = make_overdue(&app, PRODUCT);

    eventually("the event is overdue in top", || {
        let top = app.ctl_json(&["top", "--once"]);
        let rungs = top["retries"].as_array().cloned().unwrap_or_default();
        let problems = top["problems"].to_string();
        let shown = rungs.iter().any(|rung| rung["overdue"] == 1);
        (shown && problems.contains("1 deferred event is overdue")).then_some(())
    });
    let (overdue, code) = overdue_row(&app);
    assert_eq!((&overdue["status"], code), (&json!("failed"), Some(1)));
    let message = overdue["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("1 deferred event"), "{message}");

    app.broker.unlimit_queue();
    let healed = Instant::now();
    app.start_worker();
    app.drain();
    assert!(healed.elapsed() < BACK_AFTER, "{:?}", healed.elapsed());
    assert_eq!(app.balance_of(order.customer_id), PRICE);
}
