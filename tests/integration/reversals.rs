//! Refunds and chargebacks: in any order, at several workers at once.

use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::harness::{Order, Program, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;

/// A refund of an order. The orders of these tests cost 1000.
pub(crate) fn refund(order: &Order, refund_id: i64, amount: i64) -> Vec<u8> {
    json!({
        "event_type": "ON_REFUND", "event_id": flake().to_string(),
        "body": {
            "id": refund_id.to_string(), "order_id": order.order_id.to_string(),
            "payment_id": flake().to_string(), "customer": null, "currency": "USD",
            "amount": amount, "store_refund_amount": amount, "status": "completed"
        }
    })
    .to_string()
    .into_bytes()
}

pub(crate) fn chargeback(order: &Order, payment_id: i64, closed: Option<&str>) -> Vec<u8> {
    let event_type = if closed.is_some() {
        "ON_CHARGEBACK_CLOSED"
    } else {
        "ON_CHARGEBACK"
    };
    json!({
        "event_type": event_type, "event_id": flake().to_string(),
        "body": {
            "id": payment_id.to_string(), "order_id": order.order_id.to_string(),
            "customer": null, "currency": "USD", "amount": 1000, "status": "completed",
            "chargeback_status": closed.unwrap_or("pending")
        }
    })
    .to_string()
    .into_bytes()
}

/// An app whose refunds take points in proportion to the order's total.
fn proportional() -> TestApp {
    let app = TestApp::builder()
        .worker_setting("PARTIAL_REFUNDS", "proportional")
        .start();
    app.set_product(POINTS, 500);
    app
}

/// The same with a credited order.
fn with_order(order: &Order) -> TestApp {
    let app = proportional();
    app.deliver(order);
    app.drain();
    app
}

#[test]
fn a_refund_takes_back_what_the_order_gave() {
    let (buyer, friend) = (flake(), flake());
    let order = Order::of(POINTS, buyer)
        .quantity(2)
        .line(POINTS, 1, Some(friend));
    let app = with_order(&order);
    assert_eq!((app.balance_of(buyer), app.balance_of(friend)), (1000, 500));

    let answer = app.deliver_bytes(&refund(&order, flake(), 1000));
    app.drain();

    assert_eq!((app.balance_of(buyer), app.balance_of(friend)), (0, 0));
    let event_id = answer.event_id().parse().unwrap();
    assert_eq!(app.outcome_of(event_id).as_deref(), Some("reversed"));
}

#[test]
fn partial_refunds_add_up_and_a_refund_in_two_events_counts_once() {
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let app = with_order(&order);
    let first = flake();
    for body in [
        refund(&order, first, 333),
        refund(&order, first, 333),
        refund(&order, flake(), 333),
        refund(&order, flake(), 333),
    ] {
        app.deliver_bytes(&body);
        app.drain();
    }
    // 500 points less 999 of 1000, rounded half up.
    assert_eq!(app.balance_of(buyer), 0);
    let keys = "SELECT count(*) AS value FROM ledger_entries WHERE kind = 'refund'";
    assert_eq!(app.database.number(keys), 3);
}

#[test]
fn a_won_chargeback_restores_exactly_what_it_took() {
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let app = with_order(&order);
    let payment = flake();
    app.deliver_bytes(&refund(&order, flake(), 100));
    app.drain();
    assert_eq!(app.balance_of(buyer), 450);
    app.deliver_bytes(&chargeback(&order, payment, None));
    app.drain();
    assert_eq!(app.balance_of(buyer), 0);
    app.deliver_bytes(&chargeback(&order, payment, Some("won")));
    app.drain();
    assert_eq!(app.balance_of(buyer), 450);
    let keys = app.database.texts(
        "SELECT split_part(entry_key, ':', 1) AS value FROM ledger_entries ORDER BY entry_id",
    );
    assert_eq!(
        keys,
        ["order-line", "refund", "chargeback", "chargeback-won"]
    );
}

#[test]
fn a_reversal_before_its_order_waits_on_the_ladder_and_is_applied_after_it() {
    let app = proportional();
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver_bytes(&refund(&order, flake(), 500));
    app.deliver_bytes(&chargeback(&order, flake(), Some("won")));
    eventually("both are deferred", || {
        (app.logs().matches("\"event\":\"event_deferred\"").count() >= 2).then_some(())
    });
    app.deliver(&order);
    app.drain();
    assert_eq!(app.balance_of(buyer), 250);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
    let attempts = "SELECT max(attempts)::bigint AS value FROM webhook_events";
    assert!(app.database.number(attempts) >= 2);
}

#[test]
fn an_order_that_is_recorded_while_its_refund_is_looked_up_is_seen_whole_or_not_at_all() {
    let app = proportional();
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let mut other_worker = app.database.connect();
    other_worker
        .batch_execute("BEGIN; LOCK TABLE ledger_entries")
        .unwrap();
    app.deliver_bytes(&refund(&order, flake(), 500));
    app.database.await_blocked();
    other_worker
        .batch_execute(&format!(
            "INSERT INTO webhook_events \
                 (event_id, event_type, outcome, order_id, body_sha256, signature, attempts) \
             VALUES ({event}, 'ON_ORDER_COMPLETED', 'credited', {id}, sha256('its body'), \
                 sha256('its signature'), 1); \
             INSERT INTO orders (order_id, event_id, total_amount_minor) \
             VALUES ({id}, {event}, 1000); \
             INSERT INTO order_lines (order_id, line_id, product_id, quantity, total_amount_minor) \
             VALUES ({id}, {id}, {POINTS}, 1, 1000); \
             INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
             VALUES ('order-line:{id}', {buyer}, {id}, {event}, 'order_line', 500); COMMIT",
            id = order.order_id,
            event = order.event_id,
        ))
        .unwrap();
    app.drain();
    assert_eq!(app.balance_of(buyer), 250, "{:?}", app.dead_letters());
}

#[test]
fn a_refund_whose_order_never_comes_is_dead_at_the_end_of_the_ladder_and_can_come_again() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let body = refund(&order, flake(), 1000);
    let answer = app.deliver_bytes(&body);
    app.drain();
    assert_eq!(
        app.dead_letters(),
        [format!("{}: order_unknown", answer.event_id())]
    );
    // The ladder of these tests has two rungs, so there are three attempts.
    let attempts = "SELECT attempts::bigint AS value FROM dead_letters";
    assert_eq!(app.database.number(attempts), 3);

    app.deliver(&order);
    app.deliver_bytes(&body);
    eventually("the refund is applied", || {
        let reversed = app.outcome_of(answer.event_id().parse().unwrap());
        (reversed.as_deref() == Some("reversed")).then_some(())
    });
    assert_eq!(app.balance_of(buyer), 0);
}

