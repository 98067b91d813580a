//! Events that wait for a worker while there is none.

use serde_json::Value;

use crate::harness::{Order, Program, TestApp, eventually, flake, free_port};
use crate::privileges::login::with;

const PRODUCT: i64 = 600_000_000_000_000_040;

/// A row of the check, and its exit code.
fn row(app: &TestApp, id: &str) -> (Value, Option<i32>) {
    eventually("the check reads the broker", || {
        let check = app.ctl(&["check", "--json"]);
        let rows = check.json();
        let mut rows = rows.as_array()?.iter();
        Some((rows.find(|row| row["id"] == id)?.clone(), check.code))
    })
}

#[test]
fn check_fails_while_events_wait_and_no_worker_takes_them() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(PRODUCT, 500);
    let (idle, code) = row(&app, "waiting_is_consumed");
    assert_eq!((&idle["status"], code), (&"ok".into(), Some(0)), "{idle}");
    app.deliver(&Order::of(PRODUCT, flake()));
    // The queue itself needs no time to know.
    let (figures, _code) = row(&app, "broker_figures");
    let age = figures["message"].as_str().expect("a text");
    for part in ["every 5 s", "up to 10 s old", "1 ready, consumers: 0"] {
        assert!(age.contains(part), "{age}");
    }
    eventually("the broker's figures have caught up", || {
        (app.broker.management_depth("paynow.credits") == Some(1)).then_some(())
    });
    let (alone, code) = row(&app, "waiting_is_consumed");
    assert_eq!(
        (&alone["status"], code),
        (&"failed".into(), Some(1)),
        "{alone}"
    );
    let message = alone["message"].as_str().expect("a text");
    assert!(
        message.starts_with("1 event waits and no worker takes them"),
        "{message}"
    );

    app.start_worker();
    app.drain();
    eventually("the broker's figures have caught up", || {
        (row(&app, "waiting_is_consumed").1 == Some(0)).then_some(())
    });
}

#[test]
fn a_worker_that_the_list_does_not_show_yet_takes_what_waits() {
    let mut app = TestApp::builder().workers(0).start();
    let (idle, code) = row(&app, "consumers");
    assert_eq!(
        (&idle["status"], code),
        (&"notice".into(), Some(0)),
        "{idle}"
    );
    app.start_worker();
    let (consumed, _code) = row(&app, "consumers");
    assert_eq!(consumed["status"], "ok", "{consumed}");
}

#[test]
fn check_still_tells_what_the_management_api_shows_when_the_queue_cannot_be_asked() {
    let app = TestApp::builder().workers(0).start();
    eventually("the broker answers", || {
        (app.ctl(&["check"]).code == Some(0)).then_some(())
    });
    let mut url = app.broker.url().clone();
    url.set_port(Some(free_port())).expect("it takes a port");
    let variables = with(app.variables(), "AMQP_URL", Some(url.as_str()));
    let check = Program::run("paynowctl", &variables, &["check", "--json"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    let rows = check.json();
    let mut rows = rows.as_array().expect("a list").iter();
    let figures = rows
        .find(|row| row["id"] == "broker_figures")
        .expect("a row");
    assert_eq!(figures["status"], "notice", "{figures}");
    let message = figures["message"].as_str().expect("a text");
    assert!(message.contains("could not be asked"), "{message}");
}
