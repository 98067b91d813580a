//! What a person vouches for, and what nobody did.

use super::{UNKNOWN, app, assert_unsigned, proofs, replay, unsigned};
use crate::harness::{Order, TestApp, eventually, flake, signed_headers};
use paynow_shared::wire::Headers;

use super::POINTS;

/// An app with a dead letter of an unsigned order.
fn one_letter() -> (TestApp, Order) {
    let app = app();
    let order = Order::of(POINTS, flake());
    app.broker
        .publish("paynow.credits", &order.body(), &unsigned());
    assert_unsigned(&app, &order);
    (app, order)
}

fn newest_action(app: &TestApp) -> i64 {
    app.database.number(
        "SELECT max(action_id) AS value FROM operator_actions \
         WHERE action = 'replay' AND selection ? 'dead_letter_ids'",
    )
}

/// The headers of a message that names this action as its replay.
fn named(action_id: i64) -> Headers {
    Headers {
        replay: Some(action_id),
        ..unsigned()
    }
}

#[test]
fn a_letter_without_proof_is_applied_only_if_a_person_vouches_for_it() {
    let (app, order) = one_letter();
    let event = order.event_id.to_string();
    let refused = replay(&app, &[&event]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("--without-proof"), "{refused:?}");
    assert_eq!(app.balance_of(order.customer_id), 0);

    let vouched = replay(&app, &[&event, "--without-proof"]).succeeded();
    assert!(vouched.stdout.contains("vouches"), "{vouched:?}");
    assert_eq!(app.balance_of(order.customer_id), 500);
    assert_eq!(proofs(&app), [format!("- {}", newest_action(&app))]);
    let selection = "SELECT (selection ->> 'without_proof') || ' ' || operator AS value \
                     FROM operator_actions WHERE selection ? 'dead_letter_ids'";
    assert_eq!(app.database.texts(selection), ["true anna"]);
}

#[test]
fn a_filter_leaves_out_letters_that_only_a_person_could_vouch_for() {
    let (app, unsigned) = one_letter();
    let order = Order::of(UNKNOWN, flake());
    app.deliver(&order);
    app.drain();
    app.set_product(UNKNOWN, 500);
    let replayed = replay(&app, &["--older-than", "0"]).succeeded();
    assert!(replayed.stdout.contains("left out"), "{replayed:?}");
    assert_eq!(app.balance_of(order.customer_id), 500);
    assert_eq!(app.balance_of(unsigned.customer_id), 0);
}

#[test]
fn a_made_up_replay_proves_nothing() {
    let (app, _vouched_later) = one_letter();
    // A replay that vouches for nothing: its letter has a signature.
    let order = Order::of(UNKNOWN, flake());
    app.deliver(&order);
    app.drain();
    app.set_product(UNKNOWN, 500);
    replay(&app, &[&order.event_id.to_string()]).succeeded();
    for action_id in [1, newest_action(&app), i64::MAX, -1] {
        let forged = Order::of(POINTS, flake());
        app.broker
            .publish("paynow.credits", &forged.body(), &named(action_id));
        assert_unsigned(&app, &forged);
    }
}

#[test]
fn a_person_vouches_for_the_bodies_of_a_replay_and_for_no_other() {
    let (app, order) = one_letter();
    replay(&app, &[&order.event_id.to_string(), "--without-proof"]).succeeded();
    let action_id = newest_action(&app);
    let mut changed = order.clone();
    changed.lines[0].quantity = 9;
    changed.event_id = flake();
    let forged_signature = Headers {
        replay: Some(action_id),
        ..signed_headers("pn-of-an-attacker", &changed.body())
    };
    app.broker
        .publish("paynow.credits", &changed.body(), &forged_signature);
    let other = Order::of(POINTS, flake());
    app.broker
        .publish("paynow.credits", &other.body(), &named(action_id));
    assert_unsigned(&app, &other);
    eventually("the changed order is a dead letter too", || {
        (app.dead_letters().len() == 2).then_some(())
    });
    // The same body again is the same event, which is credited once.
    app.broker
        .publish("paynow.credits", &order.body(), &named(action_id));
    app.note_accepted(&order.event_id.to_string());
    app.drain();
    assert_eq!(app.balance_of(order.customer_id), 500);
}
