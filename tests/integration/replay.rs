//! Replaying dead letters: what is shown first, what is credited once, and what stops it.

use std::process::{Child, Command, Stdio};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::harness::{Order, Outcome, Program, TestApp, eventually, flake};

const PRODUCT: i64 = 600_000_000_000_000_040;
const OTHER: i64 = 600_000_000_000_000_099;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "price list is complete"];
const ALL_UNKNOWN: [&str; 3] = ["--reason", "unknown_product", "--yes"];

/// An app with this many orders dead of an unknown product, and who ordered.
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

/// How many letters stand where, as `state: letters`.
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
    assert_eq!(done, expected);
    // Attempts start anew, and what is known of the arrival stays.
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
fn a_dry_run_shows_the_effect_on_balances_and_writes_nothing() {
    let (app, orders) = dead_orders(1);
    let order = &orders[0];
    let refund = json!({
        "event_type": "ON_REFUND", "event_id": flake().to_string(),
        "body": {
            "id": flake().to_string(), "order_id": order.order_id.to_string(),
            "status": "completed", "amount": 250, "currency": "USD",
            "customer": {"id": order.customer_id.to_string()},
        },
    });
    // It waits for its order until the ladder ends.
    app.deliver_bytes(refund.to_string().as_bytes());
    app.drain();
    die(&app, OTHER, 1);
    app.set_product(PRODUCT, 500);
    let since = ["--since", "2020-01-01T00:00:00Z"];

    let shown = replay_json(&app, &since);

    assert_eq!(shown["dry_run"], true);
    let letters: Vec<Value> = shown["letters"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|letter| json!([letter["would_be"], letter["because"], letter["points"]]))
        .collect();
    // The refund is seen to come after its order.
    let expected = [
        json!(["applied", null, 500]),
        json!(["applied", null, -125]),
        json!(["dead_again", "unknown_product", 0]),
    ];
    assert_eq!(letters, expected);
    let wallet = json!({
        "wallet_id": order.customer_id.to_string(),
        "balance": 0, "change": 375, "balance_after": 375,
    });
    assert_eq!(shown["wallets"], json!([wallet]));
    let human = replay(&app, &since).succeeded().stdout;
    for part in [
        "+375",
        "dead again: unknown_product",
        "dry run: 3 dead letters",
    ] {
        assert!(human.contains(part), "{part}: {human}");
    }

    assert_eq!(states(&app), ["open: 3"]);
    assert_eq!(app.balance_of(order.customer_id), 0);
    let rows = "SELECT (SELECT count(*) FROM operator_actions) + (SELECT count(*) FROM replays) \
                + (SELECT count(*) FROM webhook_events) AS value";
    assert_eq!(app.database.number(rows), 0);

    // What was foreseen is what happens.
    let done = replay_json(
        &app,
        &[&since[..], &["--yes", "--max-failures", "50"]].concat(),
    );
    assert_eq!(
        (&done["applied"], &done["dead_again"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(app.balance_of(order.customer_id), 375);
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
        // As if each had died again meanwhile.
        app.database
            .execute("UPDATE dead_letters SET state = 'open'")
            .unwrap();
    }
    eventually("nine messages are queued", || {
        (app.broker.depth("paynow.credits") == 9).then_some(())
    });
    app.start_worker();
    eventually("all are handled", || {
        (app.broker.depth("paynow.credits") == 0).then_some(())
    });
    let first = action(&app);
    replay(&app, &["--resume", &first]).succeeded();

    assert_eq!(states(&app), ["resolved: 3"]);
    assert_eq!(balances(&app, &orders), [500; 3]);
    let entries = "SELECT count(*) AS value FROM ledger_entries";
    assert_eq!(app.database.number(entries), 3);
}

#[test]
fn a_canary_that_dies_again_stops_the_rest() {
    let (app, orders) = dead_orders(4);

    let stopped = replay(&app, &ALL_UNKNOWN);

    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("died again"), "{stopped:?}");
    assert_eq!(states(&app), ["open: 4"]);
    let deaths = "SELECT sum(deaths) AS value FROM dead_letters";
    assert_eq!(app.database.number(deaths), 5);

    app.set_product(PRODUCT, 500);
    let resume = ["--resume", &action(&app), "--max-failures", "100"];
    let resumed = replay_json(&app, &resume);
    assert_eq!(
        (&resumed["applied"], &resumed["dead_again"]),
        (&json!(3), &json!(1))
    );
    replay(&app, &ALL_UNKNOWN).succeeded();
    assert_eq!(balances(&app, &orders), [500; 4]);
    assert_eq!(states(&app), ["resolved: 4"]);
}

#[test]
fn a_share_of_failures_past_the_limit_stops_it_and_a_person_may_go_on() {
    let (app, orders) = dead_orders(6);
    app.set_product(PRODUCT, 500);
    die(&app, OTHER, 4);

    let pace = ["--rate", "2/s", "--max-failures", "10"];
    let stopped = replay(&app, &[&ALL_UNKNOWN[..], &pace].concat());

    // One, two, two and two: one of the last is the first that dies again, one of seven.
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("14 %"), "{stopped:?}");
    assert_eq!(states(&app), ["open: 4", "resolved: 6"]);
    let id = action(&app);
    let still = replay(&app, &["--resume", &id]);
    assert_eq!(still.code, Some(1), "{still:?}");
    let went_on = replay_json(&app, &["--resume", &id, "--max-failures", "100"]);
    assert_eq!(
        (&went_on["dead_again"], &went_on["to_do"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(balances(&app, &orders), [500; 6]);
}

#[test]
fn a_replay_that_was_killed_goes_on_where_it_was() {
    let (app, orders) = dead_orders(6);
    app.set_product(PRODUCT, 500);

    let mut killed = start(&app, &[&ALL_UNKNOWN[..], &["--rate", "1"]].concat());
    eventually("two are resolved", || {
        let resolved = "SELECT count(*) AS value FROM dead_letters WHERE state = 'resolved'";
        (app.database.number(resolved) >= 2).then_some(())
    });
    killed.kill().expect("a process of ours can be killed");
    killed.wait().expect("a child can be waited for");

    let left = app
        .database
        .number("SELECT count(*) AS value FROM replays WHERE state = 'waiting'");
    assert!(left > 0, "it was too fast to be killed");
    let id = action(&app);
    // The server has to notice first that the killed one is gone.
    eventually("it goes on", || {
        (replay(&app, &["--resume", &id]).code == Some(0)).then_some(())
    });
    assert_eq!(states(&app), ["resolved: 6"]);
    assert_eq!(balances(&app, &orders), [500; 6]);
    let unknown = replay(&app, &["--resume", "999999"]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
}

#[test]
fn a_letter_that_was_taken_and_never_sent_is_sent_by_the_next_run() {
    let (app, orders) = dead_orders(2);
    app.set_product(PRODUCT, 500);
    // What a kill between the taking and the publish leaves behind.
    app.database
        .execute(
            "INSERT INTO operator_actions (action, operator, why) VALUES ('replay', 'anna', 'x'); \
             INSERT INTO replays (action_id, dead_letter_id, deaths_before) \
                 SELECT action_id, dead_letter_id, deaths FROM operator_actions, dead_letters; \
             UPDATE dead_letters SET state = 'replayed'",
        )
        .unwrap();

    replay(&app, &["--resume", &action(&app)]).succeeded();

    assert_eq!(balances(&app, &orders), [500; 2]);
    assert_eq!(states(&app), ["resolved: 2"]);
}

#[test]
fn what_somebody_discarded_meanwhile_is_skipped() {
    let (app, orders) = dead_orders(3);
    let stopped = replay(&app, &ALL_UNKNOWN);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    let last = app
        .database
        .number("SELECT max(dead_letter_id) AS value FROM dead_letters");
    app.ctl(&[&["dead", "discard", &last.to_string()], &NOTE[..]].concat())
        .succeeded();
    app.set_product(PRODUCT, 500);

    let done = replay_json(&app, &["--resume", &action(&app), "--max-failures", "100"]);

    assert_eq!((&done["applied"], &done["skipped"]), (&json!(1), &json!(1)));
    assert_eq!(states(&app), ["discarded: 1", "open: 1", "resolved: 1"]);
    assert_eq!(balances(&app, &orders).iter().sum::<i64>(), 500);
}

#[test]
fn live_traffic_goes_first() {
    let (mut app, orders) = dead_orders(1);
    app.set_product(PRODUCT, 500);
    stop_workers(&mut app);
    app.deliver(&Order::of(PRODUCT, flake()));
    let queue = format!(
        "queues/{}?disable_stats=true&enable_queue_totals=true",
        app.broker.vhost()
    );
    eventually("the broker tells the depth", || {
        let queues = app.broker.get(&queue);
        let credits = queues
            .as_array()?
            .iter()
            .find(|queue| queue["name"] == "paynow.credits")?;
        (credits["messages"] == 1).then_some(())
    });
    let number = app
        .database
        .number("SELECT dead_letter_id AS value FROM dead_letters");
    let number = number.to_string();
    let mut waiting = start(&app, &[&number, "--max-depth", "0"]);
    eventually("it has begun", || {
        (app.database.number("SELECT count(*) AS value FROM replays") == 1).then_some(())
    });
    assert_eq!(app.broker.depth("paynow.credits"), 1);
    app.start_worker();
    let status = waiting.wait().expect("a child can be waited for");

    assert!(status.success(), "{status}");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut waiting.stdout.take().expect("it is kept"), &mut said)
        .expect("output is UTF-8");
    assert!(said.contains("1 messages are in paynow.credits"), "{said}");
    assert_eq!(balances(&app, &orders), [500]);
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
        .stderr(Stdio::null())
        .spawn()
        .expect("paynowctl starts")
}
