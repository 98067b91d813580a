//! Points come only from what PayNow signed, or from what a named person vouches for.

mod kept;
mod upgrade;
mod verified;
mod vouched;

use paynow_shared::signature::Signature;
use paynow_shared::wire::Headers;

use crate::harness::{Order, Outcome, SECRET, TestApp, eventually, flake, signed_headers};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "seen at PayNow"];

fn app() -> TestApp {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    app
}

/// Headers as an attacker writes them, who knows everything but a secret.
fn unsigned() -> Headers {
    Headers {
        signature: None,
        ..signed_headers(SECRET, b"")
    }
}

/// Waits until the order's message is a dead letter because it has no proof, and checks that it gave no
/// points.
#[track_caller]
fn assert_unsigned(app: &TestApp, order: &Order) {
    let letter = format!("{}: unsigned", order.event_id);
    eventually("the message is a dead letter without proof", || {
        app.dead_letters().contains(&letter).then_some(())
    });
    assert_eq!(app.outcome_of(order.event_id), None);
    assert_eq!(app.balance_of(order.customer_id), 0);
}

fn replay(app: &TestApp, arguments: &[&str]) -> Outcome {
    app.ctl(&[&["dead", "replay", "--yes"], arguments, &NOTE].concat())
}

/// The signatures of all recorded events in base64, and by which action each was vouched for.
fn proofs(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', coalesce(encode(signature, 'base64'), '-'), vouched_by) AS value \
         FROM webhook_events ORDER BY event_id",
    )
}

#[test]
fn an_unsigned_order_is_not_credited_wherever_it_is_published() {
    let app = app();
    for queue in ["paynow.credits", "paynow.credits.retry.1s"] {
        let (bare, dressed) = (Order::of(POINTS, flake()), Order::of(POINTS, flake()));
        app.broker.publish_bare(queue, &bare.json().to_string());
        app.broker.publish(queue, &dressed.body(), &unsigned());
        assert_unsigned(&app, &bare);
        assert_unsigned(&app, &dressed);
    }
    app.broker
        .publish("paynow.credits", b"no event", &unsigned());
    let ignored = br#"{"event_type":"ON_NEW_THING","event_id":"411486491630370816","body":{}}"#;
    app.broker.publish("paynow.credits", ignored, &unsigned());
    eventually("they are dead letters", || {
        (app.dead_letters().len() == 6).then_some(())
    });
    let reasons = app.dead_letters().concat();
    assert_eq!(reasons.matches(": unsigned").count(), 6, "{reasons}");
}

#[test]
fn a_signature_proves_only_the_body_and_the_time_that_it_was_made_for() {
    let app = app();
    let signed = Order::of(POINTS, flake());
    let headers = signed_headers(SECRET, &signed.body());
    let later = Headers {
        signed_at_ms: headers.signed_at_ms.map(|at| at + 1),
        ..headers.clone()
    };
    let malformed = Headers {
        signature: Some("signed by me".to_owned()),
        ..headers.clone()
    };
    let (of_another, another) = (signed_headers("pn-of-an-attacker", b""), "paynow.credits");
    for (headers, queue) in [
        (&headers, another),
        (&of_another, another),
        (&malformed, another),
        (&headers, "paynow.credits.retry.2s"),
    ] {
        let forged = Order::of(POINTS, flake());
        app.broker.publish(queue, &forged.body(), headers);
        assert_unsigned(&app, &forged);
    }
    let moved = Order::of(POINTS, flake());
    app.broker.publish("paynow.credits", &moved.body(), &later);
    assert_unsigned(&app, &moved);

    app.broker
        .publish("paynow.credits", &signed.body(), &headers);
    eventually("the signed order is credited", || {
        (app.balance_of(signed.customer_id) == 500).then_some(())
    });
    let signature = headers
        .signature
        .as_deref()
        .and_then(Signature::from_base64);
    let expected = signature.expect("it has the form").to_base64();
    assert_eq!(proofs(&app), [expected]);
}

#[test]
fn whoever_publishes_to_the_dead_letters_cannot_replace_a_signature() {
    let app = app();
    let order = Order::of(UNKNOWN, flake());
    app.deliver(&order);
    app.drain();
    let forged = signed_headers("pn-of-an-attacker", &order.body());
    app.broker
        .publish("paynow.credits.dead", &order.body(), &forged);
    eventually("it counts as a second death", || {
        let deaths = "SELECT sum(deaths) AS value FROM dead_letters";
        (app.database.number(deaths) == 2).then_some(())
    });
    app.set_product(UNKNOWN, 500);
    replay(&app, &[&order.event_id.to_string()]).succeeded();
    assert_eq!(app.balance_of(order.customer_id), 500);
}
