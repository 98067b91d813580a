//! All event types that PayNow publishes a body for, with fields null and absent at random.

use crate::harness::TestApp;
use crate::paynow_events::{Completeness, EVENT_TYPES, Ids, envelope, order_points};

const ROUNDS: usize = 12;
const POINTS_PER_UNIT: i64 = 25;

#[test]
fn every_published_event_type_ends_credited_ignored_or_dead_for_the_right_reason() {
    // Every order is credited here, whatever its type and its lines.
    let app = TestApp::builder()
        .worker_setting("ORDER_TYPES", "subscription_proration=credit")
        .worker_setting("TRIALS", "credit")
        .start();
    let mut random = fastrand::Rng::with_seed(20_261_123);
    let mut expected_balances = std::collections::BTreeMap::<i64, i64>::new();
    let mut expected = Vec::new();
    for round in 0..ROUNDS {
        let completeness = if round == 0 {
            Completeness::Full
        } else {
            Completeness::Sparse
        };
        for event_type in EVENT_TYPES {
            let ids = Ids::random(&mut random);
            let event = envelope(event_type, &ids, completeness, &mut random);
            if event_type == "ON_ORDER_COMPLETED" {
                app.set_product(ids.product_id, POINTS_PER_UNIT);
                for (wallet, points) in order_points(&event, POINTS_PER_UNIT) {
                    *expected_balances.entry(wallet).or_default() += points;
                }
            }
            let answer = app.deliver_bytes(event.to_string().as_bytes());
            assert_eq!(
                (answer.status, answer.event_id()),
                (202, &*ids.event_id.to_string())
            );
            expected.push((ids.event_id, event_type, reason_without_order(&event)));
        }
    }
    app.drain();

    let dead = app.dead_letters();
    for (event_id, event_type, reason) in expected {
        match event_type {
            "ON_ORDER_COMPLETED" => {
                assert_eq!(app.outcome_of(event_id).as_deref(), Some("credited"));
            }
            "ON_REFUND" | "ON_CHARGEBACK" | "ON_CHARGEBACK_CLOSED" => {
                let letter = format!("{event_id}: {reason}");
                assert!(
                    dead.contains(&letter),
                    "{event_type}: {letter} is not in {dead:?}"
                );
            }
            _other => {
                assert_eq!(
                    app.outcome_of(event_id).as_deref(),
                    Some("ignored"),
                    "{event_type}"
                );
            }
        }
    }
    for (wallet, points) in expected_balances {
        assert_eq!(app.balance_of(wallet), points);
    }
}

/// The reason of a dead refund or chargeback whose order never comes.
fn reason_without_order(event: &serde_json::Value) -> &'static str {
    let body = &event["body"];
    let is_number = |field: &str| body[field].is_i64();
    let readable = match event["event_type"].as_str() {
        Some("ON_REFUND") => is_number("store_refund_amount") || is_number("amount"),
        Some("ON_CHARGEBACK_CLOSED") => body["chargeback_status"].is_string(),
        _other => true,
    };
    if readable {
        "order_unknown"
    } else {
        "malformed"
    }
}
