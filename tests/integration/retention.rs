//! Payloads and bodies contain personal data and are deleted after their retention time. Keys,
//! digests, credits and reasons stay, and so does everything that still needs a person.

use serde_json::Value;

use crate::harness::{Order, PLANTED_NAME, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An event id that PayNow would have created so many days ago.
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

    // A worker does its housekeeping when it starts and at intervals.
    app.start_worker();
    eventually("the old payload is deleted", || {
        (payloads(&app) == 1).then_some(())
    });

    app.deliver(&old);
    app.deliver(&Order {
        event_id: old.event_id,
        ..Order::of(POINTS, buyer)
    });
    eventually("another body with its id is a conflict", || {
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
        "the body of an open dead letter was deleted"
    );
}

/// Inserts letters of one state that died 400 days ago, and were settled so many days ago if at
/// all.
fn letters(app: &TestApp, state: &str, settled_days_ago: Option<i64>, count: i64) {
    let settled_at = settled_days_ago.map_or_else(
        || "NULL".to_owned(),
        |days| format!("now() - interval '{days} days'"),
    );
    app.database
        .execute(&format!(
            "INSERT INTO dead_letters (event_id, reason, error, state, body, body_sha256, attempts, \
                 first_dead_at, last_dead_at, settled_at) \
             SELECT '{state}-{count}-' || n, 'malformed', 'no JSON', '{state}', \
                 convert_to(repeat('x', 200), 'UTF8'), sha256(n::text::bytea), 1, \
                 now() - interval '400 days', now() - interval '400 days', {settled_at} \
             FROM generate_series(1, {count}) AS n"
        ))
        .unwrap();
}

/// How many letters have a body and how many have none, as `state: with without`.
fn bodies(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT state || ': ' || count(body) || ' ' || count(*) - count(body) AS value \
         FROM dead_letters GROUP BY state ORDER BY state",
    )
}

#[test]
fn bodies_of_settled_letters_are_forgotten_in_bounded_pieces_and_no_others() {
    let mut app = TestApp::builder().workers(0).start();
    letters(&app, "discarded", Some(31), 4_500);
    letters(&app, "resolved", Some(31), 1_200);
    letters(&app, "discarded", Some(29), 300);
    letters(&app, "open", None, 2_000);
    letters(&app, "replayed", None, 100);

    app.start_worker();
    let expected = [
        "discarded: 300 4500",
        "open: 2000 0",
        "replayed: 100 0",
        "resolved: 0 1200",
    ];
    eventually("old bodies are deleted", || {
        (bodies(&app) == expected).then_some(())
    });

    // `xmin` is the transaction that wrote a row last.
    let largest = "SELECT max(rows) AS value FROM (SELECT count(*) AS rows FROM dead_letters \
                   WHERE body IS NULL GROUP BY xmin::text) AS pieces";
    assert_eq!(app.database.number(largest), 1_000);
    let still_recorded = "SELECT count(*) AS value FROM dead_letters \
                WHERE body IS NULL AND error = 'no JSON' AND octet_length(body_sha256) = 32";
    assert_eq!(app.database.number(still_recorded), 5_700);
    let refused = app
        .database
        .execute("UPDATE dead_letters SET body = NULL WHERE state = 'open'");
    assert!(
        refused
            .unwrap_err()
            .contains("dead_letters_unsettled_has_body")
    );
}

#[test]
fn a_letter_without_its_body_is_shown_as_such_and_gets_it_back_when_it_dies_again() {
    let mut app = TestApp::start();
    let order = Order::of(POINTS + 9, flake());
    app.deliver(&order);
    app.drain();
    let event = order.event_id.to_string();
    let discard = ["dead", "discard", &event, "--by", "anna", "--why", "a test"];
    app.ctl(&discard).succeeded();
    app.database
        .execute("UPDATE dead_letters SET settled_at = now() - interval '31 days'")
        .unwrap();
    app.start_worker();
    eventually("its body is deleted", || {
        (bodies(&app) == ["discarded: 0 1"]).then_some(())
    });

    let shown = app.ctl(&["dead", "show", &event, "--reveal"]).succeeded();
    for part in ["unknown_product", "the body was deleted by retention on 20"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let shown = app.ctl_json(&["dead", "show", &event]);
    assert_eq!(
        (&shown["body"], &shown["points_at_stake"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shown["body_form"], "forgotten");
    let digest = shown["body_sha256"].as_str().map(str::len);
    assert_eq!(digest, Some(64));
    let groups = app.ctl_json(&["dead", "list", "--state", "discarded"]);
    // Nobody waits for the points of a letter that was given up.
    assert_eq!(groups[0]["letters_of_unknown_points"], 0);
    let wallet = order.customer_id.to_string();
    let listed = app.ctl(&["dead", "list", "--state", "all", "--wallet", &wallet]);
    assert!(
        listed
            .succeeded()
            .stdout
            .contains("1 more letter may match")
    );
    let story = app.ctl_json(&["events", "show", &event]);
    assert!(
        story["dead_letters"][0]["body_forgotten_at"].is_string(),
        "{story}"
    );

    app.deliver(&order);
    eventually("the event has died again", || {
        (bodies(&app) == ["open: 1 0"]).then_some(())
    });
    let shown = app.ctl(&["dead", "show", &event, "--reveal"]).succeeded();
    assert!(shown.stdout.contains(PLANTED_NAME), "{}", shown.stdout);
    assert_eq!(app.ctl_json(&["dead", "show", &event])["deaths"], 2);
}

#[test]
#[ignore = "a million rows: ops/test runs it alone"]
fn a_million_old_payloads_are_deleted_while_orders_are_credited() {
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
    // Waits in stages, so that a slow machine has enough time for each.
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
