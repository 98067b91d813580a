//! What the programs of 0.3.0 left, with the payloads of all events.

use diesel::connection::SimpleConnection;

use super::super::revert_from;
use super::{
    DECIDED, FIRST, LATE, all_migrations, applied_migrations, go_on, keys_are_known, start_worker,
    system, upgrade_unchanged,
};
use crate::harness::{TestApp, eventually};

/// Says how it was made.
const DUMP: &str = include_str!("../0.3.sql");
/// Any migration from here on is newer than 0.3.0.
const NEWER: &str = "2026-11-29";

/// The buyers, and the friend `302`, with what they had when the dump was made.
const BALANCES: [(i64, i64); 8] = [
    (101, 690),  // 500, less a spend of 60, and a correction of 250
    (301, 500),  // a gift for
    (302, 500),  // this friend
    (501, 0),    // refunded
    (801, 0),    // a chargeback is open
    (1601, 500), // told by two events
    (2101, 500), // by a customer whose name PostgreSQL cannot hold
    (2301, 380), // 120 spent
];

/// What the payloads tell of these customers. Of the last one PostgreSQL's JSON cannot hold the order.
const IDENTITIES: [&str; 7] = [
    "101 minecraft 069a79f4-44e9-4726-a5be-fca90e38aaf5 Steve",
    "1601 xbox 2535428504476914 Al",
    "2301 name Player One",
    "301 name Giver",
    "302 steam 76561198000000001 Alex",
    "501 name Player One",
    "801 name Player One",
];

/// A system with the rows of the dump and the schema of 0.3, with a receiver and no worker. Its events are
/// old, and their payloads are kept all the same.
fn restored() -> TestApp {
    let mut app = system();
    for setting in ["EVENT_RETENTION_DAYS", "IDENTITY_RETENTION_DAYS"] {
        app.set_for_workers(setting, "36500");
    }
    revert_from(&app.database, NEWER);
    // On a connection of its own, because the dump changes settings.
    let mut connection = app.database.connect();
    connection.batch_execute(DUMP).expect("it can be restored");
    app
}

/// The same after the upgrade, with a worker that has filled in the identities.
fn upgraded() -> TestApp {
    let mut app = restored();
    app.ctl(&["setup"]).succeeded();
    start_worker(&mut app);
    eventually("the identities are filled in", || {
        (identities(&app).len() == IDENTITIES.len()).then_some(())
    });
    app
}

/// Every identity, less `FIRST`. That of a customer without a profile is the wallet's own id.
fn identities(app: &TestApp) -> Vec<String> {
    let mut identities = app.database.texts(&format!(
        "SELECT concat_ws(' ', wallet_id - {FIRST}, platform, \
             CASE WHEN external_id <> wallet_id::text THEN external_id END, name) AS value \
         FROM customer_identities"
    ));
    identities.sort();
    identities
}

#[test]
fn the_upgrade_changes_nothing_that_0_3_recorded() {
    let mut app = restored();
    assert!(applied_migrations(&app).len() < all_migrations().len());
    upgrade_unchanged(&mut app, &BALANCES);
}

#[test]
fn identities_are_read_from_the_payloads_that_0_3_kept() {
    let app = upgraded();
    assert_eq!(identities(&app), IDENTITIES);
    let shown = app.ctl_json(&["wallet", "show", "76561198000000001"]);
    assert_eq!(shown["wallet_id"], (FIRST + 302).to_string());
    // A day later there is no older worker left whose events would be missed.
    let finish = "UPDATE upgrade_rule SET identities_filled_until = now() - interval '1 second'";
    app.database.execute(finish).expect("the owner may");
    let filled = "SELECT fill_identities(1)::text AS value";
    assert_eq!(app.database.texts(filled), ["0"]);
    let left = "SELECT count(identities_filled_to) AS value FROM upgrade_rule";
    assert_eq!(app.database.number(left), 0);
}

#[test]
fn orders_refunds_and_keys_go_on_from_what_0_3_recorded() {
    let mut app = upgraded();
    let events = [
        (1, "order: already_credited 690"),
        (3, "refund 1000 1000: partial_refund 500/500"),
        (5, "refund 100 100: noted 0"),
        (8, "won T1: restored 500"),
        (16, "order: already_credited 500"),
        (21, "refund 1000 1000: reversed 0"),
    ];
    go_on(&mut app, &events);
    keys_are_known(&app);
}

#[test]
fn letters_of_0_3_are_replayed_and_tell_who_their_customers_are() {
    let app = upgraded();
    app.set_product(LATE, 70);
    let replay = ["dead", "replay", "511705088000900006"];
    app.ctl(&[&replay[..], &DECIDED].concat()).succeeded();
    assert_eq!(app.balance_of(FIRST + 1801), 70);
    assert!(identities(&app).contains(&"1801 name Player One".to_owned()));

    let forget = (FIRST + 1601).to_string();
    app.ctl(&[&["forget", &forget, "--yes"][..], &DECIDED].concat())
        .succeeded();
    let left =
        "SELECT count(payload) AS value FROM webhook_events WHERE order_id = 511705088000001600";
    assert_eq!(app.database.number(left), 0);
    assert_eq!(app.balance_of(FIRST + 1601), 500);
}
