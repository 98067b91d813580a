//! The main job: a signed order becomes points, once.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::harness::{Order, TestApp, eventually, flake, free_port};

const POINTS: i64 = 600_000_000_000_000_040;
const RANK: i64 = 600_000_000_000_000_050;

#[test]
fn a_signed_order_becomes_points() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let (buyer, friend) = (flake(), flake());
    let order = Order::of(POINTS, buyer)
        .quantity(2)
        .line(POINTS, 1, Some(friend));

    let answer = app.deliver(&order);
    app.drain();

    assert_eq!(answer.status, 202);
    assert_eq!(answer.text("status"), "queued");
    assert_eq!(answer.event_id(), order.event_id.to_string());
    assert_eq!(app.balance_of(buyer), 1000);
    assert_eq!(app.balance_of(friend), 500);
    assert_eq!(app.outcome_of(order.event_id).as_deref(), Some("credited"));
}

#[test]
fn the_same_event_sent_many_times_at_once_is_credited_once() {
    let app = TestApp::builder().workers(2).start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let (url, body) = (app.webhook_url(), order.body());

    let answers: Vec<u16> = std::thread::scope(|scope| {
        let post = || crate::harness::post(&url, &body).status;
        let senders: Vec<_> = (0..16).map(|_| scope.spawn(post)).collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .collect()
    });
    app.note_accepted(&order.event_id.to_string());
    app.drain();
    app.deliver(&order);
    app.drain();

    assert_eq!(answers, [202; 16]);
    assert_eq!(app.balance_of(buyer), 500);
}

#[test]
fn an_order_in_two_events_is_credited_once() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    let again = order.retold();

    app.deliver(&order);
    app.drain();
    app.deliver(&again);
    app.drain();

    assert_eq!(app.balance_of(buyer), 500);
    assert_eq!(
        app.outcome_of(again.event_id).as_deref(),
        Some("already_credited")
    );
}

#[test]
fn two_events_of_one_order_at_two_workers_at_once_are_credited_once() {
    let app = TestApp::builder()
        .workers(2)
        .worker_setting("WORKER_BATCH_MAX", "1")
        .start();
    app.set_product(POINTS, 500);
    let orders: Vec<Order> = (0..40).map(|_| Order::of(POINTS, flake())).collect();
    let url = app.webhook_url();

    std::thread::scope(|scope| {
        for order in &orders {
            let bodies = (order.body(), order.retold().body());
            let url = &url;
            scope.spawn(move || crate::harness::post(url, &bodies.0));
            scope.spawn(move || crate::harness::post(url, &bodies.1));
        }
    });
    eventually("all eighty events are recorded", || {
        let sql = "SELECT count(*) AS value FROM webhook_events";
        (app.database.number(sql) == 80).then_some(())
    });

    for order in &orders {
        assert_eq!(app.balance_of(order.customer_id), 500);
    }
    assert!(app.dead_letters().is_empty());
}

#[test]
fn events_wait_for_a_worker() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let answers: Vec<_> = (0..20)
        .map(|_| app.deliver(&Order::of(POINTS, buyer)))
        .collect();
    assert!(answers.iter().all(|answer| answer.accepted()));
    assert_eq!(app.broker.depth("paynow.credits"), 20);

    app.start_worker();
    app.drain();

    assert_eq!(app.balance_of(buyer), 20 * 500);
}

#[test]
fn a_product_that_gives_no_points_is_part_of_an_order_like_any_other() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    app.set_product(RANK, 0);
    let buyer = flake();

    app.deliver(&Order::of(RANK, buyer).line(POINTS, 1, None));
    app.drain();

    assert_eq!(app.balance_of(buyer), 500);
}

#[test]
fn points_come_from_the_signed_metadata_when_the_table_does_not_know_the_product() {
    let app = TestApp::builder()
        .worker_setting("POINTS_METADATA_KEY", "points")
        .start();
    app.set_product(POINTS, 500);
    let buyer = flake();

    app.deliver(&Order::of(RANK, buyer).quantity(3).line(POINTS, 1, None));
    app.drain();

    assert_eq!(app.balance_of(buyer), 3 * 7 + 500);
}

#[test]
fn a_message_from_before_there_were_signatures_is_an_event_like_any_other() {
    let app = TestApp::start();
    app.database.require_proof_from("now() + interval '1 hour'");
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    app.broker
        .publish_bare("paynow.credits", &order.json().to_string());
    app.broker.publish_bare("paynow.credits", "no event");
    app.broker
        .publish_bare("paynow.credits.dead", "dropped here by hand");
    app.note_accepted(&order.event_id.to_string());
    eventually("all three are settled", || {
        let dead = app.dead_letters().len();
        (dead == 2 && app.balance_of(order.customer_id) == 500).then_some(())
    });
    let reasons = app.dead_letters().concat();
    assert!(
        reasons.contains("malformed") && reasons.contains("unspecified"),
        "{reasons}"
    );
}

#[test]
fn an_order_as_large_as_the_limit_is_credited() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    let mut json = order.json();
    let length = 1_048_576 - json.to_string().len() - r#","notes":"""#.len();
    json["body"]["notes"] = "x".repeat(length).into();
    let body = json.to_string().into_bytes();
    assert_eq!(body.len(), 1_048_576);

    assert_eq!(app.deliver_bytes(&body).status, 202);
    app.drain();

    assert_eq!(app.balance_of(order.customer_id), 500);
}

/// Stops the only worker, which must not wait for its background tasks.
#[track_caller]
fn stops_soon(app: &mut TestApp) {
    let asked = Instant::now();
    app.workers.remove(0).stop();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_check_of_the_whole_ledger_does_not_delay_a_stopping_worker() {
    let mut app = TestApp::builder().workers(0).start();
    let mut slow = app.database.connect();
    slow.batch_execute("BEGIN; LOCK TABLE wallets").unwrap();
    app.start_worker();
    app.database.await_blocked();
    // The check itself would take ten seconds here, and fifteen minutes on a large ledger.
    stops_soon(&mut app);
    slow.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn a_silent_database_does_not_delay_a_stopping_worker() {
    let silent = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let port = silent.local_addr().unwrap().port();
    let address = format!("postgres://worker:none@127.0.0.1:{port}/paynow?connect_timeout=60");
    let mut app = TestApp::builder()
        .workers(0)
        .worker_setting("DATABASE_URL", &address)
        .start();
    app.launch_worker();
    // One of the session, the housekeeping and the survey waits for the database's first answer, and the
    // others for their turn to connect.
    let _asked: Vec<_> = silent.incoming().take(1).collect();
    stops_soon(&mut app);
}
