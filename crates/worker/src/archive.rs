//! Dead letters from the queue to the desk: `paynow.credits.dead` to the table `dead_letters`. A
//! message is acknowledged after the commit, so without a database it stays in the queue.

use std::sync::Arc;

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::{Connection, RunQueryDsl};
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::observe::Observable;
use paynow_shared::event::EventType;
use paynow_shared::reason::Reason;
use paynow_shared::signature::Signature;
use paynow_shared::wire::{Failure, label};
use tokio_util::sync::CancellationToken;

use crate::attempt::Rules;
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
    rules: Arc<Rules>,
    stop: CancellationToken,
) -> Result<(), SessionEnded> {
    let mut backoff = ReconnectBackoff::new();
    let batch_max = usize::from(ARCHIVE_PREFETCH);
    while let Some(batch) = consumer.next_batch(batch_max, &stop).await? {
        let letters = batch.messages.len();
        while let Err(error) = archive(&database, &rules, &batch.messages).await {
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
    rules: &Arc<Rules>,
    letters: &Arc<Vec<Message>>,
) -> Result<(), DatabaseError> {
    let (database, rules, letters) = (database.clone(), Arc::clone(rules), Arc::clone(letters));
    blocking(move || {
        // Dead letters are rare: a new connection each time costs less than one that is always idle.
        let mut connection = database.connect()?;
        connection.transaction(|connection| {
            letters
                .iter()
                .try_for_each(|letter| insert(connection, letter, &rules))
        })
    })
    .await
}

/// Archives a dead letter. If it was dead-lettered before with the same body, its row is updated. If
/// another copy of its event was applied, nobody needs to act, and its row is resolved from the start.
fn insert(
    connection: &mut PgConnection,
    letter: &Message,
    rules: &Rules,
) -> Result<(), DatabaseError> {
    let label = label(&letter.body);
    let headers = &letter.headers;
    let unspecified = "it came to the dead-letter queue without a reason";
    let failure = headers.failure.clone();
    let failure = failure.unwrap_or_else(|| Failure::new(Reason::Unspecified, unspecified));
    let signature = headers
        .signature
        .as_deref()
        .and_then(Signature::from_base64);
    diesel::sql_query(
        "SELECT archive_dead_letter($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9 / 1000.0), \
             to_timestamp($10 / 1000.0), $11)",
    )
    .bind::<Text, _>(&label.message_id)
    .bind::<Nullable<Text>, _>(label.event_type.as_ref().map(EventType::as_str))
    .bind::<Text, _>(failure.reason.code())
    .bind::<Text, _>(failure.error)
    .bind::<Binary, _>(&letter.body)
    .bind::<Nullable<Binary>, _>(signature.as_ref().map(Signature::as_bytes))
    .bind::<Bool, _>(rules.proof_keys.signature(letter).is_some())
    .bind::<Nullable<Text>, _>(headers.secret_id.as_deref())
    .bind::<Nullable<BigInt>, _>(time_ms(headers.signed_at_ms))
    .bind::<Nullable<BigInt>, _>(time_ms(headers.received_at_ms))
    .bind::<Integer, _>(count(headers.attempt))
    .execute(connection)?;
    Ok(())
}
