//! Messages that may have killed a worker. One that comes back again and again is handled alone,
//! with a mark in the database while it is in hand: a mark that outlived its process tells whom the
//! crash was about, and its neighbours of the same window are not blamed.

use std::sync::Arc;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Integer};
use paynow_shared::digest::BodyDigest;
use tokio::sync::Mutex;

use crate::database::DatabaseError;
use crate::ledger::plan::Received;

/// A first redelivery is what any restart of a worker or a broker looks like.
const SUSPECT_AFTER_DELIVERIES: u32 = 2;
/// Crashes with the message alone in hand; then it is a dead letter.
const CRASHES_MAX: i32 = 3;

/// Whether a message is handled alone.
pub(crate) fn is_suspect(message: &Received) -> bool {
    message.redeliveries >= SUSPECT_AFTER_DELIVERIES
}

/// One per process: only one suspect is in hand at a time, so that a mark left behind is right.
#[derive(Clone)]
pub struct Bench {
    alone: Arc<Mutex<()>>,
    /// Told apart from every other process: a mark of our own is no sign of a crash.
    process_id: i64,
}

impl Bench {
    pub fn new(process_id: i64) -> Self {
        Self {
            alone: Arc::default(),
            process_id,
        }
    }

    pub(crate) fn alone(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.alone)
    }

    /// Marks the message as in hand. `false` when it has crashed too many processes already.
    pub(crate) fn mark(
        &self,
        connection: &mut PgConnection,
        message: &Received,
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

/// Takes the mark away: the message is decided.
pub(crate) fn unmark(
    connection: &mut PgConnection,
    message: &Received,
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
