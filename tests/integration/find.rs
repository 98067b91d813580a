//! Look-ups as support staff use them: anything that a person holds in hand leads to the rest.

mod doctor;
mod ladder;
mod lists;
mod payments;
pub(crate) mod paynow;
mod scans;
mod story;

use serde_json::Value;

use crate::harness::{Order, Program, TestApp, flake};
use crate::privileges::login::{Login, with};
use crate::reversals::{chargeback, refund};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;
const UUID: &str = "069a79f4-44e9-4726-a5be-fca90e38aaf5";

/// What one shop has: an order with a gift, of which one line is refunded and all is charged back, a
/// correction, and an order that is a dead letter.
struct Shop {
    app: TestApp,
    order: Order,
    dead: Order,
    buyer: i64,
    friend: i64,
    refund_id: i64,
    payment_id: i64,
}

fn shop() -> Shop {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let (buyer, friend) = (flake(), flake());
    let order = Order::of(POINTS, buyer).line(POINTS, 1, Some(friend));
    let dead = Order::of(UNKNOWN, buyer);
    let (refund_id, payment_id) = (flake(), flake());
    app.deliver(&order);
    app.deliver(&dead);
    app.drain();
    app.deliver_bytes(&refund(&order, refund_id, 1000));
    app.drain();
    app.deliver_bytes(&chargeback(&order, payment_id, None));
    app.drain();
    let wallet = buyer.to_string();
    app.ctl(&[
        "correct", "--wallet", &wallet, "--points", "7", "--key", "t-1", "--by", "anna", "--why",
        "sorry", "--yes",
    ])
    .succeeded();
    let identities = format!(
        "DELETE FROM customer_identities; \
         INSERT INTO customer_identities (wallet_id, platform, external_id, name, first_seen_at, last_seen_at) \
         VALUES ({buyer}, 'minecraft', '{UUID}', 'Steve_100%', now(), now()), \
             ({friend}, 'steam', '76561198000000001', 'steven', now(), now())"
    );
    app.database.execute(&identities).unwrap();
    Shop {
        app,
        order,
        dead,
        buyer,
        friend,
        refund_id,
        payment_id,
    }
}

/// The hits as `kind id`.
fn hits(found: &Value) -> Vec<String> {
    let text = |hit: &Value, field: &str| hit[field].as_str().unwrap().to_owned();
    let hits = found["hits"].as_array().unwrap().iter();
    hits.map(|hit| format!("{} {}", text(hit, "kind"), text(hit, "id")))
        .collect()
}

#[test]
fn anything_in_hand_is_found_and_each_hit_names_a_command_that_works() {
    let Shop {
        app,
        order,
        dead,
        buyer,
        friend,
        refund_id,
        payment_id,
    } = shop();
    let letter = app
        .database
        .number("SELECT dead_letter_id AS value FROM dead_letters");
    let line = order.lines[0].line_id;
    for (asked, expected) in [
        (buyer.to_string(), format!("wallet {buyer}")),
        (buyer.to_string(), format!("dead_letter {letter}")),
        (
            order.event_id.to_string(),
            format!("event {}", order.event_id),
        ),
        (
            order.order_id.to_string(),
            format!("order {}", order.order_id),
        ),
        (line.to_string(), format!("ledger_entry order-line:{line}")),
        (refund_id.to_string(), format!("refund {refund_id}")),
        (payment_id.to_string(), format!("chargeback {payment_id}")),
        (
            "correction:t-1".to_owned(),
            "ledger_entry correction:t-1".to_owned(),
        ),
        ("t-1".to_owned(), "ledger_entry correction:t-1".to_owned()),
        (letter.to_string(), format!("dead_letter {letter}")),
        (dead.event_id.to_string(), format!("dead_letter {letter}")),
        (dead.order_id.to_string(), format!("dead_letter {letter}")),
        ("2".to_owned(), "operator_action 2".to_owned()),
        (POINTS.to_string(), format!("product {POINTS}")),
        (UUID.to_owned(), format!("player {buyer}")),
        (
            UUID.replace('-', "").to_uppercase(),
            format!("player {buyer}"),
        ),
        ("76561198000000001".to_owned(), format!("player {friend}")),
        ("STEVE_100%".to_owned(), format!("player {buyer}")),
        ("steve".to_owned(), format!("player {friend}")),
    ] {
        let found = app.ctl_json(&["find", &asked]);
        assert!(hits(&found).contains(&expected), "{asked}: {found}");
        for hit in found["hits"].as_array().unwrap() {
            let command: Vec<&str> = hit["command"]
                .as_str()
                .unwrap()
                .split(' ')
                .skip(1)
                .collect();
            app.ctl(&command).succeeded();
        }
    }
    let prefix = app.ctl_json(&["find", "steve_"]);
    assert_eq!(
        hits(&prefix),
        [format!("player {buyer}")],
        "signs of a pattern mean themselves"
    );
    let shown = app.ctl(&["find", "steve"]).succeeded().stdout;
    assert!(
        shown.contains("searched as") && shown.contains("Steve_100%"),
        "{shown}"
    );
}

