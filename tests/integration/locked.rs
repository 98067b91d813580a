//! A lock that another transaction holds: only the events that need the held row wait, and a worker that
//! holds messages and commits nothing says so.

mod outage;

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error};

use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;
/// Less than the ten seconds for which each transaction used to wait for a lock.
const AT_ONCE: Duration = Duration::from_secs(8);

/// A system without a worker, in which a wallet has 1000 points.
fn app_with_wallet() -> (TestApp, i64) {
    let mut app = TestApp::start();
    app.set_product(POINTS, PRICE);
    let wallet = flake();
    app.deliver(&Order::of(POINTS, wallet).quantity(2));
    app.drain();
    app.workers.remove(0).stop();
    (app, wallet)
}

/// Runs statements in a transaction that stays open until `COMMIT`, `ROLLBACK` or the drop.
fn hold(app: &TestApp, statements: &str) -> PgConnection {
    let mut connection = app.database.connect();
    connection
        .batch_execute(&format!("BEGIN; {statements}"))
        .unwrap();
    connection
}

fn hold_wallet(app: &TestApp, wallet: i64) -> PgConnection {
    let spend = format!("SET LOCAL ROLE paynow_spender; SELECT spend({wallet}, 100, 'sword-1')");
    hold(app, &spend)
}

/// Starts a worker, and waits until each of these wallets has the points of one order.
fn start_worker_and_await(app: &mut TestApp, wallets: &[i64]) {
    app.start_worker();
    let started = Instant::now();
    eventually("the neighbours are credited", || {
        wallets
            .iter()
            .all(|wallet| app.balance_of(*wallet) == PRICE)
            .then_some(())
    });
    let elapsed = started.elapsed();
    assert!(elapsed < AT_ONCE, "the neighbours waited {elapsed:?}");
}

/// How often events were put on the retry ladder for a reason, as the worker counts it.
fn retries(app: &TestApp, reason: &str) -> f64 {
    ["1", "2"]
        .iter()
        .filter_map(|rung| {
            app.worker_metric(&format!(
                "paynow_worker_retries_total{{rung_seconds=\"{rung}\",reason=\"{reason}\"}}"
            ))
        })
        .sum()
}

fn pauses(app: &TestApp) -> Option<f64> {
    app.worker_metric("paynow_worker_pauses_total{cause=\"database\"}")
}

pub(crate) fn attempts_of(app: &TestApp, wallets: &[i64]) -> i64 {
    let list: Vec<String> = wallets.iter().map(ToString::to_string).collect();
    app.database.number(&format!(
        "SELECT max(attempts)::bigint AS value FROM webhook_events JOIN orders USING (order_id) \
         WHERE buyer_wallet_id IN ({})",
        list.join(", ")
    ))
}

#[test]
fn a_held_wallet_keeps_only_its_own_events_waiting() {
    let (mut app, held) = app_with_wallet();
    let mut backend = hold_wallet(&app, held);
    let neighbours: Vec<i64> = (0..10).map(|_| flake()).collect();
    for neighbour in &neighbours {
        for _ in 0..5 {
            app.deliver(&Order::of(POINTS, held));
        }
        app.deliver(&Order::of(POINTS, *neighbour));
    }

    start_worker_and_await(&mut app, &neighbours);

    assert_eq!(app.balance_of(held), 1000, "the spend is not committed");
    eventually("events of the wallet wait on the ladder", || {
        (retries(&app, "wallet_locked") >= 1.0).then_some(())
    });
    assert_eq!(pauses(&app), Some(0.0));
    backend.batch_execute("COMMIT").unwrap();
    app.drain();
    assert_eq!(app.dead_letters(), Vec::<String>::new());
    assert_eq!(app.balance_of(held), 1000 - 100 + 50 * PRICE);
    assert_eq!(attempts_of(&app, &neighbours), 1);
}

