//! The figures of the database that a worker shows, and the check of the ledger, which must not hide them.

use crate::contract::database::{Ledger, Session};
use crate::harness::{TestApp, eventually};

const OPEN: &str = "paynow_worker_dead_letters_open{reason=\"malformed\"}";
const FAILED: &str = "paynow_worker_ledger_check_failed_total";
const CHECKED: &str = "paynow_worker_ledger_checked_timestamp_seconds";

/// A system without a worker. The first that is started surveys and checks every second.
fn app() -> TestApp {
    TestApp::builder()
        .workers(0)
        .worker_setting("SURVEY_INTERVAL_SECONDS", "1")
        .worker_setting("LEDGER_CHECK_INTERVAL_SECONDS", "1")
        .start()
}

/// Waits until the worker shows that one letter is open.
fn shows_an_open_letter(app: &TestApp) {
    eventually("the worker counts the open letter", || {
        (app.worker_metric(OPEN) == Some(1.0)).then_some(())
    });
}

fn has_failed(app: &TestApp, times: f64) {
    eventually("checks have failed", || {
        app.worker_metric(FAILED)
            .filter(|failed| *failed >= times)
            .map(drop)
    });
}

#[test]
fn a_check_that_fails_hides_no_figure_and_is_told_apart() {
    let mut app = app();
    let refuse = "REVOKE EXECUTE ON FUNCTION check_ledger FROM paynow_worker";
    app.database.execute(refuse).expect("a superuser may");
    app.start_worker();
    app.deliver_bytes(b"no JSON");
    shows_an_open_letter(&app);
    has_failed(&app, 2.0);
    assert_eq!(app.worker_metric(CHECKED), Some(0.0));
    let logs = app.await_log("\"ledger_check_failed\"");
    assert!(!logs.contains("\"housekeeping_failed\""), "{logs}");

    let grant = "GRANT EXECUTE ON FUNCTION check_ledger TO paynow_worker";
    app.database.execute(grant).expect("a superuser may");
    eventually("the ledger is checked", || {
        (app.worker_metric(CHECKED)? > 0.0).then_some(())
    });
}

#[test]
fn a_check_that_does_not_end_hides_no_figure() {
    let mut app = app();
    // Only the check reads this table.
    let mut holder = Session::of(&app.database);
    holder.works("BEGIN; LOCK TABLE spends IN ACCESS EXCLUSIVE MODE");
    app.start_worker();
    app.database.await_blocked();
    app.deliver_bytes(b"no JSON");
    shows_an_open_letter(&app);
    assert_eq!(app.worker_metric(FAILED), Some(0.0));
    app.database.await_blocked();
    holder.works("COMMIT");
    eventually("the ledger is checked", || {
        (app.worker_metric(CHECKED)? > 0.0).then_some(())
    });
}

#[test]
fn where_nothing_can_be_written_the_figures_are_still_read() {
    let mut app = app();
    app.database
        .execute(
            "INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts) \
             VALUES ('9', 'malformed', 'no JSON', '9', sha256('9'), 1)",
        )
        .expect("a superuser may");
    let name = app.database.url().path().trim_start_matches('/').to_owned();
    // As on a standby.
    let refuse = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    app.database.execute(&refuse).expect("a superuser may");
    app.start_worker();
    shows_an_open_letter(&app);
    has_failed(&app, 1.0);
    let reset = format!(
        "SET default_transaction_read_only = off; \
         ALTER DATABASE {name} RESET default_transaction_read_only"
    );
    app.database.execute(&reset).expect("a superuser may");
    eventually("the ledger is checked", || {
        (app.worker_metric(CHECKED)? > 0.0).then_some(())
    });
    app.leave_unaudited();
}

#[test]
fn a_check_that_failed_is_begun_anew_by_no_worker_before_its_time() {
    let ledger = Ledger::with_rows();
    let mut failed = ledger.log_in_as("paynow_worker");
    let mut other = ledger.log_in_as("paynow_worker");
    let check = "SELECT check_ledger(1)::text AS value";
    failed.works("SELECT postpone_ledger_check(60)");
    assert_eq!(other.texts(check).unwrap(), ["false"]);
    failed.works("SELECT postpone_ledger_check(0)");
    assert_eq!(other.texts(check).unwrap(), ["true"]);

    // Nobody stops the checks for long with one call, or while another one checks.
    failed.works("SELECT postpone_ledger_check(2000000000)");
    let wait =
        "SELECT max(extract(epoch FROM not_before - now()))::bigint AS value FROM ledger_checks";
    assert!((3500..=3600).contains(&ledger.database.number(wait)));
    other.works("BEGIN; SELECT check_ledger(0)");
    failed.works("SELECT postpone_ledger_check(60)");
    other.works("COMMIT");
    assert!(ledger.database.number(wait) < 50);
}

#[test]
fn a_check_is_run_in_parallel_and_rests_as_long_as_it_took() {
    let ledger = Ledger::with_rows();
    // Counts the rows that a parallel worker reads.
    let counted = "CREATE FUNCTION is_parallel() RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE SECURITY DEFINER \
                       AS 'BEGIN RETURN (SELECT leader_pid IS NOT NULL FROM pg_stat_activity \
                           WHERE pid = pg_backend_pid()); END'; \
                   GRANT EXECUTE ON FUNCTION is_parallel() TO PUBLIC; \
                   CREATE OR REPLACE VIEW ledger_violations AS \
                       SELECT 'entry_keys_unique' AS check_id, 'a row' AS culprit FROM webhook_events \
                       WHERE pg_sleep(0.3) IS NOT NULL AND is_parallel(); \
                   ALTER TABLE webhook_events SET (parallel_workers = 2)";
    ledger.database.execute(counted).expect("a superuser may");
    let mut worker = ledger.log_in_as("paynow_worker");
    worker.works(
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET parallel_leader_participation = off",
    );
    // Not at once, where other sessions have all the workers that the server may start.
    eventually("a parallel worker reads the row", || {
        worker.works("SELECT check_ledger(0)");
        let found =
            "SELECT violations AS value FROM ledger_checks WHERE check_id = 'entry_keys_unique'";
        (ledger.database.number(found) == 1).then_some(())
    });
    let rests = "SELECT count(*) AS value FROM ledger_checks \
                 WHERE not_before > checked_at + 2 * interval '0.3 seconds'";
    let all = "SELECT count(*) AS value FROM ledger_checks";
    assert_eq!(ledger.database.number(rests), ledger.database.number(all));
}
