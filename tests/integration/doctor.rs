//! `paynowctl doctor` on real servers: all is fine, and each part that is broken, which hides no other.

use serde_json::{Value, json};

use crate::harness::{Order, Outcome, Program, SECRET, TestApp, eventually, flake};
use crate::reversals::chargeback;

const PRODUCT: i64 = 600_000_000_000_000_040;
const UNPRICED: i64 = 600_000_000_000_000_049;

/// What `doctor` says, with some variables of the app replaced.
pub(crate) fn doctor(app: &TestApp, replaced: &[(&str, &str)]) -> Outcome {
    let mut variables = app.variables();
    variables.retain(|(name, _value)| !replaced.iter().any(|(other, _value)| name == other));
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.extend(replaced.iter().map(owned));
    Program::run("paynowctl", &variables, &["doctor", "--json"])
}

pub(crate) fn row(outcome: &Outcome, id: &str) -> Value {
    let rows = outcome.json();
    let mut rows = rows.as_array().expect("doctor lists rows").iter();
    let row = rows.find(|row| row["id"] == id);
    row.unwrap_or_else(|| panic!("no row {id}: {outcome:?}"))
        .clone()
}

pub(crate) fn status(outcome: &Outcome, id: &str) -> String {
    row(outcome, id)["status"]
        .as_str()
        .expect("a word")
        .to_owned()
}

#[track_caller]
fn assert_statuses(outcome: &Outcome, expected: &str, ids: &[&str]) {
    for id in ids {
        assert_eq!(status(outcome, id), expected, "{}", row(outcome, id));
    }
}

const OF_BROKER: [&str; 5] = ["queues", "routing", "unrouted", "management", "waiting"];
const OF_DATABASE: [&str; 5] = ["database", "database_rights", "schema", "clock", "products"];

/// An app that has credited an order.
fn busy_app() -> TestApp {
    let app = TestApp::start();
    app.set_product(PRODUCT, 500);
    app.deliver(&Order::of(PRODUCT, flake()));
    app.drain();
    app
}

