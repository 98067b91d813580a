//! The check of the ledger computes what refunds and chargebacks take back as the worker does.

use super::database::{Ledger, Session};
use super::history::{FIRST, Recorded, SECOND, THIRD};

const WRONG: &str = "SELECT culprit AS value FROM ledger_violations \
                     WHERE check_id = 'reversals_recompute' ORDER BY culprit";

/// A row of `reversals`: its kind, its reference, and further columns.
type Step = (&'static str, i64, &'static [(&'static str, &'static str)]);

struct Case {
    name: &'static str,
    total: &'static str,
    giftcard: &'static str,
    steps: &'static [Step],
    /// From wallets 20 and 21.
    taken: [i64; 2],
}

/// Lines 101 and 102 gave wallet 20 this, line 103 wallet 21.
const CREDITED: [i64; 3] = [101, 50, 7];

macro_rules! refund {
    ($reference:literal, $($column:literal = $value:literal),*) => {
        ("refund", $reference, &[$(($column, $value)),*])
    };
}

macro_rules! share {
    ($reference:literal, $amount:literal) => {
        refund!(
            $reference,
            "amount_minor" = $amount,
            "attribution" = "'proportional'",
            "attribution_source" = "'amounts'"
        )
    };
}

macro_rules! everything {
    ($reference:literal) => {
        refund!(
            $reference,
            "amount_minor" = "1",
            "attribution" = "'everything'",
            "attribution_source" = "'amounts'"
        )
    };
}

macro_rules! line {
    ($reference:literal, $line:literal) => {
        refund!(
            $reference,
            "amount_minor" = "1",
            "attribution" = "'line'",
            "attribution_source" = "'paynow'",
            "line_id" = $line
        )
    };
}

macro_rules! points {
    ($reference:literal, $points:literal) => {
        refund!(
            $reference,
            "amount_minor" = "1",
            "attribution" = "'points'",
            "attribution_source" = "'operator'",
            "wallet_id" = "21",
            "points" = $points
        )
    };
}

const OPENED: &str = "chargeback_opened";
const WON: &str = "chargeback_won";
const LOST: &str = "chargeback_lost";
const AT_FIRST: &[(&str, &str)] = &[("chargeback_at", FIRST)];
const AT_SECOND: &[(&str, &str)] = &[("chargeback_at", SECOND)];
const AT_THIRD: &[(&str, &str)] = &[("chargeback_at", THIRD)];

const ALL: [i64; 2] = [151, 7];

macro_rules! cases {
    ($($name:literal, $total:literal less $giftcard:literal: $steps:expr => $taken:expr;)*) => {
        &[$(Case { name: $name, total: $total, giftcard: $giftcard, steps: $steps, taken: $taken }),*]
    };
}

const CASES: &[Case] = cases! {
    "nothing", "1000" less "0": &[] => [0, 0];
    "a refund of nothing", "1000" less "0": &[refund!(50, "amount_minor" = "0")] => [0, 0];
    "an older share", "1000" less "NULL": &[refund!(50, "amount_minor" = "335")] => [51, 2];
    "two older shares", "1000" less "NULL":
        &[refund!(50, "amount_minor" = "335"), refund!(51, "amount_minor" = "335")] => [101, 5];
    "an older share of all", "1000" less "NULL": &[refund!(50, "amount_minor" = "1000")] => ALL;
    "an older share has no gift cards", "1000" less "600":
        &[refund!(50, "amount_minor" = "400")] => [60, 3];
    "any older refund of an order that cost nothing", "0" less "NULL":
        &[refund!(50, "amount_minor" = "0")] => ALL;
    "a share of what was charged, rounded half up", "1000" less "600": &[share!(50, "200")] => [76, 4];
    "a share of all that was charged", "1000" less "600": &[share!(50, "400")] => ALL;
    "shares of both versions", "1000" less "600":
        &[refund!(50, "amount_minor" = "100"), share!(51, "100")] => [53, 3];
    "one line", "1000" less "0": &[line!(50, "101")] => [101, 0];
    "lines of two wallets", "NULL" less "NULL": &[line!(50, "101"), line!(51, "103")] => [101, 7];
    "a line and a share are at most all", "1000" less "0":
        &[refund!(51, "amount_minor" = "900"), line!(50, "101")] => [151, 6];
    "everything", "NULL" less "NULL": &[line!(50, "101"), everything!(51)] => ALL;
    "an older chargeback, and a new one that is older than its end", "1000" less "0":
        &[(WON, 60, &[]), (OPENED, 60, &[("chargeback_at", "'2020-01-01'")])] => [0, 0];
    "an older end, and a new opening", "1000" less "0":
        &[(OPENED, 60, &[]), (WON, 60, &[]), (OPENED, 60, AT_FIRST)] => ALL;
    "points of one wallet", "1000" less "0": &[points!(50, "5")] => [0, 5];
    "more points than it got", "1000" less "0": &[points!(50, "500")] => [0, 7];
    "an older chargeback", "1000" less "0": &[(OPENED, 60, &[])] => ALL;
    "an older one that was won", "1000" less "0": &[(OPENED, 60, &[]), (WON, 60, &[])] => [0, 0];
    "an older one that was lost", "1000" less "0": &[(LOST, 60, &[]), (OPENED, 60, &[])] => ALL;
    "a chargeback that was won", "1000" less "0":
        &[(OPENED, 60, AT_FIRST), (WON, 60, AT_SECOND)] => [0, 0];
    "a closing without an opening", "1000" less "0": &[(WON, 60, AT_SECOND)] => [0, 0];
    "opened without a time, then won", "1000" less "0":
        &[(OPENED, 60, &[]), (WON, 60, AT_FIRST)] => [0, 0];
    "opened again", "1000" less "0":
        &[(OPENED, 60, AT_FIRST), (WON, 60, AT_SECOND), (OPENED, 60, AT_THIRD)] => ALL;
    "opened again, in another order of arrival", "1000" less "0":
        &[(OPENED, 60, AT_THIRD), (OPENED, 60, AT_FIRST), (WON, 60, AT_SECOND)] => ALL;
    "opened and won at one time", "1000" less "0":
        &[(WON, 60, AT_FIRST), (OPENED, 60, AT_FIRST)] => [0, 0];
    "another payment is still open", "1000" less "0":
        &[(OPENED, 60, AT_FIRST), (WON, 60, AT_SECOND), (OPENED, 61, AT_FIRST)] => ALL;
    "a refund and a chargeback that was won", "1000" less "0":
        &[line!(50, "103"), (OPENED, 60, AT_FIRST), (WON, 60, AT_SECOND)] => [0, 7];
};