#[test]
fn points_that_were_spent_become_a_debt() {
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let app = with_order(&order);
    let spent = format!("SELECT spend({buyer}, 400, 'test')");
    app.database.execute(&spent).unwrap();
    app.deliver_bytes(&chargeback(&order, flake(), None));
    app.drain();
    assert_eq!(app.balance_of(buyer), -400);
    let shown = app.ctl_json(&["wallet", "show", &buyer.to_string()]);
    assert_eq!(shown["in_debt"], true);
}

#[test]
fn a_shop_may_have_partial_refunds_kept_for_a_person() {
    let app = TestApp::builder()
        .worker_setting("PARTIAL_REFUNDS", "dead_letter")
        .start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver(&order);
    app.drain();
    let answer = app.deliver_bytes(&refund(&order, flake(), 999));
    app.drain();
    assert_eq!(
        app.dead_letters(),
        [format!("{}: partial_refund", answer.event_id())]
    );
    assert_eq!(app.balance_of(buyer), 500);
}

#[test]
fn many_refunds_of_one_order_at_two_workers_at_once_take_exactly_their_share() {
    let mut app = TestApp::builder()
        .workers(0)
        .worker_setting("PARTIAL_REFUNDS", "proportional")
        .worker_setting("WORKER_BATCH_MAX", "3")
        .start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver(&order);
    for _ in 0..60 {
        app.deliver_bytes(&refund(&order, flake(), 10));
    }
    app.start_worker();
    app.start_worker();
    app.drain();
    assert_eq!(app.balance_of(buyer), 500 - 500 * 600 / 1000);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

#[test]
fn the_ladder_may_be_changed_while_an_event_waits_on_it() {
    let mut app = proportional();
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver_bytes(&refund(&order, flake(), 500));
    eventually("the refund waits on the second rung", || {
        (app.broker.depth("paynow.credits.retry.2s") == 1).then_some(())
    });

    let changed: Vec<(String, String)> = app
        .variables()
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "RETRY_LADDER" => (name, "3".to_owned()),
            _other => (name, value),
        })
        .collect();
    Program::run("paynowctl", &changed, &["setup"]).succeeded();
    app.workers.remove(0).stop();
    app.deliver(&order);
    app.start_worker_with("RETRY_LADDER", "3");
    app.drain();

    assert_eq!(app.balance_of(buyer), 250);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}