#[test]
fn what_is_not_found_says_what_was_searched_and_that_no_e_mail_is_kept() {
    let app = TestApp::start();
    for (asked, said) in [
        ("12345", "searched as wallet"),
        ("Nobody", "player name"),
        ("zofia@shop.example", "e-mail addresses are not stored"),
    ] {
        let outcome = app.ctl(&["find", asked]);
        assert_eq!(outcome.code, Some(3), "{outcome:?}");
        assert!(outcome.stderr.contains(said), "{outcome:?}");
    }
}

#[test]
fn a_reader_finds_ids_of_players_and_no_names() {
    let Shop { app, buyer, .. } = shop();
    let login = Login::with_role(&app, "paynow_reader");
    let variables = with(app.variables(), "DATABASE_URL", Some(login.url.as_str()));
    let run = |asked: &str| Program::run("paynowctl", &variables, &["find", asked, "--json"]);
    let found = run(UUID).succeeded().json();
    assert_eq!(hits(&found), [format!("player {buyer}")]);
    assert!(!found.to_string().contains("Steve"), "{found}");
    let refused = run("Steve_100%");
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("not as player name: this login may not"),
        "{refused:?}"
    );
}

#[test]
fn an_order_shows_what_it_gave_and_what_was_taken_back() {
    let Shop {
        app,
        order,
        dead,
        buyer,
        friend,
        ..
    } = shop();
    let story = app.ctl_json(&["orders", "show", &order.order_id.to_string()]);
    assert_eq!(story["order"]["buyer_wallet_id"], buyer.to_string());
    assert_eq!(story["lines"].as_array().unwrap().len(), 2);
    let kinds: Vec<&str> = story["reversals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["refund", "chargeback_opened"]);
    assert_eq!(story["events"].as_array().unwrap().len(), 3);
    let wallets: Vec<(&str, i64, i64, i64)> = story["wallets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let number = |field: &str| it[field].as_i64().unwrap();
            (
                it["wallet_id"].as_str().unwrap(),
                number("given"),
                number("taken_back"),
                number("balance"),
            )
        })
        .collect();
    let (buyer, friend) = (buyer.to_string(), friend.to_string());
    assert_eq!(
        wallets,
        [
            (buyer.as_str(), 500, 500, 7),
            (friend.as_str(), 500, 500, 0)
        ]
    );
    let shown = app
        .ctl(&["orders", "show", &order.order_id.to_string()])
        .succeeded()
        .stdout;
    assert!(
        shown.contains("refunds and chargebacks") && shown.contains("balance now"),
        "{shown}"
    );

    let story = app.ctl_json(&["orders", "show", &dead.order_id.to_string()]);
    assert_eq!(story["order"], Value::Null);
    assert_eq!(story["dead_letters"][0]["reason"], "unknown_product");
    assert_eq!(app.ctl(&["orders", "show", "12345"]).code, Some(3));
}

#[test]
fn a_body_of_any_bytes_can_be_archived_and_names_no_id() {
    let app = TestApp::start();
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 7] = [
        b"",
        b"\xff\xfe",
        b"7",
        b"{\"body\": 7}",
        b"{\"body\": {\"id\": \"99999999999999999999\", \"lines\": 5}}",
        br#"{"event_id":"5","body":{"id":"41","name":"\u0000","lines":[{"id":42}, 7, null]}}"#,
        deep.as_bytes(),
    ];
    for body in bodies {
        assert_eq!(app.deliver_bytes(body).status, 202);
    }
    app.drain();
    let about = |id: i64| {
        let sql = format!("SELECT letters_about({id}, 10)::text AS value");
        app.database.texts(&sql).len()
    };
    assert_eq!((about(41), about(42), about(5)), (1, 1, 0));
}
