//! What the programs of 0.3.0 left: refunds by line, chargebacks, letters and keys.

use super::{
    DECIDED, FIRST, LATE, decide, go_on, keys_of_wallets_are_known, letter, start_worker,
    system_of, tell_again, upgrade_unchanged,
};
use crate::harness::{SECRET, TestApp, eventually};

/// Says how it was made.
const DUMP: &str = include_str!("../0.3.refunds.sql");
/// Any migration from here on is newer than 0.3.0.
const NEWER: &str = "2026-11-29";

/// Signed the webhooks of the dump.
const ITS_SECRET: &str = "pn-00112233445566778899aabbccddeeff";

/// The buyers, of which one gave to a friend (`202`), and what they had when the dump was made. 500 coins
/// and 700 gems are in the carts.
const BALANCES: [(i64, i64); 10] = [
    (101, 750),  // 500, and a correction of 250
    (201, 500),  // gems for
    (202, 700),  // this friend
    (301, 500),  // the gems were refunded
    (401, 0),    // a chargeback is open
    (501, 500),  // was won
    (801, 1200), // a refund waits for a person
    (901, 380),  // 120 spent
    (1001, 0),   // a product that gives nothing
    (1101, 500),
];

/// A system with the rows of the dump and the programs and schema of now, without a worker.
fn upgraded() -> TestApp {
    let app = system_of(DUMP, NEWER);
    app.ctl(&["setup"]).succeeded();
    app
}

#[test]
fn the_upgrade_changes_nothing_that_0_3_recorded() {
    let mut app = system_of(DUMP, NEWER);
    upgrade_unchanged(&mut app, &BALANCES);
}

#[test]
fn refunds_chargebacks_and_retold_orders_go_on_from_the_points_of_0_3() {
    let mut app = upgraded();
    start_worker(&mut app);
    let events = [
        (
            1,
            "order: already_credited 750; refund 1000 1000: reversed 250; again: noted 250",
        ),
        (
            2,
            "refund 500 500: partial_refund 500/700; refund 1000 1000: reversed 0/0",
        ),
        (3, "refund 300 300: reversed 0"),
        (4, "won T1: restored 500"),
        (5, "opened T2: reversed 0; lost T2: noted 0"),
        (8, "refund 600 600: reversed 500"),
        (
            9,
            "order: already_credited 380; refund 1000 1000: reversed -120",
        ),
        (10, "refund 100 100: noted 0"),
        (11, "order total_amount=900: conflict 500"),
    ];
    go_on(&mut app, &events);
}

#[test]
fn each_letter_of_0_3_is_decided_again() {
    let (open, given_up, refund, malformed) = (
        "511705088000900010",
        "511705088000900011",
        "511705088000900013",
        "be302461cda285db3ed2d45fb767b23e08ca8808b35a638009937df22b332d73",
    );
    let mut app = upgraded();
    let secrets = format!("test:{SECRET},orders:{ITS_SECRET}");
    app.set_for_workers("PAYNOW_SIGNING_SECRETS", &secrets);
    start_worker(&mut app);
    tell_again(&app, given_up);
    eventually("the discarded letter is open again", || {
        (letter(&app, given_up) == ["open unknown_product"]).then_some(())
    });
    app.set_product(LATE, 70);

    let every = ["--canary", "9", "--max-failures", "100", "--yes"];
    let letters = [open, given_up, malformed];
    let replay = [&["dead", "replay"], &letters[..], &every, &DECIDED].concat();
    let replayed = app.ctl(&replay);
    assert_eq!(replayed.code, Some(1), "one dies again: {replayed:?}");
    let line = (FIRST + 810).to_string();
    decide(&app, &["refund", "attribute", refund, "--line", &line]);

    for (event, state) in [
        (open, "resolved unknown_product"),
        (given_up, "resolved unknown_product"),
        (malformed, "open malformed"),
        (refund, "resolved partial_refund"),
    ] {
        assert_eq!(letter(&app, event), [state], "{event}");
    }
    for (wallet, balance) in [(601, 70), (701, 70), (801, 700)] {
        assert_eq!(app.balance_of(FIRST + wallet), balance, "{wallet}");
    }
}

#[test]
fn a_spend_and_a_correction_of_0_3_are_not_made_again_with_their_keys() {
    let mut app = upgraded();
    start_worker(&mut app);
    keys_of_wallets_are_known(&app, 901, (101, 750));
}
