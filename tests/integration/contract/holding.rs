//! What a login may hold, make or forget with the rights that it has: nothing that stops the others for
//! longer than its time-outs.

use super::database::Ledger;
use crate::harness::{Program, TestDatabase, eventually, flake};

const LOGINS: [&str; 4] = [
    "paynow_worker",
    "paynow_reader",
    "paynow_spender",
    "paynow_operator",
];
/// The numbers that kept two checks of the ledger, and two setups, apart in version 0.1.0.
const CHECK_NUMBER: &str = "x'6c6564676368'::bigint";
const SETUP_NUMBER: &str = "x'7061796e6f77'::bigint";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Runs `setup` once more, with these variables too.
fn setup_with(database: &TestDatabase, more: &[(&str, &str)]) -> String {
    let mut variables = vec![("DATABASE_URL".to_owned(), database.url().to_string())];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.extend(more.iter().map(owned));
    let outcome = Program::run("paynowctl", &variables, &["setup", "--skip-broker"]);
    outcome.succeeded().stdout
}

#[test]
fn no_other_login_stops_the_check_of_the_ledger() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");
    let mut holders = Vec::new();
    for role in ["paynow_reader", "paynow_spender", "paynow_operator"] {
        let mut login = ledger.log_in_as(role);
        login.works(&format!("SELECT pg_advisory_lock_shared({CHECK_NUMBER})"));
        for strength in ["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"] {
            login.refused(&format!("SELECT 1 FROM ledger_checks FOR {strength}"));
        }
        for mode in ["ROW SHARE", "SHARE", "ACCESS EXCLUSIVE"] {
            login.refused(&format!(
                "BEGIN; LOCK TABLE ledger_checks IN {mode} MODE; COMMIT"
            ));
            login.works("ROLLBACK");
        }
        if role != "paynow_spender" {
            login.works("BEGIN; LOCK TABLE ledger_checks IN ACCESS SHARE MODE");
        }
        holders.push(login);
    }

    let looked = worker.texts("SELECT check_ledger(0)::text AS value");

    assert_eq!(looked.unwrap(), ["true"]);
}

#[test]
fn one_worker_checks_the_ledger_and_the_others_do_not_wait_for_it() {
    let ledger = Ledger::with_rows();
    let check = "SELECT check_ledger(-1)::text AS value";
    let (mut first, mut second) = (
        ledger.log_in_as("paynow_worker"),
        ledger.log_in_as("paynow_worker"),
    );
    first.works("BEGIN");
    assert_eq!(first.texts(check).unwrap(), ["true"]);
    assert_eq!(second.texts(check).unwrap(), ["false"]);
    first.works("COMMIT");
    assert_eq!(second.texts(check).unwrap(), ["true"]);
}

#[test]
fn no_login_of_a_program_stops_setup() {
    let ledger = Ledger::empty();
    std::thread::scope(|scope| {
        // Here, so that they end before the scope waits for a setup that waits for them.
        let mut holders = Vec::new();
        for role in LOGINS {
            let mut login = ledger.log_in_as(role);
            login.works(&format!("SELECT pg_advisory_lock_shared({SETUP_NUMBER})"));
            for mode in ["ACCESS SHARE", "ROW SHARE", "EXCLUSIVE"] {
                login.refused(&format!(
                    "BEGIN; LOCK TABLE setup_lock IN {mode} MODE; COMMIT"
                ));
                login.works("ROLLBACK");
            }
            holders.push(login);
        }
        let setup = scope.spawn(|| setup_with(&ledger.database, &[]));
        eventually("setup ends", || setup.is_finished().then_some(()));
        let said = setup.join().expect("setup succeeds");
        assert!(!said.contains("waiting"), "{said}");
    });
}

/// Runs a setup beside another one, which has taken a lock by these statements, until it waits.
fn setup_beside(taken: &str, waits: impl Fn(&TestDatabase)) -> String {
    let ledger = Ledger::empty();
    let database = &ledger.database;
    std::thread::scope(|scope| {
        let mut other = ledger.as_owner();
        other.works(taken);
        let setup = scope.spawn(|| setup_with(database, &[]));
        waits(database);
        assert!(!setup.is_finished(), "{taken}");
        other.works("COMMIT");
        setup.join().expect("setup succeeds")
    })
}

