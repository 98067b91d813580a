//! Marks of messages that may have crashed a worker. A message that was delivered again and again is
//! handled alone, with a mark in the database. A mark that outlives its process shows which message
//! crashed it, so the other messages that the process held are not blamed.

use std::sync::Arc;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Integer};
use paynow_shared::digest::BodyDigest;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::database::DatabaseError;
use crate::message::Message;

/// Any restart of a worker or of the broker causes a first redelivery, so only a second is suspicious.
const SUSPECT_AFTER_REDELIVERIES: u32 = 2;
/// After this many crashes while the message was handled alone, it becomes a dead letter.
const CRASHES_MAX: i32 = 3;

/// Whether a message is handled alone.
pub(crate) fn is_suspect(message: &Message) -> bool {
    message.redeliveries >= SUSPECT_AFTER_REDELIVERIES
}

/// One per process, and for one suspect at a time: so a mark that is left names the message that crashed
/// the process.
#[derive(Clone)]
pub struct CrashMarks {
    one_at_a_time: Arc<Mutex<()>>,
    /// Different for each process, because a mark of this process is no sign of a crash.
    process_id: i64,
}

impl CrashMarks {
    pub fn new(process_id: i64) -> Self {
        Self {
            one_at_a_time: Arc::default(),
            process_id,
        }
    }

    /// Waits until no other suspect is handled.
    pub(crate) async fn lock(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.one_at_a_time).lock_owned().await
    }

    /// Marks a message before it is handled. Returns `false` if it has crashed too many processes.
    pub(crate) fn mark(
        &self,
        connection: &mut PgConnection,
        message: &Message,
    ) -> Result<bool, DatabaseError> {
        let marked: Marked = diesel::sql_query(
            "INSERT INTO suspects (body_sha256, process_id) VALUES ($1, $2) \
             ON CONFLICT ON CONSTRAINT suspects_pkey DO UPDATE \
             SET crashes = suspects.crashes + (suspects.process_id <> excluded.process_id)::integer, \
                 process_id = excluded.process_id \
             RETURNING crashes",
        )
        .bind::<Binary, _>(BodyDigest::of(&message.body).as_bytes())
        .bind::<BigInt, _>(self.process_id)
        .get_result(connection)?;
        Ok(marked.crashes < CRASHES_MAX)
    }
}

/// Removes the mark of a message that has been handled.
pub(crate) fn unmark(
    connection: &mut PgConnection,
    message: &Message,
) -> Result<(), DatabaseError> {
    diesel::sql_query("DELETE FROM suspects WHERE body_sha256 = $1")
        .bind::<Binary, _>(BodyDigest::of(&message.body).as_bytes())
        .execute(connection)?;
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Marked {
    #[diesel(sql_type = Integer)]
    crashes: i32,
}
