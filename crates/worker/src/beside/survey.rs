//! Facts that only the database knows and monitoring needs: open dead letters, debts, and what the last
//! check of the ledger found. They are read at intervals, each by itself: one that fails hides no other.
//! A failure is logged, and the next round tries again.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};
use metrics::Gauge;
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::{AtRunTime, Known};
use paynow_process::{declare_log_events, declare_metrics};
use paynow_shared::reason::Reason;
use strum::IntoEnumIterator;

use crate::config::SurveySettings;
use crate::database::{DatabaseAddress, DatabaseError, blocking};
use crate::observe::background::HousekeepingFailed;
use crate::observe::events::reasons;

/// Each of these reads takes milliseconds. One that takes longer must not keep the others from being read.
const READ_LIMIT: &str = "SET statement_timeout = '10s'";

declare_metrics! {
    /// dead letters that are open
    static OPEN: Gauge = "paynow_worker_dead_letters_open" { reason: Known(reasons) };
    /// since the oldest open dead letter was dead-lettered; 0 if none is open
    static OPEN_OLDEST: Gauge = "paynow_worker_dead_letters_open_oldest_age_seconds" {};
    /// wallets below zero
    static DEBT_WALLETS: Gauge = "paynow_worker_debt_wallets" {}.absent_until_set();
    /// the points that these wallets lack together
    static DEBT_POINTS: Gauge = "paynow_worker_debt_points" {}.absent_until_set();
    /// when the gauges of the database were last read
    static SURVEYED: Gauge = "paynow_worker_survey_timestamp_seconds" {};
    /// rows that break an invariant of the ledger, by check of paynowctl check
    static VIOLATIONS: Gauge = "paynow_worker_ledger_violations" { check: AtRunTime };
    /// when the invariants were last checked, by any worker
    static LEDGER_CHECKED: Gauge = "paynow_worker_ledger_checked_timestamp_seconds" {};
}

declare_log_events! {
    Critical "ledger_violated": "an invariant of the ledger is broken";
}

#[derive(QueryableByName)]
struct Debts {
    #[diesel(sql_type = BigInt)]
    wallets: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

#[derive(QueryableByName)]
struct OpenLetters {
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    letters: i64,
    #[diesel(sql_type = BigInt)]
    oldest_age_seconds: i64,
}

#[derive(QueryableByName)]
struct LedgerCheck {
    #[diesel(sql_type = Text)]
    check_id: String,
    #[diesel(sql_type = BigInt)]
    violations: i64,
    /// Unix time; 0 before the first check.
    #[diesel(sql_type = BigInt)]
    checked_at_seconds: i64,
}

/// What a round has read. A part is missing if it could not be read.
struct Surveyed {
    open: Result<Vec<OpenLetters>, DatabaseError>,
    checks: Result<Vec<LedgerCheck>, DatabaseError>,
    debts: Result<Debts, DatabaseError>,
    now_ms: i64,
}

/// Runs a round at once and then after every interval, until it is dropped.
pub async fn run(database: DatabaseAddress, settings: SurveySettings) {
    loop {
        let database = database.clone();
        match blocking(move || read(&database)).await {
            Ok(surveyed) => surveyed.emit(),
            Err(error) => HousekeepingFailed { error: &error }.emit(),
        }
        tokio::time::sleep(settings.interval).await;
    }
}

/// Opens a connection for each round, because rounds are rare and idle connections cost memory.
fn read(database: &DatabaseAddress) -> Result<Surveyed, DatabaseError> {
    let mut connection = database.connect()?;
    connection.batch_execute(READ_LIMIT)?;
    Ok(Surveyed {
        open: open_letters(&mut connection),
        checks: ledger_checks(&mut connection),
        debts: debts(&mut connection),
        now_ms: clock::now_ms(),
    })
}

fn open_letters(connection: &mut PgConnection) -> Result<Vec<OpenLetters>, DatabaseError> {
    let open = diesel::sql_query(
        "SELECT reason, count(*) AS letters, \
             extract(epoch FROM now() - min(last_dead_at))::bigint AS oldest_age_seconds \
         FROM dead_letters WHERE state = 'open' GROUP BY reason",
    )
    .load(connection)?;
    Ok(open)
}

fn ledger_checks(connection: &mut PgConnection) -> Result<Vec<LedgerCheck>, DatabaseError> {
    let checks = diesel::sql_query(
        "SELECT check_id, violations, \
             coalesce(extract(epoch FROM checked_at)::bigint, 0) AS checked_at_seconds \
         FROM ledger_checks ORDER BY check_id",
    )
    .load(connection)?;
    Ok(checks)
}

fn debts(connection: &mut PgConnection) -> Result<Debts, DatabaseError> {
    Ok(diesel::sql_query("SELECT wallets, points FROM debts()").get_result(connection)?)
}

impl Observable for Surveyed {
    fn emit(self) {
        let Self {
            open,
            checks,
            debts,
            now_ms,
        } = self;
        let parts = [
            open.map(|open| show_open_letters(&open)),
            checks.map(|checks| show_ledger_checks(&checks)),
            debts.map(|debts| show_debts(&debts)),
        ];
        let mut is_whole = true;
        for part in parts {
            if let Err(error) = part {
                is_whole = false;
                HousekeepingFailed { error: &error }.emit();
            }
        }
        if is_whole {
            SURVEYED.handle().set(float(now_ms / 1000));
        }
    }
}

fn show_open_letters(open: &[OpenLetters]) {
    for reason in Reason::iter() {
        let row = open.iter().find(|row| row.reason == reason.code());
        OPEN.with([reason.code()])
            .set(float(row.map_or(0, |row| row.letters)));
    }
    let oldest = open.iter().map(|row| row.oldest_age_seconds).max();
    OPEN_OLDEST.handle().set(float(oldest.unwrap_or(0)));
}

fn show_ledger_checks(checks: &[LedgerCheck]) {
    for check in checks {
        VIOLATIONS
            .with([check.check_id.clone()])
            .set(float(check.violations));
        if check.violations > 0 {
            slog_scope::crit!(# "ledger_violated", "an invariant of the ledger is broken";
                "check" => &check.check_id, "violations" => check.violations);
        }
    }
    let oldest_check = checks.iter().map(|check| check.checked_at_seconds).min();
    LEDGER_CHECKED
        .handle()
        .set(float(oldest_check.unwrap_or(0)));
}

fn show_debts(debts: &Debts) {
    DEBT_WALLETS.handle().set(float(debts.wallets));
    DEBT_POINTS.handle().set(float(debts.points));
}

/// Gauges are floats, which round numbers above 2^53.
fn float(number: i64) -> f64 {
    number.to_string().parse().unwrap_or(f64::MAX)
}
