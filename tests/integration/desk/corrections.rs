//! `correct`: points that an operator gives or takes, and the record of the operators' actions.

use super::{NOTE, actions};
use crate::contract::database::Ledger;
use crate::harness::{Program, TestApp, flake};

#[test]
fn a_correction_is_an_entry_that_is_made_once_per_key_and_recorded() {
    let app = TestApp::builder().workers(0).start();
    let player = flake();
    let wallet = player.to_string();
    let correct = |arguments: &[&str]| {
        let arguments = [&["correct", "--wallet", &wallet], arguments, &NOTE].concat();
        app.ctl(&arguments)
    };

    let dry = correct(&["--points", "250", "--key", "t-1"]).succeeded();
    assert!(
        dry.stdout.contains("0 -> 250") && dry.stdout.contains("dry run"),
        "{dry:?}"
    );
    assert_eq!((app.balance_of(player), actions(&app).len()), (0, 0));
    for _time in 0..2 {
        correct(&["--points", "250", "--key", "t-1", "--yes"]).succeeded();
    }

    assert_eq!(app.balance_of(player), 250);
    let recorded = format!(
        "correct | anna | ticket 4711 | \
         {{\"key\": \"t-1\", \"points\": 250, \"wallet_id\": \"{wallet}\"}} | \
         {{\"entry_key\": \"correction:t-1\", \"balance_after\": 250, \"balance_before\": 0}}"
    );
    assert_eq!(actions(&app), [recorded]);
    let other = correct(&["--points", "251", "--key", "t-1", "--yes"]);
    assert_eq!(other.code, Some(1), "{other:?}");
    let debt = correct(&["--points", "-300", "--yes"]).succeeded();
    assert!(debt.stdout.contains("250 -> -50 (debt)"), "{debt:?}");
    correct(&["--points", "50", "--yes"]).succeeded();
    assert_eq!((app.balance_of(player), actions(&app).len()), (0, 3));
    let too_many = correct(&["--points", "-9223372036854775808", "--yes"]).succeeded();
    assert!(too_many.stdout.contains("(debt)"), "{too_many:?}");
    assert_eq!(correct(&["--points", "-1", "--yes"]).code, Some(1));
}

#[test]
fn one_correction_by_many_operators_at_once_is_made_once() {
    let app = TestApp::builder().workers(0).start();
    let player = flake();
    let wallet = player.to_string();
    let correct = [
        &[
            "correct", "--wallet", &wallet, "--points", "5", "--key", "k", "--yes",
        ],
        &NOTE[..],
    ]
    .concat();
    let variables = app.variables();
    std::thread::scope(|scope| {
        for _operator in 0..8 {
            scope.spawn(|| Program::run("paynowctl", &variables, &correct));
        }
    });
    assert_eq!((app.balance_of(player), actions(&app).len()), (5, 1));
}

#[test]
fn not_even_the_owner_changes_recorded_operator_actions() {
    let ledger = Ledger::with_rows();
    let mut owner = ledger.as_owner();
    let before = ledger.contents();
    for sql in [
        "UPDATE operator_actions SET why = 'other'",
        "DELETE FROM operator_actions",
        "TRUNCATE operator_actions",
    ] {
        assert_eq!(
            owner.refused_by(sql),
            "operator_actions_append_only",
            "{sql}"
        );
    }
    for (values, constraint) in [
        ("('forget', 'anna', 'x')", "operator_actions_action_known"),
        ("('discard', ' ', 'x')", "operator_actions_operator_named"),
        ("('discard', 'anna', '')", "operator_actions_why_told"),
    ] {
        let sql = format!("INSERT INTO operator_actions (action, operator, why) VALUES {values}");
        assert_eq!(owner.refused_by(&sql), constraint);
    }
    let unnamed = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                   VALUES ('order-line:9', 20, 'correction', 7)";
    assert_eq!(owner.refused_by(unnamed), "ledger_entries_correction_form");
    assert_eq!(ledger.contents(), before);
}
