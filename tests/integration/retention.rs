//! Payloads hold personal data and go when their time is over; keys, digests and credits stay.

use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An event id that PayNow would have made so many days ago.
fn flake_of_days_ago(days: i64) -> i64 {
    flake() - ((days * DAY_MS) << 22)
}

fn payloads(app: &TestApp) -> i64 {
    app.database
        .number("SELECT count(payload) AS value FROM webhook_events")
}

#[test]
fn an_old_payload_is_forgotten_and_its_event_still_credits_nothing_twice() {
    let mut app = TestApp::builder()
        .worker_setting("EVENT_RETENTION_DAYS", "30")
        .start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let old = Order {
        event_id: flake_of_days_ago(31),
        ..Order::of(POINTS, buyer)
    };
    let young = Order {
        event_id: flake_of_days_ago(29),
        ..Order::of(POINTS, buyer)
    };
    let dead = Order {
        event_id: flake_of_days_ago(400),
        ..Order::of(POINTS + 9, buyer)
    };
    for order in [&old, &young, &dead] {
        app.deliver(order);
    }
    app.drain();
    assert_eq!(payloads(&app), 2);

    // A worker does its housekeeping when it starts, and then again and again.
    app.start_worker();
    eventually("the old payload is gone", || {
        (payloads(&app) == 1).then_some(())
    });

    app.deliver(&old);
    app.deliver(&Order {
        event_id: old.event_id,
        ..Order::of(POINTS, buyer)
    });
    eventually("the other body under its id is a conflict", || {
        app.dead_letters()
            .contains(&format!("{}: conflict", old.event_id))
            .then_some(())
    });
    assert_eq!(app.balance_of(buyer), 1000);
    let bodies = "SELECT count(*) AS value FROM dead_letters WHERE reason = 'unknown_product' \
                  AND octet_length(body) > 0";
    assert_eq!(
        app.database.number(bodies),
        1,
        "an open dead letter was forgotten"
    );
}

#[test]
#[ignore = "a million rows: ops/test runs it alone"]
fn a_million_old_payloads_go_while_orders_are_credited() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let newest = flake_of_days_ago(31);
    let aged = format!(
        "INSERT INTO webhook_events (event_id, event_type, outcome, body_sha256, payload, attempts) \
         SELECT {newest} - number, 'ON_TRIAL_ACTIVATED', 'ignored', sha256('aged'), \
             convert_to(repeat('x', 200), 'UTF8'), 1 \
         FROM generate_series(1, 1000000) AS number"
    );
    app.database.execute(&aged).unwrap();
    app.start_worker();

    let buyer = flake();
    let mut orders = 0;
    let old = format!("payload IS NOT NULL AND event_id < {newest}");
    let old = format!("SELECT count(*) AS value FROM webhook_events WHERE {old}");
    // In stages, so that a slow machine has its time for each.
    for left in [750_000, 500_000, 250_000, 0] {
        eventually(&format!("{left} old payloads are left"), || {
            let order = Order::of(POINTS, buyer);
            orders += 1;
            assert!(app.deliver(&order).accepted());
            app.drain();
            (app.database.number(&old) <= left).then_some(())
        });
    }
    assert!(orders > 10, "no order was credited meanwhile");
    assert_eq!(app.balance_of(buyer), 500 * orders);
}