/// What the check finds wrong with the case when this is taken back. Nothing stays.
fn found(session: &mut Session, case: &Case, taken: [i64; 2]) -> Vec<String> {
    let [first, second, third] = CREDITED;
    let mut order = Recorded::new(1, "credited", 10)
        .order(case.total, case.giftcard)
        .credited_line(101, 20, first)
        .credited_line(102, 20, second)
        .credited_line(103, 21, third);
    for (sequence, (kind, reference, details)) in (0..).zip(case.steps) {
        order = order.reversal(sequence, kind, *reference, details);
    }
    for (wallet, points) in [(20, taken[0]), (21, taken[1])] {
        if points != 0 {
            order = order.entry(&format!("refund:9:{wallet}"), wallet, "refund", -points);
        }
    }
    session.works(&format!("BEGIN; {}", order.sql()));
    let wrong = session.texts(WRONG);
    session.works("ROLLBACK");
    wrong.expect("a superuser reads the view")
}

#[test]
fn what_is_taken_back_is_computed_from_the_records() {
    let ledger = Ledger::empty();
    let mut session = ledger.as_superuser();
    for case in CASES {
        let name = case.name;
        let [first, second] = case.taken;
        assert_eq!(
            found(&mut session, case, [first, second]),
            [""; 0],
            "{name}"
        );
        if case.steps.is_empty() {
            continue;
        }
        let more = found(&mut session, case, [first + 1, second]);
        let expected = format!(
            "order 10 has taken back {} from wallet 20, its refunds and chargebacks make it {first}",
            first + 1
        );
        assert_eq!(more, [expected], "{name}");
        let other = if second == 0 { 1 } else { second - 1 };
        assert_eq!(found(&mut session, case, [first, other]).len(), 1, "{name}");
    }
}

#[test]
fn what_a_worker_of_the_version_before_decides_beside_this_one_is_left_to_the_next_event() {
    let ledger = Ledger::empty();
    let day = "UPDATE upgrade_rule SET older_workers_until = now() + interval '1 hour'";
    ledger.database.execute(day).expect("the row is there");
    let mut session = ledger.as_superuser();
    let decided = |name, steps, taken| Case {
        name,
        total: "1000",
        giftcard: "0",
        steps,
        taken,
    };
    // The line gave 101 of 151 points. The version before sees two shares of the total.
    let older_last = decided(
        "an older refund comes last",
        &[line!(50, "101"), refund!(51, "amount_minor" = "100")],
        [17, 1],
    );
    let newer_last = decided(
        "a newer one comes last",
        &[refund!(51, "amount_minor" = "100"), line!(50, "101")],
        [17, 1],
    );
    assert_eq!(found(&mut session, &older_last, older_last.taken), [""; 0]);
    assert_eq!(found(&mut session, &newer_last, newer_last.taken).len(), 1);

    // After that day no older worker runs, so nothing is left to it.
    let over = "UPDATE upgrade_rule SET older_workers_until = now()";
    ledger.database.execute(over).expect("the row is there");
    assert_eq!(found(&mut session, &older_last, older_last.taken).len(), 1);
}

#[test]
fn lines_that_cost_nothing_go_back_with_the_last_one_that_was_paid() {
    let ledger = Ledger::empty();
    let mut session = ledger.as_superuser();
    let refund = |line: &'static str| {
        [
            ("amount_minor", "500"),
            ("attribution", "'line'"),
            ("attribution_source", "'amounts'"),
            ("line_id", line),
        ]
    };
    let one_of_two = || {
        Recorded::new(1, "credited", 10)
            .order("1000", "0")
            .paid_line(101, "500", 20, 100)
            .paid_line(102, "500", 20, 50)
            .paid_line(103, "0", 20, 7)
            .reversal(0, "refund", 50, &refund("101"))
    };
    let both = one_of_two().reversal(1, "refund", 51, &refund("102"));
    for (recorded, taken) in [(one_of_two(), 100), (both, 157)] {
        let recorded = recorded.entry("refund:50", 20, "refund", -taken);
        session.works(&format!("BEGIN; {}", recorded.sql()));
        assert_eq!(session.texts(WRONG).unwrap(), [""; 0]);
        session.works("ROLLBACK");
    }
}

#[test]
fn the_computation_is_exact_for_large_numbers() {
    let ledger = Ledger::empty();
    let mut session = ledger.as_superuser();
    // Half of it is a number that no float of 64 bits holds.
    let credited = 9_007_199_254_740_993;
    let recorded = Recorded::new(1, "credited", 10)
        .order("9223372036854775806", "0")
        .credited_line(101, 20, credited)
        .reversal(0, "refund", 50, &[("amount_minor", "4611686018427387903")])
        .entry("refund:50", 20, "refund", -4_503_599_627_370_497);
    session.works(&recorded.sql());
    assert_eq!(session.texts(WRONG).unwrap(), [""; 0]);
}
