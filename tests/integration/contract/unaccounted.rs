//! What each role, the owner and a superuser can forge in the ledger, and how the check finds it.

use super::database::Session;
use super::history::{self, Recorded};
use super::migrations::run;
use crate::harness::migrations;

/// Runs a forgery as a role and takes it back. Returns the invariants that it breaks.
fn broken_by(session: &mut Session, role: &str, forgery: &str) -> Vec<String> {
    session.works(&format!(
        "BEGIN; SET LOCAL ROLE {role}; {forgery}; SET LOCAL ROLE none"
    ));
    let broken =
        session.texts("SELECT DISTINCT check_id AS value FROM ledger_violations ORDER BY value");
    session.works("ROLLBACK");
    broken.expect("a superuser reads the view")
}

fn entry(key: &str, wallet: i64, order: i64, event: i64, kind_and_points: &str) -> String {
    format!(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
         VALUES ('{key}', {wallet}, {order}, {event}, {kind_and_points})"
    )
}

fn check(forgeries: &[(&str, String, &[&str])]) {
    let ledger = history::ledger();
    let mut session = ledger.as_superuser();
    for (role, forgery, expected) in forgeries {
        assert_eq!(
            broken_by(&mut session, role, forgery),
            *expected,
            "{role}: {forgery}"
        );
    }
    assert_eq!(ledger.broken(), []);
}

const COMES_FROM: &str = "reversal_entries_have_reversals";
const EVENTS: &str = "reversals_have_events";
const RECOMPUTED: &str = "reversals_recompute";
const LINES: &str = "order_lines_match_entries";
const SPENDS: &str = "spends_have_records";
const CORRECTIONS: &str = "corrections_have_actions";
const ATTRIBUTIONS: &str = "attributions_have_actions";

#[test]
fn a_history_of_all_kinds_breaks_no_invariant() {
    let ledger = history::ledger();
    assert_eq!(ledger.balances(), ["20: 233", "21: 145"]);
    assert_eq!(ledger.broken(), []);
    // The workers' own check, too.
    ledger
        .log_in_as("paynow_worker")
        .works("SELECT check_ledger(0)");
    let found = ledger
        .database
        .number("SELECT sum(violations)::bigint AS value FROM ledger_checks");
    assert_eq!(found, 0);
}

#[test]
fn what_a_worker_makes_up_about_a_refund_or_chargeback_is_found() {
    let won = [("chargeback_at", "'2026-01-04'")];
    let refund = [
        ("amount_minor", "1"),
        ("attribution", "'line'"),
        ("attribution_source", "'amounts'"),
        ("line_id", "103"),
    ];
    let forgeries: &[(&str, String, &[&str])] = &[
        ("paynow_worker", entry("chargeback-won:9", 20, 14, 14, "'chargeback_won', 300"), &[COMES_FROM, RECOMPUTED]),
        ("paynow_worker", entry("chargeback-won:9", 20, 14, 999, "'chargeback_won', 1"), &[COMES_FROM, RECOMPUTED]),
        ("paynow_worker", entry("chargeback:9", 21, 10, 2, "'chargeback', -1"), &[COMES_FROM, RECOMPUTED]),
        ("paynow_worker", entry("refund:9", 21, 10, 1, "'refund', -1"), &[COMES_FROM, RECOMPUTED]),
        // With a row of `reversals`, but without an event.
        (
            "paynow_worker",
            format!(
                "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, chargeback_at) \
                 VALUES (14, 4, 'chargeback_won', 62, 999, '2026-01-04'); {}",
                entry("chargeback-won:9", 20, 14, 999, "'chargeback_won', 300")
            ),
            &[COMES_FROM, EVENTS],
        ),
        // A chargeback that is said to be won already would never take points.
        (
            "paynow_worker",
            "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, chargeback_at) \
             VALUES (12, 1, 'chargeback_won', 69, 1, '2099-01-01')"
                .to_owned(),
            &[EVENTS],
        ),
        // With an event, but with other points than the record makes.
        (
            "paynow_worker",
            Recorded::new(99, "reversed", 10)
                .reversal(1, "refund", 59, &refund)
                .entry("refund:59", 21, "refund", -150)
                .sql(),
            &[RECOMPUTED],
        ),
        (
            "paynow_worker",
            Recorded::new(99, "restored", 16)
                .reversal(1, "chargeback_won", 69, &won)
                .entry("chargeback-won:69", 20, "chargeback_won", 70)
                .sql(),
            &[RECOMPUTED],
        ),
    ];
    check(forgeries);
}

