//! `spend_by` and `balance_by`: a game names a player by a platform and an id.

use super::{answer, ledger, spends};
use crate::contract::database::{Ledger, Session};

const UUID: &str = "069a79f4-44e9-4726-a5be-fca90e38aaf5";

/// A ledger whose wallet 20 is of a player of two platforms, and whose wallets 20 and 21 share a Steam id.
fn players() -> Ledger {
    let ledger = ledger();
    ledger
        .database
        .execute(&format!(
            "INSERT INTO customer_identities (wallet_id, platform, external_id, first_seen_at, last_seen_at) \
             VALUES (20, 'minecraft', '{UUID}', now(), now()), (20, 'xbox', '2535', now(), now()), \
                 (20, 'steam', '7656', now(), now()), (21, 'steam', '7656', now(), now()), \
                 (22, 'name', '22', now(), now())"
        ))
        .unwrap();
    ledger
}

fn spend_by(session: &mut Session, player: &str, points: i64, key: &str) -> Result<String, String> {
    let call = format!(
        "SELECT concat_ws(' ', wallet_id, balance, applied) AS value \
         FROM spend_by({player}, {points}, '{key}')"
    );
    answer(session, &call)
}

fn balance_by(session: &mut Session, player: &str) -> Vec<String> {
    let call =
        format!("SELECT concat_ws(' ', wallet_id, balance) AS value FROM balance_by({player})");
    session.texts(&call).unwrap()
}

#[test]
fn a_player_is_found_by_platform_and_id_however_a_uuid_is_written() {
    let ledger = players();
    let mut backend = ledger.log_in_as("paynow_spender");
    let spellings = [
        UUID.to_owned(),
        UUID.replace('-', ""),
        UUID.to_uppercase(),
        UUID.replace('-', "").to_uppercase(),
    ];
    for (number, spelling) in (1..).zip(&spellings) {
        let player = format!("'Minecraft', '{spelling}'");
        let answer = spend_by(&mut backend, &player, 10, &format!("k-{number}"));
        let left = 500 - 10 * number;
        assert_eq!(answer, Ok(format!("20 {left} t")), "{spelling}");
        assert_eq!(balance_by(&mut backend, &player), [format!("20 {left}")]);
    }
    let answer = spend_by(&mut backend, "'xbox', '2535'", 10, "k-1");
    assert_eq!(answer, Ok("20 460 f".to_owned()), "the key spent already");
    assert_eq!(spends(&ledger).len(), 4);
    assert_eq!(balance_by(&mut backend, "'name', '22'"), ["22 0"]);
}

/// What PayNow tells is spelled by `normal_external_id` before it is recorded.
#[test]
fn a_game_and_paynow_may_spell_an_id_alike_in_any_way() {
    let ledger = players();
    let mut backend = ledger.log_in_as("paynow_spender");
    for (wallet, spelling) in (30..).zip([
        " 76561198000000001 ",
        "7656\u{1}1198",
        "{b5aec2f0}",
        "B5AEC2F0-44E9-4726-A5BE-FCA90E38AAF5",
        "B5AEC2F144E94726A5BEFCA90E38AAF5",
        // No form of a UUID: it stays as it is, and is found as it is.
        "b5aec2f244e9-4726-a5be-fca90e38aaf5",
        "Notch \u{fc}",
    ]) {
        ledger
            .database
            .execute(&format!(
                "INSERT INTO customer_identities \
                     (wallet_id, platform, external_id, first_seen_at, last_seen_at) \
                 VALUES ({wallet}, 'other', normal_external_id('{spelling}'), now(), now())"
            ))
            .unwrap();
        let found = balance_by(&mut backend, &format!("' Other', '{spelling}'"));
        assert_eq!(found, [format!("{wallet} 0")], "{spelling:?}");
    }
    let too_long = format!("'other', '{}'", "9".repeat(101));
    assert_eq!(balance_by(&mut backend, &too_long), [""; 0]);
}

