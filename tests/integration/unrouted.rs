//! `paynowctl unrouted`: messages that no binding routed go to the workers, each as it is.

use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation};
use paynow_process::broker::Link;
use serde_json::json;

use crate::harness::{Order, Outcome, Program, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const UNROUTED: &str = "paynow.unrouted";
const CREDITS: &str = "paynow.credits";
const NOTE: [&str; 4] = ["--by", "anna", "--why", "the binding is back"];

/// Without the binding, what the receiver accepts is unrouted.
fn unbind(app: &TestApp) {
    let vhost = app.broker.vhost();
    let binding = format!("bindings/{vhost}/e/paynow.events/q/paynow.credits/paynow.%23");
    app.broker.delete(&binding);
}

fn moved(app: &TestApp, more: &[&str]) -> Outcome {
    app.ctl(&[&["unrouted", "move"], &NOTE[..], more].concat())
}

/// Each action as its name and outcome.
fn actions(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', action, operator, outcome - 'unrouted_move') AS value \
         FROM operator_actions ORDER BY action_id",
    )
}

#[test]
fn unrouted_orders_are_shown_moved_and_credited_and_that_is_recorded() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    unbind(&app);
    let orders = [Order::of(POINTS, buyer), Order::of(POINTS, buyer)];
    for order in &orders {
        assert!(app.deliver(order).accepted());
    }
    app.ctl(&["setup", "--skip-database"]).succeeded();

    let listed = app.ctl_json(&["unrouted", "list", "--limit", "1"]);
    let dry = moved(&app, &["--json"]).succeeded().json();
    assert_eq!(listed["waiting"], 2);
    let [first] = &listed["messages"].as_array().unwrap()[..] else {
        panic!("one message: {listed}");
    };
    assert_eq!(first["message_id"], orders[0].event_id.to_string());
    assert_eq!(first["event_type"], "ON_ORDER_COMPLETED");
    assert_eq!(first["routing_key"], "paynow.on_order_completed");
    assert_eq!(first["body_bytes"], orders[0].body().len());
    assert!(first["received_at"].is_string(), "{first}");
    let expect = &dry["expect"];
    let seen = json!({"dry_run": true, "waiting": 2, "would_move": 2, "expect": expect});
    assert_eq!(dry, seen);
    assert_eq!(app.broker.depth(UNROUTED), 2, "a look moves nothing");

    let bounded = moved(&app, &["--yes", "--limit", "1"]).succeeded().stdout;
    assert_eq!(
        bounded,
        "moved 1 message to paynow.credits, 1 left; recorded for anna\n"
    );
    let rest = moved(&app, &["--yes", "--json"]).succeeded().json();
    let expect = &rest["expect"];
    let done =
        json!({"moved": 1, "left": 0, "recorded": true, "expect": expect, "chosen_anew": false});
    assert_eq!(rest, done);
    app.drain();

    assert_eq!(app.balance_of(buyer), 1000);
    let [one, two] = orders.map(|order| order.event_id);
    let begun = "unrouted_move anna {\"begun\": true}";
    assert_eq!(
        actions(&app)[1..],
        [
            begun.to_owned(),
            format!("unrouted_move anna {{\"left\": 1, \"moved\": 1, \"event_ids\": [\"{one}\"]}}"),
            begun.to_owned(),
            format!("unrouted_move anna {{\"left\": 0, \"moved\": 1, \"event_ids\": [\"{two}\"]}}"),
        ]
    );
    let story = app.ctl(&["events", "show", &two.to_string()]).succeeded();
    assert!(story.stdout.contains("unrouted_move"), "{}", story.stdout);
}

#[test]
fn a_move_that_names_its_preview_moves_exactly_these_messages_or_none() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    unbind(&app);
    let deliver = |orders: usize| {
        for _order in 0..orders {
            assert!(app.deliver(&Order::of(POINTS, buyer)).accepted());
        }
    };
    let previewed = |more: &[&str]| {
        let shown = moved(&app, &[more, &["--json"]].concat())
            .succeeded()
            .json();
        let hash = shown["expect"].as_str().expect("a text").to_owned();
        let human = moved(&app, more).succeeded().stdout;
        assert!(human.contains(&format!("--yes --expect {hash}")), "{human}");
        hash
    };
    deliver(3);
    let before = previewed(&[]);
    deliver(1);

    let refused = moved(&app, &["--yes", "--expect", &before]);

    assert_eq!(refused.code, Some(1), "{refused:?}");
    let why = "not what the preview showed, nothing was done: other messages wait, now ";
    assert!(refused.stderr.contains(why), "{refused:?}");
    eventually("all are back in their queue", || {
        (app.broker.depth(UNROUTED) == 4).then_some(())
    });
    let recorded = actions(&app).len();
    let first = previewed(&["--limit", "2"]);
    let done = moved(&app, &["--limit", "2", "--yes", "--expect", &first]);
    assert_eq!(
        done.succeeded().stdout,
        "moved 2 messages to paynow.credits, 2 left; recorded for anna\n"
    );
    assert_eq!(actions(&app).len(), recorded + 2, "a preview is no action");
    let kept = "SELECT selection ->> 'expect' AS value FROM operator_actions \
                WHERE selection ? 'from' ORDER BY action_id";
    assert_eq!(app.database.texts(kept), [first]);

    let anew = moved(&app, &["--yes"]).succeeded().stdout;
    let told = "chosen anew, because no --expect was given: 2 messages, hash ";
    assert!(anew.starts_with(told), "{anew}");
    app.ctl(&["setup", "--skip-database"]).succeeded();
    app.drain();
    assert_eq!(app.balance_of(buyer), 2000);
}

