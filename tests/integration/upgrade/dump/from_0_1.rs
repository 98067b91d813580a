//! What the programs of 0.1.0 left.

use diesel::connection::SimpleConnection;

use super::{
    DECIDED, FIRST, LATE, all_migrations, applied_migrations, go_on, keys_are_known, system,
    upgrade_unchanged,
};
use crate::harness::{Servers, TestApp, TestDatabase};

/// Says how it was made.
const DUMP: &str = include_str!("../0.1.sql");
const LETTER: &str = "511705088000900041";

/// The buyers, of which some gave to a friend (`302`, `702`), and what they had when the dump was made.
const BALANCES: [(i64, i64); 25] = [
    (101, 690),   // 500, less a spend of 60, and a correction of 250
    (201, 2000),  // two lines
    (301, 500),   // a gift for
    (302, 500),   // this friend
    (401, 0),     // a product that gives nothing
    (501, 0),     // refunded
    (601, 300),   // 400 of 1000 refunded
    (701, 167),   // twice 333 of 1000 refunded
    (702, 167),   // the friend's share of that
    (801, 0),     // a chargeback is open
    (901, 500),   // was won
    (1001, 0),    // was lost
    (1101, 500),  // was won before it was opened
    (1201, 0),    // was lost before it was opened
    (1301, 0),    // refunded after a won chargeback
    (1401, 450),  // 100 of 1000 refunded, then a chargeback was won
    (1501, 0),    // 400 of 1000 refunded, then a chargeback was opened
    (1601, 500),  // told by two events
    (1701, 250),  // 500 of 1000 refunded, which was told before the order
    (2001, 90),   // replayed after its product got a price
    (2101, 500),  // a refund is a dead letter
    (2201, 500),  // a conflict is a dead letter
    (2301, 380),  // 120 spent
    (2401, -450), // 450 spent, then refunded
    (2501, 1200), // bought at the second price
];

/// A system whose database is the restored dump, with a receiver and no worker. The servers have the
/// roles, because another database was set up before.
fn restored() -> TestApp {
    let mut app = system();
    let name = app.database.url().path().trim_start_matches('/').to_owned();
    app.database.drop_it();
    app.database = TestDatabase::create(&Servers::of_this_run().database, &name);
    // On a connection of its own, because the dump changes the search path.
    let mut connection = app.database.connect();
    connection.batch_execute(DUMP).expect("it can be restored");
    app
}

/// The same after the upgrade.
fn upgraded() -> TestApp {
    let app = restored();
    app.ctl(&["setup"]).succeeded();
    app
}

#[test]
fn the_upgrade_changes_nothing_that_0_1_recorded() {
    let mut app = restored();
    assert!(applied_migrations(&app).len() < all_migrations().len());
    upgrade_unchanged(&mut app, &BALANCES);
    let prices = app.database.texts(
        "SELECT valid_from || ' ' || points AS value FROM product_prices ORDER BY product_id",
    );
    let kept = [500, 0, 1200, 90].map(|points| format!("-infinity {points}"));
    assert_eq!(prices, kept, "each price counts from the beginning");
}

#[test]
fn refunds_chargebacks_and_retold_orders_go_on_from_the_points_of_0_1() {
    let mut app = upgraded();
    let events = [
        (
            1,
            "order: already_credited 690; again: already_credited 690",
        ),
        (
            2,
            "refund 200 200: partial_refund 2000; refund 1000 1000: reversed 0",
        ),
        (5, "refund 500 500: noted 0"),
        (6, "refund 600 600: reversed 0; again: noted 0"),
        (7, "refund 334 334: reversed 0/0"),
        (8, "won T1: restored 500"),
        (9, "opened T2: reversed 0; lost T2: noted 0"),
        (10, "refund 1000 1000: noted 0"),
        (11, "refund 1000 1000: reversed 0"),
        (13, "order: already_credited 0"),
        (14, "refund 900 900: reversed 0"),
        (15, "won T1: restored 300"),
        (
            17,
            "refund 200 200: partial_refund 250; refund 500 500: reversed 0",
        ),
        (21, "refund 1000 1000: reversed 0"),
        (22, "order total_amount=900: conflict 500"),
        (24, "order: already_credited -450"),
    ];
    go_on(&mut app, &events);
}

#[test]
fn a_dead_letter_of_0_1_is_replayed_once_its_product_has_a_price() {
    let mut app = upgraded();
    app.start_worker();
    let buyer = FIRST + 1801;
    assert_eq!(app.balance_of(buyer), 0);
    let replay = [&["dead", "replay", LETTER], &DECIDED[..]].concat();

    app.set_product(LATE, 70);
    app.ctl(&replay).succeeded();

    app.note_accepted(LETTER);
    app.drain();
    assert_eq!(app.balance_of(buyer), 70);
    let state = format!("SELECT state AS value FROM dead_letters WHERE event_id = '{LETTER}'");
    assert_eq!(app.database.texts(&state), ["resolved"]);
}

#[test]
fn a_spend_and_a_correction_of_0_1_are_not_made_again_with_their_keys() {
    keys_are_known(&upgraded());
}
