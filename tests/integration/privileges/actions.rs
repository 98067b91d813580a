//! What a login changes is recorded under its name, and it cannot change anything without that.

use crate::contract::database::{Ledger, Session};

const LETTER: &str = "(SELECT array_agg(dead_letter_id) FROM dead_letters)";
const ROLES: [&str; 4] = [
    "paynow_operator",
    "paynow_reader",
    "paynow_worker",
    "paynow_spender",
];

/// Statements that no login may run.
const NOBODY_MAY: [&str; 14] = [
    "INSERT INTO operator_actions (action, operator, why) VALUES ('discard', 'a', 'b')",
    "INSERT INTO operator_actions (action, operator, why, login) \
     VALUES ('discard', 'a', 'b', 'c')",
    "COPY operator_actions (action, operator, why, login) FROM STDIN",
    "UPDATE operator_actions SET login = 'a'",
    "DELETE FROM operator_actions",
    "INSERT INTO products (product_id, points) VALUES (41, 7)",
    "UPDATE products SET points = 7",
    "UPDATE products SET priced_by = 1",
    "INSERT INTO replays (action_id, dead_letter_id) VALUES (1, 1)",
    "UPDATE replays SET state = 'sent'",
    "INSERT INTO replay_runs VALUES (1, 1, now())",
    "SELECT post_correction('correction:x', 20, 7)",
    "SELECT add_action('discard', 'a', 'b', '{}', '{}')",
    "SELECT require_replay(1)",
];

#[track_caller]
fn is_denied(login: &mut Session, sql: &str) {
    let message = login.refused(sql);
    assert!(message.contains("permission denied"), "{message}: {sql}");
}

#[test]
fn nobody_changes_anything_past_the_functions() {
    let ledger = Ledger::with_rows();
    let before = ledger.contents();
    let mut sessions: Vec<Session> = ROLES.map(|role| ledger.log_in_as(role)).into();
    let mut owner = ledger.as_owner();
    owner.works("SET ROLE paynow_operator");
    sessions.push(owner);

    for session in &mut sessions {
        for sql in NOBODY_MAY {
            is_denied(session, sql);
        }
    }
    is_denied(
        &mut sessions[0],
        "UPDATE dead_letters SET state = 'discarded'",
    );

    assert_eq!(ledger.contents(), before);
}

#[test]
fn only_an_operator_may_call_the_functions() {
    let ledger = Ledger::with_rows();
    for role in &ROLES[1..] {
        let mut login = ledger.log_in_as(role);
        for sql in [
            "SELECT correct_wallet('correction:x', 20, 7, 'anna', 'a test')",
            "SELECT set_price(40, 7, 'anna', 'a test')",
            "SELECT discard_letters('{1}', 'anna', 'a test', '{}')",
            "SELECT begin_replay('{1}', 'anna', 'a test', '{}')",
        ] {
            is_denied(&mut login, sql);
        }
    }
    assert_eq!(ledger.balances(), ["20: 500"]);
}

#[test]
fn a_worker_settles_no_letter_by_hand() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    for sql in [
        "UPDATE dead_letters SET state = 'resolved'",
        "UPDATE dead_letters SET state = 'discarded'",
        "UPDATE dead_letters SET state = 'discarded', deaths = deaths + 1",
        "UPDATE dead_letters SET error = 'other'",
    ] {
        assert_eq!(
            worker.refused_by(sql),
            "dead_letters_change_recorded",
            "{sql}"
        );
    }
}

#[test]
fn an_action_names_the_login_whatever_name_is_given() {
    let ledger = Ledger::with_rows();
    let mut operator = ledger.log_in_as("paynow_operator");
    for sql in [
        "SELECT correct_wallet('correction:x', 20, 7, 'postgres', 'a test')".to_owned(),
        "SELECT set_price(40, 7, 'postgres', 'a test')".to_owned(),
        "SELECT set_price(40, 7, 'postgres', 'the same price')".to_owned(),
        format!("SELECT begin_replay({LETTER}, 'postgres', 'a test', '{{}}')"),
        format!("SELECT discard_letters({LETTER}, 'postgres', 'a test', '{{}}')"),
        "SELECT record_history_send('postgres', 'a test', '{}', '{}')".to_owned(),
    ] {
        operator.works(&sql);
    }
    let recorded = operator.texts(
        "SELECT action || ' ' || (login = session_user)::text AS value FROM operator_actions \
         WHERE operator = 'postgres' ORDER BY action_id",
    );
    assert_eq!(
        recorded.expect("an operator reads actions"),
        [
            "correct true",
            "price true",
            "replay true",
            "discard true",
            "history_send true"
        ]
    );
}

