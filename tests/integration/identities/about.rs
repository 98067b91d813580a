//! Which payloads and bodies are about a customer: those in which `mentions` finds an id of theirs, read once each.

use std::time::Instant;

use serde_json::json;

use super::{POINTS, PRICE, app_with_product};
use crate::contract::database::Ledger;
use crate::harness::{Order, flake};

const WALLET: i64 = 600_000_000_000_000_123;
const ORDERS: u32 = 500;
const LETTERS: u32 = 3_000;

/// A customer with many orders, letters about others, and one letter or payload with each of these bodies.
fn ledger(bodies: &[String]) -> Ledger {
    let ledger = Ledger::empty();
    let literal = |body: &String| format!("('{}')", body.replace('\'', "''"));
    let bodies: Vec<String> = bodies.iter().map(literal).collect();
    ledger
        .database
        .execute(&format!(
            "SET session_replication_role = replica; \
             INSERT INTO wallets (wallet_id, balance) VALUES ({WALLET}, 0); \
             INSERT INTO orders (order_id, event_id, buyer_wallet_id) \
             SELECT 610000000000000000 + n * 1000, n, {WALLET} FROM generate_series(1, {ORDERS}) AS n; \
             INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, attempts, first_dead_at) \
             SELECT 650000000000000000 + n, 'ON_ORDER_COMPLETED', 'unknown_product', 'x', body, sha256(body), 1, now() \
             FROM generate_series(1, {LETTERS}) AS n, LATERAL (SELECT convert_to(json_build_object('body', \
                 json_build_object('id', (660000000000000000 + n)::text, 'price', 1000, 'note', \
                     repeat('x y', 500)))::text, 'UTF8')) AS made (body); \
             CREATE TABLE told AS SELECT row_number() OVER () AS n, convert_to(body, 'UTF8') AS body \
             FROM (VALUES {}) AS given (body); \
             INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, attempts, first_dead_at) \
             SELECT 670000000000000000 + n, 'ON_REFUND', 'unknown_order', 'x', body, sha256(body), 1, now() FROM told; \
             INSERT INTO webhook_events (event_id, event_type, outcome, body_sha256, payload, attempts) \
             SELECT 670000000000000000 + n, 'ON_PAYMENT_COMPLETED', 'ignored', sha256(body), body, 1 FROM told; \
             SET session_replication_role = origin; ANALYZE;",
            bodies.join(", ")
        ))
        .expect("the rows are valid");
    ledger
}

#[test]
fn what_is_about_a_customer_is_what_mentions_one_of_their_ids() {
    let order = 610_000_000_000_007_000_i64;
    let mut bodies: Vec<String> = [
        "{\"order_id\":\"ID\"}",
        "{\"order_id\": ID}",
        "{\"order_id\" \n:  ID}",
        "{\"order_id\":ID",
        "[\"1\",\"ID\",\"2\"]",
        "\"1\"ID\"",
        "\"\"ID\"\"",
        "{\"amount\":ID}",
        "{\"order_id\":ID0}",
        "{\"order_id\":\"0ID\"}",
        "{\"order_id\":\"ID0\"}",
        "{\"order_id\":\"ID x\"}",
        "id\":ID",
        "id\":\"ID",
        "\u{fc}\"ID\"\\",
        "",
    ]
    .iter()
    .flat_map(|body| [order, WALLET, 5].map(|id| body.replace("ID", &id.to_string())))
    .collect();
    bodies.sort_unstable();
    bodies.dedup();
    let ledger = ledger(&bodies);

    let numbers = format!("'{WALLET}'::text || orders_of_wallet({WALLET})::text[]");
    let mentioned = |table: &str, id: &str, body: &str| {
        ledger.database.texts(&format!(
            "SELECT {id}::text AS value FROM {table} WHERE mentions({body}, {numbers}) ORDER BY {id}"
        ))
    };
    let started = Instant::now();
    let letters = mentioned("dead_letters", "dead_letter_id", "body");
    let for_each_order = started.elapsed();
    let events = mentioned("webhook_events", "event_id", "payload");
    assert!(
        letters.len() > 10 && letters.len() < bodies.len(),
        "{letters:?}"
    );
    let about = |call: &str| {
        ledger
            .database
            .texts(&format!("SELECT unnest({call})::text AS value"))
    };
    let its = format!("{WALLET}, orders_of_wallet({WALLET})");
    assert_eq!(about(&format!("letters_about({its}, false)")), letters);
    assert_eq!(about(&format!("letters_about({its}, true)")), [""; 0]);
    assert_eq!(about(&format!("events_about({its})")), events);

    let started = Instant::now();
    let counted = ledger.database.number(&format!(
        "SELECT cardinality(unsettled_letters)::bigint AS value FROM forgettable({WALLET})"
    ));
    let at_once = started.elapsed();
    println!("letters: {for_each_order:?}, forgettable: {at_once:?}");
    assert_eq!(usize::try_from(counted), Ok(letters.len()));
    // Reads events too, and takes a tenth of the time nevertheless.
    assert!(
        at_once < for_each_order / 2,
        "{at_once:?}, {for_each_order:?}"
    );
}

#[test]
fn a_refund_of_an_order_is_about_its_buyer() {
    let app = app_with_product();
    let wallet = flake();
    let orders = [1, 2].map(|_number| Order::of(POINTS, wallet));
    for order in &orders {
        app.deliver(order);
    }
    app.drain();
    assert_eq!(app.balance_of(wallet), 2 * PRICE);
    let about = json!({"event_type": "ON_PAYMENT_COMPLETED", "event_id": flake().to_string(), "body": {
        "id": flake().to_string(), "order_id": orders[1].order_id.to_string()}});
    app.deliver_bytes(about.to_string().as_bytes());
    app.drain();
    let foreseen = app.ctl_json(&[
        "forget",
        &wallet.to_string(),
        "--by",
        "anna",
        "--why",
        "asked",
    ]);
    assert_eq!(foreseen["payloads"], 3, "{foreseen}");
}
