//! `paynowctl history`: finds the events that are nowhere, and sends each once and no others.

use serde_json::{Value, json};

use super::paynow::{
    History, SINCE, await_drained, event_id, ids, missing, resend_everything, send,
};
use crate::harness::{Order, TestApp, eventually, flake};
use crate::reversals::refund;

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN_PRODUCT: i64 = 600_000_000_000_000_666;
const PRICE: i64 = 500;

fn app_with_history() -> (TestApp, History) {
    let app = TestApp::start();
    app.set_product(POINTS, PRICE);
    (app, History::default())
}

fn order(wallet: i64) -> Vec<u8> {
    Order::of(POINTS, wallet).body()
}

fn actions(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', operator, why, outcome->>'settled') AS value FROM operator_actions \
         WHERE action = 'history_send' ORDER BY action_id",
    )
}

#[test]
fn only_events_that_are_nowhere_and_not_pending_are_missing() {
    let (app, history) = app_with_history();
    let (known, dead, coming) = (
        order(flake()),
        Order::of(UNKNOWN_PRODUCT, flake()).body(),
        order(flake()),
    );
    history.deliver(&app, &known);
    history.deliver(&app, &dead);
    app.drain();
    let (lost, given_up) = (order(flake()), order(flake()));
    history.add(&lost, "success");
    history.add(&lost, "success");
    history.add(&given_up, "failed");
    history.add(&coming, "pending");
    history.add(br#"{"id":"1","amount":3}"#, "success");

    let found = missing(&app, &history, &["--skip-broker", "--json"]);

    assert_eq!(found.code, Some(1));
    let report = found.json();
    assert_eq!(
        ids(&report, "missing"),
        [event_id(&lost), event_id(&given_up)]
    );
    assert_eq!(ids(&report, "pending"), [event_id(&coming)]);
    assert_eq!(ids(&report, "nameless"), ["-"]);
    assert_eq!(
        (&report["settled"], &report["at_desk"]["open"]),
        (&1.into(), &1.into())
    );
    let page = history.download().remove(0);
    let future = [
        "history",
        "missing",
        "--since",
        "2100-01-01T00:00:00Z",
        "--file",
        &page,
    ];
    app.ctl(&[&future[..], &["--skip-broker"]].concat())
        .succeeded();
}

#[test]
fn missing_events_are_sent_once_credited_once_and_recorded() {
    let (app, history) = app_with_history();
    let (wallet, other) = (flake(), flake());
    history.deliver(&app, &order(wallet));
    app.drain();
    for _ in 0..60 {
        history.add(&order(wallet), "success");
    }
    history.add(&order(other), "failed");
    await_drained(&app);

    let shown = send(&app, &history, &["--json"]).succeeded().json();
    assert_eq!(
        (&shown["dry_run"], &shown["sendable"]),
        (&Value::Bool(true), &61.into())
    );
    assert_eq!((app.balance_of(wallet), actions(&app).len()), (PRICE, 0));

    let sent = send(&app, &history, &["--rate", "1000", "--yes"]).succeeded();
    for part in [
        "chosen anew, because no --expect was given: 61 events, hash ",
        "61 of 61 accepted: 61 settled, 0 dead, 0 on their way",
    ] {
        assert!(sent.stdout.contains(part), "{part}: {sent:?}");
    }
    assert_eq!(
        (app.balance_of(wallet), app.balance_of(other)),
        (61 * PRICE, PRICE)
    );
    assert_eq!(actions(&app), ["anna restore", "anna restore 61"]);

    missing(&app, &history, &["--skip-broker"]).succeeded();
    let one = event_id(history.bodies().last().expect("there are many"));
    let shown = app.ctl_json(&["events", "show", &one]);
    assert_eq!(shown["operator_actions"][0]["action"], "history_send");
    // A page formats a payload differently from the first delivery, and still the same bytes were
    // sent.
    resend_everything(&app, &history);
    assert_eq!(
        (app.balance_of(wallet), app.balance_of(other)),
        (61 * PRICE, PRICE)
    );
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

fn previewed(app: &TestApp, history: &History) -> String {
    let shown = send(app, history, &["--json"]).succeeded().json();
    let hash = shown["expect"].as_str().expect("a text").to_owned();
    let human = send(app, history, &[]).succeeded().stdout;
    assert!(human.contains(&format!("--yes --expect {hash}")), "{human}");
    hash
}

#[test]
fn a_sending_that_names_its_preview_sends_exactly_these_events_or_none() {
    let (app, history) = app_with_history();
    let wallet = flake();
    let first = order(wallet);
    history.add(&first, "success");
    await_drained(&app);
    let is_refused = |history: &History, hash: &str, because: &str| {
        let refused = send(&app, history, &["--yes", "--expect", hash]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(because), "{refused:?}");
        assert_eq!((app.balance_of(wallet), actions(&app).len()), (0, 0));
    };
    let before = previewed(&app, &history);
    let mut changed: Value = serde_json::from_slice(&first).unwrap();
    changed["body"]["created_at"] = "2026-01-01T10:00:00.000Z".into();
    let other = History::default();
    other.add(changed.to_string().as_bytes(), "success");
    is_refused(&other, &before, "an event has other bytes");
    history.add(&order(wallet), "failed");
    let more = "nothing was done: other events are missing and may be sent, now ";
    is_refused(&history, &before, more);
    let now = previewed(&app, &history);
    let page = history.download().remove(0);
    let elsewhere = ["--url", "http://127.0.0.1:1/", "--yes", "--expect", &now];
    let given = ["history", "send", "--since", SINCE, "--file", &page];
    let note = ["--by", "anna", "--why", "restore"];
    let refused = app.ctl(&[&given[..], &note, &elsewhere].concat());
    let why = "the receiver is another, now http://127.0.0.1:1/";
    assert!(refused.stderr.contains(why), "{refused:?}");

    let sent = send(&app, &history, &["--yes", "--expect", &now, "--json"]);

    let sent = sent.succeeded().json();
    assert_eq!(
        (&sent["settled"], &sent["expect"], &sent["chosen_anew"]),
        (&2.into(), &now.clone().into(), &false.into())
    );
    assert_eq!(app.balance_of(wallet), 2 * PRICE);
    let kept = "SELECT selection ->> 'expect' AS value FROM operator_actions \
                WHERE selection ? 'since'";
    assert_eq!(app.database.texts(kept), [now]);
}

#[test]
fn nothing_is_sent_while_it_may_still_be_waiting() {
    let (mut app, history) = app_with_history();
    let wallet = flake();
    await_drained(&app);
    app.workers.remove(0).stop();
    let waiting = order(wallet);
    history.deliver(&app, &waiting);
    eventually("the management API shows the event", || {
        app.broker
            .management_depth("paynow.credits")
            .filter(|depth| *depth == 1)
    });

    let refused = send(&app, &history, &["--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("1 event waits in the broker"),
        "{refused:?}"
    );
    assert_eq!(app.broker.depth("paynow.credits"), 1);

    // Sending it nevertheless, with different bytes, gives a conflict and no second credit.
    let mut changed: Value = serde_json::from_slice(&waiting).unwrap();
    changed["body"]["created_at"] = "2026-01-01T10:00:00.000Z".into();
    let other = History::default();
    other.add(changed.to_string().as_bytes(), "success");
    let forced = send(&app, &other, &["--yes", "--despite-waiting", "--wait", "0"]);
    assert!(forced.stdout.contains("1 of 1 accepted"), "{forced:?}");
    app.start_worker();
    let id = event_id(&waiting);
    eventually("the second copy is a dead letter", || {
        (app.dead_letters() == [format!("{id}: conflict")]).then_some(())
    });
    assert_eq!(app.balance_of(wallet), PRICE);
    app.ctl(&["dead", "discard", &id, "--by", "anna", "--why", "a copy"])
        .succeeded();
    missing(&app, &other, &["--skip-broker"]).succeeded();
}

#[test]
fn refunds_wait_for_the_ladder_and_their_orders_go_first() {
    let (app, history) = app_with_history();
    let (wallet, lost) = (flake(), flake());
    let first = Order::of(POINTS, wallet);
    let second = Order::of(POINTS, lost);
    history.add(&first.body(), "success");
    history.add(&second.body(), "success");
    history.add(&refund(&second, flake(), 1000), "success");
    // This rung keeps its messages for as long as the test needs.
    let rung = "paynow.credits.retry.2s";
    app.broker
        .limit_queue(rung, json!({"message-ttl": 86_400_000}));
    let early = refund(&first, flake(), 1000);
    history.deliver(&app, &early);
    eventually("the refund waits", || {
        app.broker
            .management_depth(rung)
            .filter(|depth| *depth == 1)
    });

    let sent = send(&app, &history, &["--yes"]);

    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert!(
        sent.stderr
            .contains("2 refunds and chargebacks were not sent"),
        "{sent:?}"
    );
    assert_eq!(
        (app.balance_of(wallet), app.balance_of(lost)),
        (PRICE, PRICE)
    );
    app.broker.unlimit_queue();
    // A message on a rung keeps its own time to live, so the test sends a copy in its place.
    let contents = format!("queues/{}/{rung}/contents", app.broker.vhost());
    app.broker.delete(&contents);
    app.deliver_bytes(&early);
    eventually("the refund finds its order", || {
        (app.balance_of(wallet) == 0).then_some(())
    });
    await_drained(&app);
    send(&app, &history, &["--yes"]).succeeded();
    assert_eq!((app.balance_of(wallet), app.balance_of(lost)), (0, 0));
}

#[test]
fn a_broker_that_lost_its_disk_is_set_up_again_and_its_events_are_found() {
    let (mut app, history) = app_with_history();
    let wallet = flake();
    history.deliver(&app, &order(wallet));
    app.drain();
    app.workers.remove(0).stop();
    for _ in 0..5 {
        history.deliver(&app, &order(wallet));
    }
    app.broker.delete(&format!("vhosts/{}", app.broker.vhost()));
    app.ctl(&["setup", "--skip-database"]).succeeded();
    app.start_worker();
    eventually("the receiver is back", || {
        app.receiver_ready()
            .filter(|(status, _body)| *status == 200)
    });
    await_drained(&app);
    assert_eq!(app.balance_of(wallet), PRICE);

    send(&app, &history, &["--yes"]).succeeded();

    assert_eq!(app.balance_of(wallet), 6 * PRICE);
    resend_everything(&app, &history);
    assert_eq!(app.balance_of(wallet), 6 * PRICE);
}
