//! What stops or delays a replay, other than a signal.

use serde_json::json;

use super::{
    ALL_UNKNOWN, NOTE, OTHER, PRODUCT, action, balances, dead_orders, die, ended, replay,
    replay_json, start, states, stop_workers,
};
use crate::harness::{Order, TestApp, eventually, flake};

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
fn a_share_of_failures_past_the_limit_stops_it_and_a_person_may_continue() {
    let (app, orders) = dead_orders(6);
    app.set_product(PRODUCT, 500);
    die(&app, OTHER, 4);

    let pace = ["--rate", "2/s", "--max-failures", "10"];
    let stopped = replay(&app, &[&ALL_UNKNOWN[..], &pace].concat());

    // Batches of one, two, two and two: one of the last batch dies again, so one of seven.
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
fn a_letter_discarded_meanwhile_is_skipped() {
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
    await_shown_depth(&app);
    let number = app
        .database
        .number("SELECT dead_letter_id AS value FROM dead_letters");
    let number = number.to_string();
    let waiting = start(&app, &[&number, "--max-depth", "0"]);
    eventually("the replay has begun", || {
        (app.database.number("SELECT count(*) AS value FROM replays") == 1).then_some(())
    });
    assert_eq!(app.broker.depth("paynow.credits"), 1);
    app.start_worker();

    let output = ended(waiting).succeeded().stdout;
    assert!(
        output.contains("1 message is in paynow.credits"),
        "{output}"
    );
    assert_eq!(balances(&app, &orders), [500]);
}

/// A replay of two letters that the live traffic has stopped before the first one; the worker runs again.
fn stopped_by_live_traffic() -> (TestApp, Vec<Order>) {
    let (mut app, orders) = dead_orders(2);
    app.set_product(PRODUCT, 500);
    stop_workers(&mut app);
    app.deliver(&Order::of(PRODUCT, flake()));
    await_shown_depth(&app);

    let wait_briefly = ["--max-depth", "0", "--max-depth-wait", "1"];
    let stopped = replay(&app, &[&ALL_UNKNOWN[..], &wait_briefly].concat());

    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    let resume = format!("--resume {}", action(&app));
    for part in ["1 message is in", "for 1 s", "--max-depth 0", &resume] {
        assert!(stopped.stderr.contains(part), "{part}: {stopped:?}");
    }
    assert_eq!(states(&app), ["open: 2"]);
    app.start_worker();
    (app, orders)
}

#[test]
fn live_traffic_that_fills_the_queue_stops_it_before_anything_is_replayed() {
    let (app, orders) = stopped_by_live_traffic();
    replay(&app, &["--resume", &action(&app)]).succeeded();
    assert_eq!(balances(&app, &orders), [500; 2]);
}

#[test]
fn a_replay_that_skipped_a_letter_is_no_success() {
    let (app, orders) = stopped_by_live_traffic();
    let last = "SELECT max(dead_letter_id) AS value FROM dead_letters";
    let last = app.database.number(last).to_string();
    app.ctl(&[&["dead", "discard", &last], &NOTE[..]].concat())
        .succeeded();

    let resumed = replay(&app, &["--resume", &action(&app)]);

    assert_eq!(resumed.code, Some(1), "{resumed:?}");
    assert!(
        resumed.stderr.contains("1 letter was skipped"),
        "{resumed:?}"
    );
    assert_eq!(states(&app), ["discarded: 1", "resolved: 1"]);
    assert_eq!(balances(&app, &orders).iter().sum::<i64>(), 500);
}

/// Waits until the management API shows, with its delay, that one message is in the queue.
fn await_shown_depth(app: &TestApp) {
    eventually("the management API shows the message", || {
        (app.broker.management_depth("paynow.credits") == Some(1)).then_some(())
    });
}
