//! What the programs of 0.2.0 left.

use super::{
    DECIDED, FIRST, LATE, all_migrations, applied_migrations, decide, go_on, keys_are_known,
    letter, order_of_the_dump, start_worker, system_of, tell_again, upgrade_unchanged,
};
use crate::harness::{TestApp, eventually};
use crate::meaning::check;
use crate::meaning::row::Row;
use crate::meaning::sale::Sale;

/// Says how it was made.
const DUMP: &str = include_str!("../0.2.sql");
/// Any migration from here on is newer than 0.2.0.
const NEWER: &str = "2026-11-28";
/// Was removed.
const GONE: i64 = 600_000_000_000_000_044;
/// Have no price: the orders of the open replay are for the first one, the discarded letter for the other.
const REPLAYED: i64 = 600_000_000_000_000_080;
const GIVEN_UP: i64 = 600_000_000_000_000_079;

/// The buyers, of which some gave to a friend (`302`, `702`, `4702`), and what they had when the dump was
/// made. 500 coins and 700 gems are in the carts.
const BALANCES: [(i64, i64); 41] = [
    (101, 690),   // 500, less a spend of 60, and a correction of 250
    (201, 1000),  // a line of two
    (301, 500),   // a gift for
    (302, 500),   // this friend
    (401, 0),     // a product that gives nothing
    (501, 0),     // refunded
    (601, 500),   // the gems were refunded
    (701, 500),   // a person named
    (702, 0),     // the friend's line
    (801, 0),     // a chargeback is open
    (901, 500),   // was won
    (1001, 0),    // was lost
    (1101, 500),  // was won before it was opened
    (1201, 0),    // was lost before it was opened
    (1301, 0),    // was won and opened again
    (1401, 700),  // the coins were refunded, then a chargeback was won
    (1501, 0),    // the gems were refunded, then a chargeback was opened
    (1601, 500),  // told by two events
    (1701, 500),  // the gems were refunded, which was told before the order
    (2001, 90),   // replayed after its product got a price
    (2101, 1200), // a refund waits for a person
    (2201, 500),  // a conflict is a dead letter
    (2301, 380),  // 120 spent
    (2401, -450), // 450 spent, then refunded
    (2501, 1200), // completed when gems gave more
    (2601, 700),  // completed before
    (2701, 0),    // all that no gift card paid was refunded, with its tax
    (2801, 700),  // the part of the coins that no gift card paid was refunded
    (2901, 300),  // 200 were taken, as a person decided
    (3001, 0),    // all were taken, as a person decided
    (3101, 300),  // 400 of 1000 refunded, with `PARTIAL_REFUNDS=proportional`
    (3401, 500),  // a refund is in another currency
    (3501, 500),  // a refund is not completed
    (3701, 70),   // credited after a copy was discarded
    (3801, 300),  // of a product that was removed later
    (3901, 2450), // three of one product and one of another, whose prices were imported
    (4201, 500),  // a person vouched for it
    (4401, 0),    // a trial
    (4701, 500),  // PayNow named
    (4702, 0),    // the friend's line
    (4801, 100),  // the price was imported from a second list
];

/// A system with the rows of the dump and the schema of 0.2, with a receiver and no worker.
fn restored() -> TestApp {
    let app = system_of(DUMP, NEWER);
    // Later, the check says that a stopped replay left letters behind.
    app.database
        .execute("UPDATE replays SET updated_at = now()")
        .expect("the owner may");
    app
}

/// The same after the upgrade.
fn upgraded() -> TestApp {
    let app = restored();
    app.ctl(&["setup"]).succeeded();
    app
}

#[test]
fn the_upgrade_changes_nothing_that_0_2_recorded() {
    let mut app = restored();
    assert!(applied_migrations(&app).len() < all_migrations().len());
    upgrade_unchanged(&mut app, &BALANCES);
}

#[test]
fn refunds_chargebacks_and_retold_orders_go_on_from_the_points_of_0_2() {
    let mut app = upgraded();
    start_worker(&mut app);
    let events = [
        (
            1,
            "order: already_credited 690; again: already_credited 690",
        ),
        (2, "refund 1000 1000: reversed 0"),
        (
            3,
            "refund 500 500: partial_refund 500/500; refund 1000 1000: reversed 0/0",
        ),
        (5, "refund 500 500: noted 0"),
        (6, "refund 100 100: reversed 0; again: noted 0"),
        (7, "refund 500 500: reversed 0/0"),
        (8, "won T1: restored 500"),
        (9, "opened T2: reversed 0; lost T2: noted 0"),
        (10, "refund 1000 1000: noted 0"),
        (11, "refund 1000 1000: reversed 0"),
        (13, "won T2: restored 500; refund 1000 1000: reversed 0"),
        (14, "refund 900 900: reversed 0"),
        (15, "won T1: restored 500"),
        (16, "order: already_credited 500"),
        (17, "refund 100 100: reversed 0"),
        (22, "order total_amount=900: conflict 500"),
        (24, "order: already_credited -450"),
        (25, "refund 1000 1000: reversed 0"),
        (27, "refund 600 400: noted 0"),
        (28, "refund 300 300: reversed 0"),
        (29, "refund 750 750: reversed 0"),
        (30, "refund 750 750: noted 0"),
        (31, "refund 600 600: reversed 0"),
        (34, "refund 1000 1000: reversed 0"),
        (36, "refund 1000 1000: noted 0"),
        (38, "refund 1000 1000: reversed 0"),
        (39, "refund 1000 1000: reversed 0"),
        (42, "refund 1000 1000: reversed 0"),
        (47, "refund 500 500: reversed 0/0"),
        (48, "opened T1: reversed 0; won T1: restored 100"),
    ];
    go_on(&mut app, &events);
}

