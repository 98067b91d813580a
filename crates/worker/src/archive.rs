//! Dead letters from the queue to the desk: `paynow.credits.dead` to the table `dead_letters`. A
//! message is acknowledged after the commit, so without a database it stays in the queue.

use std::sync::Arc;

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
use diesel::{Connection, RunQueryDsl};
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::observe::Observable;
use paynow_shared::digest::BodyDigest;
use paynow_shared::event::EventType;
use paynow_shared::reason::Reason;
use paynow_shared::wire::{Failure, label};
use tokio_util::sync::CancellationToken;

use crate::consume::BatchConsumer;
use crate::database::{DatabaseAddress, DatabaseError, blocking, count, time_ms};
use crate::ended::SessionEnded;
use crate::message::Message;
use crate::observe::background::{DeadLettersArchived, DeadLettersNotArchived};
use crate::settle::ack_all;

/// Small, because dead letters are never urgent and credits need the database more.
pub const ARCHIVE_PREFETCH: u16 = 50;

/// Archives dead letters until `stop`. A database failure here must not stop the credits: the archive
/// keeps its batch and tries again.
pub async fn run_archive(
    mut consumer: BatchConsumer,
    database: DatabaseAddress,
    stop: CancellationToken,
) -> Result<(), SessionEnded> {
    let mut backoff = ReconnectBackoff::new();
    let batch_max = usize::from(ARCHIVE_PREFETCH);
    while let Some(batch) = consumer.next_batch(batch_max, &stop).await? {
        let letters = batch.messages.len();
        while let Err(error) = archive(&database, &batch.messages).await {
            let error = &error;
            DeadLettersNotArchived { letters, error }.emit();
            let stopped = tokio::time::timeout(backoff.next_wait(), stop.cancelled()).await;
            if stopped.is_ok() {
                return Ok(());
            }
        }
        backoff.reset();
        ack_all(consumer.channel(), &batch).await?;
        DeadLettersArchived { letters }.emit();
    }
    Ok(())
}

async fn archive(
    database: &DatabaseAddress,
    letters: &Arc<Vec<Message>>,
) -> Result<(), DatabaseError> {
    let (database, letters) = (database.clone(), Arc::clone(letters));
    blocking(move || {
        // Dead letters are rare: a new connection each time costs less than one that is always idle.
        let mut connection = database.connect()?;
        connection.transaction(|connection| {
            letters
                .iter()
                .try_for_each(|letter| insert(connection, letter))
        })
    })
    .await
}

/// Inserts a dead letter. If it was dead-lettered before with the same body, its row is updated. If
/// another copy of its event was applied, nobody needs to act, and its row is resolved from the start.
fn insert(connection: &mut PgConnection, letter: &Message) -> Result<(), DatabaseError> {
    let label = label(&letter.body);
    let headers = &letter.headers;
    let unspecified = "it came to the dead-letter queue without a reason";
    let failure = headers.failure.clone();
    let failure = failure.unwrap_or_else(|| Failure::new(Reason::Unspecified, unspecified));
    // The body comes first, because no letter may be open without it.
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
