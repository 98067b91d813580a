//! Slow work in the background: deletes old payloads, the bodies of dead letters that were settled long
//! ago, the rungs that events took and the identities of customers who were not seen for long; resolves dead
//! letters whose event was applied after all; and fills in identities and payments from older payloads. A
//! failure is logged, and the next round tries again; it never ends a session.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable};
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_shared::ids::flake_floor;

use crate::config::RetentionSettings;
use crate::database::{DatabaseAddress, DatabaseError, blocking};
use crate::observe::background::{
    BodiesForgotten, DeadLettersResolved, HousekeepingFailed, IdentitiesFilled,
    IdentitiesForgotten, PayloadsForgotten, PaymentsFilled,
};

const ROUND: Duration = Duration::from_secs(60);
/// Rows in one statement, which locks them for some milliseconds; nobody else writes these rows.
const PAYLOADS_AT_ONCE: i32 = 5_000;
/// Fewer, because operators write these rows too, and bodies may be large.
const LETTERS_AT_ONCE: i32 = 1_000;
/// Each of these payloads is read as JSON.
const FILLED_AT_ONCE: i32 = 500;
/// Each of these bodies, too, and one may have a megabyte.
const BODIES_AT_ONCE: i32 = 100;
const IDENTITIES_AT_ONCE: i32 = 1_000;
/// Between two such statements, to leave the database to live traffic most of the time.
const PAUSE: Duration = Duration::from_millis(20);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Runs rounds until it is dropped. Each statement is a transaction, and the next round does the rest.
pub async fn run(database: DatabaseAddress, retention: RetentionSettings) {
    loop {
        if let Err(error) = round(&database, retention).await {
            HousekeepingFailed { error: &error }.emit();
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Opens a connection for each round, because rounds are rare and idle connections cost memory.
async fn round(
    database: &DatabaseAddress,
    retention: RetentionSettings,
) -> Result<(), DatabaseError> {
    let database = database.clone();
    let connection = blocking(move || database.connect()).await?;
    let days = retention.payload_days;
    let before_ms = clock::now_ms().saturating_sub(DAY_MS.saturating_mul(days.into()));
    let before = flake_floor(before_ms);
    let payloads = move |connection: &mut PgConnection| forget_payloads(connection, before);
    let (connection, forgotten) = repeat_until_none(connection, payloads).await?;
    if forgotten > 0 {
        PayloadsForgotten { events: forgotten }.emit();
    }
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    let bodies = move |connection: &mut PgConnection| forget_bodies(connection, days);
    let (connection, forgotten) = repeat_until_none(connection, bodies).await?;
    if forgotten > 0 {
        BodiesForgotten { letters: forgotten }.emit();
    }
    let (connection, _stale) = repeat_until_none(connection, forget_waiting).await?;
    let steps = move |connection: &mut PgConnection| forget_steps(connection, days);
    let (connection, _old) = repeat_until_none(connection, steps).await?;
    let (connection, _older) = repeat_until_none(connection, fill_letter_contents).await?;
    let (connection, events) = repeat_until_none(connection, fill_payments).await?;
    if events > 0 {
        PaymentsFilled { events }.emit();
    }
    let connection = keep_identities(connection, retention.identity_days).await?;
    let resolved = resolve_applied(connection).await?;
    if resolved > 0 {
        DeadLettersResolved { letters: resolved }.emit();
    }
    Ok(())
}

/// Fills in identities from payloads that are older than they, and deletes those that are too old.
async fn keep_identities(
    connection: PgConnection,
    retention_days: u32,
) -> Result<PgConnection, DatabaseError> {
    let (connection, events) = repeat_until_none(connection, fill_identities).await?;
    if events > 0 {
        IdentitiesFilled { events }.emit();
    }
    let days = i32::try_from(retention_days).unwrap_or(i32::MAX);
    let old = move |connection: &mut PgConnection| forget_identities(connection, days);
    let (connection, identities) = repeat_until_none(connection, old).await?;
    if identities > 0 {
        IdentitiesForgotten { identities }.emit();
    }
    Ok(connection)
}

/// Repeats a statement that changes a limited number of rows until it changes none. Returns the number
/// of changed rows.
async fn repeat_until_none(
    mut connection: PgConnection,
    statement: impl Fn(&mut PgConnection) -> Result<i64, DatabaseError> + Copy + Send + 'static,
) -> Result<(PgConnection, i64), DatabaseError> {
    let mut sum: i64 = 0;
    loop {
        let rows;
        (connection, rows) = with_connection(connection, statement).await?;
        sum = sum.saturating_add(rows);
        paynow_process::fault_point!("mid_housekeeping");
        if rows == 0 {
            return Ok((connection, sum));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Visits once all letters that are not resolved, discarded ones too. Returns how many of them were resolved.
async fn resolve_applied(mut connection: PgConnection) -> Result<i64, DatabaseError> {
    let mut sum: i64 = 0;
    let mut after = 0;
    loop {
        let visited: Visited;
        (connection, visited) = with_connection(connection, move |connection| {
            resolve_next(connection, after)
        })
        .await?;
        sum = sum.saturating_add(visited.resolved);
        match visited.last {
            Some(last) => after = last,
            None => return Ok(sum),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs work on a blocking thread with the connection, and returns the connection with the result.
async fn with_connection<T: Send + 'static>(
    mut connection: PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DatabaseError> + Send + 'static,
) -> Result<(PgConnection, T), DatabaseError> {
    blocking(move || {
        let value = work(&mut connection)?;
        Ok((connection, value))
    })
    .await
}

#[derive(diesel::QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn forget_payloads(connection: &mut PgConnection, before: i64) -> Result<i64, DatabaseError> {
    let forgotten: Changed = diesel::sql_query("SELECT forget_payloads($1, $2) AS rows")
        .bind::<BigInt, _>(before)
        .bind::<Integer, _>(PAYLOADS_AT_ONCE)
        .get_result(connection)?;
    Ok(forgotten.rows)
}

fn forget_bodies(connection: &mut PgConnection, days: i32) -> Result<i64, DatabaseError> {
    let forgotten: Changed = diesel::sql_query("SELECT forget_bodies($1, $2) AS rows")
        .bind::<Integer, _>(days)
        .bind::<Integer, _>(LETTERS_AT_ONCE)
        .get_result(connection)?;
    Ok(forgotten.rows)
}

/// Reads what dead letters concern that are older than the columns for it. Returns how many it looked at.
fn fill_letter_contents(connection: &mut PgConnection) -> Result<i64, DatabaseError> {
    let filled: Changed = diesel::sql_query("SELECT fill_letter_contents($1) AS rows")
        .bind::<Integer, _>(BODIES_AT_ONCE)
        .get_result(connection)?;
    Ok(filled.rows)
}

/// Returns how many events it looked at.
fn fill_identities(connection: &mut PgConnection) -> Result<i64, DatabaseError> {
    let filled: Changed = diesel::sql_query("SELECT fill_identities($1) AS rows")
        .bind::<Integer, _>(FILLED_AT_ONCE)
        .get_result(connection)?;
    Ok(filled.rows)
}

/// Returns how many events it looked at.
fn fill_payments(connection: &mut PgConnection) -> Result<i64, DatabaseError> {
    let filled: Changed = diesel::sql_query("SELECT fill_payments($1) AS rows")
        .bind::<Integer, _>(FILLED_AT_ONCE)
        .get_result(connection)?;
    Ok(filled.rows)
}

fn forget_identities(connection: &mut PgConnection, days: i32) -> Result<i64, DatabaseError> {
    let forgotten: Changed = diesel::sql_query("SELECT forget_identities($1, $2) AS rows")
        .bind::<Integer, _>(days)
        .bind::<Integer, _>(IDENTITIES_AT_ONCE)
        .get_result(connection)?;
    Ok(forgotten.rows)
}

/// Deletes what is left of events that have long gone on, because its worker died before it said so.
fn forget_waiting(connection: &mut PgConnection) -> Result<i64, DatabaseError> {
    let rows = diesel::sql_query(
        "DELETE FROM waiting_events WHERE event_id IN (SELECT event_id FROM waiting_events \
             WHERE next_at < now() - interval '7 days' ORDER BY event_id LIMIT $1)",
    )
    .bind::<Integer, _>(LETTERS_AT_ONCE)
    .execute(connection)?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// Deletes which rungs an event took, as long after the last one as payloads are kept.
fn forget_steps(connection: &mut PgConnection, days: i32) -> Result<i64, DatabaseError> {
    let rows = diesel::sql_query(
        "DELETE FROM waiting_steps WHERE (event_id, attempt, rung_seconds, reason) IN ( \
             SELECT event_id, attempt, rung_seconds, reason FROM waiting_steps \
             WHERE last_at < now() - make_interval(days => $1) \
             ORDER BY last_at LIMIT $2)",
    )
    .bind::<Integer, _>(days)
    .bind::<Integer, _>(LETTERS_AT_ONCE)
    .execute(connection)?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

#[derive(diesel::QueryableByName)]
struct Visited {
    /// The highest id that was visited; null at the end.
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
    #[diesel(sql_type = BigInt)]
    resolved: i64,
}

fn resolve_next(connection: &mut PgConnection, after: i64) -> Result<Visited, DatabaseError> {
    let visited = diesel::sql_query("SELECT last, resolved FROM resolve_applied_letters($1, $2)")
        .bind::<BigInt, _>(after)
        .bind::<Integer, _>(LETTERS_AT_ONCE)
        .get_result(connection)?;
    Ok(visited)
}
