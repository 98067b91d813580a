//! Every message that a released version ever published is dealt with as it was then.

use std::path::Path;

use serde_json::{Value, json};

use super::message::{body, of_version, publish, text};
use super::{compare, records, versions};
use crate::harness::{TestApp, eventually};

/// What the products of the golden orders give.
const PRODUCTS: [(i64, i64); 2] = [
    (600_000_000_000_000_040, 500),
    (600_000_000_000_000_041, 70),
];

/// Where a message ended: its row in the books with its entries, or its dead letter. All that its
/// headers told is in there.
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

fn became(app: &TestApp, golden: &Value) -> Value {
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
    // The words of today are a person's; those of the message must have been kept.
    if golden["headers"].get("paynow-error").is_none()
        && let Some(found) = found.as_object_mut()
    {
        found.remove("error");
    }
    // PostgreSQL writes an exact number with digits behind the point.
    for field in ["signed_at_ms", "received_at_ms"] {
        if let Some(milliseconds) = found[field].as_f64() {
            found[field] = json!(milliseconds.round() as i64);
        }
    }
    found
}

fn deal_with(version: &Path) {
    let app = TestApp::start();
    for (product, points) in PRODUCTS {
        app.set_product(product, points);
    }
    for (file, golden) in of_version(version) {
        publish(&app.broker, &golden);
        let mut found = golden.clone();
        found["becomes"] = became(&app, &golden);
        compare(&file, &golden, &found);
    }
}

#[test]
fn messages_of_every_released_version_are_dealt_with_as_they_were_then() {
    for version in versions() {
        deal_with(&version);
    }
    assert!(!records(), "recorded: look at what changed");
}
