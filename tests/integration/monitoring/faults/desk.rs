//! Dead letters and the books.

use super::{Fault, QUICK};
use crate::harness::{Order, TestApp, flake};
use crate::monitoring::world::{POINTS, PRICE, UNKNOWN, World};
use crate::reversals::refund;

pub(super) const FAULTS: [Fault; 5] = [FLOOD, OLD, NO_DESK, FORGED, DEBTS];

const FLOOD: Fault = Fault {
    what: "orders of a product that nobody priced come",
    test: "desk::dead_letters_are_told",
    alerts: &[
        "PayNowDeadLetterFlood critical",
        "PayNowDeadLettersOpen info",
        "PayNowPointsErrors warning",
        "PayNowProcessingErrors warning",
    ],
};

const OLD: Fault = Fault {
    what: "a dead letter is made a day and an hour old",
    test: "desk::dead_letters_are_told",
    alerts: &["PayNowDeadLettersAgeing warning"],
};

const NO_DESK: Fault = Fault {
    what: "the worker may not write to the desk",
    test: "desk::dead_letters_are_told",
    alerts: &["PayNowDeadLettersNotArchived warning"],
};

const FORGED: Fault = Fault {
    what: "a superuser writes a balance past the ledger",
    test: "desk::books_that_are_wrong_are_told",
    alerts: &["PayNowLedgerViolated critical"],
};

const DEBTS: Fault = Fault {
    what: "an order of 60000 points is spent and then refunded",
    test: "desk::books_that_are_wrong_are_told",
    alerts: &["PayNowDebtSurge warning"],
};

fn discard_all(app: &TestApp) {
    let all = ["dead", "discard", "--reason", "unknown_product", "--yes"];
    let note = ["--by", "a test", "--why", "seen"];
    app.ctl(&[&all[..], &note[..]].concat()).succeeded();
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn dead_letters_are_told() {
    let world = World::start();
    let (app, watch) = (&world.app, world.watched(QUICK));
    let unpriced = || app.deliver(&Order::of(UNKNOWN, flake()));
    FLOOD.is_not_told_yet(&watch);

    FLOOD.is_told(&watch, || {
        unpriced();
    });
    app.drain();
    discard_all(app);
    FLOOD.is_over(&watch, || world.post_order());

    OLD.is_not_told_yet(&watch);
    unpriced();
    app.drain();
    let age = "UPDATE dead_letters SET first_dead_at = now() - interval '25 hours', \
               last_dead_at = now() - interval '25 hours' WHERE state = 'open'";
    app.database.execute(age).expect("its owner may");
    OLD.is_told(&watch, || {});
    discard_all(app);
    OLD.is_over(&watch, || {});

    NO_DESK.is_not_told_yet(&watch);
    let may_not = "REVOKE INSERT ON dead_letters FROM paynow_worker";
    app.database.execute(may_not).expect("its owner may");
    unpriced();
    NO_DESK.is_told(&watch, || {});
    let may = "GRANT INSERT ON dead_letters TO paynow_worker";
    app.database.execute(may).expect("its owner may");
    NO_DESK.is_over(&watch, || {});
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn books_that_are_wrong_are_told() {
    let world = World::start();
    let (app, watch) = (&world.app, world.watched(QUICK));
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver(&order);
    app.drain();
    FORGED.is_not_told_yet(&watch);
    DEBTS.is_not_told_yet(&watch);

    // As a superuser: every trigger is out of the way.
    let forge = |change: i64| {
        let forged = format!(
            "SET session_replication_role = replica; \
             UPDATE wallets SET balance = balance + {change} WHERE wallet_id = {buyer}; \
             SET session_replication_role = origin"
        );
        app.database.execute(&forged).expect("a superuser may");
    };
    forge(1);
    FORGED.is_told(&watch, || {});
    forge(-1);
    FORGED.is_over(&watch, || {});

    let spent = format!("SELECT spend({buyer}, {PRICE}, 'a palace')");
    app.database.execute(&spent).expect("there is enough");
    app.deliver_bytes(&refund(&order, flake(), 1000));
    DEBTS.is_told(&watch, || {});
    // What is owed is still owed; it no longer rises.
    DEBTS.is_over(&watch, || {});
}