#[test]
fn what_a_worker_adds_to_an_order_is_found() {
    let line = |order| {
        format!(
            "INSERT INTO order_lines (order_id, line_id, product_id, quantity) \
             VALUES ({order}, 109, 40, 1)"
        )
    };
    let given = "'order_line', 50";
    let forgeries: &[(&str, String, &[&str])] = &[
        (
            "paynow_worker",
            entry("order-line:109", 20, 10, 1, given),
            &[LINES],
        ),
        (
            "paynow_worker",
            format!(
                "{}; {}",
                line(10),
                entry("order-line:109", 20, 10, 1, given)
            ),
            &[LINES],
        ),
        ("paynow_worker", line(10), &[LINES]),
        ("paynow_worker", line(99), &[LINES]),
        // An order of the version before, an unknown order, and one that was ignored.
        (
            "paynow_worker",
            entry("order-line:109", 20, 13, 7, given),
            &[LINES],
        ),
        (
            "paynow_worker",
            entry("order-line:109", 20, 99, 1, given),
            &[LINES],
        ),
        (
            "paynow_worker",
            entry("order-line:151", 20, 15, 16, given),
            &["entries_have_events", LINES, RECOMPUTED],
        ),
        (
            "paynow_worker",
            entry("order-line:109", 20, 10, 999, given),
            &["entries_have_events", LINES],
        ),
    ];
    check(forgeries);
}

#[test]
fn what_the_owner_adds_by_hand_is_found() {
    let correction = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                      VALUES ('correction:x', 20, 'correction', 7)";
    let spend = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                 VALUES ('spend:x', 20, 'spend', -7)";
    let disabled = "ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_kind_of_role";
    let forgeries: &[(&str, String, &[&str])] = &[
        ("paynow_owner", correction.to_owned(), &[CORRECTIONS]),
        ("paynow_owner", "SELECT post_correction('correction:x', 20, 7)".to_owned(), &[CORRECTIONS]),
        ("paynow_owner", format!("{disabled}; {spend}"), &[SPENDS]),
        (
            "paynow_owner",
            "INSERT INTO spends (entry_key, wallet_id, points, login) VALUES ('spend:x', 20, 7, 'game')"
                .to_owned(),
            &[SPENDS],
        ),
        ("paynow_owner", entry("refund:9", 21, 10, 1, "'refund', -1"), &[COMES_FROM, RECOMPUTED]),
        ("paynow_owner", entry("order-line:109", 20, 10, 1, "'order_line', 50"), &[LINES]),
        (
            "paynow_owner",
            "INSERT INTO refund_attributions (refund_id, order_id, line_id, action_id) \
             VALUES (59, 10, 103, (SELECT max(action_id) FROM operator_actions))"
                .to_owned(),
            &[ATTRIBUTIONS],
        ),
    ];
    check(forgeries);
}

