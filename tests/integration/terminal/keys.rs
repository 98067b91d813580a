//! The form of the keys that game backends give.

use super::plant::HOSTILE;
use crate::contract::database::Ledger;

fn call(points: i64, key: &str) -> String {
    format!("SELECT balance || ' ' || applied AS value FROM spend(20, {points}, '{key}')")
}

#[test]
fn a_new_key_has_letters_digits_and_signs_of_ascii_only() {
    let ledger = Ledger::with_rows();
    let mut backend = ledger.log_in_as("paynow_spender");
    let before = ledger.contents();

    for key in [
        HOSTILE,
        "a\nb",
        "a b",
        " a",
        "a ",
        "a\t",
        "a\r",
        "a\n",
        "\u{1b}[2J",
        "a\u{7f}",
        "a\u{9b}",
        "a\u{ad}",
        "a\u{202e}",
        "a\u{2028}",
        "a\u{200b}",
        "a\u{a0}",
        "zażółć",
        "аdmin",
    ] {
        let refusal = backend.refused_by(&call(1, key));
        assert_eq!(refusal, "spend_key_form", "{key:?}");
    }
    assert_eq!(ledger.contents(), before);

    let every_sign: String = ('!'..='~').filter(|sign| *sign != '\'').collect();
    for key in [
        "order:123",
        "8c0d2e5e-2f0e-4b9e-9d6a-2f1f0d1c9a11",
        "guild/81384788765712384/item#7",
        "c2hvcA==",
        &every_sign,
    ] {
        let answer = backend.texts(&call(1, key)).unwrap().concat();
        assert!(answer.ends_with(" true"), "{key}: {answer}");
    }
}

#[test]
fn no_other_writer_adds_a_spend_or_a_correction_with_such_a_key() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    let before = ledger.contents();

    for (kind, points) in [("spend", -1), ("correction", 1)] {
        let insert = format!(
            "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
             VALUES ('{kind}:a\nb', 20, '{kind}', {points})"
        );
        assert_eq!(worker.refused_by(&insert), "ledger_entries_key_form");
        let refusal = ledger.database.execute(&insert).unwrap_err();
        assert!(refusal.contains("ledger_entries_key_form"), "{refusal}");
    }

    assert_eq!(ledger.contents(), before);
}

#[test]
fn a_key_from_before_the_rule_still_spends_once() {
    let ledger = Ledger::with_rows();
    let mut backend = ledger.log_in_as("paynow_spender");
    let key = "two words\n\u{202e}";
    // The rule is not valid for entries from before, so it comes back as it was.
    let spent_before = format!(
        "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_key_form; \
         INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
         VALUES ('spend:{key}', 20, 'spend', -7); \
         ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_key_form \
             CHECK (kind NOT IN ('spend', 'correction') OR entry_key ~ '^[!-~]+$') NOT VALID"
    );
    ledger.database.execute(&spent_before).unwrap();
    let before = ledger.contents();

    let again = backend.texts(&call(7, key)).unwrap();
    assert_eq!(again, ["493 false"]);
    assert_eq!(backend.refused_by(&call(8, key)), "spend_key_reused");
    assert_eq!(ledger.contents(), before);
}