#[test]
fn a_player_who_is_not_known_spends_nothing() {
    let ledger = players();
    let mut backend = ledger.log_in_as("paynow_spender");
    let before = ledger.contents();
    for player in [
        "'minecraft', '069a79f4-44e9-4726-a5be-fca90e38aaf6'",
        "'minecraft', '069a79f4'",
        "'minecraft', '2535'",
        "'name', 'Notch'",
        "NULL, '2535'",
        "'xbox', NULL",
    ] {
        let answer = spend_by(&mut backend, player, 1, "k");
        assert_eq!(answer, Err("spend_identity_unknown".to_owned()), "{player}");
        assert_eq!(balance_by(&mut backend, player), [""; 0], "{player}");
    }
    let of_spend = spend_by(&mut backend, "'xbox', '2535'", 501, "k");
    assert_eq!(of_spend, Err("spend_needs_balance".to_owned()));
    assert_eq!(ledger.contents(), before);
}

#[test]
fn a_player_of_several_wallets_spends_from_none_of_them_but_a_repeat_is_answered() {
    let ledger = players();
    let mut backend = ledger.log_in_as("paynow_spender");
    let player = "'steam', '7656'";
    let ambiguous = Err("spend_identity_ambiguous".to_owned());
    assert_eq!(spend_by(&mut backend, player, 1, "k"), ambiguous);
    assert_eq!(balance_by(&mut backend, player), ["20 500", "21 500"]);

    let second = "wallet_id = 21 AND platform = 'steam'";
    let (removed, added) = (
        format!("DELETE FROM customer_identities WHERE {second}"),
        "INSERT INTO customer_identities VALUES (21, 'steam', '7656', NULL, now(), now())",
    );
    ledger.database.execute(&removed).unwrap();
    let first = spend_by(&mut backend, player, 100, "k");
    ledger.database.execute(added).unwrap();
    let repeated = spend_by(&mut backend, player, 100, "k");

    assert_eq!(first, Ok("20 400 t".to_owned()));
    assert_eq!(repeated, Ok("20 400 f".to_owned()));
    assert_eq!(spend_by(&mut backend, player, 100, "other"), ambiguous);
    assert_eq!(spends(&ledger), ["spend:k 20 -100"]);
}

#[test]
fn a_repeat_after_the_players_id_moved_to_another_wallet_takes_nothing_from_that_one() {
    let ledger = players();
    let mut backend = ledger.log_in_as("paynow_spender");
    let player = "'xbox', '2535'";
    let first = spend_by(&mut backend, player, 100, "k");
    assert_eq!(first, Ok("20 400 t".to_owned()));
    let moves = "UPDATE customer_identities SET wallet_id = 21 WHERE platform = 'xbox'";
    ledger.database.execute(moves).unwrap();

    let repeated = spend_by(&mut backend, player, 100, "k");

    assert_eq!(repeated, Err("spend_key_reused".to_owned()));
    assert_eq!(spends(&ledger), ["spend:k 20 -100"]);
    let of_the_first = "SELECT concat_ws(' ', balance, applied) AS value FROM spend(20, 100, 'k')";
    assert_eq!(answer(&mut backend, of_the_first), Ok("400 f".to_owned()));
}

#[test]
fn a_game_reads_no_identity_and_no_table_of_its_own_names_a_wallet() {
    let ledger = players();
    ledger.allow_temporary_tables();
    let mut backend = ledger.log_in_as("paynow_spender");
    for sql in [
        "SELECT * FROM customer_identities",
        "SELECT wallets_of('xbox', '2535')",
    ] {
        let message = backend.refused(sql);
        assert!(message.contains("permission denied"), "{message}");
    }
    for role in ["paynow_worker", "paynow_reader", "paynow_operator"] {
        let mut login = ledger.log_in_as(role);
        for sql in [
            "SELECT spend_by('xbox', '2535', 1, 'k')",
            "SELECT balance_by('xbox', '2535')",
        ] {
            let message = login.refused(sql);
            assert!(
                message.contains("permission denied for function"),
                "{message}"
            );
        }
    }
    backend.works(
        "CREATE TEMPORARY TABLE customer_identities (wallet_id bigint, platform text, external_id text); \
         INSERT INTO customer_identities VALUES (21, 'xbox', 'mine'); \
         SET search_path = pg_temp, public",
    );

    let answer = spend_by(&mut backend, "'xbox', 'mine'", 1, "k");

    assert_eq!(answer, Err("spend_identity_unknown".to_owned()));
    assert_eq!(ledger.balances(), ["20: 500", "21: 500"]);
}