/// As no program of ours writes it, with everything that a message may have.
fn foreign() -> (Vec<u8>, BasicProperties) {
    let mut table = FieldTable::default();
    table.insert("paynow-attempt".into(), AMQPValue::LongUInt(3));
    table.insert(
        "paynow-signature".into(),
        AMQPValue::LongString("c2ln".into()),
    );
    table.insert("other".into(), AMQPValue::Boolean(true));
    table.insert(
        "x-first-death-reason".into(),
        AMQPValue::LongString("expired".into()),
    );
    let name = |text: &str| ShortString::from(text);
    let properties = BasicProperties::default()
        .with_content_type(name("text/odd"))
        .with_message_id(name("\u{202e} no id"))
        .with_type(name("NO_TYPE"))
        .with_correlation_id(name("c"))
        .with_app_id(name("a"))
        .with_timestamp(7)
        .with_priority(2)
        .with_delivery_mode(2)
        .with_headers(table);
    (vec![0, 159, 146, 150, b'\n', 255], properties)
}

/// Without what the broker counts itself, which begins anew for the copy.
fn uncounted(properties: &BasicProperties) -> BasicProperties {
    let table = properties.headers().clone().expect("it has headers");
    let mut kept = FieldTable::default();
    for (name, value) in &table {
        if ["x-delivery-count", "x-acquired-count"].contains(&name.as_str()) {
            assert_eq!(value.as_long_long_int(), Some(0), "{name:?}");
        } else {
            kept.insert(name.clone(), value.clone());
        }
    }
    properties.clone().with_headers(kept)
}

#[test]
fn a_message_keeps_its_bytes_properties_and_headers() {
    let app = TestApp::builder().workers(0).start();
    app.leave_unaudited();
    let (body, properties) = foreign();
    app.broker.runtime().block_on(async {
        let mut link = Link::open(&app.broker.address(), "test").await.unwrap();
        let channel = link.channel().await.unwrap();
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let options = BasicPublishOptions::default();
        let sent = channel
            .basic_publish(
                "".into(),
                UNROUTED.into(),
                options,
                &body,
                properties.clone(),
            )
            .await
            .unwrap();
        assert_eq!(sent.await.unwrap(), Confirmation::Ack(None));
        link.close().await;
    });
    // The broker counts that this look returned it; the copy has no such count.
    let listed = app.ctl(&["unrouted", "list"]).succeeded().stdout;
    assert!(listed.contains("\\u{202e} no id"), "{listed}");

    moved(&app, &["--yes"]).succeeded();

    let copy = app.broker.runtime().block_on(async {
        let mut link = Link::open(&app.broker.address(), "test").await.unwrap();
        let channel = link.channel().await.unwrap();
        let copy = channel
            .basic_get(CREDITS.into(), BasicGetOptions::default())
            .await
            .unwrap();
        link.close().await;
        copy.expect("it is in the workers' queue").delivery
    });
    assert_eq!(copy.data, body);
    assert_eq!(uncounted(&copy.properties), properties);
    assert_eq!(app.broker.depth(UNROUTED), 0);
}

#[test]
fn a_queue_that_refuses_the_copies_loses_no_message() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    let limit = json!({"max-length": 1, "overflow": "reject-publish"});
    app.broker.limit_queue(CREDITS, limit);
    eventually("the queue of the workers is full", || {
        let answer = app.deliver(&Order::of(POINTS, buyer));
        (!answer.accepted()).then_some(())
    });
    unbind(&app);
    for _order in 0..3 {
        assert!(app.deliver(&Order::of(POINTS, buyer)).accepted());
    }
    app.ctl(&["setup", "--skip-database"]).succeeded();

    let refused = moved(&app, &["--yes"]);

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("stays where it was"), "{refused:?}");
    eventually("all are back in their queue", || {
        (app.broker.depth(UNROUTED) == 3).then_some(())
    });
    assert!(actions(&app).concat().contains("\"moved\": 0"));
    app.broker.unlimit_queue();
    app.start_worker();
    eventually("the queue takes them again", || {
        (moved(&app, &["--yes"]).code == Some(0)).then_some(())
    });
    app.drain();
    let points = 500 * i64::from(app.accepted_count());
    assert_eq!(app.balance_of(buyer), points);
}

#[test]
fn a_move_goes_on_without_the_database_and_says_that_it_is_not_recorded() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let buyer = flake();
    unbind(&app);
    assert!(app.deliver(&Order::of(POINTS, buyer)).accepted());
    let mut variables = app.variables();
    variables.retain(|(name, _value)| name != "DATABASE_URL");
    variables.push((
        "DATABASE_URL".to_owned(),
        "postgres://paynow@127.0.0.1:1/paynow".to_owned(),
    ));
    let arguments = [&["unrouted", "move", "--yes"], &NOTE[..]].concat();

    let moved = Program::run("paynowctl", &variables, &arguments).succeeded();

    assert_eq!(moved.stdout, "moved 1 message to paynow.credits, 0 left\n");
    assert!(
        moved.stderr.contains("this move is not recorded"),
        "{moved:?}"
    );
    app.drain();
    assert_eq!(app.balance_of(buyer), 500);
    app.ctl(&["setup", "--skip-database"]).succeeded();
}