#[test]
fn an_action_and_its_effect_vanish_together() {
    let ledger = Ledger::with_rows();
    let mut operator = ledger.log_in_as("paynow_operator");
    operator.works("BEGIN; SELECT correct_wallet('correction:x', 20, 7, 'anna', 'a test')");
    let pid = operator
        .texts("SELECT pg_backend_pid()::text AS value")
        .expect("a session knows its number");
    ledger.database.texts(&format!(
        "SELECT pg_terminate_backend({}, 10000)::text AS value",
        pid[0]
    ));
    operator.refused("COMMIT");

    let actions = "SELECT count(*) AS value FROM operator_actions WHERE action = 'correct'";
    assert_eq!(ledger.balances(), ["20: 500"]);
    assert_eq!(ledger.database.number(actions), 0);
}

#[test]
fn an_action_has_bounds_and_names_somebody() {
    let ledger = Ledger::with_rows();
    let mut operator = ledger.log_in_as("paynow_operator");
    let before = ledger.contents();
    for (who, why, constraint) in [
        ("' '", "'b'", "operator_actions_operator_named"),
        ("'a'", "' '", "operator_actions_why_told"),
        ("repeat('a', 201)", "'b'", "operator_actions_texts_bounded"),
        ("'a'", "repeat('b', 2001)", "operator_actions_texts_bounded"),
    ] {
        let sql = format!("SELECT correct_wallet('correction:x', 20, 7, {who}, {why})");
        assert_eq!(operator.refused_by(&sql), constraint, "{sql}");
    }
    let selection = "SELECT record_history_send('a', 'b', '[]', '{}')";
    assert_eq!(
        operator.refused_by(selection),
        "operator_actions_documents_bounded"
    );
    for names in ["NULL, 'b'", "'a', NULL"] {
        let message = operator.refused(&format!(
            "SELECT correct_wallet('correction:x', 20, 7, {names})"
        ));
        assert!(message.contains("null value in column"), "{message}");
    }
    assert_eq!(ledger.contents(), before);
}

#[test]
fn a_held_replay_takes_no_step_of_another_session() {
    let ledger = Ledger::with_rows();
    let mut first = ledger.log_in_as("paynow_operator");
    let mut second = ledger.log_in_as("paynow_operator");
    let replay = first
        .texts(&format!(
            "SELECT begin_replay({LETTER}, 'anna', 'a test', '{{}}')::text AS value"
        ))
        .expect("an operator begins a replay")
        .remove(0);
    first.works(&format!("SELECT hold_replay({replay})"));
    for step in [
        format!("take_letters({replay}, 10)"),
        format!("give_back_letters({replay}, '{{1}}')"),
        format!("mark_letters_sent({replay}, '{{1}}')"),
        format!("observe_replay({replay})"),
        format!("end_replay_run({replay}, 'bob', 'a test', 'done')"),
    ] {
        assert_eq!(
            second.refused_by(&format!("SELECT {step}")),
            "replay_runs_held"
        );
    }
}

#[test]
fn a_change_without_an_action_is_found() {
    let ledger = Ledger::empty();
    let found = "SELECT DISTINCT check_id AS value FROM ledger_violations ORDER BY value";
    let mut operator = ledger.log_in_as("paynow_operator");
    let mut owner = ledger.as_owner();
    operator.works("SELECT set_price(40, 7, 'anna', 'a test')");
    assert_eq!(ledger.database.texts(found), [""; 0]);

    owner.works("UPDATE products SET points = 8");
    assert_eq!(ledger.database.texts(found), ["prices_have_actions"]);
    // Neither no action nor one about another price makes it right.
    owner.works(
        "UPDATE products SET points = 9, priced_by = (SELECT max(action_id) FROM operator_actions)",
    );
    assert_eq!(ledger.database.texts(found), ["prices_have_actions"]);
    owner.works("UPDATE products SET points = 10, priced_by = 0");
    assert_eq!(ledger.database.texts(found), ["prices_have_actions"]);
    operator.works("SELECT set_price(40, 10, 'anna', 'a test')");
    // The prices in between still have nobody behind them.
    assert_eq!(ledger.database.texts(found), ["prices_have_actions"]);
    operator.works(
        "SELECT set_price(40, 10, valid_from, 'anna', 'a test') \
         FROM (SELECT DISTINCT valid_from FROM product_prices) AS times",
    );
    assert_eq!(ledger.database.texts(found), [""; 0]);

    owner.works("SELECT post_correction('correction:x', 20, 7)");
    assert_eq!(ledger.database.texts(found), ["corrections_have_actions"]);
}

#[test]
fn everybody_may_execute_nothing_of_ours() {
    let ledger = Ledger::empty();
    let open = ledger.database.texts(
        "SELECT proname::text AS value \
         FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl \
         WHERE pronamespace = 'public'::regnamespace AND acl.grantee = 0 \
             AND proname NOT LIKE 'diesel\\_%'",
    );
    assert_eq!(open, [""; 0]);
}
