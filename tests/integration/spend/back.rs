//! `unspend`: it gives a spend back once, to nobody but who spent, and its key spends never again.

use super::{CALLERS, answer, ledger, spend, spends, together};
use crate::contract::database::{Ledger, Session};

fn unspend(session: &mut Session, key: &str) -> Result<String, String> {
    let call = format!("SELECT balance || ' ' || applied AS value FROM unspend('{key}')");
    answer(session, &call)
}

/// A ledger with a spend of 120 points of wallet 20, and the login that spent them. It is at place 0.
fn spent() -> (Ledger, Session) {
    let ledger = ledger();
    let mut backend = ledger.log_in_as("paynow_spender");
    spend(&mut backend, 20, 120, "sword").unwrap();
    (ledger, backend)
}

fn refused(name: &str) -> Result<String, String> {
    Err(name.to_owned())
}

#[test]
fn a_spend_is_given_back_once() {
    let (ledger, mut backend) = spent();

    assert_eq!(unspend(&mut backend, "sword"), Ok("500 true".to_owned()));
    spend(&mut backend, 20, 30, "bow").unwrap();
    assert_eq!(unspend(&mut backend, "sword"), Ok("470 false".to_owned()));

    assert_eq!(
        spends(&ledger),
        [
            "spend:sword 20 -120",
            "unspend:sword 20 120",
            "spend:bow 20 -30"
        ]
    );
    assert_eq!(ledger.balances(), ["20: 470", "21: 500"]);
    let records = ledger.database.texts(
        "SELECT concat_ws(' ', entry_key, wallet_id, points, login ~ '_login_0$') AS value \
         FROM spends ORDER BY spent_at",
    );
    assert_eq!(
        records,
        [
            "spend:sword 20 120 t",
            "unspend:sword 20 -120 t",
            "spend:bow 20 30 t"
        ]
    );
}

#[test]
fn a_spend_that_was_given_back_cannot_be_repeated_under_its_key() {
    let (ledger, mut backend) = spent();
    unspend(&mut backend, "sword").unwrap();
    let before = ledger.contents();

    let again = spend(&mut backend, 20, 120, "sword");
    assert_eq!(again, refused("spend_key_given_back"));
    for (wallet, points) in [(20, 121), (21, 120)] {
        let other = spend(&mut backend, wallet, points, "sword");
        assert_eq!(other, refused("spend_key_reused"), "{wallet} {points}");
    }

    assert_eq!(ledger.contents(), before);
    assert_eq!(
        spend(&mut backend, 20, 120, "sword-2"),
        Ok("380 true".to_owned())
    );
}

#[test]
fn a_key_that_spent_nothing_gives_nothing_back() {
    let (ledger, mut backend) = spent();
    let before = ledger.contents();

    for key in ["other", "", "spend:sword", "order-line:1"] {
        let answer = unspend(&mut backend, key);
        assert_eq!(answer, refused("spend_key_unknown"), "{key}");
    }
    let null = "SELECT unspend(NULL)";
    assert_eq!(backend.refused_by(null), "spend_key_unknown");

    assert_eq!(ledger.contents(), before);
}

#[test]
fn only_who_spent_gives_back_or_who_takes_its_place() {
    let (ledger, _backend) = spent();
    let mut other = ledger.log_in_as("paynow_spender");
    assert_eq!(
        unspend(&mut other, "sword"),
        refused("spend_of_another_login")
    );
    // Every login of a game is a member of the group, so what a login of the group's name spent is not theirs.
    let mut group = ledger.as_superuser();
    group.works("SET SESSION AUTHORIZATION paynow_spender; SELECT spend(21, 5, 'shield')");
    assert_eq!(
        unspend(&mut other, "shield"),
        refused("spend_of_another_login")
    );
    group.works("SELECT unspend('shield')");
    // A spend from before the records, as only a superuser can add it now: nobody knows whose it was.
    let unrecorded = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
         VALUES ('spend:old', 21, 'spend', -5)";
    ledger.database.execute(unrecorded).unwrap();
    assert_eq!(
        unspend(&mut other, "old"),
        refused("spend_of_another_login")
    );
    assert_eq!(ledger.balances(), ["20: 380", "21: 495"]);

    let name = ledger.name();
    ledger
        .database
        .execute(&format!("GRANT {name}_login_0 TO {name}_login_1"))
        .unwrap();
    assert_eq!(unspend(&mut other, "sword"), Ok("500 true".to_owned()));
}

