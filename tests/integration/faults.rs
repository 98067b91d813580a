//! Our promises under real faults. These tests kill and restart the servers of the stack that
//! `PAYNOW_STACK` names, so `ops/test` runs them one at a time, on a stack of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Answer, Order, Outcome, Program, Stack, TestApp, eventually, flake, post};

const POINTS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;
/// Longer than the interval and the limit of a probe together.
const PROBE: Duration = Duration::from_secs(25);

/// Runs `paynowctl send` in a thread. It sends refused events again, as PayNow does.
fn send<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    app: &TestApp,
    options: &[&str],
) -> ScopedJoinHandle<'scope, Outcome> {
    let (url, variables) = (app.webhook_url(), app.variables());
    let product = format!("{POINTS}={PRICE}");
    let fixed = [
        "send",
        "--json",
        "--give-up-after",
        "120",
        "--url",
        &url,
        "--product",
        &product,
    ];
    let arguments: Vec<String> = fixed
        .iter()
        .chain(options)
        .map(|argument| (*argument).to_owned())
        .collect();
    scope.spawn(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Program::run("paynowctl", &variables, &arguments)
    })
}

/// An alarm that lasts so long would show a probe that the broker does not answer during one.
fn outlast_a_probe() {
    let began = Instant::now();
    eventually("the alarm outlasts a probe", || {
        (began.elapsed() > PROBE).then_some(())
    });
}

/// Waits until so many events are credited, so that a fault hits a system at work.
fn await_credited(app: &TestApp, events: i64) {
    eventually(&format!("{events} events are credited"), || {
        let sql = "SELECT count(*) AS value FROM webhook_events";
        (app.database.number(sql) >= events).then_some(())
    });
}

