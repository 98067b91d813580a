//! An event's story while it waits on the retry ladder, and after.

use serde_json::Value;

use crate::harness::{Order, Program, TestApp, eventually, flake};
use crate::reversals::refund;

const POINTS: i64 = 600_000_000_000_000_040;

pub(super) fn rows(app: &TestApp) -> i64 {
    app.database
        .number("SELECT count(*) AS value FROM waiting_events")
}

#[test]
fn an_event_on_the_ladder_says_why_and_until_when_and_nothing_is_left_of_it_later() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let order = Order::of(POINTS, flake());
    let answer = app.deliver_bytes(&refund(&order, flake(), 1000));
    let event = answer.event_id().to_owned();

    let story = eventually("the refund waits for its order", || {
        let shown = app.ctl(&["events", "show", &event, "--json"]);
        let story = (shown.code == Some(0)).then(|| shown.json())?;
        story["waiting"].is_object().then_some(story)
    });
    let waiting = &story["waiting"];
    assert_eq!(
        (&waiting["reason"], &waiting["event_type"]),
        (&"order_unknown".into(), &"ON_REFUND".into())
    );
    assert!(
        ["1", "2"].contains(&waiting["rung_seconds"].to_string().as_str()),
        "{waiting}"
    );
    assert_eq!(story["outcome"], Value::Null);
    assert_eq!(story["event_type"], "ON_REFUND");
    let last = story["moments"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["what"], &last["at"]),
        (&"next attempt".into(), &waiting["next_at"])
    );

    app.deliver(&order);
    app.drain();
    eventually("nothing waits any more", || (rows(&app) == 0).then_some(()));
    let story = app.ctl_json(&["events", "show", &event]);
    assert_eq!(story["waiting"], Value::Null);
    assert!(
        story["outcome"] == "reversed" || story["dead_letters"][0]["reason"] == "order_unknown"
    );
}

#[test]
fn a_dead_letter_waits_no_more_and_its_story_tells_each_step() {
    let app = TestApp::start();
    let order = Order::of(POINTS, flake());
    let answer = app.deliver_bytes(&refund(&order, flake(), 1000));
    let event = answer.event_id().to_owned();
    app.drain();
    eventually("nothing waits any more", || (rows(&app) == 0).then_some(()));
    app.ctl(&["dead", "discard", &event, "--by", "anna", "--why", "a test"])
        .succeeded();

    let shown = app.ctl(&["events", "show", &event]).succeeded().stdout;
    for part in [
        "discarded",
        "order_unknown",
        "discard by anna",
        "what happened",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let story = app.ctl_json(&["events", "show", &event]);
    let what = |it: &Value| it["what"].as_str().unwrap().to_owned();
    let moments: Vec<String> = story["moments"]
        .as_array()
        .unwrap()
        .iter()
        .map(what)
        .collect();
    let place = |text: &str| moments.iter().position(|it| it.contains(text)).expect(text);
    assert!(
        place("received") < place("became dead letter"),
        "{moments:?}"
    );
    assert!(
        place("became dead letter") < place("is discarded"),
        "{moments:?}"
    );
}

#[test]
fn a_note_that_cannot_be_written_costs_no_credit() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let rename = |from: &str, to: &str| {
        app.database
            .execute(&format!("ALTER TABLE {from} RENAME TO {to}"))
            .unwrap();
    };
    rename("waiting_events", "not_there");
    let order = Order::of(POINTS, flake());
    app.deliver_bytes(&refund(&order, flake(), 1000));
    app.drain();
    app.deliver(&order);
    app.drain();

    assert_eq!(app.outcome_of(order.event_id).as_deref(), Some("credited"));
    assert_eq!(app.dead_letters().len(), 1);
    app.await_log("waiting_not_recorded");
    rename("not_there", "waiting_events");
}

#[test]
fn an_event_that_only_the_queue_has_is_not_called_lost() {
    let mut app = TestApp::start();
    app.set_product(POINTS, 500);
    app.workers.remove(0).stop();
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    let event = order.event_id.to_string();
    let show = ["events", "show", &event];
    // A new queue reports no depth at first. From then on its figure may be old, and the queue itself knows.
    eventually("it is counted", || {
        let shown = app.ctl(&show);
        assert_eq!(shown.code, Some(3), "{shown:?}");
        assert!(!shown.stderr.contains("was never accepted"), "{shown:?}");
        shown
            .stderr
            .contains("1 event in paynow.credits")
            .then_some(())
    });
    let mut variables = app.variables();
    variables.retain(|(name, _value)| !name.starts_with("AMQP"));
    let shown = Program::run("paynowctl", &variables, &show);
    assert_eq!(shown.code, Some(3), "{shown:?}");
    assert!(
        shown
            .stderr
            .contains("how many events wait is unknown: AMQP_URL"),
        "{shown:?}"
    );
    app.start_worker();
}

#[test]
fn what_a_dead_worker_left_behind_is_told_from_what_waits() {
    let app = TestApp::start();
    let planted = "INSERT INTO waiting_events (event_id, reason, error, attempt, rung_seconds, since, next_at) \
         VALUES ('77', 'order_unknown', 'x', 1, 16, now() - interval '1 hour', now() - interval '50 minutes'), \
             ('78', 'order_unknown', 'x', 1, 16, now() - interval '9 days', now() - interval '8 days')";
    app.database.execute(planted).unwrap();
    let shown = app.ctl(&["events", "show", "77"]).succeeded().stdout;
    assert!(shown.contains("which is over"), "{shown}");
    let listed = app.ctl_json(&["events", "list", "--waiting"]);
    assert_eq!(listed[1]["event_id"], "77");
    assert_eq!(listed[1]["is_overdue"], true);
    let mut app = app;
    app.workers.remove(0).stop();
    app.start_worker();
    eventually("housekeeping removes the old row", || {
        (rows(&app) == 1).then_some(())
    });
}
