//! A message that panics the worker, and one that aborts its process, stay alone. The worker under
//! test is built with the feature `poison`, as `paynow-worker-poison`; `ops/test` builds it.

use serde_json::json;

use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const NEIGHBOURS: usize = 300;
/// Two crashes with neighbours, three alone, and some to spare.
const RESTARTS_MAX: usize = 8;

fn poison(event_type: &str) -> Vec<u8> {
    json!({"event_type": event_type, "event_id": flake().to_string(), "body": {}})
        .to_string()
        .into_bytes()
}

/// Sends many orders with the poison in the middle, and starts the worker again whenever it has
/// died. Returns the number of starts.
fn survive(app: &mut TestApp, buyer: i64, event_type: &str) -> usize {
    for place in 0..NEIGHBOURS {
        assert!(app.deliver(&Order::of(POINTS, buyer)).accepted());
        if place == NEIGHBOURS / 2 {
            assert!(app.deliver_bytes(&poison(event_type)).accepted());
        }
    }
    let mut starts = 0;
    eventually("all neighbours are credited and the poison is dead", || {
        if app.workers.iter_mut().all(|worker| !worker.is_running()) {
            app.workers.clear();
            starts += 1;
            assert!(starts <= RESTARTS_MAX, "the worker died {starts} times");
            app.launch_worker();
        }
        let credited = app.balance_of(buyer) == 500 * i64::try_from(NEIGHBOURS).ok()?;
        (credited && app.dead_letters().len() == 1).then_some(())
    });
    starts
}

fn app() -> TestApp {
    let app = TestApp::builder()
        .workers(0)
        .worker_program("paynow-worker-poison")
        .start();
    app.set_product(POINTS, 500);
    app
}

#[test]
fn a_message_that_panics_is_dead_alone_and_costs_no_restart() {
    let mut app = app();
    let starts = survive(&mut app, flake(), "ON_TEST_PANIC");
    assert_eq!(starts, 1);
    assert!(
        app.dead_letters()[0].ends_with(": crash_loop"),
        "{:?}",
        app.dead_letters()
    );
}

#[test]
fn a_message_that_kills_the_process_is_dead_alone_after_a_few_restarts() {
    let mut app = app();
    let starts = survive(&mut app, flake(), "ON_TEST_ABORT");
    assert!(starts > 1, "the message did not kill the worker");
    assert!(
        app.dead_letters()[0].ends_with(": crash_loop"),
        "{:?}",
        app.dead_letters()
    );
    // A mark is removed a moment after the credit of its message.
    let marks = "SELECT count(*) AS value FROM suspects";
    eventually("no crash mark is left", || {
        (app.database.number(marks) == 0).then_some(())
    });
}
