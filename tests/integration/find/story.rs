//! What is told of an event that waited, of one that waits for its order, and of one that never came.

use serde_json::Value;

use super::hits;
use super::ladder::rows;
use crate::harness::{Order, TestApp, eventually, flake};
use crate::reversals::refund;

const POINTS: i64 = 600_000_000_000_000_040;

fn steps(story: &Value) -> Vec<(i64, i64, &str)> {
    let steps = story["waiting_steps"].as_array().unwrap().iter();
    steps
        .map(|step| {
            let number = |field: &str| step[field].as_i64().unwrap();
            (
                number("attempt"),
                number("rung_seconds"),
                step["reason"].as_str().unwrap(),
            )
        })
        .collect()
}

fn moments(story: &Value) -> Vec<&str> {
    let moments = story["moments"].as_array().unwrap().iter();
    moments.map(|it| it["what"].as_str().unwrap()).collect()
}

#[test]
fn an_event_that_waited_tells_which_rungs_and_why_when_it_is_dead_and_when_it_is_applied() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    let refund_event = app.deliver_bytes(&refund(&order, flake(), 1000));
    let event = refund_event.event_id().to_owned();
    app.drain();
    eventually("nothing waits any more", || (rows(&app) == 0).then_some(()));

    let died = app.ctl_json(&["events", "show", &event]);
    let took = [(1, 1, "order_unknown"), (2, 2, "order_unknown")];
    assert_eq!(steps(&died), took, "{died}");
    let first = "attempt 1 failed: order_unknown; on the rung of 1 s";
    assert!(moments(&died).contains(&first), "{died}");

    app.deliver(&order);
    app.drain();
    app.ctl(&[
        "dead",
        "replay",
        &event,
        "--by",
        "anna",
        "--why",
        "its order is here",
        "--yes",
    ])
    .succeeded();
    let applied = app.ctl_json(&["events", "show", &event]);
    assert_eq!(applied["outcome"], "reversed");
    assert_eq!(steps(&applied), took, "{applied}");
    let shown = app.ctl(&["events", "show", &event]).succeeded().stdout;
    assert!(
        shown.contains("waits on the retry ladder") && shown.contains(first),
        "{shown}"
    );
}

#[test]
fn a_refund_that_waits_for_its_order_is_found_by_the_order_and_by_each_of_its_ids() {
    let mut app = TestApp::start();
    app.set_product(POINTS, 500);
    let (order, refund_id) = (Order::of(POINTS, flake()), flake());
    let body = refund(&order, refund_id, 1000);
    let told: Value = serde_json::from_slice(&body).unwrap();
    let payment = told["body"]["payment_id"].as_str().unwrap().to_owned();
    let event = app.deliver_bytes(&body).event_id().to_owned();
    let (order_id, refund_id) = (order.order_id.to_string(), refund_id.to_string());
    let show = ["orders", "show", &order_id];
    let story = eventually("the order shows the refund", || {
        let shown = app.ctl(&[&show[..], &["--json"]].concat());
        (shown.code == Some(0)).then(|| shown.json())
    });
    // So that it waits no more than it is looked at.
    app.workers.remove(0).stop();
    let waiting = &story["waiting"][0];
    assert_eq!(waiting["event_id"], *event);
    assert_eq!(waiting["refund_id"], *refund_id);
    assert_eq!(waiting["reason"], "order_unknown");
    let shown = app.ctl(&show).succeeded().stdout;
    assert!(shown.contains("not applied yet"), "{shown}");
    for asked in [&event, &order_id, &refund_id, &payment] {
        let found = app.ctl_json(&["find", asked]);
        let expected = format!("waiting_event {event}");
        assert!(hits(&found).contains(&expected), "{asked}: {found}");
    }

    app.start_worker();
    app.drain();
    eventually("nothing waits any more", || (rows(&app) == 0).then_some(()));
    let story = app.ctl_json(&show);
    assert_eq!(story["waiting"], Value::Array(Vec::new()));
    assert_eq!(story["dead_letters"][0]["reason"], "order_unknown");
    for asked in [&order_id, &refund_id, &payment] {
        let found = hits(&app.ctl_json(&["find", asked]));
        let is_dead = |hit: &String| hit.starts_with("dead_letter");
        assert!(found.iter().any(is_dead), "{asked}: {found:?}");
    }
}

#[test]
fn an_event_that_never_came_is_told_from_one_that_may_be_queued() {
    let app = TestApp::start();
    let old = ["events", "show", "411486491630370816"];
    eventually("all queues report that they are empty", || {
        let shown = app.ctl(&old);
        assert_eq!(shown.code, Some(3), "{shown:?}");
        shown.stderr.contains("was never accepted").then_some(())
    });
    let said = app.ctl(&old).stderr;
    assert!(said.contains("PayNow made it at 2025-"), "{said}");

    let new = flake().to_string();
    let said = app.ctl(&["events", "show", &new]).stderr;
    assert!(said.contains("ask again in 10 s"), "{said}");
}

#[test]
fn which_rungs_an_event_took_is_forgotten_with_the_payloads() {
    let mut app = TestApp::start();
    app.workers.remove(0).stop();
    let planted = "INSERT INTO waiting_steps (event_id, attempt, rung_seconds, reason, error, times, last_at) \
         VALUES ('77', 1, 1, 'order_unknown', 'x', 1, now() - interval '29 days'), \
             ('77', 2, 2, 'order_unknown', 'x', 1, now() - interval '31 days')";
    app.database.execute(planted).unwrap();
    app.start_worker();
    let left = "SELECT rung_seconds::text AS value FROM waiting_steps";
    eventually("housekeeping deletes the old row", || {
        (app.database.texts(left) == ["1"]).then_some(())
    });
}
