//! What a worker does beside its work, slowly: forgets old payloads and counts debts. Trouble here
//! is logged and tried again at the next round; it never touches a session.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer};
use paynow_process::clock;
use paynow_shared::ids::flake_floor;
use tokio_util::sync::CancellationToken;

use crate::database::{DatabaseAddress, DatabaseError};
use crate::observe;

const ROUND: Duration = Duration::from_secs(60);
/// Rows in one statement: some milliseconds of row locks on rows that nobody else writes.
const FORGET_AT_ONCE: i32 = 5_000;
/// Between two such statements, so that live traffic has the database most of the time.
const BREATH: Duration = Duration::from_millis(20);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Runs rounds until `stop`.
pub async fn run(database: DatabaseAddress, retention_days: u32, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = round(&database, retention_days, &stop).await {
            slog_scope::warn!("housekeeping failed"; "error" => error.to_string());
        }
        let _stopped = tokio::time::timeout(ROUND, stop.cancelled()).await;
    }
}

/// A connection per round: rounds are rare, and an idle connection is one too many.
async fn round(
    database: &DatabaseAddress,
    retention_days: u32,
    stop: &CancellationToken,
) -> Result<(), DatabaseError> {
    let address = database.clone();
    let connection = blocking(move || address.connect()).await?;
    let (mut connection, debts) = on(connection, count_debts).await?;
    observe::debts(debts.wallets, debts.points);
    let before_ms = clock::now_ms().saturating_sub(DAY_MS.saturating_mul(retention_days.into()));
    let before = flake_floor(before_ms);
    let mut forgotten: i64 = 0;
    loop {
        let rows;
        (connection, rows) = on(connection, move |connection| forget(connection, before)).await?;
        forgotten = forgotten.saturating_add(rows);
        if rows == 0 || tokio::time::timeout(BREATH, stop.cancelled()).await.is_ok() {
            break;
        }
    }
    if forgotten > 0 {
        observe::payloads_forgotten(forgotten);
    }
    Ok(())
}

/// Lends the connection to blocking work and gives it back.
async fn on<T: Send + 'static>(
    mut connection: PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DatabaseError> + Send + 'static,
) -> Result<(PgConnection, T), DatabaseError> {
    blocking(move || {
        let value = work(&mut connection)?;
        Ok((connection, value))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panicked| Err(DatabaseError::Unavailable(panicked.to_string())))
}

#[derive(diesel::QueryableByName)]
struct Debts {
    #[diesel(sql_type = BigInt)]
    wallets: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

fn count_debts(connection: &mut PgConnection) -> Result<Debts, DatabaseError> {
    Ok(diesel::sql_query("SELECT wallets, points FROM debts()").get_result(connection)?)
}

#[derive(diesel::QueryableByName)]
struct Forgotten {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn forget(connection: &mut PgConnection, before: i64) -> Result<i64, DatabaseError> {
    let forgotten: Forgotten = diesel::sql_query("SELECT forget_payloads($1, $2) AS rows")
        .bind::<BigInt, _>(before)
        .bind::<Integer, _>(FORGET_AT_ONCE)
        .get_result(connection)?;
    Ok(forgotten.rows)
}
