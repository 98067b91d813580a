//! Dead letters, wrong balances and debts.

use super::{Fault, QUICK};
use crate::harness::{Order, TestApp, flake};
use crate::monitoring::system::{POINTS, PRICE, System, UNKNOWN};
use crate::reversals::refund;

pub(super) const FAULTS: [Fault; 6] = [FLOOD, OLD, NO_DESK, NO_CHECK, FORGED, DEBTS];

const FLOOD: Fault = Fault {
    what: "orders of a product without points arrive",
    test: "desk::dead_letters_raise_their_alerts",
    alerts: &[
        "PayNowDeadLetterFlood critical",
        "PayNowDeadLettersOpen info",
        "PayNowPointsErrors warning",
        "PayNowProcessingErrors warning",
    ],
};

const OLD: Fault = Fault {
    what: "a dead letter is made a day and an hour old",
    test: "desk::dead_letters_raise_their_alerts",
    alerts: &["PayNowDeadLettersAgeing warning"],
};

const NO_DESK: Fault = Fault {
    what: "the worker loses the right to write dead letters",
    test: "desk::dead_letters_raise_their_alerts",
    alerts: &["PayNowDeadLettersNotArchived warning"],
};

const NO_CHECK: Fault = Fault {
    what: "the worker loses the right to check the ledger",
    test: "desk::dead_letters_raise_their_alerts",
    alerts: &["PayNowLedgerCheckFailing warning"],
};

const FORGED: Fault = Fault {
    what: "a superuser changes a balance without a ledger entry",
    test: "desk::a_wrong_balance_and_a_debt_raise_their_alerts",
    alerts: &["PayNowLedgerViolated critical"],
};

const DEBTS: Fault = Fault {
    what: "an order of 60000 points is spent and then refunded",
    test: "desk::a_wrong_balance_and_a_debt_raise_their_alerts",
    alerts: &["PayNowDebtSurge warning"],
};

fn discard_all(app: &TestApp) {
    let all = ["dead", "discard", "--reason", "unknown_product", "--yes"];
    let note = ["--by", "a test", "--why", "seen"];
    app.ctl(&[&all[..], &note[..]].concat()).succeeded();
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn dead_letters_raise_their_alerts() {
    let system = System::start();
    let (app, watch) = (&system.app, system.watched(QUICK));
    let unpriced = || app.deliver(&Order::of(UNKNOWN, flake()));
    FLOOD.is_silent(&watch);

    FLOOD.fires(&watch, || {
        unpriced();
    });
    app.drain();
    discard_all(app);
    FLOOD.is_over(&watch, || system.post_order());

    OLD.is_silent(&watch);
    unpriced();
    app.drain();
    let age = "UPDATE dead_letters SET first_dead_at = now() - interval '25 hours', \
               last_dead_at = now() - interval '25 hours' WHERE state = 'open'";
    app.database.execute(age).expect("its owner may");
    OLD.fires(&watch, || {});
    discard_all(app);
    OLD.is_over(&watch, || {});

    NO_DESK.is_silent(&watch);
    let may_not = "REVOKE EXECUTE ON FUNCTION archive_dead_letter FROM paynow_worker";
    app.database.execute(may_not).expect("its owner may");
    unpriced();
    NO_DESK.fires(&watch, || {});
    let may = "GRANT EXECUTE ON FUNCTION archive_dead_letter TO paynow_worker";
    app.database.execute(may).expect("its owner may");
    NO_DESK.is_over(&watch, || {});

    NO_CHECK.is_silent(&watch);
    let may_not = "REVOKE EXECUTE ON FUNCTION check_ledger FROM paynow_worker";
    app.database.execute(may_not).expect("its owner may");
    NO_CHECK.fires(&watch, || {});
    let may = "GRANT EXECUTE ON FUNCTION check_ledger TO paynow_worker";
    app.database.execute(may).expect("its owner may");
    NO_CHECK.is_over(&watch, || {});
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn a_wrong_balance_and_a_debt_raise_their_alerts() {
    let system = System::start();
    let (app, watch) = (&system.app, system.watched(QUICK));
    let buyer = flake();
    let order = Order::of(POINTS, buyer);
    app.deliver(&order);
    app.drain();
    FORGED.is_silent(&watch);
    DEBTS.is_silent(&watch);

    // A superuser can turn off the triggers that protect balances.
    let forge = |change: i64| {
        let forged = format!(
            "SET session_replication_role = replica; \
             UPDATE wallets SET balance = balance + {change} WHERE wallet_id = {buyer}; \
             SET session_replication_role = origin"
        );
        app.database.execute(&forged).expect("a superuser may");
    };
    forge(1);
    FORGED.fires(&watch, || {});
    forge(-1);
    FORGED.is_over(&watch, || {});

    let spent = format!("SELECT spend({buyer}, {PRICE}, 'palace')");
    app.database.execute(&spent).expect("there is enough");
    app.deliver_bytes(&refund(&order, flake(), 1000));
    DEBTS.fires(&watch, || {});
    // The debt remains, but it no longer rises.
    DEBTS.is_over(&watch, || {});
}
