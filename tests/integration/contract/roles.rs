//! The rights of each role, tried by logins that have only that role.

use super::database::{Ledger, TABLES};

const NEW_ENTRY: &str = "INSERT INTO ledger_entries \
    (entry_key, wallet_id, order_id, event_id, kind, points) \
    VALUES ('order-line:9', 20, 10, 9, 'order_line', 7)";

/// Statements that the worker must not be able to run, and the server's message for each.
const WORKER_MAY_NOT: [(&str, &str); 34] = [
    (
        "UPDATE ledger_entries SET points = 1",
        "permission denied for table ledger_entries",
    ),
    (
        "DELETE FROM ledger_entries",
        "permission denied for table ledger_entries",
    ),
    (
        "TRUNCATE ledger_entries",
        "permission denied for table ledger_entries",
    ),
    (
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points, created_at) \
         VALUES ('order-line:9', 20, 10, 'order_line', 7, '2001-01-01')",
        "permission denied for table ledger_entries",
    ),
    (
        "INSERT INTO ledger_entries (entry_id, entry_key, wallet_id, order_id, kind, points) \
         OVERRIDING SYSTEM VALUE VALUES (9, 'order-line:9', 20, 10, 'order_line', 7)",
        "permission denied for table ledger_entries",
    ),
    (
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points) \
         VALUES ('order-line:1', 20, 10, 'order_line', 7) \
         ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO UPDATE SET points = 7",
        "permission denied for table ledger_entries",
    ),
    (
        "SELECT setval('ledger_entries_entry_id_seq', 1)",
        "permission denied for sequence",
    ),
    (
        "SELECT balance FROM wallets",
        "permission denied for table wallets",
    ),
    (
        "INSERT INTO wallets (wallet_id, balance) VALUES (21, 7)",
        "permission denied for table wallets",
    ),
    (
        "UPDATE wallets SET balance = 7",
        "permission denied for table wallets",
    ),
    ("DELETE FROM wallets", "permission denied for table wallets"),
    ("TRUNCATE wallets", "permission denied for table wallets"),
    (
        "INSERT INTO products (product_id, points) VALUES (41, 7)",
        "permission denied for table products",
    ),
    (
        "UPDATE products SET points = 7",
        "permission denied for table products",
    ),
    (
        "DELETE FROM products",
        "permission denied for table products",
    ),
    ("TRUNCATE products", "permission denied for table products"),
    (
        "UPDATE webhook_events SET outcome = 'ignored'",
        "permission denied for table webhook_events",
    ),
    (
        "DELETE FROM webhook_events",
        "permission denied for table webhook_events",
    ),
    (
        "TRUNCATE webhook_events",
        "permission denied for table webhook_events",
    ),
    (
        "UPDATE orders SET event_id = 7",
        "permission denied for table orders",
    ),
    ("DELETE FROM orders", "permission denied for table orders"),
    ("TRUNCATE orders", "permission denied for table orders"),
    (
        "UPDATE dead_letters SET body = '7'",
        "permission denied for table dead_letters",
    ),
    (
        "DELETE FROM dead_letters",
        "permission denied for table dead_letters",
    ),
    (
        "TRUNCATE dead_letters",
        "permission denied for table dead_letters",
    ),
    (
        "CREATE TABLE mine (number integer)",
        "permission denied for schema public",
    ),
    (
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
        "must be owner of",
    ),
    (
        "ALTER TABLE wallets DISABLE TRIGGER USER",
        "must be owner of",
    ),
    (
        "DROP TRIGGER ledger_entries_append_only ON ledger_entries",
        "must be owner of",
    ),
    (
        "DROP FUNCTION refuse_ledger_change() CASCADE",
        "must be owner of",
    ),
    (
        "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_entry_key_key",
        "must be owner of",
    ),
    (
        "ALTER TYPE event_outcome ADD VALUE 'lost'",
        "must be owner of",
    ),
    (
        "SET session_replication_role = replica",
        "permission denied to set parameter",
    ),
    ("SET ROLE paynow_owner", "permission denied to set role"),
];

#[test]
fn the_worker_can_add_entries_and_change_nothing_that_is_there() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    let before = ledger.contents();

    for (sql, expected) in WORKER_MAY_NOT {
        let message = worker.refused(sql);
        assert!(message.contains(expected), "{message}: {sql}");
    }

    assert_eq!(ledger.contents(), before);
    worker.works(NEW_ENTRY);
    assert_eq!(ledger.balances(), ["20: 507"]);
}

