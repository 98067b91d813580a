//! `spend`, as game backends call it: it takes points once per key and never below zero.

mod back;
mod player;

use diesel::result::Error;

use crate::contract::database::{Ledger, Session};

const CALLERS: usize = 16;

/// The SQL of a call, which returns the balance and whether the points were taken now.
fn call(wallet: i64, points: i64, key: &str) -> String {
    format!("SELECT balance || ' ' || applied AS value FROM spend({wallet}, {points}, '{key}')")
}

fn spend(session: &mut Session, wallet: i64, points: i64, key: &str) -> Result<String, String> {
    answer(session, &call(wallet, points, key))
}

/// The answer of a call, or the name of the constraint that refuses it.
fn answer(session: &mut Session, call: &str) -> Result<String, String> {
    match session.texts(call) {
        Ok(mut rows) => Ok(rows.pop().expect("a call answers one row")),
        Err(Error::DatabaseError(_kind, information)) => Err(information
            .constraint_name()
            .unwrap_or(information.message())
            .to_owned()),
        Err(other) => panic!("{other}"),
    }
}

/// A ledger with 500 points in wallet 20 and 500 in wallet 21.
fn ledger() -> Ledger {
    let ledger = Ledger::with_rows();
    ledger
        .database
        .execute(
            "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
             VALUES ('correction:test', 21, 'correction', 500)",
        )
        .unwrap();
    ledger
}

fn spends(ledger: &Ledger) -> Vec<String> {
    ledger.database.texts(
        "SELECT concat_ws(' ', entry_key, wallet_id, points) AS value FROM ledger_entries \
         WHERE kind = 'spend' ORDER BY entry_id",
    )
}

/// Runs all callers at once, each with a session of its own.
fn at_once(
    ledger: &Ledger,
    caller: impl Fn(usize, &mut Session) -> Result<String, String> + Sync,
) -> Vec<Result<String, String>> {
    let sessions = (0..CALLERS)
        .map(|_| ledger.log_in_as("paynow_spender"))
        .collect();
    together(sessions, caller)
}

