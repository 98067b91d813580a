//! A balance is always the sum of its entries, whoever tries to change it.

use super::database::Ledger;

/// A statement that inserts these entries, each `(key, wallet, points)`.
fn insert(entries: &[(&str, i64, i64)]) -> String {
    let rows: Vec<String> = entries
        .iter()
        .map(|(key, wallet, points)| format!("('{key}', {wallet}, 10, 1, 'order_line', {points})"))
        .collect();
    format!(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
         VALUES {}",
        rows.join(", ")
    )
}

fn number_of_entries(ledger: &Ledger) -> i64 {
    ledger
        .database
        .number("SELECT count(*) AS value FROM ledger_entries")
}

#[test]
fn one_statement_posts_many_entries_to_many_wallets() {
    let ledger = Ledger::empty();
    let mut worker = ledger.log_in_as("paynow_worker");

    let entries = [
        ("order-line:1", 23, 5),
        ("order-line:2", 21, 7),
        ("order-line:3", 22, 0),
    ];
    worker.works(&insert(&entries));
    worker.works(&insert(&[("order-line:4", 21, 1), ("order-line:5", 24, 2)]));

    assert_eq!(ledger.balances(), ["21: 8", "22: 0", "23: 5", "24: 2"]);
}

#[test]
fn two_entries_for_one_wallet_in_one_statement_add_up() {
    let ledger = Ledger::empty();
    let mut worker = ledger.log_in_as("paynow_worker");

    worker.works(&insert(&[
        ("order-line:1", 20, 500),
        ("order-line:2", 20, 250),
    ]));

    assert_eq!(ledger.balances(), ["20: 750"]);
}

#[test]
fn an_entry_key_is_used_once() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    let before = ledger.contents();
    let again = insert(&[("order-line:2", 20, 1), ("order-line:1", 20, 500)]);

    assert_eq!(worker.refused_by(&again), "ledger_entries_entry_key_key");
    assert_eq!(ledger.contents(), before);

    worker.works(&format!(
        "{} ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING",
        insert(&[("order-line:1", 20, 500)])
    ));
    assert_eq!(ledger.balances(), ["20: 500"]);
}

#[test]
fn a_later_price_of_a_product_changes_no_entry() {
    let ledger = Ledger::with_rows();
    let entries = "SELECT points AS value FROM ledger_entries";

    let mut owner = ledger.as_owner();
    owner.works("UPDATE products SET points = 9");

    assert_eq!(ledger.database.number(entries), 500);
    assert_eq!(ledger.balances(), ["20: 500"]);
}

#[test]
fn an_order_line_gives_points_and_names_its_order() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    let before = ledger.contents();

    let negative = insert(&[("order-line:9", 20, -1)]);
    assert_eq!(
        worker.refused_by(&negative),
        "ledger_entries_order_line_names_its_order"
    );
    let without_order = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                         VALUES ('order-line:9', 20, 'order_line', 1)";
    assert_eq!(
        worker.refused_by(without_order),
        "ledger_entries_order_line_names_its_order"
    );
    let without_order = insert(&[("order-line:9", 0, 1)]);
    assert_eq!(
        worker.refused_by(&without_order),
        "ledger_entries_wallet_id_positive"
    );

    assert_eq!(ledger.contents(), before);
}

#[test]
fn a_balance_beyond_64_bits_is_refused_and_leaves_nothing() {
    let ledger = Ledger::empty();
    let mut worker = ledger.log_in_as("paynow_worker");
    worker.works(&insert(&[("order-line:1", 20, i64::MAX)]));

    let one_more = insert(&[("order-line:2", 21, 5), ("order-line:3", 20, 1)]);
    assert_eq!(worker.refused_by(&one_more), "wallets_balance_fits");
    let at_once = insert(&[("order-line:4", 22, i64::MAX), ("order-line:5", 22, 1)]);
    assert_eq!(worker.refused_by(&at_once), "wallets_balance_fits");

    assert_eq!(ledger.balances(), [format!("20: {}", i64::MAX)]);
    assert_eq!(number_of_entries(&ledger), 1);
}

#[test]
fn not_even_the_owner_changes_or_removes_an_entry() {
    let ledger = Ledger::with_rows();
    let mut owner = ledger.as_owner();
    let before = ledger.contents();
    let upsert = format!(
        "{} ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO UPDATE SET points = 7",
        insert(&[("order-line:1", 20, 500)])
    );

    for sql in [
        "UPDATE ledger_entries SET points = 7",
        "UPDATE ledger_entries SET points = 7 WHERE false",
        "DELETE FROM ledger_entries",
        "TRUNCATE ledger_entries",
        "MERGE INTO ledger_entries USING (VALUES (1)) AS one ON true WHEN MATCHED THEN DELETE",
        upsert.as_str(),
    ] {
        assert_eq!(owner.refused_by(sql), "ledger_entries_append_only", "{sql}");
    }

    assert_eq!(ledger.contents(), before);
}

#[test]
fn not_even_the_owner_writes_a_balance() {
    let ledger = Ledger::with_rows();
    let mut owner = ledger.as_owner();
    let before = ledger.contents();

    for sql in [
        "INSERT INTO wallets (wallet_id, balance) VALUES (21, 7)",
        "UPDATE wallets SET balance = balance + 1",
        "DELETE FROM wallets",
        "TRUNCATE wallets",
    ] {
        assert_eq!(owner.refused_by(sql), "wallets_follow_the_ledger", "{sql}");
    }

    assert_eq!(ledger.contents(), before);
}

#[test]
fn writers_of_the_same_wallets_wait_for_each_other_and_none_fails() {
    const WRITERS: i64 = 8;
    const ROUNDS: i64 = 25;
    let ledger = Ledger::empty();
    let sessions: Vec<_> = (0..WRITERS)
        .map(|_| ledger.log_in_as("paynow_worker"))
        .collect();

    std::thread::scope(|scope| {
        for (writer, mut session) in (0..).zip(sessions) {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let serial = writer * ROUNDS + round;
                    let key = |wallet: i64| format!("order-line:{}", serial * 100 + wallet);
                    let (first, second) = (key(21), key(22));
                    let mut entries = [(first.as_str(), 21, 1), (second.as_str(), 22, 2)];
                    if writer % 2 == 0 {
                        entries.reverse();
                    }
                    session.works(&insert(&entries));
                }
            });
        }
    });

    let each = WRITERS * ROUNDS;
    assert_eq!(
        ledger.balances(),
        [format!("21: {each}"), format!("22: {}", 2 * each)]
    );
}
