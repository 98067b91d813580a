//! What the database knows and monitoring wants to hear: debts, open dead letters, and whether the
//! ledger's invariants hold. Asked now and then, beside the work; trouble here is logged and tried
//! again at the next round.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl};
use paynow_process::clock;
use paynow_process::observe::Observable;

use crate::config::SurveySettings;
use crate::database::{DatabaseAddress, DatabaseError};
use crate::observe::{HousekeepingFailed, Surveyed};

/// A look at the whole ledger reads all of it: minutes, once it has grown for years.
const LEDGER_CHECK_LIMIT: &str = "SET LOCAL statement_timeout = '15min'";

/// The answers of one round.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) debt_wallets: i64,
    pub(crate) debt_points: i64,
    pub(crate) open: Vec<OpenLetters>,
    pub(crate) checks: Vec<LedgerCheck>,
}

#[derive(Debug, QueryableByName)]
pub(crate) struct OpenLetters {
    #[diesel(sql_type = Text)]
    pub(crate) reason: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) letters: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) oldest_age_seconds: i64,
}

#[derive(Debug, QueryableByName)]
pub(crate) struct LedgerCheck {
    #[diesel(sql_type = Text)]
    pub(crate) check_id: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) violations: i64,
    /// Unix time; 0 before the first look.
    #[diesel(sql_type = BigInt)]
    pub(crate) checked_at_seconds: i64,
}

#[derive(QueryableByName)]
struct Debts {
    #[diesel(sql_type = BigInt)]
    wallets: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = Bool)]
    _looked: bool,
}

/// Asks at once and then every interval, until it is dropped.
pub async fn run(database: DatabaseAddress, settings: SurveySettings) {
    loop {
        let address = database.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&address, settings)).await;
        let asked =
            asked.unwrap_or_else(|panicked| Err(DatabaseError::Unavailable(panicked.to_string())));
        match asked {
            Ok(survey) => Surveyed {
                survey: &survey,
                now_ms: clock::now_ms(),
            }
            .emit(),
            Err(error) => HousekeepingFailed { error: &error }.emit(),
        }
        tokio::time::sleep(settings.interval).await;
    }
}

/// A connection per round: rounds are rare, and an idle connection is one too many.
fn ask(address: &DatabaseAddress, settings: SurveySettings) -> Result<Survey, DatabaseError> {
    let mut connection = address.connect()?;
    look_at_ledger(&mut connection, settings.ledger_check_interval)?;
    let debts: Debts =
        diesel::sql_query("SELECT wallets, points FROM debts()").get_result(&mut connection)?;
    let open = diesel::sql_query(
        "SELECT reason, count(*) AS letters, \
             extract(epoch FROM now() - min(last_dead_at))::bigint AS oldest_age_seconds \
         FROM dead_letters WHERE state = 'open' GROUP BY reason",
    )
    .load(&mut connection)?;
    let checks = diesel::sql_query(
        "SELECT check_id, violations, \
             coalesce(extract(epoch FROM checked_at)::bigint, 0) AS checked_at_seconds \
         FROM ledger_checks ORDER BY check_id",
    )
    .load(&mut connection)?;
    Ok(Survey {
        debt_wallets: debts.wallets,
        debt_points: debts.points,
        open,
        checks,
    })
}

/// One worker looks for all; the others see what it found.
fn look_at_ledger(connection: &mut PgConnection, max_age: Duration) -> Result<(), DatabaseError> {
    connection.transaction(|connection| {
        connection.batch_execute(LEDGER_CHECK_LIMIT)?;
        let _looked: Looked = diesel::sql_query("SELECT check_ledger($1) AS _looked")
            .bind::<Integer, _>(i32::try_from(max_age.as_secs()).unwrap_or(i32::MAX))
            .get_result(connection)?;
        Ok(())
    })
}