#[test]
fn the_worker_can_write_all_that_its_work_needs() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");

    for sql in [
        "SELECT * FROM ledger_entries",
        "SELECT * FROM products",
        "SELECT event_id, body_sha256 FROM webhook_events",
        "SELECT order_id FROM orders",
    ] {
        worker.works(sql);
    }
    for sql in [
        "SELECT payload FROM webhook_events",
        "SELECT body FROM dead_letters",
        "SELECT name FROM customer_identities",
        "DELETE FROM customer_identities",
    ] {
        assert!(worker.refused(sql).contains("permission denied"), "{sql}");
    }
    worker.works("INSERT INTO orders (order_id, event_id) VALUES (11, 9)");
    worker.works(
        "INSERT INTO webhook_events (event_id, event_type, outcome, body_sha256, attempts) \
         VALUES (9, 'ON_TRIAL_ACTIVATED', 'ignored', sha256('9'), 1)",
    );
    worker.works(
        "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts) \
         VALUES ('2', 'malformed', 'no JSON', '2', sha256('2'), 1) \
         ON CONFLICT ON CONSTRAINT dead_letters_event_id_body_sha256_key \
         DO UPDATE SET reason = excluded.reason, error = excluded.error, state = 'open', \
             attempts = excluded.attempts, deaths = dead_letters.deaths + 1, last_dead_at = now()",
    );

    assert_eq!(
        ledger
            .database
            .number("SELECT sum(deaths) AS value FROM dead_letters"),
        2
    );
}

#[test]
fn the_reader_sees_all_but_personal_data_and_writes_nothing() {
    let ledger = Ledger::with_rows();
    let mut reader = ledger.log_in_as("paynow_reader");
    let before = ledger.contents();

    for table in TABLES {
        reader.works(&format!(
            "SELECT {} FROM {table}",
            readable_columns_of(table)
        ));
        for sql in [
            format!("INSERT INTO {table} DEFAULT VALUES"),
            format!("UPDATE {table} SET {} = NULL", column_of(table)),
            format!("SELECT * FROM {table} FOR UPDATE"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let message = reader.refused(&sql);
            assert!(
                message.contains("permission denied for table"),
                "{message}: {sql}"
            );
        }
    }
    for sql in [
        "CREATE TABLE mine (number integer)",
        "SET ROLE paynow_worker",
        "SELECT payload FROM webhook_events",
        "SELECT body FROM dead_letters",
        "SELECT name FROM customer_identities",
    ] {
        assert!(reader.refused(sql).contains("permission denied"), "{sql}");
    }

    assert_eq!(ledger.contents(), before);
}

/// The columns that a reader may select: all except those with personal data.
fn readable_columns_of(table: &str) -> &'static str {
    match table {
        "webhook_events" => "event_id, event_type, outcome, order_id, secret_id, settled_at",
        "dead_letters" => "event_id, event_type, reason, error, state, deaths, last_dead_at",
        "customer_identities" => "wallet_id, platform, external_id, first_seen_at, last_seen_at",
        _other => "*",
    }
}

/// Some column of the table, for an UPDATE.
fn column_of(table: &str) -> &'static str {
    match table {
        "wallets" => "balance",
        "ledger_entries" | "products" => "points",
        "webhook_events" => "payload",
        "dead_letters" => "state",
        "suspects" => "crashes",
        "operator_actions" => "why",
        "customer_identities" => "name",
        _orders => "event_id",
    }
}

#[test]
fn the_logins_of_our_programs_are_no_superusers_and_the_owner_cannot_log_in() {
    let ledger = Ledger::empty();
    let roles = ledger.database.texts(
        "SELECT rolname || CASE WHEN rolcanlogin THEN ' logs in' ELSE ' does not log in' END \
             AS value \
         FROM pg_roles WHERE rolname IN \
             ('paynow_owner', 'paynow_ledger', 'paynow_worker', 'paynow_reader', 'paynow_spender') \
             AND NOT rolsuper AND NOT rolcreaterole AND NOT rolcreatedb AND NOT rolbypassrls \
         ORDER BY rolname",
    );
    assert_eq!(
        roles,
        [
            "paynow_ledger does not log in",
            "paynow_owner does not log in",
            "paynow_reader logs in",
            "paynow_spender logs in",
            "paynow_worker logs in"
        ]
    );
}
