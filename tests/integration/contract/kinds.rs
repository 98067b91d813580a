//! Each role adds entries of its own kinds only.

use super::database::{Ledger, Session};

const KINDS: [(&str, &str); 6] = [
    ("order_line", "('order-line:9', 20, 10, 'order_line', 7)"),
    ("refund", "('refund:9', 20, 10, 'refund', -7)"),
    ("chargeback", "('chargeback:9', 20, 10, 'chargeback', -7)"),
    (
        "chargeback_won",
        "('chargeback-won:9', 20, 10, 'chargeback_won', 7)",
    ),
    ("spend", "('spend:9', 20, NULL, 'spend', -7)"),
    ("correction", "('correction:9', 20, NULL, 'correction', 7)"),
];

fn insert(row: &str) -> String {
    format!(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points) VALUES {row}"
    )
}

/// The constraint that refuses each kind, `-` for one that is added. Nothing stays.
fn refused(session: &mut Session) -> [String; 6] {
    KINDS.map(|(_kind, row)| {
        session.works("BEGIN");
        let answer = session.answer(&insert(row));
        session.works("ROLLBACK");
        answer
    })
}

const OF_ROLE: &str = "ledger_entries_kind_of_role";

#[test]
fn a_worker_adds_no_spend_and_no_correction() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    let expected = ["-", "-", "-", "-", OF_ROLE, OF_ROLE];
    assert_eq!(refused(&mut worker), expected);
    // Nor hidden among entries of its own.
    let many = format!("{}, {}, {}", insert(KINDS[0].1), KINDS[4].1, KINDS[1].1);
    assert_eq!(worker.refused_by(&many), OF_ROLE);
    assert_eq!(ledger.balances(), ["20: 500"]);
}

#[test]
fn no_other_role_adds_an_entry_even_if_it_gets_the_right_by_mistake() {
    let ledger = Ledger::with_rows();
    for role in ["paynow_operator", "paynow_reader", "paynow_spender"] {
        let mut login = ledger.log_in_as(role);
        for (_kind, row) in KINDS {
            let message = login.refused(&insert(row));
            assert!(message.contains("permission denied"), "{role}: {message}");
        }
        // Roles belong to all databases of the server, this right to this database only.
        let grant = format!("GRANT INSERT ON ledger_entries TO {role}");
        ledger.database.execute(&grant).unwrap();
        assert_eq!(refused(&mut login), [OF_ROLE; 6], "{role}");
    }
}

#[test]
fn the_owner_adds_no_spend_without_its_record() {
    let ledger = Ledger::with_rows();
    let mut owner = ledger.as_owner();
    let unrecorded = "ledger_entries_spend_recorded";
    assert_eq!(refused(&mut owner), ["-", "-", "-", "-", unrecorded, "-"]);
}

/// As the function of the version before does, when it waited for the migration: its caller repeats it.
#[test]
fn a_spend_of_the_former_function_is_to_be_repeated() {
    let ledger = Ledger::with_rows();
    ledger.as_owner().works(
        "CREATE FUNCTION former_spend() RETURNS void LANGUAGE sql SECURITY DEFINER AS \
         'INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
          VALUES (''spend:k'', 20, ''spend'', -7)'; \
         GRANT EXECUTE ON FUNCTION former_spend() TO paynow_spender",
    );
    let mut backend = ledger.log_in_as("paynow_spender");
    let sql_state = backend
        .texts(
            "DO $$ BEGIN PERFORM former_spend(); \
             EXCEPTION WHEN serialization_failure THEN RAISE 'repeat it'; END $$",
        )
        .unwrap_err()
        .to_string();
    assert!(sql_state.contains("repeat it"), "{sql_state}");
    backend.works("SELECT spend(20, 7, 'k')");
    assert_eq!(ledger.balances(), ["20: 493"]);
}

#[test]
fn a_spend_leaves_one_record_that_names_its_login() {
    let ledger = Ledger::with_rows();
    let mut backend = ledger.log_in_as("paynow_spender");
    for _call in 0..2 {
        backend.works("SELECT spend(20, 7, 'k')");
    }
    backend.refused("SELECT spend(20, 1000, 'too-much')");
    let records = ledger.database.texts(
        "SELECT concat_ws(' ', entry_key, wallet_id, points, login ~ '_login_0$') AS value FROM spends",
    );
    assert_eq!(records, ["spend:k 20 7 t"]);
    for sql in [
        "INSERT INTO spends (entry_key, wallet_id, points, login) VALUES ('spend:x', 20, 1, 'me')",
        "UPDATE spends SET points = 1",
        "DELETE FROM spends",
        "UPDATE upgrade_rule SET recorded_after_entry = 1000",
    ] {
        for role in [
            "paynow_spender",
            "paynow_worker",
            "paynow_reader",
            "paynow_operator",
        ] {
            let message = ledger.log_in_as(role).refused(sql);
            assert!(message.contains("permission denied"), "{role}: {message}");
        }
    }
}
