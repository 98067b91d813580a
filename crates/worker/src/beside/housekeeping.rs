//! What a worker does beside its work, slowly: forgets old payloads and the bodies of
//! letters that were settled long ago, and resolves letters whose event was applied after all. Trouble
//! here is logged and tried again at the next round; it never touches a session.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable};
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_shared::ids::flake_floor;

use crate::database::{DatabaseAddress, DatabaseError};
use crate::observe::{BodiesForgotten, DeadLettersResolved, HousekeepingFailed, PayloadsForgotten};

const ROUND: Duration = Duration::from_secs(60);
/// Rows in one statement: some milliseconds of row locks on rows that nobody else writes.
const FORGET_AT_ONCE: i32 = 5_000;
/// Fewer: a dead letter's row is in an operator's hands now and then, and its body may be large.
const LETTERS_AT_ONCE: i32 = 1_000;
/// Between two such statements, so that live traffic has the database most of the time.
const BREATH: Duration = Duration::from_millis(20);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Runs rounds until it is dropped: each statement is whole, and what is undone is done next time.
pub async fn run(database: DatabaseAddress, retention_days: u32) {
    loop {
        if let Err(error) = round(&database, retention_days).await {
            HousekeepingFailed { error: &error }.emit();
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// A connection per round: rounds are rare, and an idle connection is one too many.
async fn round(database: &DatabaseAddress, retention_days: u32) -> Result<(), DatabaseError> {
    let address = database.clone();
    let connection = blocking(move || address.connect()).await?;
    let before_ms = clock::now_ms().saturating_sub(DAY_MS.saturating_mul(retention_days.into()));
    let before = flake_floor(before_ms);
    let payloads = move |connection: &mut PgConnection| forget_payloads(connection, before);
    let (connection, forgotten) = until_none(connection, payloads).await?;
    if forgotten > 0 {
        PayloadsForgotten { events: forgotten }.emit();
    }
    let days = i32::try_from(retention_days).unwrap_or(i32::MAX);
    let bodies = move |connection: &mut PgConnection| forget_bodies(connection, days);
    let (connection, forgotten) = until_none(connection, bodies).await?;
    let resolved = resolve_applied(connection).await?;
    if forgotten > 0 {
        BodiesForgotten { letters: forgotten }.emit();
    }
    if resolved > 0 {
        DeadLettersResolved { letters: resolved }.emit();
    }
    Ok(())
}

/// Repeats a statement that does a bounded piece of work until there is none; the number of rows.
async fn until_none(
    mut connection: PgConnection,
    piece: impl Fn(&mut PgConnection) -> Result<i64, DatabaseError> + Copy + Send + 'static,
) -> Result<(PgConnection, i64), DatabaseError> {
    let mut sum: i64 = 0;
    loop {
        let rows;
        (connection, rows) = on(connection, piece).await?;
        sum = sum.saturating_add(rows);
        if rows == 0 {
            return Ok((connection, sum));
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// Walks once over all letters that wait for something; the number of those that need not.
async fn resolve_applied(mut connection: PgConnection) -> Result<i64, DatabaseError> {
    let mut sum: i64 = 0;
    let mut after = 0;
    loop {
        let swept: Swept;
        (connection, swept) = on(connection, move |connection| sweep(connection, after)).await?;
        sum = sum.saturating_add(swept.resolved);
        match swept.last {
            Some(last) => after = last,
            None => return Ok(sum),
        }
        tokio::time::sleep(BREATH).await;
    }
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
struct Forgotten {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn forget_payloads(connection: &mut PgConnection, before: i64) -> Result<i64, DatabaseError> {
    let forgotten: Forgotten = diesel::sql_query("SELECT forget_payloads($1, $2) AS rows")
        .bind::<BigInt, _>(before)
        .bind::<Integer, _>(FORGET_AT_ONCE)
        .get_result(connection)?;
    Ok(forgotten.rows)
}

fn forget_bodies(connection: &mut PgConnection, days: i32) -> Result<i64, DatabaseError> {
    let forgotten: Forgotten = diesel::sql_query("SELECT forget_bodies($1, $2) AS rows")
        .bind::<Integer, _>(days)
        .bind::<Integer, _>(LETTERS_AT_ONCE)
        .get_result(connection)?;
    Ok(forgotten.rows)
}

#[derive(diesel::QueryableByName)]
struct Swept {
    /// The highest number that was looked at; null at the end.
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
    #[diesel(sql_type = BigInt)]
    resolved: i64,
}

fn sweep(connection: &mut PgConnection, after: i64) -> Result<Swept, DatabaseError> {
    let swept = diesel::sql_query("SELECT last, resolved FROM resolve_applied_letters($1, $2)")
        .bind::<BigInt, _>(after)
        .bind::<Integer, _>(LETTERS_AT_ONCE)
        .get_result(connection)?;
    Ok(swept)
}