#[test]
fn many_who_give_one_spend_back_at_once_make_one_entry_and_all_succeed() {
    let (ledger, _backend) = spent();
    let sessions = (0..CALLERS).map(|_| ledger.log_in_again(0)).collect();

    let answers = together(sessions, |_number, session| unspend(session, "sword"));

    let answered = |answer: &str| {
        let answer = Ok(answer.to_owned());
        answers.iter().filter(|one| **one == answer).count()
    };
    assert_eq!(
        (answered("500 true"), answered("500 false")),
        (1, CALLERS - 1),
        "{answers:?}"
    );
    assert_eq!(ledger.balances(), ["20: 500", "21: 500"]);
}

/// The dangerous one: `applied` false of the repeat would hand the item out, for points that came back.
#[test]
fn a_repeat_that_waits_for_the_giving_back_finds_it() {
    let (ledger, mut backend) = spent();
    let mut repeating = ledger.log_in_again(0);
    backend.works("BEGIN; SELECT unspend('sword')");

    std::thread::scope(|scope| {
        let repeat = scope.spawn(|| spend(&mut repeating, 20, 120, "sword"));
        ledger.database.await_blocked();
        backend.works("COMMIT");
        assert_eq!(repeat.join().unwrap(), refused("spend_key_given_back"));
    });
    assert_eq!(ledger.balances(), ["20: 500", "21: 500"]);
}

#[test]
fn spending_and_giving_back_of_one_wallet_at_once_add_up_and_none_fails() {
    const ROUNDS: usize = 10;
    let (ledger, _backend) = spent();
    let sessions = (0..CALLERS).map(|_| ledger.log_in_again(0)).collect();

    let answers = together(sessions, |number, session| {
        (0..ROUNDS).try_fold(String::new(), |_last, round| {
            let key = format!("{number}-{round}");
            spend(session, 20, 1, &key)?;
            unspend(session, &key)
        })
    });

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(ledger.balances(), ["20: 380", "21: 500"]);
}

#[test]
fn a_transaction_that_read_before_a_giving_back_fails_to_serialize() {
    let (ledger, mut backend) = spent();
    let (mut first, mut second) = (ledger.log_in_again(0), ledger.log_in_again(0));
    for session in [&mut first, &mut second] {
        session.works("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM wallets");
    }
    unspend(&mut backend, "sword").unwrap();

    let again = first.refused("SELECT unspend('sword')");
    let repeated = second.refused("SELECT spend(20, 120, 'sword')");

    for message in [again, repeated] {
        assert!(message.contains("could not serialize"), "{message}");
    }
}

#[test]
fn nobody_else_gives_back_and_no_table_of_ones_own_changes_anything() {
    let (ledger, mut backend) = spent();
    ledger.allow_temporary_tables();
    for role in ["paynow_worker", "paynow_reader", "paynow_operator"] {
        let message = ledger.log_in_as(role).refused("SELECT unspend('sword')");
        assert!(
            message.contains("permission denied for function unspend"),
            "{message}"
        );
    }
    backend.works(
        "CREATE TEMPORARY TABLE ledger_entries (entry_key text, wallet_id bigint, points bigint); \
         INSERT INTO ledger_entries VALUES ('spend:mine', 20, -1000000); \
         CREATE TEMPORARY TABLE spends (entry_key text, login text); \
         INSERT INTO spends VALUES ('spend:mine', session_user); \
         CREATE TEMPORARY TABLE pg_roles (rolname text, oid oid); \
         SET search_path = pg_temp, public",
    );

    assert_eq!(unspend(&mut backend, "mine"), refused("spend_key_unknown"));
    assert_eq!(unspend(&mut backend, "sword"), Ok("500 true".to_owned()));
}