#[test]
fn a_setup_waits_for_another_one() {
    let said = setup_beside(
        "BEGIN; LOCK TABLE setup_lock IN EXCLUSIVE MODE",
        |database| {
            eventually("the setup has looked whether the lock is taken", || {
                let looked = "SELECT count(*) AS value FROM pg_stat_activity \
                              WHERE datname = current_database() AND pid <> pg_backend_pid() \
                                  AND query LIKE '%setup_lock''::regclass%'";
                (database.number(looked) > 0).then_some(())
            });
        },
    );
    assert!(said.contains("waiting for another setup"), "{said}");
}

#[test]
fn a_setup_waits_for_one_of_the_first_version() {
    let said = setup_beside(
        &format!("BEGIN; SELECT pg_advisory_xact_lock({SETUP_NUMBER})"),
        |database| {
            eventually("the setup has looked who holds the number", || {
                let looked = "SELECT count(*) AS value FROM pg_stat_activity \
                              WHERE datname = current_database() AND pid <> pg_backend_pid() \
                                  AND state = 'idle in transaction' AND query LIKE '%advisory%' \
                                  AND query LIKE '%pg_has_role%'";
                (database.number(looked) > 0).then_some(())
            });
        },
    );
    assert!(said.contains("waiting for another setup"), "{said}");
}

#[test]
fn no_login_makes_tables_schemas_or_large_objects() {
    let ledger = Ledger::empty();
    for role in LOGINS {
        let mut login = ledger.log_in_as(role);
        for sql in [
            "CREATE TEMPORARY TABLE mine (number integer)",
            "CREATE TABLE mine (number integer)",
            "CREATE SCHEMA mine",
            "SELECT lo_creat(-1)",
            "SELECT lo_create(0)",
            "SELECT lo_from_bytea(0, '1')",
            "SELECT lo_import('/etc/hostname')",
        ] {
            let message = login.refused(sql);
            assert!(message.contains("permission denied"), "{message}: {sql}");
        }
    }
}

#[test]
fn setup_takes_back_what_was_given_to_everybody() {
    let ledger = Ledger::empty();
    ledger.allow_temporary_tables();
    ledger
        .database
        .execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        .unwrap();
    ledger
        .log_in_as("paynow_reader")
        .works("CREATE TEMPORARY TABLE mine (number integer)");

    setup_with(&ledger.database, &[]);

    let mut reader = ledger.log_in_as("paynow_reader");
    for sql in [
        "CREATE TEMPORARY TABLE mine (number integer)",
        "CREATE TABLE mine (number integer)",
    ] {
        assert!(reader.refused(sql).contains("permission denied"), "{sql}");
    }
}

