//! The preview that a replay shows before it changes anything.

use serde_json::{Value, json};

use super::{OTHER, PRODUCT, dead_orders, die, refund, replay, replay_json, states};

const ALL: [&str; 2] = ["--since", "2020-01-01T00:00:00Z"];

#[test]
fn a_dry_run_shows_the_effect_on_balances_and_writes_nothing() {
    let (app, orders) = dead_orders(1);
    let order = &orders[0];
    // The refund waits for its order until the ladder ends.
    app.deliver_bytes(refund(order, 1000).to_string().as_bytes());
    app.drain();
    die(&app, OTHER, 1);
    app.set_product(PRODUCT, 500);

    let shown = replay_json(&app, &ALL);

    assert_eq!(shown["dry_run"], true);
    let letters: Vec<Value> = shown["letters"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|letter| json!([letter["would_be"], letter["because"], letter["points"]]))
        .collect();
    // The preview places the refund after its order.
    let expected = [
        json!(["applied", null, 500]),
        json!(["applied", null, -500]),
        json!(["dead_again", "unknown_product", 0]),
    ];
    assert_eq!(letters, expected);
    let wallet = json!({
        "wallet_id": order.customer_id.to_string(),
        "balance": 0, "change": 0, "balance_after": 0,
    });
    assert_eq!(shown["wallets"], json!([wallet]));
    let human = replay(&app, &ALL).succeeded().stdout;
    for part in ["dead again: unknown_product", "dry run: 3 dead letters"] {
        assert!(human.contains(part), "{part}: {human}");
    }

    assert_eq!(states(&app), ["open: 3"]);
    assert_eq!(app.balance_of(order.customer_id), 0);
    let rows = "SELECT (SELECT count(*) FROM operator_actions WHERE action <> 'price') + (SELECT count(*) FROM replays) \
                + (SELECT count(*) FROM webhook_events) AS value";
    assert_eq!(app.database.number(rows), 0);

    // The replay does what the preview showed.
    let done = replay_json(
        &app,
        &[&ALL[..], &["--yes", "--max-failures", "50"]].concat(),
    );
    assert_eq!(
        (&done["applied"], &done["dead_again"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(app.balance_of(order.customer_id), 0);
    let entries = "SELECT count(*) AS value FROM ledger_entries";
    assert_eq!(app.database.number(entries), 2);
}

#[test]
fn a_refund_is_seen_after_its_order_however_many_letters_are_between_them() {
    const BETWEEN: usize = 1200;
    let (app, orders) = dead_orders(1);
    app.database
        .execute(&format!(
            "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, signature, \
                 attempts) \
             SELECT n::text, 'malformed', 'no JSON', '', sha256(n::text::bytea), sha256(''), 1 \
             FROM generate_series(1, {BETWEEN}) AS n"
        ))
        .unwrap();
    app.deliver_bytes(refund(&orders[0], 1000).to_string().as_bytes());
    app.drain();
    app.set_product(PRODUCT, 500);

    let shown = replay_json(&app, &ALL);

    let letters = shown["letters"].as_array().expect("a list");
    assert_eq!(letters.len(), BETWEEN + 2);
    let of = |letter: &Value| json!([letter["would_be"], letter["points"]]);
    assert_eq!(of(&letters[0]), json!(["applied", 500]));
    assert_eq!(of(&letters[1]), json!(["dead_again", 0]));
    assert_eq!(of(&letters[BETWEEN + 1]), json!(["applied", -500]));
    let wallet = json!({
        "wallet_id": orders[0].customer_id.to_string(),
        "balance": 0, "change": 0, "balance_after": 0,
    });
    assert_eq!(shown["wallets"], json!([wallet]));
}
