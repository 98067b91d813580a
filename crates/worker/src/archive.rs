//! Dead letters from the queue to the desk: `paynow.credits.dead` to the table `dead_letters`. A
//! message is acknowledged after the commit, so without a database it stays in the queue.

use std::sync::Arc;
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::{Connection, RunQueryDsl};
use futures_util::FutureExt;
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::observe::Observable;
use paynow_shared::event::EventType;
use paynow_shared::reason::Reason;
use paynow_shared::signature::Signature;
use paynow_shared::wire::{Failure, label};
use tokio_util::sync::CancellationToken;

use crate::attempt::Rules;
use crate::consume::BatchConsumer;
use crate::database::locks::limit_waits;
use crate::database::{DatabaseAddress, DatabaseError, blocking, count, time_ms};
use crate::ended::SessionEnded;
use crate::message::Message;
use crate::observe::background::{DeadLettersArchived, DeadLettersNotArchived};
use crate::settle::ack;

/// Small, because dead letters are never urgent and credits need the database more.
pub const ARCHIVE_PREFETCH: u16 = 50;

/// A letter alone waits so long for its row: a person may be deciding about it.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// Archives dead letters until `stop`. A database failure here must not stop the credits: the archive
/// keeps its letters and tries again. A letter that cannot be archived, for example because a session holds
/// its row, does not hold up the others.
pub async fn run_archive(
    mut consumer: BatchConsumer,
    database: DatabaseAddress,
    rules: Arc<Rules>,
    stop: CancellationToken,
) -> Result<(), SessionEnded> {
    let mut backoff = ReconnectBackoff::new();
    let batch_max = usize::from(ARCHIVE_PREFETCH);
    let mut waiting: Vec<(u64, Arc<Message>)> = Vec::new();
    loop {
        let next = consumer.next_batch(batch_max, &stop);
        let next = match waiting.is_empty() {
            true => Some(next.await?),
            false => next.now_or_never().transpose()?,
        };
        match next {
            Some(Some(batch)) => waiting.extend(batch.into_letters()),
            Some(None) => return Ok(()),
            None => {}
        }
        let letters = waiting.iter().map(|(_tag, letter)| Arc::clone(letter));
        let results = archive(&database, &rules, letters.collect()).await;
        let mut failed = None;
        let mut archived = 0;
        let mut results = results.into_iter();
        for (tag, letter) in std::mem::take(&mut waiting) {
            match results.next() {
                Some(Ok(())) => {
                    paynow_process::fault_point!("after_archive");
                    ack(consumer.channel(), tag, false).await?;
                    archived += 1;
                }
                Some(Err(error)) => {
                    failed = Some(error);
                    waiting.push((tag, letter));
                }
                None => waiting.push((tag, letter)),
            }
        }
        if archived > 0 {
            DeadLettersArchived { letters: archived }.emit();
        }
        match &failed {
            None => backoff.reset(),
            Some(error) => {
                let letters = waiting.len();
                DeadLettersNotArchived { letters, error }.emit();
                let stopped = tokio::time::timeout(backoff.next_wait(), stop.cancelled()).await;
                if stopped.is_ok() {
                    return Ok(());
                }
            }
        }
    }
}

/// One result per letter, in order; a single error if the database failed for all of them.
async fn archive(
    database: &DatabaseAddress,
    rules: &Arc<Rules>,
    letters: Vec<Arc<Message>>,
) -> Vec<Result<(), DatabaseError>> {
    let (database, rules) = (database.clone(), Arc::clone(rules));
    let archived = blocking(move || {
        // Dead letters are rare: a new connection each time costs less than one that is always idle.
        let mut connection = database.connect()?;
        limit_waits(&mut connection, LOCK_WAIT)?;
        let together = connection.transaction(|connection| {
            let mut letters = letters.iter();
            letters.try_for_each(|letter| insert(connection, letter, &rules))
        });
        if together.is_ok() {
            return Ok(letters.iter().map(|_letter| Ok(())).collect());
        }
        // Fails if the connection is gone, and the letters are not at fault.
        limit_waits(&mut connection, LOCK_WAIT)?;
        let alone = letters
            .iter()
            .map(|letter| insert(&mut connection, letter, &rules));
        Ok(alone.collect())
    });
    archived.await.unwrap_or_else(|error| vec![Err(error)])
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
    let claimed = headers.signature.as_deref();
    let claimed = claimed.and_then(Signature::from_base64);
    let verified = rules.proof_keys.verified(letter);
    let secret_id = verified
        .as_ref()
        .map(|verified| verified.secret_id.as_str());
    diesel::sql_query(
        "SELECT archive_dead_letter($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9 / 1000.0), \
             to_timestamp($10 / 1000.0), $11)",
    )
    .bind::<Text, _>(&label.message_id)
    .bind::<Nullable<Text>, _>(label.event_type.as_ref().map(EventType::as_str))
    .bind::<Text, _>(failure.reason.code())
    .bind::<Text, _>(failure.error)
    .bind::<Binary, _>(&letter.body)
    .bind::<Nullable<Binary>, _>(claimed.as_ref().map(Signature::as_bytes))
    .bind::<Bool, _>(verified.is_some())
    .bind::<Nullable<Text>, _>(secret_id.or(headers.secret_id.as_deref()))
    .bind::<Nullable<BigInt>, _>(time_ms(headers.signed_at_ms))
    .bind::<Nullable<BigInt>, _>(time_ms(headers.received_at_ms))
    .bind::<Integer, _>(count(headers.attempt))
    .execute(connection)?;
    paynow_process::fault_point!("mid_archive");
    Ok(())
}