/// Checks that every event that `send` reports as accepted is credited once, and nothing else is.
fn assert_credited_once(app: &TestApp, sent: Outcome) {
    let report = sent.succeeded().json();
    let mut expected = BTreeMap::<i64, i64>::new();
    for event in report["events"].as_array().expect("send lists its events") {
        assert_eq!(event["accepted"], true);
        let text = |field: &str| event[field].as_str().expect("ids are texts").to_owned();
        app.note_accepted(&text("event_id"));
        let wallet = text("wallet_id").parse().expect("ids are numbers");
        let quantity = event["quantity"].as_i64().expect("a quantity is a number");
        *expected.entry(wallet).or_default() += quantity * PRICE;
    }
    app.drain();
    let rows = app
        .database
        .texts("SELECT wallet_id || ' ' || balance AS value FROM wallets");
    let balances: BTreeMap<i64, i64> = rows
        .iter()
        .map(|row| {
            let (wallet, balance) = row.split_once(' ').expect("two columns");
            (
                wallet.parse().expect("a number"),
                balance.parse().expect("a number"),
            )
        })
        .collect();
    assert_eq!(balances, expected);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn ten_thousand_orders_twice_through_a_killed_worker_and_a_restarted_broker() {
    let mut app = TestApp::builder().workers(2).start();
    app.set_product(POINTS, PRICE);
    let sent = thread::scope(|scope| {
        let options = ["--count", "10000", "--duplicate", "1", "--connections", "8"];
        let sending = send(scope, &app, &options);
        await_credited(&app, 1_000);
        app.workers.remove(0).kill();
        await_credited(&app, 2_500);
        Stack::stop("broker");
        Stack::start("broker");
        app.start_worker();
        sending.join().expect("send ends")
    });

    let report: Value = serde_json::from_str(&sent.stdout).expect("send reports");
    assert_eq!(report["accepted"], 20_000, "{}", sent.stderr);
    assert_credited_once(&app, sent);
    let receiver = app.receiver.as_ref().expect("it runs").memory_peak_mib();
    let workers: Vec<u64> = app.workers.iter().map(Program::memory_peak_mib).collect();
    println!("memory: receiver {receiver} MiB, workers {workers:?} MiB");
    assert!(receiver < 50, "the receiver had {receiver} MiB");
    assert!(
        workers.iter().all(|mib| *mib < 100),
        "the workers had {workers:?} MiB"
    );
    assert_eq!(app.ctl(&["check"]).code, Some(0));
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_broker_killed_under_load_loses_and_doubles_nothing() {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let sent = thread::scope(|scope| {
        let sending = send(scope, &app, &["--count", "3000", "--rate", "300"]);
        await_credited(&app, 900);
        Stack::kill("broker");
        Stack::start("broker");
        sending.join().expect("send ends")
    });
    assert_credited_once(&app, sent);
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_database_killed_under_load_costs_no_event_and_no_dead_letter() {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let sent = thread::scope(|scope| {
        let sending = send(scope, &app, &["--count", "2000", "--rate", "400"]);
        await_credited(&app, 300);
        Stack::kill("db");
        // The receiver needs no database and accepts all events while it is down.
        let sent = sending.join().expect("send ends");
        Stack::start("db");
        sent
    });
    assert_credited_once(&app, sent);
    let attempts = "SELECT max(attempts)::bigint AS value FROM webhook_events";
    assert_eq!(app.database.number(attempts), 1);
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn an_outage_of_a_minute_longer_than_the_consumer_timeout_spends_no_attempt() {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    Stack::rabbitmqctl(&[
        "eval",
        "application:set_env(rabbit, consumer_timeout, 5000).",
    ]);
    let sent = thread::scope(|scope| {
        let sending = send(scope, &app, &["--count", "3250", "--rate", "50"]);
        await_credited(&app, 100);
        Stack::kill("db");
        // At this rate the rest takes a minute, and the receiver accepts all of it without the
        // database.
        let sent = sending.join().expect("send ends");
        Stack::start("db");
        sent
    });
    assert_credited_once(&app, sent);
    Stack::rabbitmqctl(&[
        "eval",
        "application:set_env(rabbit, consumer_timeout, 1800000).",
    ]);
    let attempts = "SELECT max(attempts)::bigint AS value FROM webhook_events";
    assert_eq!(app.database.number(attempts), 1);
    assert_eq!(
        app.database
            .number("SELECT count(*) AS value FROM suspects"),
        0
    );
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_blocked_broker_is_503_while_acknowledgements_still_flow() {
    let mut app = TestApp::builder()
        .workers(0)
        .receiver_setting("RECEIVER_PUBLISH_TIMEOUT_MS", "1000")
        .start();
    app.set_product(POINTS, PRICE);
    let buyer = flake();
    for _ in 0..300 {
        assert!(app.deliver(&Order::of(POINTS, buyer)).accepted());
    }

    Stack::rabbitmqctl(&["set_disk_free_limit", "999999GB"]);
    outlast_a_probe();
    let refused = eventually("the receiver is blocked", || {
        let answer = app.deliver(&Order::of(POINTS, buyer));
        (answer.code() == "blocked").then_some(answer)
    });
    app.start_worker();
    app.drain();
    outlast_a_probe();
    let ready = app.receiver_ready();
    let depth = app.broker.depth("paynow.credits");
    Stack::rabbitmqctl(&["set_disk_free_limit", "50MB"]);

    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (503, Some("5"))
    );
    assert!(ready.is_some_and(|(status, text)| status == 503 && text.contains("blocked")));
    assert_eq!(depth, 0, "an event stayed unacknowledged");
    let logs = app.logs();
    assert!(!logs.contains("no answer to a probe"), "{logs}");
    assert!(!logs.contains("sign of life"), "{logs}");
    eventually("the receiver accepts events again", || {
        app.deliver(&Order::of(POINTS, buyer))
            .accepted()
            .then_some(())
    });
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_stopping_receiver_answers_what_it_accepted_and_loses_nothing() {
    let mut app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let (url, stopped) = (app.webhook_url(), AtomicBool::new(false));
    let orders: Vec<(Order, Answer)> = thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut accepted = Vec::new();
                    while !stopped.load(Ordering::Relaxed) {
                        let order = Order::of(POINTS, flake());
                        // A load balancer would send refused connections elsewhere.
                        if let Ok(answer) = crate::harness::try_post(&url, &order.body()) {
                            accepted.push((order, answer));
                        }
                    }
                    accepted
                })
            })
            .collect();
        await_credited(&app, 200);
        app.receiver.as_mut().expect("it runs").stop();
        stopped.store(true, Ordering::Relaxed);
        senders
            .into_iter()
            .flat_map(|sender| sender.join().expect("it ends"))
            .collect()
    });
    app.receiver = Some(app.start_receiver());

    assert!(orders.len() >= 200);
    for (order, answer) in &orders {
        assert_eq!(answer.status, 202, "{answer:?}");
        app.note_accepted(&order.event_id.to_string());
    }
    app.drain();
    for (order, _answer) in &orders {
        assert_eq!(app.balance_of(order.customer_id), PRICE);
    }
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn every_202_of_a_killed_receiver_is_credited() {
    let mut app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let sent = thread::scope(|scope| {
        let sending = send(scope, &app, &["--count", "3000", "--rate", "500"]);
        for round in 1..=3 {
            await_credited(&app, round * 500);
            app.receiver.take().expect("it runs").kill();
            app.receiver = Some(app.start_receiver());
        }
        sending.join().expect("send ends")
    });
    assert_credited_once(&app, sent);
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn workers_killed_again_and_again_credit_everything_once() {
    let mut app = TestApp::builder().workers(2).start();
    app.set_product(POINTS, PRICE);
    let sent = thread::scope(|scope| {
        let sending = send(
            scope,
            &app,
            &["--count", "4000", "--rate", "700", "--duplicate", "1"],
        );
        for round in 1..=5 {
            await_credited(&app, round * 500);
            app.workers.remove(0).kill();
            app.start_worker();
        }
        sending.join().expect("send ends")
    });
    assert_credited_once(&app, sent);
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn with_everything_down_both_programs_wait_and_then_work() {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let buyer = flake();
    app.deliver(&Order::of(POINTS, buyer));
    app.drain();
    Stack::stop("broker");
    Stack::stop("db");
    let refused = post(&app.webhook_url(), &Order::of(POINTS, buyer).body());
    Stack::start("db");
    Stack::start("broker");

    assert_eq!((refused.status, refused.code()), (503, "disconnected"));
    eventually("the receiver accepts events again", || {
        app.deliver(&Order::of(POINTS, buyer))
            .accepted()
            .then_some(())
    });
    app.drain();
    assert_eq!(app.balance_of(buyer), 2 * PRICE);
}