#[test]
fn a_new_function_is_nobodys_until_it_is_granted() {
    let ledger = Ledger::empty();
    let mut owner = ledger.as_owner();
    owner.works(
        "CREATE FUNCTION later() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    );

    let message = ledger.log_in_as("paynow_reader").refused("SELECT later()");

    assert!(message.contains("permission denied"), "{message}");
}

/// An event id that PayNow would have made so many milliseconds ago.
fn flake_of(age_ms: i64) -> i64 {
    flake() - (age_ms << 22)
}

#[test]
fn no_payload_is_forgotten_within_a_day_whoever_asks() {
    let ledger = Ledger::empty();
    for event in [
        flake(),
        flake_of(DAY_MS - 60_000),
        flake_of(DAY_MS + 60_000),
    ] {
        ledger
            .database
            .execute(&format!(
                "INSERT INTO webhook_events \
                     (event_id, event_type, outcome, body_sha256, payload, attempts) \
                 VALUES ({event}, 'ON_TRIAL_ACTIVATED', 'ignored', sha256('1'), '1', 1)"
            ))
            .unwrap();
    }
    let left = || {
        ledger
            .database
            .number("SELECT count(payload) AS value FROM webhook_events")
    };
    let mut worker = ledger.log_in_as("paynow_worker");

    for (before, at_once) in [
        ("NULL", "1000"),
        ("9223372036854775807", "NULL"),
        ("9223372036854775807", "-1"),
        ("-9223372036854775808", "1000"),
    ] {
        worker.works(&format!("SELECT forget_payloads({before}, {at_once})"));
        assert_eq!(left(), 3, "{before}, {at_once}");
    }
    worker.works("SELECT forget_payloads(9223372036854775807, 2147483647)");
    assert_eq!(left(), 2, "only the one older than a day");
}

#[test]
fn no_body_is_forgotten_within_a_day_whoever_asks() {
    let ledger = Ledger::empty();
    for (event, settled) in [
        ("1", "now()"),
        ("2", "now() - interval '23 hours 59 minutes'"),
        ("3", "now() - interval '24 hours 1 minute'"),
    ] {
        ledger
            .database
            .execute(&format!(
                "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts, \
                     state, settled_at) \
                 VALUES ('{event}', 'malformed', 'no JSON', '1', sha256('1'), 1, 'discarded', \
                     {settled})"
            ))
            .unwrap();
    }
    let left = || {
        ledger
            .database
            .number("SELECT count(body) AS value FROM dead_letters")
    };
    let mut worker = ledger.log_in_as("paynow_worker");

    for (days, at_once) in [
        ("NULL", "1000"),
        ("0", "NULL"),
        ("0", "-1"),
        ("2147483647", "1000"),
    ] {
        worker.works(&format!("SELECT forget_bodies({days}, {at_once})"));
        assert_eq!(left(), 3, "{days}, {at_once}");
    }
    for days in ["-2147483648", "0"] {
        worker.works(&format!("SELECT forget_bodies({days}, 2147483647)"));
        assert_eq!(
            left(),
            2,
            "{days}: only the one settled more than a day ago"
        );
    }
}

#[test]
fn a_spend_that_is_left_open_is_ended_by_the_server() {
    let ledger = Ledger::with_rows();
    // A login has the time-outs from the next setup on.
    drop(ledger.log_in_as("paynow_spender"));
    setup_with(
        &ledger.database,
        &[("PAYNOW_LOGIN_IDLE_IN_TRANSACTION_SECONDS", "1")],
    );
    let mut backend = ledger.log_in_again(0);
    backend.works("BEGIN; SELECT spend(20, 1, 'left-open')");

    // Waits for the wallet until the server has ended the other transaction.
    ledger.log_in_as("paynow_worker").works(
        "SET lock_timeout TO '60s'; \
         INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points) \
         VALUES ('order-line:9', 20, 10, 'order_line', 7)",
    );

    assert_eq!(ledger.balances(), ["20: 507"], "the spend was rolled back");
    backend.refused("COMMIT");
}

/// The time-outs of a login in this database.
fn limits_of(ledger: &Ledger, login: &str) -> Vec<String> {
    ledger.database.texts(&format!(
        "SELECT unnest(setconfig) AS value FROM pg_db_role_setting \
         WHERE setrole = '{login}'::regrole \
             AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         ORDER BY value"
    ))
}

#[test]
fn every_login_gets_time_outs_once_and_setups_own_gets_none() {
    let ledger = Ledger::empty();
    let limits = |login: &str| limits_of(&ledger, login);
    let limits_with_statement = |statement: &str| {
        [
            "idle_in_transaction_session_timeout=30s".to_owned(),
            "lock_timeout=10s".to_owned(),
            format!("statement_timeout={statement}"),
        ]
    };
    for (login, statement) in [
        ("paynow_worker", "60s"),
        ("paynow_spender", "60s"),
        ("paynow_reader", "900s"),
        ("paynow_operator", "900s"),
    ] {
        assert_eq!(limits(login), limits_with_statement(statement), "{login}");
    }
    assert_eq!(limits("paynow"), [""; 0]);

    // Set by hand: kept, until somebody asks.
    let name = ledger.name();
    ledger
        .database
        .execute(&format!(
            "ALTER ROLE paynow_reader IN DATABASE {name} SET statement_timeout TO '7s'"
        ))
        .unwrap();
    setup_with(&ledger.database, &[]);
    assert_eq!(limits("paynow_reader"), limits_with_statement("7s"));
    setup_with(
        &ledger.database,
        &[("PAYNOW_LOGIN_STATEMENT_SECONDS", "120")],
    );
    assert_eq!(limits("paynow_reader"), limits_with_statement("120s"));
}
