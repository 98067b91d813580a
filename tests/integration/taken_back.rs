//! `send` takes back what it sent, and what an order was that it is told.

use serde_json::Value;

use crate::harness::{Program, TestApp};

const POINTS: i64 = 600_000_000_000_000_040;

/// Sends with the receiver's address as a setting, and waits until all of it is handled.
fn send(app: &TestApp, arguments: &[&str]) -> Value {
    let mut variables = app.variables();
    variables.push(("PAYNOW_WEBHOOK_URL".to_owned(), app.webhook_url()));
    let arguments = [&["send", "--json"], arguments].concat();
    let sent = Program::run("paynowctl", &variables, &arguments);
    let sent = sent.succeeded().json();
    for event in sent["events"].as_array().expect("a list") {
        app.note_accepted(event["event_id"].as_str().expect("a text"));
    }
    app.drain();
    sent
}

/// The wallet and the order of the first event.
fn first(sent: &Value) -> (i64, String) {
    let event = &sent["events"][0];
    let wallet = event["wallet_id"].as_str().expect("a text");
    let order = event["order_id"].as_str().expect("a text");
    (wallet.parse().expect("a number"), order.to_owned())
}

fn types(sent: &Value) -> Vec<&str> {
    let events = sent["events"].as_array().expect("a list");
    events
        .iter()
        .map(|event| event["event_type"].as_str().expect("a text"))
        .collect()
}

#[test]
fn an_order_of_this_run_is_refunded_or_charged_back_and_given_back() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);

    let refunded = send(&app, &["--then", "refund"]);
    assert_eq!(types(&refunded), ["ON_ORDER_COMPLETED", "ON_REFUND"]);
    let (wallet, _order) = first(&refunded);
    assert_eq!(app.balance_of(wallet), 0);

    let steps = ["--then", "chargeback", "--then", "chargeback-won"];
    let won = send(&app, &[&["--count", "2"], &steps[..]].concat());
    let (order, opened, closed) = (
        "ON_ORDER_COMPLETED",
        "ON_CHARGEBACK",
        "ON_CHARGEBACK_CLOSED",
    );
    assert_eq!(types(&won), [order, order, opened, opened, closed, closed]);
    assert_eq!(app.balance_of(wallet), 500);

    // Of an order of one line, a part is for a person to decide.
    let part = send(&app, &["--then", "partial-refund"]);
    let refund = part["events"][1]["event_id"].as_str().expect("a text");
    assert_eq!(app.dead_letters(), [format!("{refund}: partial_refund")]);
    assert_eq!(app.balance_of(wallet), 1000);
}

#[test]
fn an_order_of_an_earlier_run_is_named() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let (wallet, order) = first(&send(&app, &[]));

    for (what, balance) in [
        ("chargeback", 0),
        ("chargeback-won", 500),
        ("chargeback", 0),
        ("chargeback-lost", 0),
    ] {
        let sent = send(&app, &["--order", &order, "--then", what]);
        assert_eq!(first(&sent), (wallet, order.clone()), "{sent}");
        assert_eq!(app.balance_of(wallet), balance, "{what}");
    }
    let (_wallet, order) = first(&send(&app, &["--wallets", "1"]));
    send(&app, &["--order", &order, "--then", "refund"]);
    assert_eq!(app.balance_of(wallet), 0);

    let url = app.webhook_url();
    let unknown = ["send", "--url", &url, "--order", "7", "--then", "refund"];
    let refused = app.ctl(&unknown);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    for wrong in [
        &["send", "--order", "7"][..],
        &["send", "--then", "theft"],
        &["send", "--then", "refund", "--file", "-"],
        &["send", "--then", "refund", "--event-type", "ON_REFUND"],
    ] {
        assert_eq!(app.ctl(wrong).code, Some(2), "{wrong:?}");
    }
}
