//! Slow work in the background: deletes old payloads and the bodies of dead letters that were settled
//! long ago, and resolves dead letters whose event was applied after all. A failure is logged, and the
//! next round tries again; it never ends a session.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable};
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_shared::ids::flake_floor;

use crate::database::{DatabaseAddress, DatabaseError, blocking};
use crate::observe::background::{
    BodiesForgotten, DeadLettersResolved, HousekeepingFailed, PayloadsForgotten,
};

const ROUND: Duration = Duration::from_secs(60);
/// Rows in one statement, which locks them for some milliseconds; nobody else writes these rows.
const PAYLOADS_AT_ONCE: i32 = 5_000;
/// Fewer, because operators write these rows too, and bodies may be large.
const LETTERS_AT_ONCE: i32 = 1_000;
/// Between two such statements, to leave the database to live traffic most of the time.
const PAUSE: Duration = Duration::from_millis(20);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

// Each statement takes an argument and the most rows to change. It gives the argument with which it is
// to be repeated, which is null when nothing is left to do, and the number of rows it changed.
const FORGET_PAYLOADS: &str = "SELECT CASE WHEN forgotten > 0 THEN $1 END AS next, \
     forgotten AS changed FROM forget_payloads($1, $2) AS forgotten";
const FORGET_BODIES: &str = "SELECT CASE WHEN forgotten > 0 THEN $1 END AS next, \
     forgotten AS changed FROM forget_bodies($1::integer, $2) AS forgotten";
const RESOLVE_APPLIED: &str =
    "SELECT last AS next, resolved AS changed FROM resolve_applied_letters($1, $2)";

/// Runs rounds until it is dropped. Each statement is a transaction, and the next round does the rest.
pub async fn run(database: DatabaseAddress, retention_days: u32) {
    loop {
        if let Err(error) = round(&database, retention_days).await {
            HousekeepingFailed { error: &error }.emit();
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Opens a connection for each round, because rounds are rare and idle connections cost memory.
async fn round(database: &DatabaseAddress, retention_days: u32) -> Result<(), DatabaseError> {
    let database = database.clone();
    let connection = blocking(move || database.connect()).await?;
    let before_ms = clock::now_ms().saturating_sub(DAY_MS.saturating_mul(retention_days.into()));
    let before = flake_floor(before_ms);
    let (connection, events) =
        repeat(connection, FORGET_PAYLOADS, before, PAYLOADS_AT_ONCE).await?;
    if events > 0 {
        PayloadsForgotten { events }.emit();
    }
    let days = retention_days.into();
    let (connection, forgotten) = repeat(connection, FORGET_BODIES, days, LETTERS_AT_ONCE).await?;
    let (_connection, resolved) = repeat(connection, RESOLVE_APPLIED, 0, LETTERS_AT_ONCE).await?;
    if forgotten > 0 {
        BodiesForgotten { letters: forgotten }.emit();
    }
    if resolved > 0 {
        DeadLettersResolved { letters: resolved }.emit();
    }
    Ok(())
}

/// The result of one statement.
#[derive(diesel::QueryableByName)]
struct Changed {
    /// The argument with which the statement is repeated; null when nothing is left to do.
    #[diesel(sql_type = Nullable<BigInt>)]
    next: Option<i64>,
    #[diesel(sql_type = BigInt)]
    changed: i64,
}

/// Repeats a statement until nothing is left to do. Each run takes a blocking thread and the
/// connection, and returns the connection. Returns the number of changed rows.
async fn repeat(
    mut connection: PgConnection,
    statement: &'static str,
    first: i64,
    rows_max: i32,
) -> Result<(PgConnection, i64), DatabaseError> {
    let (mut argument, mut sum) = (first, 0_i64);
    loop {
        let result: Changed;
        (connection, result) = blocking(move || {
            let result = diesel::sql_query(statement)
                .bind::<BigInt, _>(argument)
                .bind::<Integer, _>(rows_max)
                .get_result(&mut connection)?;
            Ok((connection, result))
        })
        .await?;
        sum = sum.saturating_add(result.changed);
        match result.next {
            Some(next) => argument = next,
            None => return Ok((connection, sum)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