#[test]
fn an_event_of_a_wallet_that_stays_held_is_a_dead_letter_that_can_be_replayed() {
    let (mut app, held) = app_with_wallet();
    let mut backend = hold_wallet(&app, held);
    let order = Order::of(POINTS, held);
    app.deliver(&order);
    app.start_worker();

    let event = order.event_id.to_string();
    eventually("the event is a dead letter", || {
        (app.dead_letters() == [format!("{event}: wallet_locked")]).then_some(())
    });
    let error = app
        .database
        .texts("SELECT error AS value FROM dead_letters");
    assert!(error[0].contains(&held.to_string()), "{error:?}");

    backend.batch_execute("ROLLBACK").unwrap();
    let note = ["--by", "anna", "--why", "the backend was restarted"];
    app.ctl(&[&["dead", "replay", &event], &note[..]].concat())
        .succeeded();
    eventually("the replayed event is credited", || {
        (app.balance_of(held) == 1000 + PRICE).then_some(())
    });
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

#[test]
fn an_uncommitted_row_of_another_table_keeps_only_its_own_event_waiting() {
    let (mut app, _held) = app_with_wallet();
    let (order, known) = (Order::of(POINTS, flake()), Order::of(POINTS, flake()));
    let rows = format!(
        "INSERT INTO orders (order_id, event_id) VALUES ({}, 1); \
         INSERT INTO webhook_events (event_id, event_type, outcome, body_sha256, attempts) \
         VALUES ({}, 'ON_ORDER_COMPLETED', 'ignored', sha256('a'), 1)",
        order.order_id, known.event_id
    );
    let mut other = hold(&app, &rows);
    let neighbours: Vec<i64> = (0..8).map(|_| flake()).collect();
    app.deliver(&order);
    app.deliver(&known);
    for neighbour in &neighbours {
        app.deliver(&Order::of(POINTS, *neighbour));
    }

    start_worker_and_await(&mut app, &neighbours);

    eventually("both events wait on the ladder", || {
        (retries(&app, "row_locked") >= 2.0).then_some(())
    });
    assert_eq!(pauses(&app), Some(0.0));
    other.batch_execute("ROLLBACK").unwrap();
    app.drain();
    assert_eq!(app.dead_letters(), Vec::<String>::new());
    assert_eq!(app.balance_of(order.customer_id), PRICE);
    assert_eq!(app.balance_of(known.customer_id), PRICE);
    assert_eq!(attempts_of(&app, &neighbours), 1);
}

#[test]
fn a_held_row_of_products_stops_no_credit() {
    let (mut app, _held) = app_with_wallet();
    let _operator = hold(&app, "UPDATE products SET points = 1");
    let buyer = flake();
    app.deliver(&Order::of(POINTS, buyer));

    start_worker_and_await(&mut app, &[buyer]);

    assert_eq!(attempts_of(&app, &[buyer]), 1);
}

#[test]
fn a_table_that_is_locked_as_a_whole_is_an_outage_and_spends_no_attempt() {
    let (mut app, _held) = app_with_wallet();
    app.start_worker();
    for table in ["product_prices", "orders", "order_lines", "wallets"] {
        let paused_before = pauses(&app).unwrap();
        let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        let mut other = hold(&app, &lock);
        let buyers: Vec<i64> = (0..5).map(|_| flake()).collect();
        for buyer in &buyers {
            app.deliver(&Order::of(POINTS, *buyer));
        }
        eventually("the worker is paused", || {
            (pauses(&app)? > paused_before).then_some(())
        });

        other.batch_execute("ROLLBACK").unwrap();

        app.drain();
        assert_eq!(attempts_of(&app, &buyers), 1, "{table}");
    }
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

#[test]
fn a_table_lock_that_is_not_granted_yet_spends_no_attempt_either() {
    let (mut app, _held) = app_with_wallet();
    app.start_worker();
    for table in ["orders", "wallets"] {
        let paused_before = pauses(&app).unwrap();
        // Whoever only reads keeps the other one waiting, and everybody waits behind that one.
        let mut reader = hold(&app, &format!("SELECT count(*) FROM {table}"));
        let buyers: Vec<i64> = (0..5).map(|_| flake()).collect();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut other = app.database.connect();
                let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; ROLLBACK");
                other.batch_execute(&lock).unwrap();
            });
            let is_waiting = "SELECT count(*) AS value FROM pg_locks \
                              WHERE NOT granted AND mode = 'AccessExclusiveLock' AND database = \
                                  (SELECT oid FROM pg_database WHERE datname = current_database())";
            eventually("the lock of the table is asked for", || {
                (app.database.number(is_waiting) == 1).then_some(())
            });
            for buyer in &buyers {
                app.deliver(&Order::of(POINTS, *buyer));
            }
            eventually("the worker is paused", || {
                (pauses(&app)? > paused_before).then_some(())
            });
            reader.batch_execute("ROLLBACK").unwrap();
            waiting.join().unwrap();
        });

        app.drain();
        assert_eq!(attempts_of(&app, &buyers), 1, "{table}");
    }
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

