//! Replaying dead letters: the preview, crediting once, and what stops a replay.

mod expected;
mod interrupted;
mod origin;
mod preview;
mod stopped;

use std::process::{Child, Command, Stdio};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::harness::{Order, Outcome, Program, TestApp, eventually, flake};

const PRODUCT: i64 = 600_000_000_000_000_040;
const OTHER: i64 = 600_000_000_000_000_099;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "price list is complete"];
const ALL_UNKNOWN: [&str; 3] = ["--reason", "unknown_product", "--yes"];

/// An app with this many dead orders of an unknown product, and these orders.
fn dead_orders(count: usize) -> (TestApp, Vec<Order>) {
    let app = TestApp::start();
    let orders = die(&app, PRODUCT, count);
    (app, orders)
}

fn die(app: &TestApp, product: i64, count: usize) -> Vec<Order> {
    let orders: Vec<Order> = (0..count).map(|_| Order::of(product, flake())).collect();
    for order in &orders {
        app.deliver(order);
    }
    app.drain();
    orders
}

fn replay(app: &TestApp, arguments: &[&str]) -> Outcome {
    app.ctl(&[&["dead", "replay"], arguments, &NOTE].concat())
}

fn replay_json(app: &TestApp, arguments: &[&str]) -> Value {
    replay(app, &[arguments, &["--json"]].concat()).json()
}

/// The number of letters in each state, as `state: letters`.
fn states(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT state || ': ' || count(*) AS value FROM dead_letters GROUP BY state ORDER BY state",
    )
}

fn balances(app: &TestApp, orders: &[Order]) -> Vec<i64> {
    let balance = |order: &Order| app.balance_of(order.customer_id);
    orders.iter().map(balance).collect()
}

fn action(app: &TestApp) -> String {
    let first = app
        .database
        .number("SELECT min(action_id) AS value FROM operator_actions WHERE action = 'replay'");
    first.to_string()
}

fn stop_workers(app: &mut TestApp) {
    app.workers.iter_mut().for_each(Program::stop);
    app.workers.clear();
}

/// Starts a replay and does not wait for it.
fn start(app: &TestApp, arguments: &[&str]) -> Child {
    let here = std::env::current_exe().expect("a process knows its file");
    let binaries = here.parent().and_then(|deps| deps.parent());
    Command::new(binaries.expect("deps is in the profile").join("paynowctl"))
        .env_clear()
        .envs(app.variables())
        .args(["dead", "replay"])
        .args(arguments)
        .args(NOTE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("paynowctl starts")
}

/// Waits for the end of a replay and returns its output.
fn ended(child: Child) -> Outcome {
    let output = child.wait_with_output().expect("a child can be waited for");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

/// A refund of this order, whole or in part: an order is of 1000.
fn refund(order: &Order, amount: i64) -> Value {
    json!({
        "event_type": "ON_REFUND", "event_id": flake().to_string(),
        "body": {
            "id": flake().to_string(), "order_id": order.order_id.to_string(),
            "status": "completed", "amount": amount, "currency": "USD",
            "customer": {"id": order.customer_id.to_string()},
        },
    })
}

#[test]
fn letters_of_a_product_that_is_known_now_are_credited_once_and_resolved() {
    let (app, orders) = dead_orders(3);
    app.set_product(PRODUCT, 500);
    let numbers = app
        .database
        .texts("SELECT dead_letter_id::text AS value FROM dead_letters ORDER BY dead_letter_id");

    let done = replay_json(&app, &ALL_UNKNOWN);

    assert_eq!(balances(&app, &orders), [500; 3]);
    assert_eq!(states(&app), ["resolved: 3"]);
    let expected = json!({
        "replay": action(&app), "ended": "finished",
        "applied": 3, "dead_again": 0, "deferred": 0, "skipped": 0, "to_do": 0,
    });
    let mut printed = expected.clone();
    printed["expect"] = done["expect"].clone();
    printed["chosen_anew"] = true.into();
    assert_eq!(done, printed);
    // Attempts are counted from one again, and the data about the arrival stays.
    let kept = app.database.texts(
        "SELECT concat_ws(' ', event.attempts, event.secret_id, \
             event.signed_at = letter.signed_at, event.received_at = letter.received_at) AS value \
         FROM webhook_events AS event JOIN dead_letters AS letter \
             ON letter.event_id = event.event_id::text",
    );
    assert_eq!(kept, ["1 test t t"; 3]);

    let recorded = app.database.texts(
        "SELECT jsonb_build_array(operator, why, selection, outcome)::text AS value \
         FROM operator_actions WHERE action = 'replay' ORDER BY action_id",
    );
    let recorded: Vec<Value> = recorded
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    let lines: String = numbers.iter().map(|number| format!("{number}\n")).collect();
    let hash: String = digest(&SHA256, lines.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let selection = json!({
        "meant": {"reason": "unknown_product"}, "dead_letter_ids": numbers, "sha256": hash,
        "expect": done["expect"],
    });
    let begun = json!({"begun": true, "dead_letter_ids": numbers});
    let (who, why) = ("anna", "price list is complete");
    assert_eq!(
        recorded,
        [
            json!([who, why, selection, begun]),
            json!([who, why, {"replay": action(&app)}, expected]),
        ]
    );
    let shown = app.ctl_json(&["dead", "show", &numbers[0]]);
    assert_eq!(shown["operator_actions"][0]["action"], "replay");

    let nothing_left = replay(&app, &ALL_UNKNOWN);
    assert_eq!(nothing_left.code, Some(3), "{nothing_left:?}");
    let named = replay(&app, &[&numbers[0]]);
    assert!(named.stderr.contains("is resolved"), "{named:?}");
}

#[test]
fn replaying_all_twice_while_the_originals_are_still_queued_credits_nothing_twice() {
    let (mut app, orders) = dead_orders(3);
    app.set_product(PRODUCT, 500);
    stop_workers(&mut app);
    for order in &orders {
        app.deliver(order);
    }

    for _time in 0..2 {
        let all = ["--canary", "3", "--wait", "1"];
        let silent = replay(&app, &[&ALL_UNKNOWN[..], &all].concat());
        assert_eq!(silent.code, Some(1), "{silent:?}");
        // Makes them look as if each had died again meanwhile.
        app.database
            .execute("UPDATE dead_letters SET state = 'open'")
            .unwrap();
    }
    eventually("nine messages are queued", || {
        (app.broker.depth("paynow.credits") == 9).then_some(())
    });
    app.start_worker();
    eventually("all messages are handled", || {
        (app.broker.depth("paynow.credits") == 0).then_some(())
    });
    let first = action(&app);
    replay(&app, &["--resume", &first]).succeeded();

    assert_eq!(states(&app), ["resolved: 3"]);
    assert_eq!(balances(&app, &orders), [500; 3]);
    let entries = "SELECT count(*) AS value FROM ledger_entries";
    assert_eq!(app.database.number(entries), 3);
}