#[test]
fn an_order_that_is_credited_twice_under_other_keys_is_found() {
    // With the time and the event of the order, as only a superuser can write them.
    let again = "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points, created_at) \
                 SELECT 'order-line:9' || substr(entry_key, 12), wallet_id, order_id, event_id, kind, points, \
                     created_at \
                 FROM ledger_entries WHERE kind = 'order_line' AND order_id = 10";
    let second_event = "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, \
                            signature, attempts) \
                        VALUES (99, 'a test', 'credited', 10, sha256('99'), sha256('99'), 1)";
    // An order without lines, as a worker of the version before recorded it.
    let without_lines = |order: i64| {
        Recorded::new(98, "credited", order)
            .order("1000", "0")
            .entry("order-line:981", 20, "order_line", 500)
            .entry("order-line:982", 20, "order_line", 500)
            .sql()
    };
    let forgeries: &[(&str, String, &[&str])] = &[
        (
            "paynow_worker",
            format!(
                "{second_event}; {}",
                entry("order-line:9101", 20, 10, 99, "'order_line', 500")
            ),
            &[LINES],
        ),
        (
            "none",
            without_triggers(again, 20, 500),
            &["balances_match_ledger", LINES],
        ),
        ("paynow_worker", without_lines(98), &[LINES]),
    ];
    check(forgeries);
}

#[test]
fn a_refund_that_took_a_point_less_or_more_is_found() {
    let took = |points: i64| {
        let forged =
            format!("UPDATE ledger_entries SET points = {points} WHERE entry_key = 'refund:51'");
        without_triggers(&forged, 20, points + 34)
    };
    let forgeries: &[(&str, String, &[&str])] = &[
        ("none", took(-33), &[RECOMPUTED]),
        ("none", took(-35), &[RECOMPUTED]),
    ];
    check(forgeries);
}

/// A dead letter of event 1 with this body, in this state since so many minutes.
fn letter(body: &str, state: &str, minutes: i64) -> String {
    format!(
        "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts, state, last_dead_at) \
         VALUES ('1', 'malformed', 'no JSON', '{body}', sha256('{body}'), 1, '{state}', \
             now() - interval '{minutes} minutes'); \
         UPDATE dead_letters SET settled_at = settled_at - interval '{minutes} minutes'; \
         UPDATE webhook_events SET settled_at = now() - interval '{minutes} minutes'"
    )
}

#[test]
fn a_letter_of_an_applied_event_that_nobody_resolves_is_found() {
    const LETTERS: &[&str] = &["applied_letters_are_resolved"];
    let forgeries: &[(&str, String, &[&str])] = &[
        ("none", letter("1", "open", 20), LETTERS),
        ("none", letter("1", "replayed", 20), LETTERS),
        ("none", letter("1", "discarded", 20), LETTERS),
        ("none", letter("1", "resolved", 20), &[]),
        // Housekeeping has not had the time.
        ("none", letter("1", "open", 5), &[]),
        // Another body under the same id was not applied.
        ("none", letter("2", "open", 20), &[]),
        (
            "none",
            letter("1", "open", 20).replace("('1', ", "('99999999999999999999', "),
            &[],
        ),
    ];
    check(forgeries);
}

/// The triggers are off, and the wallet's balance is changed as the forger needs it.
fn without_triggers(forgery: &str, wallet: i64, points: i64) -> String {
    format!(
        "SET LOCAL session_replication_role = replica; {forgery}; \
         UPDATE wallets SET balance = balance + {points} WHERE wallet_id = {wallet}"
    )
}