#[test]
fn orders_of_today_get_the_prices_that_0_2_kept_for_their_time() {
    let mut app = upgraded();
    start_worker(&mut app);
    let row = |(product, completed, result): &(&str, &str, &str)| {
        let event = format!(
            "order lines/0/product_id=\"6000000000000000{product}\" completed_at=\"{completed}\": {result}"
        );
        let name = format!("product {product} at {completed}");
        Row::of(&name, Sale::parse("1000: coins 1000"), &event)
    };
    let orders = [
        ("43", "2026-01-02T23:59:59Z", "credited 700"),
        ("43", "2026-01-03T00:00:00Z", "credited 1200"),
        ("44", "2026-11-28T00:00:00Z", "credited 300"),
        ("44", "2026-11-29T00:00:00Z", "unknown_product 0"),
        ("46", "2026-11-28T00:00:00Z", "credited 2000"),
        ("46", "2026-11-29T00:00:00Z", "credited 100"),
    ];
    check(&mut app, &orders.iter().map(row).collect::<Vec<_>>());
    // A price of today follows the removal.
    app.set_product(GONE, 310);
    let prices = format!("SELECT count(*) AS value FROM product_prices WHERE product_id = {GONE}");
    assert_eq!(app.database.number(&prices), 3);
}

#[test]
fn each_open_letter_of_0_2_is_decided_again() {
    let mut app = upgraded();
    app.set_for_workers("ORDER_TYPES", "subscription_proration=credit");
    start_worker(&mut app);
    app.set_product(LATE, 70);
    let missing = order_of_the_dump(43).event("order", None);
    app.deliver_bytes(missing.to_string().as_bytes());
    app.drain();

    // Each letter with what it is after the replay, and the balance of its order's buyer.
    let letters = [
        ("511705088000900040", "resolved unknown_product", 1801, 70),
        ("511705088000900046", "open conflict", 2201, 500),
        ("511705088000900059", "resolved order_type", 3201, 500),
        ("511705088000900060", "open order_not_completed", 3301, 0),
        ("511705088000900062", "open currency_mismatch", 3401, 500),
        ("511705088000900064", "open refund_not_completed", 3501, 500),
        ("511705088000900070", "resolved order_unknown", 4301, 0),
        ("511705088000900081", "resolved wrong_store", 4001, 500),
        (
            "6857a744472060c772cd017b1434ce5f3104844f87e1816fc3c4f561a5ffe4dc",
            "open malformed",
            0,
            0,
        ),
    ];
    let events: Vec<&str> = letters.iter().map(|(event, ..)| *event).collect();
    let every = ["--canary", "9", "--max-failures", "100", "--yes"];
    let replay = [&["dead", "replay"], &events[..], &every, &DECIDED].concat();
    let replayed = app.ctl(&replay);
    assert_eq!(replayed.code, Some(1), "some die again: {replayed:?}");
    for (event, state, wallet, balance) in letters {
        assert_eq!(letter(&app, event), [state], "{event}");
        assert_eq!(app.balance_of(FIRST + wallet), balance, "{event}");
    }

    let (refund, line) = ("511705088000900044", (FIRST + 2110).to_string());
    decide(&app, &["refund", "attribute", refund, "--line", &line]);
    assert_eq!(app.balance_of(FIRST + 2101), 700);
    let unsigned = "511705088000900068";
    decide(&app, &["dead", "replay", unsigned, "--without-proof"]);
    assert_eq!(app.balance_of(FIRST + 4101), 500);
    for event in [refund, unsigned] {
        assert!(letter(&app, event)[0].starts_with("resolved "), "{event}");
    }
}

#[test]
fn letters_of_a_replay_that_0_2_left_unfinished_are_reopened_and_replayed() {
    let mut app = upgraded();
    start_worker(&mut app);
    app.set_product(REPLAYED, 25);
    // Its message stayed in another broker: `ops/backup.md` says what to do then.
    let reopened = "UPDATE dead_letters SET state = 'open' WHERE state = 'replayed'";
    app.database.execute(reopened).expect("the owner may");
    let letters = [("511705088000900073", 4501), ("511705088000900074", 4601)];
    let [sent, waiting] = letters.map(|(event, _wallet)| event);
    decide(&app, &["dead", "replay", sent, waiting, "--yes"]);
    for (event, wallet) in letters {
        assert_eq!(letter(&app, event), ["resolved unknown_product"], "{event}");
        assert_eq!(app.balance_of(FIRST + wallet), 25, "{event}");
    }
}

#[test]
fn a_letter_that_0_2_discarded_is_decided_again_only_if_its_event_was_not_applied() {
    let (given_up, applied) = ("511705088000900041", "511705088000900065");
    let mut app = upgraded();
    start_worker(&mut app);
    eventually(
        "housekeeping resolves the letter of the applied event",
        || (letter(&app, applied) == ["resolved unknown_product"]).then_some(()),
    );
    for event in [given_up, applied] {
        tell_again(&app, event);
    }
    eventually("the letter is open again", || {
        (letter(&app, given_up) == ["open unknown_product"]).then_some(())
    });
    assert_eq!(app.balance_of(FIRST + 3701), 70);

    app.set_product(GIVEN_UP, 40);
    decide(&app, &["dead", "replay", given_up]);
    assert_eq!(letter(&app, given_up), ["resolved unknown_product"]);
    assert_eq!(app.balance_of(FIRST + 1901), 40);
    assert_eq!(app.balance_of(FIRST + 3701), 70);
}

#[test]
fn a_spend_and_a_correction_of_0_2_are_not_made_again_with_their_keys() {
    let mut app = upgraded();
    start_worker(&mut app);
    keys_are_known(&app);
}
