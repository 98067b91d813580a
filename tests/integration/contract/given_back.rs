//! What was given back is accounted for, and the check finds what was not given back by `unspend`.

use super::history;
use crate::harness::migrations;

const SPENDS: &str = "spends_have_records";

#[test]
fn what_was_given_back_breaks_no_invariant_of_this_version_or_the_one_before() {
    let ledger = history::ledger();
    let mut backend = ledger.log_in_as("paynow_spender");
    backend.works("SELECT spend(21, 1, 'shield'); SELECT unspend('shield')");
    assert_eq!(ledger.broken(), []);

    // The views and the check of the version before, on the entries of this one.
    let migrations = migrations();
    let this = migrations
        .iter()
        .position(|path| path.ends_with("2026-11-29-000300_game_backends"));
    let (_older, from_this) = migrations.split_at(this.expect("the migration exists"));
    for migration in from_this.iter().rev() {
        let sql = std::fs::read_to_string(migration.join("down.sql")).expect("it exists");
        ledger.as_owner().works(&format!("BEGIN; {sql}; COMMIT"));
    }
    ledger
        .log_in_as("paynow_worker")
        .works("SELECT check_ledger(0)");
    let found = "SELECT sum(violations)::bigint AS value FROM ledger_checks";
    assert_eq!(ledger.database.number(found), 0);
    backend.works("SELECT spend(21, 1, 'bow')");
}

#[test]
fn a_giving_back_that_did_not_come_through_unspend_is_found() {
    let entry = |key: &str, wallet: i64, points: i64| {
        format!(
            "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
             VALUES ('unspend:{key}', {wallet}, 'spend', {points})"
        )
    };
    let record = |key: &str, wallet: i64, points: i64| {
        format!(
            "INSERT INTO spends (entry_key, wallet_id, points, login) \
             VALUES ('unspend:{key}', {wallet}, {points}, 'game')"
        )
    };
    let both = |key, wallet, points: i64| {
        format!(
            "{}; {}",
            record(key, wallet, -points),
            entry(key, wallet, points)
        )
    };
    let forgeries = [
        entry("sword", 21, 60),
        record("sword", 21, -60),
        // With its record, but of a spend that never was, of another wallet, or with more points.
        both("never", 21, 60),
        both("sword", 20, 60),
        both("sword", 21, 61),
    ];
    let ledger = history::ledger();
    let mut session = ledger.as_superuser();
    for forgery in forgeries {
        session.works(&format!("BEGIN; {forgery}"));
        let broken = session.texts("SELECT DISTINCT check_id AS value FROM ledger_violations");
        session.works("ROLLBACK");
        assert_eq!(broken, Ok(vec![SPENDS.to_owned()]), "{forgery}");
    }
    assert_eq!(ledger.broken(), []);
}