#[test]
fn what_a_superuser_forges_with_the_triggers_off_is_found() {
    let spend = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                 VALUES ('spend:x', 21, 'spend', -7)";
    let correction = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                      VALUES ('correction:x', 21, 'correction', 7)";
    let won = entry("chargeback-won:9", 20, 14, 14, "'chargeback_won', 300");
    let changed = |key, points| {
        format!("UPDATE ledger_entries SET points = {points} WHERE entry_key = '{key}'")
    };
    let removed = |key| format!("DELETE FROM ledger_entries WHERE entry_key = '{key}'");
    let forgeries: &[(&str, String, &[&str])] = &[
        ("none", spend.to_owned(), &[SPENDS]),
        ("none", without_triggers(spend, 21, -7), &[SPENDS]),
        ("none", without_triggers(&changed("spend:sword", -10), 21, 50), &[SPENDS]),
        ("none", without_triggers(&removed("spend:sword"), 21, 60), &[SPENDS]),
        ("none", "DELETE FROM spends".to_owned(), &[SPENDS]),
        ("none", without_triggers(correction, 21, 7), &[CORRECTIONS]),
        ("none", without_triggers(&changed("correction:gift", 50), 21, 45), &[CORRECTIONS]),
        ("none", without_triggers(&removed("correction:gift"), 21, -5), &[CORRECTIONS]),
        ("none", without_triggers(&won, 20, 300), &[COMES_FROM, RECOMPUTED]),
        ("none", without_triggers(&changed("refund:50", -499), 20, 1), &[RECOMPUTED]),
        ("none", without_triggers(&removed("refund:50"), 20, 500), &["reversals_have_entries", RECOMPUTED]),
        ("none", without_triggers(&removed("order-line:103"), 21, -200), &[LINES]),
        (
            "none",
            "UPDATE reversals SET attribution = 'everything', line_id = NULL WHERE reference_id = 50".to_owned(),
            &[RECOMPUTED],
        ),
        ("none", "DELETE FROM reversals WHERE reference_id = 52".to_owned(), &[COMES_FROM]),
        (
            "none",
            "UPDATE reversals SET attribution_source = 'operator' WHERE reference_id = 50".to_owned(),
            &[ATTRIBUTIONS],
        ),
    ];
    check(forgeries);
}

#[test]
fn the_check_names_what_was_forged() {
    let ledger = history::ledger();
    let forgeries = [
        "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
         VALUES ('spend:x', 20, 'spend', -7), ('correction:x', 20, 'correction', 7)",
        &entry("order-line:109", 20, 10, 1, "'order_line', 50"),
        &entry("refund:9", 21, 10, 1, "'refund', -3"),
        "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id) \
         VALUES (12, 1, 'chargeback_won', 69, 999)",
        "INSERT INTO refund_attributions (refund_id, order_id, line_id, action_id) VALUES (59, 10, 103, 1)",
    ];
    for forgery in forgeries {
        ledger.database.execute(forgery).unwrap();
    }
    let broken = ledger.broken();
    for (id, culprit) in [
        (SPENDS, "spend:x"),
        (CORRECTIONS, "correction:x"),
        (LINES, "order-line:109"),
        (COMES_FROM, "refund:9"),
        (
            RECOMPUTED,
            "order 10 has taken back 3 from wallet 21, its refunds and chargebacks make it 0",
        ),
        (EVENTS, "order 12, reversal 1"),
        (ATTRIBUTIONS, "refund 59"),
    ] {
        let found = broken.iter().find(|(broken, _message)| broken == id);
        let message = found
            .map(|(_id, message)| message.as_str())
            .unwrap_or_default();
        assert!(message.contains(culprit), "{id}: {broken:?}");
    }
    assert_eq!(broken.len(), 7, "{broken:?}");
}

#[test]
fn a_spend_from_before_the_records_needs_none() {
    let ledger = history::ledger();
    let migrations = migrations();
    let kinds = migrations
        .iter()
        .position(|path| path.ends_with("2026-11-27-001000_kinds"));
    // What is newer uses what this one made.
    let (_older, from_kinds) = migrations.split_at(kinds.expect("the migration exists"));
    for migration in from_kinds.iter().rev() {
        run(&ledger, migration, "down.sql");
    }
    for migration in from_kinds {
        run(&ledger, migration, "up.sql");
    }
    assert_eq!(ledger.broken(), []);
    let mut backend = ledger.log_in_as("paynow_spender");
    backend.works("SELECT spend(21, 1, 'shield')");
    assert_eq!(ledger.broken(), []);

    let forged = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                  VALUES ('spend:x', 20, 'spend', -7)";
    ledger.database.execute(forged).unwrap();
    let broken: Vec<String> = ledger
        .broken()
        .into_iter()
        .map(|(id, _message)| id)
        .collect();
    assert_eq!(broken, [SPENDS]);
}
