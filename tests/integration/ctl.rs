//! `paynowctl` as operators and scripts use it: exit codes, JSON, and that `check` finds what is
//! broken.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;

/// The status of one row of `paynowctl check`.
fn status_of(rows: &Value, id: &str) -> String {
    let rows = rows.as_array().expect("check lists rows");
    let row = rows
        .iter()
        .find(|row| row["id"] == id)
        .unwrap_or_else(|| panic!("no row {id}"));
    row["status"]
        .as_str()
        .expect("a status is a word")
        .to_owned()
}

#[test]
fn products_are_set_changed_and_listed() {
    let app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    app.set_product(POINTS, 600);
    app.set_product(POINTS + 1, 0);
    let listed = app.ctl_json(&["products", "list"]);
    let points: Vec<(&str, i64)> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            (
                row["product_id"].as_str().unwrap(),
                row["points"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        points,
        [("600000000000000040", 600), ("600000000000000041", 0)]
    );
    assert_eq!(app.ctl(&["products", "set", "40", "-1"]).code, Some(2));
}

#[test]
fn a_wallet_is_shown_with_its_history() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let wallet = buyer.to_string();
    let (first, second) = (
        Order::of(POINTS, buyer),
        Order::of(POINTS, buyer).quantity(2),
    );
    for order in [&first, &second] {
        app.deliver(order);
        app.drain();
    }

    let shown = app.ctl_json(&["wallet", "show", &wallet]);
    let history = app.ctl_json(&["wallet", "history", &wallet]);
    assert_eq!(shown["wallet_id"], wallet);
    assert_eq!(shown["balance"], 1500);
    assert_eq!(shown["in_debt"], false);
    assert_eq!(history[0]["points"], 1000);
    assert_eq!(history[0]["balance_after"], 1500);
    assert_eq!(history[1]["order_id"], first.order_id.to_string());
    let human = app.ctl(&["wallet", "show", &wallet]).succeeded().stdout;
    assert!(human.contains("1500"), "{human}");
    assert_eq!(app.ctl(&["wallet", "show", "12345"]).code, Some(3));
}

#[test]
fn an_event_is_shown_whether_it_was_credited_or_died() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let credited = Order::of(POINTS, flake());
    let dead = Order::of(POINTS + 9, flake());
    app.deliver(&credited);
    app.deliver(&dead);
    app.drain();

    let story = app.ctl_json(&["events", "show", &credited.event_id.to_string()]);
    assert_eq!(story["outcome"], "credited");
    assert_eq!(story["secret_id"], "test");
    assert_eq!(story["entries"][0]["points"], 500);
    assert_eq!(story["entries"][0]["wallet_balance"], 500);
    let story = app.ctl_json(&["events", "show", &dead.event_id.to_string()]);
    assert_eq!(story["outcome"], Value::Null);
    assert_eq!(story["dead_letters"][0]["reason"], "unknown_product");
    let unknown = app.ctl(&["events", "show", "12345"]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
}

#[test]
fn an_event_is_shown_with_the_actions_on_its_dead_letter() {
    let app = TestApp::start();
    let dead = Order::of(POINTS, flake());
    let event_id = dead.event_id.to_string();
    app.deliver(&dead);
    app.drain();
    app.ctl(&[
        "dead",
        "discard",
        &event_id,
        "--by",
        "anna",
        "--why",
        "ticket 4711",
    ])
    .succeeded();

    let story = app.ctl_json(&["events", "show", &event_id]);
    let action = &story["operator_actions"][0];
    assert_eq!(
        (&action["action"], &action["by"]),
        (&json!("discard"), &json!("anna"))
    );
    assert_eq!(action["why"], "ticket 4711");
    assert_eq!(story["dead_letters"][0]["state"], "discarded");
    let human = app.ctl(&["events", "show", &event_id]).succeeded().stdout;
    assert!(
        human.contains("operator actions") && human.contains("anna"),
        "{human}"
    );
}

#[test]
fn send_posts_a_file_byte_for_byte() {
    let app = TestApp::start();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("body-{}", flake()));
    std::fs::write(&file, b"\x00 exactly these bytes \xff").unwrap();
    let path = file.to_str().unwrap();
    let sent = app
        .ctl(&[
            "send",
            "--json",
            "--url",
            &app.webhook_url(),
            "--file",
            path,
        ])
        .succeeded()
        .json();
    app.note_accepted(sent["events"][0]["event_id"].as_str().unwrap());
    app.drain();
    let body = app
        .database
        .texts("SELECT encode(body, 'hex') AS value FROM dead_letters");
    let hex: String = std::fs::read(&file)
        .unwrap()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(body, [hex]);
}

#[test]
fn check_finds_a_balance_that_is_not_its_ledger() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    app.deliver(&Order::of(POINTS, buyer));
    app.drain();
    assert_eq!(app.ctl(&["check", "--skip-broker"]).code, Some(0));

    // Only a superuser can switch off the triggers for a session.
    let tamper = format!(
        "SET session_replication_role = replica; \
         UPDATE wallets SET balance = balance + 1 WHERE wallet_id = {buyer}; \
         SET session_replication_role = origin"
    );
    app.database.execute(&tamper).unwrap();
    let check = app.ctl(&["check", "--skip-broker", "--json"]);
    assert_eq!(check.code, Some(1));
    assert_eq!(status_of(&check.json(), "balances_match_ledger"), "failed");
    app.leave_unaudited();
}

