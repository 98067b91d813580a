//! An event that can never be applied is kept with its reason, and the others are credited.

use serde_json::json;

use crate::harness::{Order, TestApp, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;

#[test]
fn each_refusal_has_its_reason_and_its_neighbours_are_credited() {
    let app = TestApp::builder()
        .workers(0)
        .worker_setting("PAYNOW_STORE_ID", "600000000000000002")
        .start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let fine = || Order::of(POINTS, buyer);
    let unknown = fine().line(UNKNOWN, 1, None);
    let elsewhere = Order {
        store_id: 3,
        ..fine()
    };
    let too_many = fine().quantity(i64::MAX);
    let refund = format!(
        r#"{{"event_type":"ON_REFUND","event_id":"{}","body":{{}}}}"#,
        flake()
    );
    let no_lines = Order {
        lines: Vec::new(),
        ..fine()
    };

    app.deliver(&fine());
    let refused: Vec<String> = [
        (app.deliver(&unknown), "unknown_product"),
        (app.deliver(&elsewhere), "wrong_store"),
        (app.deliver(&too_many), "overflow"),
        (app.deliver_bytes(refund.as_bytes()), "malformed"),
        (app.deliver(&no_lines), "malformed"),
        (app.deliver_bytes(b"not JSON at all"), "malformed"),
        (app.deliver_bytes(b"\xff\xfe\x00"), "malformed"),
        (app.deliver_bytes(b""), "malformed"),
    ]
    .into_iter()
    .map(|(answer, reason)| {
        assert_eq!(answer.status, 202, "{answer:?}");
        format!("{}: {reason}", answer.event_id())
    })
    .collect();
    app.deliver(&fine());
    let mut app = app;
    app.start_worker();
    app.drain();

    assert_eq!(sorted(app.dead_letters()), sorted(refused));
    assert_eq!(app.balance_of(buyer), 2 * 500);
}

#[test]
fn the_same_event_id_with_another_body_is_a_conflict_and_credits_nothing() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let forged = Order {
        event_id: order.event_id,
        ..Order::of(POINTS, buyer).quantity(9)
    };

    app.deliver(&order);
    app.drain();
    app.deliver(&forged);
    crate::harness::eventually("the conflict is a dead letter", || {
        (app.dead_letters() == [format!("{}: conflict", order.event_id)]).then_some(())
    });

    assert_eq!(app.balance_of(buyer), 500);
}

#[test]
fn a_balance_that_would_not_fit_is_refused_by_the_database_and_the_rest_of_its_batch_is_credited() {
    let app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, i64::MAX);
    app.set_product(UNKNOWN, 1);
    let (rich, other) = (flake(), flake());
    let first = Order::of(POINTS, rich);
    let one_more = Order::of(UNKNOWN, rich);

    app.deliver(&first);
    app.deliver(&one_more);
    app.deliver(&Order::of(UNKNOWN, other));
    let mut app = app;
    app.start_worker();
    app.drain();

    // The broker decides which of the two comes first. The second does not fit.
    let balance = app.balance_of(rich);
    assert!(balance == i64::MAX || balance == 1, "{balance}");
    assert_eq!(app.dead_letters().len(), 1);
    assert!(
        app.dead_letters()[0].ends_with(": overflow"),
        "{:?}",
        app.dead_letters()
    );
    assert_eq!(app.balance_of(other), 1);
}

#[test]
fn a_dead_letter_keeps_the_exact_bytes_and_dies_again_in_its_own_row() {
    let app = TestApp::start();
    let body = "{\"event_id\": \"7\", \u{17b}\u{f3}\u{142}w".as_bytes();
    app.deliver_bytes(body);
    app.drain();
    app.deliver_bytes(body);

    crate::harness::eventually("the event has died twice", || {
        (app.database
            .number("SELECT sum(deaths) AS value FROM dead_letters")
            == 2)
            .then_some(())
    });
    let kept = app
        .database
        .texts("SELECT convert_from(body, 'UTF8') AS value FROM dead_letters");
    assert_eq!(kept, [String::from_utf8(body.to_vec()).unwrap()]);
}

#[test]
fn an_unknown_product_is_credited_once_it_is_known_and_the_event_comes_again() {
    let app = TestApp::start();
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver(&order);
    app.drain();
    assert_eq!(app.balance_of(buyer), 0);

    app.set_product(POINTS, 500);
    app.deliver(&order);
    crate::harness::eventually("it is credited", || {
        (app.balance_of(buyer) == 500).then_some(())
    });
}

#[test]
fn a_desk_that_cannot_be_written_stops_no_credit_and_loses_no_dead_letter() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let unknown = Order::of(UNKNOWN, buyer);
    app.database
        .execute("REVOKE EXECUTE ON FUNCTION archive_dead_letter FROM paynow_worker")
        .unwrap();

    app.deliver(&unknown);
    app.deliver(&Order::of(POINTS, buyer));
    crate::harness::eventually("the order is credited nevertheless", || {
        (app.balance_of(buyer) == 500).then_some(())
    });
    app.await_log("dead letters not archived yet");
    assert_eq!(app.dead_letters(), Vec::<String>::new());
    app.database
        .execute("GRANT EXECUTE ON FUNCTION archive_dead_letter TO paynow_worker")
        .unwrap();
    app.drain();

    assert_eq!(
        app.dead_letters(),
        [format!("{}: unknown_product", unknown.event_id)]
    );
}

#[test]
fn an_event_that_the_broker_gave_up_on_is_kept_as_a_crash_loop() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    let one_more_try_only = json!({
        "delivery-limit": 1, "dead-letter-exchange": "", "overflow": "reject-publish",
        "dead-letter-routing-key": "paynow.credits.dead", "dead-letter-strategy": "at-least-once",
    });
    app.broker.limit_queue("paynow.credits", one_more_try_only);
    crate::harness::eventually("the broker gives up the message", || {
        app.broker.fail_a_delivery("paynow.credits");
        (app.broker.depth("paynow.credits.dead") == 1).then_some(())
    });
    app.broker.unlimit_queue();
    app.start_worker();
    app.drain();
    assert_eq!(
        app.dead_letters(),
        [format!("{}: crash_loop", order.event_id)]
    );
    let signed = "SELECT count(signature) AS value FROM dead_letters";
    assert_eq!(app.database.number(signed), 1, "a replay can prove it");
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