#[test]
fn a_held_dead_letter_keeps_no_other_from_the_desk() {
    let app = TestApp::start();
    let held = Order::of(POINTS, flake());
    app.deliver(&held);
    app.drain();
    let row = "SELECT FROM dead_letters FOR UPDATE";
    let mut other = hold(&app, row);

    // The held letter dies again, and others for the first time.
    app.deliver(&held);
    let others: Vec<Order> = (0..5).map(|_| Order::of(POINTS, flake())).collect();
    for order in &others {
        app.deliver(order);
    }
    eventually("the others are at the desk", || {
        (app.dead_letters().len() == 1 + others.len()).then_some(())
    });
    let deaths = format!(
        "SELECT deaths::bigint AS value FROM dead_letters WHERE event_id = '{}'",
        held.event_id
    );
    assert_eq!(app.database.number(&deaths), 1);

    other.batch_execute("ROLLBACK").unwrap();
    eventually("the held letter has died again", || {
        (app.database.number(&deaths) == 2).then_some(())
    });
}

#[test]
fn workers_that_share_a_wallet_put_no_event_on_the_ladder() {
    let (mut app, shared) = app_with_wallet();
    for _ in 0..300 {
        app.deliver(&Order::of(POINTS, shared).line(POINTS, 1, Some(flake())));
    }
    app.start_worker();
    app.start_worker();
    app.drain();

    assert_eq!(app.balance_of(shared), 1000 + 300 * PRICE);
    assert_eq!(attempts_of(&app, &[shared]), 1);
}

#[test]
fn only_a_session_that_asks_for_it_gets_the_name_of_a_held_wallet() {
    let (app, held) = app_with_wallet();
    let _backend = hold_wallet(&app, held);
    let mut session = app.database.connect();
    session
        .batch_execute("SET lock_timeout TO '50ms'; SET ROLE paynow_worker")
        .unwrap();
    let mut insert = |key: &str| {
        let insert = format!(
            "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
             VALUES ('order-line:{key}', {held}, 1, 1, 'order_line', 5)"
        );
        let setting = if key == "2" { "on" } else { "off" };
        let set = format!("SET paynow.name_locks TO {setting}");
        session.batch_execute(&set).unwrap();
        let error = session.batch_execute(&insert).unwrap_err();
        let Error::DatabaseError(kind, information) = error else {
            panic!("{error}");
        };
        let name = information.constraint_name().map(str::to_owned);
        let is_check = matches!(kind, DatabaseErrorKind::CheckViolation);
        (name, is_check, information.message().to_owned())
    };

    // The worker of the version before takes any named constraint for the fault of the event.
    let (name, is_check, message) = insert("1");
    assert_eq!((name, is_check), (None, false));
    assert_eq!(message, "canceling statement due to lock timeout");
    let (name, is_check, message) = insert("2");
    assert_eq!((name.as_deref(), is_check), (Some("wallet_locked"), true));
    assert!(message.contains(&held.to_string()), "{message}");
}

#[test]
#[ignore = "suspends processes of the database server: ops/test runs it alone"]
fn a_worker_whose_database_is_silent_is_not_ready_until_it_answers() {
    let app = TestApp::builder()
        .worker_setting("WORKER_LANES", "1")
        .worker_setting("WORKER_STALL_SECONDS", "2")
        .start();
    app.set_product(POINTS, PRICE);
    app.deliver(&Order::of(POINTS, flake()));
    app.drain();
    let silent = app.silence_database();

    let buyer = flake();
    app.deliver(&Order::of(POINTS, buyer));
    let readiness = eventually("the worker is not ready", || {
        app.worker_admin("/readyz")
            .filter(|(status, _text)| *status == 503)
    });
    assert!(readiness.1.contains("stalled"), "{readiness:?}");
    eventually("its metrics tell since when", || {
        let seconds = app.worker_metric("paynow_worker_uncommitted_seconds")?;
        (seconds >= 2.0).then_some(())
    });
    drop(silent);

    eventually("the worker is ready again", || {
        app.worker_admin("/readyz")
            .filter(|(status, _text)| *status == 200)
    });
    app.drain();
    assert_eq!(app.balance_of(buyer), PRICE);
    assert_eq!(attempts_of(&app, &[buyer]), 1);
    eventually("nothing waits any more", || {
        (app.worker_metric("paynow_worker_uncommitted_seconds") == Some(0.0)).then_some(())
    });
}
