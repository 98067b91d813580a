//! The rights of each role of the database: the complete list from the catalog, and what an
//! operator's login is refused. `contract::roles` and `spend` try the other roles.

use crate::contract::database::Ledger;

/// Every right granted to a role of ours but the owner, with its columns in one list.
const RIGHTS: &str = "
    WITH granted AS (
        SELECT acl.grantee, lower(acl.privilege_type) AS may, object.relname::text AS on_what,
            NULL AS part
        FROM pg_class AS object, aclexplode(object.relacl) AS acl
        WHERE object.relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT acl.grantee, lower(acl.privilege_type), object.relname::text, attname::text
        FROM pg_attribute JOIN pg_class AS object ON object.oid = attrelid,
            aclexplode(attacl) AS acl
        WHERE object.relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT acl.grantee, lower(acl.privilege_type), proname::text, NULL
        FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
        WHERE pronamespace = 'public'::regnamespace
    )
    SELECT who || ': ' || may || ' ' || on_what
        || coalesce(' (' || string_agg(part, ', ' ORDER BY part COLLATE \"C\") || ')', '') AS value
    FROM granted, LATERAL (
        SELECT CASE grantee WHEN 0 THEN 'everybody' ELSE grantee::regrole::text END COLLATE \"C\"
    ) AS named (who)
    WHERE grantee <> 'paynow_owner'::regrole
    GROUP BY who, may, on_what ORDER BY who, may, on_what";

const ALL_RIGHTS: &[&str] = &[
    "paynow_console: execute console_challenge",
    "paynow_console: execute console_end_own_session",
    "paynow_console: execute console_enrol",
    "paynow_console: execute console_own_sessions",
    "paynow_console: execute console_session",
    "paynow_console: execute console_sign_in",
    "paynow_console: execute console_sign_in_by_proxy",
    "paynow_console: execute console_sign_out",
    "paynow_console: execute console_sign_out_everywhere",
    "paynow_console: execute record_access",
    "paynow_console_admin: execute console_set_person",
    "paynow_console_admin: select console_people (changed_at, created_at, disabled_at, name, \
     one_time_until, roles, shown_name, source)",
    "paynow_console_admin: select console_sessions (ended_at, ends_at, person, roles, seen_at, \
     signed_in_at)",
    "paynow_console_approver: execute decide_correction",
    "paynow_console_approver: execute reveal_letter",
    "paynow_console_operator: execute begin_previewed_replay",
    "paynow_console_operator: execute control_replay",
    "paynow_console_operator: execute discard_letters",
    "paynow_console_operator: execute end_replay_run",
    "paynow_console_operator: execute give_back_letters",
    "paynow_console_operator: execute hold_replay",
    "paynow_console_operator: execute mark_letters_sent",
    "paynow_console_operator: execute observe_replay",
    "paynow_console_operator: execute reveal_letter",
    "paynow_console_operator: execute set_price",
    "paynow_console_operator: execute store_preview",
    "paynow_console_operator: execute take_letters",
    "paynow_console_operator: select dead_letters (body)",
    "paynow_console_support: execute request_correction",
    "paynow_console_support: execute withdraw_correction",
    "paynow_console_support: select customer_identities (name)",
    "paynow_ledger: insert wallets",
    "paynow_ledger: select wallets",
    "paynow_ledger: update wallets",
    "paynow_operator: execute attribute_refund",
    "paynow_operator: execute begin_replay",
    "paynow_operator: execute control_replay",
    "paynow_operator: execute correct_wallet",
    "paynow_operator: execute discard_letters",
    "paynow_operator: execute end_replay_run",
    "paynow_operator: execute forget_wallet",
    "paynow_operator: execute forgettable",
    "paynow_operator: execute forgettable_ids",
    "paynow_operator: execute give_back_letters",
    "paynow_operator: execute hold_replay",
    "paynow_operator: execute import_prices",
    "paynow_operator: execute lock_balance",
    "paynow_operator: execute mark_letters_sent",
    "paynow_operator: execute observe_replay",
    "paynow_operator: execute record_history_send",
    "paynow_operator: execute record_unrouted_move",
    "paynow_operator: execute remove_price",
    "paynow_operator: execute set_price",
    "paynow_operator: execute take_letters",
    "paynow_operator: select customer_identities (name)",
    "paynow_operator: select dead_letters (body)",
    "paynow_reader: execute debts",
    "paynow_reader: execute letters_about",
    "paynow_reader: select __diesel_schema_migrations (version)",
    "paynow_reader: select console_access",
    "paynow_reader: select console_people (changed_at, created_at, disabled_at, name, \
     one_time_until, roles, shown_name, source)",
    "paynow_reader: select correction_requests",
    "paynow_reader: select correction_rule",
    "paynow_reader: select customer_identities (external_id, first_seen_at, last_seen_at, platform, \
     wallet_id)",
    "paynow_reader: select dead_letters (attempts, body_forgotten_at, body_sha256, \
     content_read, dead_letter_id, deaths, error, event_id, event_type, first_dead_at, history, \
     last_dead_at, order_id, product_lines, reason, received_at, resolution, secret_id, settled_at, \
     signature, signed_at, state, wallet_ids)",
    "paynow_reader: select ledger_checks",
    "paynow_reader: select ledger_entries",
    "paynow_reader: select ledger_violations",
    "paynow_reader: select operator_actions",
    "paynow_reader: select order_lines",
    "paynow_reader: select order_payments",
    "paynow_reader: select orders",
    "paynow_reader: select product_prices",
    "paynow_reader: select products",
    "paynow_reader: select proof_rule",
    "paynow_reader: select refund_attributions",
    "paynow_reader: select replay_control",
    "paynow_reader: select replay_previews",
    "paynow_reader: select replay_runs",
    "paynow_reader: select replays",
    "paynow_reader: select reversals",
    "paynow_reader: select spends",
    "paynow_reader: select suspects",
    "paynow_reader: select upgrade_rule",
    "paynow_reader: select waiting_events",
    "paynow_reader: select waiting_steps",
    "paynow_reader: select wallets",
    "paynow_reader: select webhook_events (attempts, body_sha256, event_id, event_type, \
     order_id, outcome, received_at, secret_id, settled_at, signature, signed_at, vouched_by)",
    "paynow_spender: execute balance_by",
    "paynow_spender: execute spend",
    "paynow_spender: execute spend_by",
    "paynow_spender: execute unspend",
    "paynow_spender: select wallets",
    "paynow_worker: delete suspects",
    "paynow_worker: delete waiting_events",
    "paynow_worker: delete waiting_steps",
    "paynow_worker: execute archive_dead_letter",
    "paynow_worker: execute check_ledger",
    "paynow_worker: execute debts",
    "paynow_worker: execute fill_identities",
    "paynow_worker: execute fill_letter_contents",
    "paynow_worker: execute fill_payments",
    "paynow_worker: execute forget_bodies",
    "paynow_worker: execute forget_identities",
    "paynow_worker: execute forget_payloads",
    "paynow_worker: execute is_applied",
    "paynow_worker: execute is_vouched",
    "paynow_worker: execute letter_ids",
    "paynow_worker: execute postpone_ledger_check",
    "paynow_worker: execute record_identities",
    "paynow_worker: execute resolve_applied_letters",
    "paynow_worker: execute restore_body",
    "paynow_worker: insert dead_letters",
    "paynow_worker: insert ledger_entries (entry_key, event_id, kind, order_id, points, \
     wallet_id)",
    "paynow_worker: insert order_lines",
    "paynow_worker: insert order_payments",
    "paynow_worker: insert orders",
    "paynow_worker: insert reversals",
    "paynow_worker: insert suspects",
    "paynow_worker: insert waiting_events",
    "paynow_worker: insert waiting_steps",
    "paynow_worker: insert webhook_events",
    "paynow_worker: select __diesel_schema_migrations (version)",
    "paynow_worker: select dead_letters (attempts, body_sha256, deaths, error, event_id, \
     history, last_dead_at, reason, state)",
    "paynow_worker: select ledger_checks",
    "paynow_worker: select ledger_entries",
    "paynow_worker: select order_lines",
    "paynow_worker: select orders (currency, giftcard_amount_minor, order_id, total_amount_minor)",
    "paynow_worker: select product_prices",
    "paynow_worker: select products",
    "paynow_worker: select proof_rule",
    "paynow_worker: select refund_attributions",
    "paynow_worker: select reversals (amount_minor, attribution, attribution_source, buyer_amount_minor, chargeback_at, event_id, kind, line_id, order_id, points, reference_id, sequence, store_amount_minor, wallet_id)",
    "paynow_worker: select suspects",
    "paynow_worker: select waiting_events",
    "paynow_worker: select waiting_steps",
    "paynow_worker: select webhook_events (body_sha256, event_id)",
    "paynow_worker: update dead_letters (attempts, deaths, error, history, last_dead_at, \
     reason, state)",
    "paynow_worker: update suspects (crashes, process_id)",
    "paynow_worker: update waiting_events (attempt, deferred_at, error, event_type, next_at, order_id, \
     payment_id, reason, refund_id, rung_seconds)",
    "paynow_worker: update waiting_steps (error, last_at, times)",
];

#[test]
fn every_right_of_every_role_is_listed_here() {
    let ledger = Ledger::empty();
    let rights = ledger.database.texts(RIGHTS);
    assert_eq!(rights, ALL_RIGHTS, "{rights:#?}");
}

#[test]
fn roles_contain_each_other_only_as_listed() {
    let ledger = Ledger::empty();
    let members = ledger.database.texts(
        "SELECT member::regrole || ' may act as ' || roleid::regrole AS value \
         FROM pg_auth_members \
         WHERE member::regrole::text LIKE 'paynow\\_%' AND roleid::regrole::text LIKE 'paynow\\_%' \
             AND (member::regrole::text IN ('paynow_owner', 'paynow_worker', 'paynow_reader', \
                 'paynow_spender', 'paynow_operator', 'paynow_ledger', 'paynow_console') \
                 OR member::regrole::text LIKE 'paynow\\_console\\_%') \
         ORDER BY member::regrole::text COLLATE \"C\", roleid::regrole::text COLLATE \"C\"",
    );
    assert_eq!(
        members,
        [
            "paynow_console may act as paynow_console_admin",
            "paynow_console may act as paynow_console_approver",
            "paynow_console may act as paynow_console_operator",
            "paynow_console may act as paynow_console_support",
            "paynow_console may act as paynow_console_viewer",
            "paynow_console_approver may act as paynow_console_support",
            "paynow_console_operator may act as paynow_console_support",
            "paynow_console_support may act as paynow_console_viewer",
            "paynow_console_viewer may act as paynow_reader",
            "paynow_operator may act as paynow_reader",
            "paynow_owner may act as paynow_ledger",
            "paynow_owner may act as paynow_operator",
        ]
    );
}

/// Statements that an operator must not be able to run, and the server's message for each.
const OPERATOR_MAY_NOT: [(&str, &str); 34] = [
    (
        "SELECT payload FROM webhook_events",
        "permission denied for table webhook_events",
    ),
    (
        "UPDATE wallets SET balance = 7",
        "permission denied for table wallets",
    ),
    (
        "SELECT balance FROM wallets FOR UPDATE",
        "permission denied for table wallets",
    ),
    (
        "INSERT INTO wallets (wallet_id, balance) VALUES (21, 7)",
        "permission denied for table wallets",
    ),
    ("DELETE FROM wallets", "permission denied for table wallets"),
    (
        "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
         VALUES ('correction:x', 20, 'correction', 7)",
        "permission denied for table ledger_entries",
    ),
    (
        "UPDATE ledger_entries SET points = 7",
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
        "SELECT correct_wallet('order-line:9', 20, 7, 'anna', 'x')",
        "ledger_entries_correction_form",
    ),
    (
        "SELECT correct_wallet('correction:x', 20, 0, 'anna', 'x')",
        "ledger_entries_",
    ),
    (
        "SELECT post_correction('correction:x', 20, 7)",
        "permission denied for function post_correction",
    ),
    (
        "SELECT * FROM spend(20, 1, 'x')",
        "permission denied for function spend",
    ),
    (
        "INSERT INTO webhook_events (event_id, event_type, outcome, body_sha256, attempts) \
         VALUES (9, 'ON_TRIAL_ACTIVATED', 'ignored', sha256('9'), 1)",
        "permission denied for table webhook_events",
    ),
    (
        "DELETE FROM webhook_events",
        "permission denied for table webhook_events",
    ),
    (
        "INSERT INTO orders (order_id, event_id) VALUES (11, 9)",
        "permission denied for table orders",
    ),
    ("DELETE FROM orders", "permission denied for table orders"),
    (
        "UPDATE dead_letters SET body = '7'",
        "permission denied for table dead_letters",
    ),
    (
        "UPDATE dead_letters SET reason = 'malformed'",
        "permission denied for table dead_letters",
    ),
    (
        "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts) \
         VALUES ('9', 'malformed', 'no JSON', '9', sha256('9'), 1)",
        "permission denied for table dead_letters",
    ),
    (
        "DELETE FROM dead_letters",
        "permission denied for table dead_letters",
    ),
    (
        "INSERT INTO operator_actions (action, operator, why, acted_at) \
         VALUES ('discard', 'anna', 'yesterday', '2001-01-01')",
        "permission denied for table operator_actions",
    ),
    (
        "UPDATE operator_actions SET operator = 'bob'",
        "permission denied for table operator_actions",
    ),
    (
        "DELETE FROM operator_actions",
        "permission denied for table operator_actions",
    ),
    ("DELETE FROM replays", "permission denied for table replays"),
    (
        "DELETE FROM products",
        "permission denied for table products",
    ),
    (
        "SELECT forget_bodies(0, 1000)",
        "permission denied for function forget_bodies",
    ),
    (
        "DELETE FROM customer_identities",
        "permission denied for table customer_identities",
    ),
    (
        "SELECT forget_identities(1, 1000)",
        "permission denied for function forget_identities",
    ),
    (
        "SELECT forget_wallet(20, ' ', 'x')",
        "operator_actions_operator_named",
    ),
    (
        "CREATE TABLE mine (number integer)",
        "permission denied for schema public",
    ),
    (
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
        "must be owner of",
    ),
    ("SET ROLE paynow_owner", "permission denied to set role"),
    ("SET ROLE paynow_worker", "permission denied to set role"),
];

#[test]
fn an_operator_changes_dead_letters_and_nothing_of_the_ledger() {
    let ledger = Ledger::with_rows();
    let mut operator = ledger.log_in_as("paynow_operator");
    let before = ledger.contents();

    for (sql, expected) in OPERATOR_MAY_NOT {
        let message = operator.refused(sql);
        assert!(message.contains(expected), "{message}: {sql}");
    }

    assert_eq!(ledger.contents(), before);
    operator.works("SELECT body FROM dead_letters");
    operator.works("SELECT correct_wallet('correction:x', 20, 7, 'anna', 'a test')");
    assert_eq!(ledger.balances(), ["20: 507"]);
}

#[test]
fn nobody_else_corrects_or_reads_a_body() {
    let ledger = Ledger::with_rows();
    for role in ["paynow_worker", "paynow_reader", "paynow_spender"] {
        let mut login = ledger.log_in_as(role);
        for sql in [
            "SELECT post_correction('correction:x', 20, 7)",
            "SELECT lock_balance(20)",
            "SELECT forgettable(20)",
            "SELECT forgettable_ids(20)",
            "SELECT forget_wallet(20, 'anna', 'x')",
            "SELECT name FROM customer_identities",
            "SELECT body FROM dead_letters",
            "SELECT payload FROM webhook_events",
            "INSERT INTO operator_actions (action, operator, why) VALUES ('discard', 'a', 'b')",
            "INSERT INTO replays (action_id, dead_letter_id) VALUES (1, 1)",
            "SET ROLE paynow_operator",
            "CREATE ROLE mine",
            "CREATE SCHEMA mine",
            "COPY dead_letters TO STDOUT",
            "SELECT pg_read_file('/etc/hostname')",
        ] {
            let message = login.refused(sql);
            assert!(
                message.contains("permission denied"),
                "{role}: {message}: {sql}"
            );
        }
    }
}