/// Runs a caller in each session at once.
fn together(
    sessions: Vec<Session>,
    caller: impl Fn(usize, &mut Session) -> Result<String, String> + Sync,
) -> Vec<Result<String, String>> {
    let ready = std::sync::Barrier::new(sessions.len());
    std::thread::scope(|scope| {
        let (caller, ready) = (&caller, &ready);
        let calls: Vec<_> = sessions
            .into_iter()
            .enumerate()
            .map(|(number, mut session)| {
                scope.spawn(move || {
                    ready.wait();
                    caller(number, &mut session)
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn a_spend_takes_points_and_is_an_entry_like_any_other() {
    let ledger = ledger();
    let mut backend = ledger.log_in_as("paynow_spender");

    assert_eq!(
        spend(&mut backend, 20, 120, "sword-1"),
        Ok("380 true".to_owned())
    );
    assert_eq!(
        spend(&mut backend, 20, 380, "sword-2"),
        Ok("0 true".to_owned())
    );

    assert_eq!(
        spends(&ledger),
        ["spend:sword-1 20 -120", "spend:sword-2 20 -380"]
    );
    assert_eq!(ledger.balances(), ["20: 0", "21: 500"]);
    let named =
        "SELECT balance::text AS value FROM spend(wallet_id => 21, points => 1, key => 'n')";
    assert_eq!(backend.texts(named).unwrap(), ["499"]);
}

#[test]
fn the_same_spend_again_takes_nothing_more_even_from_an_empty_wallet() {
    let ledger = ledger();
    let mut backend = ledger.log_in_as("paynow_spender");

    assert_eq!(
        spend(&mut backend, 20, 500, "house"),
        Ok("0 true".to_owned())
    );
    assert_eq!(
        spend(&mut backend, 20, 500, "house"),
        Ok("0 false".to_owned())
    );

    assert_eq!(spends(&ledger), ["spend:house 20 -500"]);
}

#[test]
fn a_key_that_was_used_for_something_else_is_refused() {
    let ledger = ledger();
    let mut backend = ledger.log_in_as("paynow_spender");
    spend(&mut backend, 20, 100, "once").unwrap();
    let before = ledger.contents();

    for (wallet, points) in [(20, 99), (20, 101), (20, 5000), (21, 100), (22, 100)] {
        let refused = spend(&mut backend, wallet, points, "once");
        assert_eq!(
            refused,
            Err("spend_key_reused".to_owned()),
            "{wallet} {points}"
        );
    }

    assert_eq!(ledger.contents(), before);
}

#[test]
fn a_spend_needs_positive_points_and_a_key() {
    let ledger = ledger();
    let mut backend = ledger.log_in_as("paynow_spender");
    let before = ledger.contents();

    for points in ["0", "-1", "-9223372036854775808", "NULL"] {
        let sql = format!("SELECT spend(20, {points}, 'k')");
        assert_eq!(backend.refused_by(&sql), "spend_points_positive", "{sql}");
    }
    for key in ["''", "NULL", "repeat('k', 201)"] {
        let sql = format!("SELECT spend(20, 1, {key})");
        assert_eq!(backend.refused_by(&sql), "spend_key_length", "{sql}");
    }

    assert_eq!(ledger.contents(), before);
}

#[test]
fn a_spend_of_more_than_the_balance_changes_nothing() {
    let ledger = ledger();
    let debt = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                VALUES ('correction:debt', 23, 'correction', -5)";
    ledger.database.execute(debt).unwrap();
    let mut backend = ledger.log_in_as("paynow_spender");
    let before = ledger.contents();

    for (wallet, points) in [(20, 501), (20, i64::MAX), (22, 1), (23, 1), (0, 1), (-1, 1)] {
        let refused = spend(&mut backend, wallet, points, "k");
        assert_eq!(
            refused,
            Err("spend_needs_balance".to_owned()),
            "{wallet} {points}"
        );
    }
    assert_eq!(
        backend.refused_by("SELECT spend(NULL, 1, 'k')"),
        "spend_needs_balance"
    );

    assert_eq!(ledger.contents(), before);
    assert_eq!(
        spend(&mut backend, 20, 1, "k"),
        Ok("499 true".to_owned()),
        "the key is free"
    );
}

#[test]
fn many_spends_of_one_balance_at_once_never_take_it_below_zero() {
    let ledger = ledger();

    let answers = at_once(&ledger, |number, session| {
        spend(session, 20, 100, &format!("k-{number}"))
    });

    let applied = answers.iter().filter(|answer| answer.is_ok()).count();
    let too_little = Err("spend_needs_balance".to_owned());
    let refused = answers
        .iter()
        .filter(|answer| **answer == too_little)
        .count();
    assert_eq!((applied, refused), (5, CALLERS - 5), "{answers:?}");
    assert_eq!(ledger.balances(), ["20: 0", "21: 500"]);
}

#[test]
fn many_calls_with_one_key_at_once_make_one_entry_and_all_succeed() {
    let ledger = ledger();

    let answers = at_once(&ledger, |_number, session| spend(session, 20, 400, "one"));

    let answered = |answer: &str| {
        let answer = Ok(answer.to_owned());
        answers.iter().filter(|one| **one == answer).count()
    };
    assert_eq!(
        (answered("100 true"), answered("100 false")),
        (1, CALLERS - 1),
        "{answers:?}"
    );
    assert_eq!(spends(&ledger), ["spend:one 20 -400"]);
}

#[test]
fn one_key_for_two_wallets_at_once_takes_points_from_one_of_them() {
    let ledger = ledger();

    let answers = at_once(&ledger, |number, session| {
        let wallet = if number % 2 == 0 { 20 } else { 21 };
        spend(session, wallet, 1, "shared")
    });

    let reused = Err("spend_key_reused".to_owned());
    let refused = answers.iter().filter(|answer| **answer == reused).count();
    assert_eq!(refused, CALLERS / 2, "{answers:?}");
    assert_eq!(spends(&ledger).len(), 1);
}

#[test]
fn spends_and_credits_of_the_same_wallets_wait_for_each_other_and_none_fails() {
    const ROUNDS: i64 = 20;
    let ledger = ledger();
    let mut worker = ledger.log_in_as("paynow_worker");

    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..ROUNDS {
                let line = 100 + 2 * round;
                worker.works(&format!(
                    "INSERT INTO ledger_entries \
                     (entry_key, wallet_id, order_id, event_id, kind, points) VALUES \
                     ('order-line:{line}', 21, 10, 1, 'order_line', 3), \
                     ('order-line:{}', 20, 10, 1, 'order_line', 3)",
                    line + 1
                ));
            }
        });
        let answers = at_once(&ledger, |number, session| {
            let wallet = if number % 2 == 0 { 20 } else { 21 };
            (0..ROUNDS).try_fold(String::new(), |_last, round| {
                spend(session, wallet, 1, &format!("{number}-{round}"))
            })
        });
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    });

    let spent = i64::try_from(CALLERS / 2).unwrap() * ROUNDS;
    let left = 500 + 3 * ROUNDS - spent;
    assert_eq!(
        ledger.balances(),
        [format!("20: {left}"), format!("21: {left}")]
    );
}

#[test]
fn a_transaction_that_read_before_another_spend_fails_to_serialize() {
    let ledger = ledger();
    let (mut first, mut second) = (
        ledger.log_in_as("paynow_spender"),
        ledger.log_in_as("paynow_spender"),
    );
    first.works("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM wallets");
    spend(&mut second, 20, 500, "k").unwrap();

    let message = first.refused("SELECT spend(20, 500, 'k')");

    assert!(message.contains("could not serialize"), "{message}");
    assert_eq!(ledger.balances(), ["20: 0", "21: 500"]);
}

#[test]
fn the_spender_may_spend_and_read_wallets_and_nothing_else() {
    let ledger = ledger();
    let mut backend = ledger.log_in_as("paynow_spender");
    let before = ledger.contents();

    for table in [
        "ledger_entries",
        "orders",
        "webhook_events",
        "products",
        "dead_letters",
        "operator_actions",
    ] {
        let message = backend.refused(&format!("SELECT * FROM {table}"));
        assert!(message.contains("permission denied for table"), "{message}");
    }
    for sql in [
        "UPDATE wallets SET balance = 7",
        "INSERT INTO wallets (wallet_id, balance) VALUES (22, 7)",
        "DELETE FROM wallets",
        "TRUNCATE wallets",
        "SELECT * FROM wallets FOR UPDATE",
        "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
         VALUES ('spend:x', 20, 'spend', -1)",
        "CREATE TABLE mine (number integer)",
        "SET ROLE paynow_owner",
        "SET session_replication_role = replica",
        "CREATE TEMPORARY TABLE forged (wallet_id bigint, points bigint); \
         CREATE TRIGGER forged AFTER INSERT ON forged REFERENCING NEW TABLE AS new_entries \
             FOR EACH STATEMENT EXECUTE FUNCTION public.post_entries_to_wallets()",
    ] {
        let message = backend.refused(sql);
        assert!(message.contains("permission denied"), "{message}: {sql}");
    }
    for sql in [
        "ALTER FUNCTION spend(bigint, bigint, text) SECURITY INVOKER",
        "DROP FUNCTION spend(bigint, bigint, text)",
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
    ] {
        let message = backend.refused(sql);
        assert!(message.contains("must be owner of"), "{message}: {sql}");
    }

    assert_eq!(ledger.contents(), before);
    backend.works("SELECT wallet_id, balance FROM wallets");
}

#[test]
fn tables_of_ones_own_with_our_names_change_nothing_of_a_spend() {
    let ledger = ledger();
    ledger.allow_temporary_tables();
    let mut backend = ledger.log_in_as("paynow_spender");
    backend.works(
        "CREATE TEMPORARY TABLE wallets (wallet_id bigint, balance bigint); \
         INSERT INTO wallets VALUES (20, 1000000); SET search_path = pg_temp, public",
    );

    let refused = spend(&mut backend, 20, 501, "k");

    assert_eq!(refused, Err("spend_needs_balance".to_owned()));
}

#[test]
fn nobody_else_may_spend() {
    let ledger = ledger();
    for role in ["paynow_worker", "paynow_reader"] {
        let mut login = ledger.log_in_as(role);
        let message = login.refused(&call(20, 1, "k"));
        assert!(
            message.contains("permission denied for function spend"),
            "{message}"
        );
    }
    assert_eq!(ledger.balances(), ["20: 500", "21: 500"]);
}

#[test]
fn a_spend_entry_cannot_be_forged_in_another_form() {
    let ledger = ledger();
    let mut owner = ledger.as_owner();
    for (key, points, order) in [
        ("spend:x", 5, "NULL"),
        ("spend:x", 0, "NULL"),
        ("spend:", -5, "NULL"),
        ("spend:x", -5, "10"),
        ("unspend:x", -5, "NULL"),
        ("unspend:x", 0, "NULL"),
        ("unspend:", 5, "NULL"),
        ("unspend:x", 5, "10"),
        ("order-line:5", -5, "NULL"),
    ] {
        let sql = format!(
            "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points) \
             VALUES ('{key}', 20, {order}, 'spend', {points})"
        );
        assert_eq!(owner.refused_by(&sql), "ledger_entries_spend_form", "{sql}");
    }
}