#[test]
fn a_system_that_works_has_no_failure_and_misses_nothing_that_comes_rarely() {
    let app = busy_app();
    eventually("the broker lists the worker", || {
        let outcome = doctor(&app, &[]);
        (status(&outcome, "workers") == "ok").then_some(())
    });

    let outcome = doctor(&app, &[]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_statuses(&outcome, "ok", &OF_BROKER);
    assert_statuses(&outcome, "ok", &OF_DATABASE);
    let more = ["settings", "broker", "broker_rights", "broker_certificate"];
    assert_statuses(&outcome, "ok", &more);
    assert_statuses(&outcome, "ok", &["secrets", "webhook_order_completed"]);
    // Nothing shows that there was one.
    let rare = [
        "webhook_refund",
        "webhook_chargeback",
        "webhook_chargeback_closed",
    ];
    assert_statuses(&outcome, "ok", &rare);
    let message = row(&outcome, "webhook_refund")["message"].to_string();
    assert!(message.contains("has come yet"), "{message}");
    // Without its setting.
    let public = ["public_certificate", "public_receiver"];
    assert_statuses(&outcome, "unknown", &public);
    let remedy = row(&outcome, "public_certificate")["remedy"].to_string();
    assert!(remedy.contains("PAYNOW_PUBLIC_URL"), "{remedy}");
}

/// Applied or dead: both show that PayNow sends the type.
#[test]
fn a_type_that_others_prove_to_be_missing_is_named() {
    let app = TestApp::start();
    let silent = doctor(&app, &[]);
    assert_statuses(&silent, "warn", &["webhook_order_completed"]);
    let remedy = row(&silent, "webhook_order_completed")["remedy"].to_string();
    assert!(remedy.contains("test purchase"), "{remedy}");

    app.set_product(PRODUCT, 500);
    let order = Order::of(PRODUCT, flake());
    app.deliver_bytes(&chargeback(&order, flake(), Some("won")));
    app.drain();
    let outcome = doctor(&app, &[]);
    let closed = row(&outcome, "webhook_chargeback_closed");
    assert_eq!(closed["status"], "ok", "{closed}");
    let missing = ["webhook_order_completed", "webhook_chargeback"];
    assert_statuses(&outcome, "warn", &missing);
    assert_statuses(&outcome, "ok", &["webhook_refund"]);
    let subscribe = json!("subscribe to it in PayNow's dashboard");
    assert_eq!(row(&outcome, "webhook_chargeback")["remedy"], subscribe);
    let table = app.ctl(&["doctor"]).succeeded().stdout;
    assert!(table.contains("subscribe to it"), "{table}");
}

#[test]
fn a_broker_that_is_not_there_hides_nothing_of_the_database() {
    let app = busy_app();

    // Nothing listens at port 1.
    let nowhere = [
        ("AMQP_URL", "amqp://guest:hidden@127.0.0.1:1/%2f"),
        ("AMQP_MANAGEMENT_URL", "http://guest:hidden@127.0.0.1:1"),
    ];
    let outcome = doctor(&app, &nowhere);

    assert_eq!(outcome.code, Some(1));
    assert_statuses(&outcome, "fail", &["broker", "management"]);
    assert_statuses(&outcome, "unknown", &["broker_rights", "queues", "workers"]);
    assert_statuses(&outcome, "ok", &OF_DATABASE);
    assert!(!outcome.stdout.contains("hidden"), "{outcome:?}");
}

#[test]
fn a_wrong_password_and_a_wrong_setting_are_told_beside_the_rest() {
    let app = busy_app();
    let mut broker = app.broker.url().clone();
    broker.set_password(Some("wrong")).expect("it has a host");
    let mut database = app.database.url().clone();
    database.set_port(Some(1)).expect("it has a host");

    let outcome = doctor(&app, &[("AMQP_URL", broker.as_str()), ("TRIALS", "maybe")]);
    assert_eq!(outcome.code, Some(1));
    assert_statuses(&outcome, "fail", &["broker", "settings"]);
    assert_statuses(&outcome, "ok", &OF_BROKER);
    assert_statuses(&outcome, "ok", &OF_DATABASE);

    let outcome = doctor(&app, &[("DATABASE_URL", database.as_str())]);
    assert_eq!(outcome.code, Some(1));
    assert_statuses(&outcome, "fail", &["database"]);
    assert_statuses(&outcome, "unknown", &OF_DATABASE[1..]);
    assert_statuses(&outcome, "unknown", &["secrets", "webhook_refund"]);
    assert_statuses(&outcome, "ok", &OF_BROKER);
}

#[test]
fn a_missing_queue_a_product_without_points_and_an_unused_secret_are_named() {
    let app = TestApp::builder().workers(0).start();
    app.leave_unaudited();
    app.broker.delete(&format!(
        "queues/{}/paynow.credits.dead",
        app.broker.vhost()
    ));
    let order = format!(
        "INSERT INTO orders (order_id, event_id) VALUES ({}, 1)",
        flake()
    );
    app.database.execute(&order).unwrap();
    let line = format!(
        "INSERT INTO order_lines (order_id, line_id, product_id, quantity) \
         SELECT order_id, 1, {UNPRICED}, 1 FROM orders"
    );
    app.database.execute(&line).unwrap();
    app.database
        .execute("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)")
        .unwrap();

    let secrets = format!("test:{SECRET},spare:pn-0123456789abcdef");
    let outcome = doctor(&app, &[("PAYNOW_SIGNING_SECRETS", &secrets)]);

    assert_eq!(outcome.code, Some(1));
    assert_statuses(&outcome, "fail", &["queues", "schema"]);
    assert_eq!(row(&outcome, "queues")["remedy"], "paynowctl setup");
    assert_statuses(&outcome, "warn", &["products", "secrets", "workers"]);
    let named = row(&outcome, "products")["message"].to_string();
    assert!(named.contains(&UNPRICED.to_string()), "{named}");
    let named = row(&outcome, "secrets")["message"].to_string();
    assert!(named.contains("secret spare"), "{named}");
    let metadata = doctor(&app, &[("POINTS_METADATA_KEY", "points")]);
    assert_statuses(&metadata, "ok", &["products"]);
}

#[test]
fn events_that_wait_for_no_worker_are_a_failure() {
    let app = TestApp::builder().workers(0).start();
    assert!(app.deliver(&Order::of(PRODUCT, flake())).accepted());
    eventually("doctor sees that nobody takes the event", || {
        (status(&doctor(&app, &[]), "waiting") == "fail").then_some(())
    });
    assert_eq!(doctor(&app, &[]).code, Some(1));
    app.leave_unaudited();
}
