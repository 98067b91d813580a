//! Every message that a released version published has the same result as it had then.

use std::path::Path;

use serde_json::{Value, json};

use super::message::{body, of_version, publish, text};
use super::{compare, is_recording, versions};
use crate::harness::{SECRET, TestApp, eventually};

/// The products of the golden orders and their points.
const PRODUCTS: [(i64, i64); 2] = [
    (600_000_000_000_000_040, 500),
    (600_000_000_000_000_041, 70),
];

/// The result of a message: its recorded event with its entries, or its dead letter, with all that
/// its headers contained.
const BOOKED: &str = "
    SELECT jsonb_build_object('outcome', outcome, 'attempts', attempts, 'secret_id', secret_id,
        'signed_at_ms', extract(epoch FROM signed_at) * 1000,
        'received_at_ms', extract(epoch FROM received_at) * 1000,
        'entries', (SELECT coalesce(jsonb_agg(concat_ws(' ', entry_key, 'wallet', wallet_id, points)
                        ORDER BY entry_key), '[]')
                    FROM ledger_entries entry WHERE entry.event_id = event.event_id))::text AS value
    FROM webhook_events event";
const DEAD: &str = "
    SELECT jsonb_build_object('dead', reason, 'error', error, 'attempts', attempts,
        'secret_id', secret_id, 'signed_at_ms', extract(epoch FROM signed_at) * 1000,
        'received_at_ms', extract(epoch FROM received_at) * 1000)::text AS value
    FROM dead_letters";

fn result_of(app: &TestApp, golden: &Value) -> Value {
    let id = text(&golden["properties"], "message_id");
    let body = String::from_utf8(body(golden)).expect("golden bodies are text");
    let this = format!("body_sha256 = sha256(convert_to($body${body}$body$, 'UTF8'))");
    let booked = format!("{BOOKED} WHERE event_id::text = '{id}' AND {this}");
    let dead = format!("{DEAD} WHERE event_id = '{id}' AND {this}");
    let found = eventually(&format!("{id} is settled"), || {
        let mut found = app.database.texts(&booked);
        found.extend(app.database.texts(&dead));
        found.pop()
    });
    let mut found: Value = serde_json::from_str(&found).expect("the database writes JSON");
    // Today's error text may differ, but a text in the message must have been kept.
    if golden["headers"].get("paynow-error").is_none()
        && let Some(found) = found.as_object_mut()
    {
        found.remove("error");
    }
    // PostgreSQL writes an exact number with decimal places.
    for field in ["signed_at_ms", "received_at_ms"] {
        if let Some(milliseconds) = found[field].as_f64() {
            found[field] = json!(milliseconds.round() as i64);
        }
    }
    found
}

fn deal_with(version: &Path) {
    let app = TestApp::builder()
        .worker_setting("PAYNOW_SIGNING_SECRETS", &format!("orders:{SECRET}"))
        // The first version took shares of an order, and the results are those of then.
        .worker_setting("PARTIAL_REFUNDS", "proportional")
        .start();
    // Messages from before there were signatures are let through for a day.
    app.database.require_proof_from("now() + interval '1 hour'");
    for (product, points) in PRODUCTS {
        app.set_product(product, points);
    }
    for (file, golden) in of_version(version) {
        publish(&app.broker, &golden);
        let mut found = golden.clone();
        found["becomes"] = result_of(&app, &golden);
        compare(&file, &golden, &found);
    }
}

#[test]
fn messages_of_every_released_version_have_the_same_result_as_then() {
    for version in versions() {
        deal_with(&version);
    }
    assert!(!is_recording(), "recorded: check what changed");
}
