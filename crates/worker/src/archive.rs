//! Dead letters from the queue to the desk: `paynow.credits.dead` to the table `dead_letters`,
//! acknowledged after the commit. With the database down they stay in the queue.

use std::sync::Arc;

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
use diesel::{Connection, RunQueryDsl};
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::EventType;
use paynow_shared::reason::Reason;
use paynow_shared::wire::{Failure, label};

use crate::database::{DatabaseAddress, DatabaseError};
use crate::database::{count, time_ms};
use crate::handle::Unavailable;
use crate::ledger::plan::Received;

/// The desk is never urgent: a small window leaves the database to the credits.
pub const ARCHIVE_PREFETCH: u16 = 50;

/// Writes dead letters; one that died before with the same body dies again in its own row. One whose
/// event another copy has settled is nobody's work: it is filed as resolved.
pub async fn archive(
    address: &DatabaseAddress,
    letters: &Arc<Vec<Received>>,
) -> Result<(), Unavailable> {
    let (address, letters) = (address.clone(), Arc::clone(letters));
    let written = tokio::task::spawn_blocking(move || -> Result<(), DatabaseError> {
        // Dead letters are rare: a connection each time costs less than one that idles for ever.
        let mut connection = address.connect()?;
        connection.transaction(|connection| {
            letters
                .iter()
                .try_for_each(|letter| file(connection, letter))
        })
    });
    match written.await {
        Ok(written) => written.map_err(|error| Unavailable(error.to_string())),
        Err(panicked) => Err(Unavailable(panicked.to_string())),
    }
}

fn file(connection: &mut PgConnection, letter: &Received) -> Result<(), DatabaseError> {
    let label = label(&letter.body);
    let headers = &letter.headers;
    let unspecified = "it came to the dead-letter queue without a reason";
    let failure = headers.failure.clone();
    let failure = failure.unwrap_or_else(|| Failure::new(Reason::Unspecified, unspecified));
    // First, because no letter may be open without its body.
    diesel::sql_query("SELECT restore_body($1, $2)")
        .bind::<Text, _>(&label.message_id)
        .bind::<Binary, _>(&letter.body)
        .execute(connection)?;
    diesel::sql_query(
        "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, \
             secret_id, signed_at, received_at, attempts, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0), \
             to_timestamp($9 / 1000.0), $10, \
             CASE WHEN is_applied($1, $6) THEN 'resolved' ELSE 'open' END) \
         ON CONFLICT ON CONSTRAINT dead_letters_event_id_body_sha256_key DO UPDATE \
         SET reason = excluded.reason, error = excluded.error, state = excluded.state, \
             attempts = excluded.attempts, deaths = dead_letters.deaths + 1, last_dead_at = now(), \
             history = dead_letters.history || jsonb_build_object('reason', dead_letters.reason, \
                 'error', dead_letters.error, 'dead_at', dead_letters.last_dead_at)",
    )
    .bind::<Text, _>(&label.message_id)
    .bind::<Nullable<Text>, _>(label.event_type.as_ref().map(EventType::as_str))
    .bind::<Text, _>(failure.reason.code())
    .bind::<Text, _>(failure.error)
    .bind::<Binary, _>(&letter.body)
    .bind::<Binary, _>(BodyDigest::of(&letter.body).as_bytes())
    .bind::<Nullable<Text>, _>(headers.secret_id.as_deref())
    .bind::<Nullable<BigInt>, _>(time_ms(headers.signed_at_ms))
    .bind::<Nullable<BigInt>, _>(time_ms(headers.received_at_ms))
    .bind::<Integer, _>(count(headers.attempt))
    .execute(connection)?;
    Ok(())
}