#[test]
fn check_accounts_for_every_accepted_event_and_misses_one_that_is_nowhere() {
    let mut app = TestApp::start();
    app.set_product(POINTS, 500);
    app.deliver(&Order::of(POINTS, flake()));
    app.deliver(&Order::of(POINTS + 9, flake()));
    app.deliver_bytes(br#"{"event_type":"ON_TRIAL_ACTIVATED","event_id":"7"}"#);
    app.drain();
    app.workers.remove(0).stop();
    app.deliver(&Order::of(POINTS, flake()));

    eventually("the broker's figures have caught up", || {
        let check = app.ctl(&["check", "--accepted", "4", "--json"]).json();
        let row = check.as_array().unwrap().last().unwrap().clone();
        let all = "4 accepted: 1 applied, 1 ignored, 1 waiting, 1 dead";
        (row["status"] == "ok" && row["message"] == all).then_some(())
    });
    let check = app.ctl(&["check", "--accepted", "5", "--json"]);
    assert_eq!(check.code, Some(1));
    assert_eq!(status_of(&check.json(), "accounted_for"), "failed");
    app.start_worker();
}

#[test]
fn check_finds_what_is_wrong_with_the_broker() {
    let app = TestApp::builder().workers(0).start();
    assert_eq!(app.ctl(&["check"]).succeeded().code, Some(0));
    app.broker
        .delete(&format!("policies/{}/paynow.credits", app.broker.vhost()));
    let check = app.ctl(&["check", "--json"]);
    assert_eq!(check.code, Some(1));
    assert_eq!(status_of(&check.json(), "queues"), "failed");
    app.ctl(&["setup"]).succeeded();
    app.leave_unaudited();
}

#[test]
fn a_missing_setting_is_one_sentence_and_exit_64() {
    let app = TestApp::builder().workers(0).start();
    let without = |name: &str| -> Vec<(String, String)> {
        app.variables()
            .into_iter()
            .filter(|(variable, _)| variable != name)
            .collect()
    };
    for (program, arguments, missing) in [
        ("paynow-receiver", &[][..], "AMQP_URL"),
        ("paynow-receiver", &[], "PAYNOW_SIGNING_SECRETS"),
        ("paynow-worker", &[], "DATABASE_URL"),
        ("paynow-worker", &[], "PAYNOW_SIGNING_SECRETS"),
        ("paynowctl", &["check"], "DATABASE_URL"),
    ] {
        let outcome = crate::harness::Program::run(program, &without(missing), arguments);
        assert_eq!(
            outcome.code,
            Some(64),
            "{program} without {missing}: {outcome:?}"
        );
        assert!(outcome.stderr.contains(missing), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}

#[test]
fn a_signing_secret_that_can_be_guessed_is_refused_at_the_start() {
    let app = TestApp::builder().workers(0).start();
    for (program, setting) in [
        ("paynow-receiver", "PAYNOW_SIGNING_SECRETS"),
        ("paynow-worker", "PAYNOW_SIGNING_SECRETS"),
        ("paynow-worker", "PAYNOW_RETIRED_SECRETS"),
    ] {
        let mut variables = app.variables();
        variables.push((setting.to_owned(), "orders:x".to_owned()));
        let outcome = crate::harness::Program::run(program, &variables, &[]);
        assert_eq!(outcome.code, Some(64), "{program}: {outcome:?}");
        let said = format!("{setting} holds a secret of fewer than 8 characters");
        assert!(outcome.stderr.contains(&said), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}

#[test]
fn output_cut_off_by_a_pipe_is_no_panic() {
    let app = TestApp::builder().workers(0).start();
    let here = std::env::current_exe().unwrap();
    let binary = here.parent().unwrap().parent().unwrap().join("paynowctl");
    let mut child = Command::new(binary)
        .args(["topology", "export"])
        .env_clear()
        .envs(app.variables())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!words.contains("panicked"), "{words}");
}

#[test]
fn logs_contain_no_secret_and_no_personal_data() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    let mut odd = order.retold().json();
    odd["body"]["lines"][0]["gift_to_customer"] = json!(crate::harness::PLANTED_NAME);
    app.deliver(&order);
    app.deliver_bytes(odd.to_string().as_bytes());
    app.drain();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", app.receiver_port())).unwrap();
    write!(
        stream,
        "POST /webhooks/paynow HTTP/1.1\r\nhost: {}\r\n\r\n",
        crate::harness::PLANTED_EMAIL
    )
    .unwrap();

    // The harness checks every log when the app is dropped. This test gives it something to find.
    app.await_log("event_dead_lettered");
    app.await_log("webhook_queued");
    let errors = app
        .database
        .texts("SELECT error AS value FROM dead_letters");
    assert!(
        !errors.concat().contains(crate::harness::PLANTED_NAME),
        "{errors:?}"
    );
}
