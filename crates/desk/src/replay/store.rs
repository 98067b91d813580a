//! The rows of a replay in `replays` and `dead_letters`, and the steps that change them.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer};
use serde_json::{Value, json};

use super::plan::Plan;
use crate::actions::{Action, Note, record};
use crate::database::Database;
use crate::error::DeskError;
use crate::row::{One, row};

/// "replay" in ASCII: the first half of a lock whose second half is the action.
const LOCK_CLASS: i32 = 0x7265_706c;

row! {
    /// How many letters of a replay are in which state.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct Progress {
        pub waiting: i64,
        /// Confirmed by the broker, without an outcome yet.
        pub sent: i64,
        pub applied: i64,
        pub dead_again: i64,
        pub skipped: i64,
        /// Taken to be sent, in any state.
        pub(super) tried: i64,
        /// Of those, the letters that were applied or died again.
        pub(super) known: i64,
    }

    /// The parts of a letter that its message needs.
    pub(super) struct Sendable {
        pub(super) dead_letter_id: i64,
        pub(super) event_id: String,
        pub(super) event_type: Option<String>,
        pub(super) body: Vec<u8>,
        pub(super) secret_id: Option<String>,
        pub(super) signature: Option<Vec<u8>>,
        pub(super) signed_at_ms: Option<i64>,
        pub(super) received_at_ms: Option<i64>,
        /// Taken by this call: no earlier run can have sent it.
        pub(super) is_new: bool,
    }
}

/// The rows of one replay, on a connection that holds its lock.
pub(super) struct Rows {
    connection: PgConnection,
    pub(super) action_id: i64,
}

impl Rows {
    /// Records the action and its letters in one transaction.
    pub(super) fn begin(database: &Database, note: &Note, plan: &Plan) -> Result<Self, DeskError> {
        let mut connection = database.open_as_operator()?;
        let action_id = connection.transaction(|connection| {
            // The result is a row of its own, at the end: this table is append-only.
            let outcome = json!({"begun": true, "dead_letter_ids": plan.id_texts()});
            let action_id = record(connection, Action::Replay, note, &plan.document(), &outcome)?;
            sql_query("INSERT INTO replays (action_id, dead_letter_id) SELECT $1, unnest($2)")
                .bind::<BigInt, _>(action_id)
                .bind::<Array<BigInt>, _>(plan.ids())
                .execute(connection)?;
            Ok::<_, DeskError>(action_id)
        })?;
        Self::locked(connection, action_id)
    }

    pub(super) fn find(database: &Database, action_id: i64) -> Result<Self, DeskError> {
        let mut connection = database.open_as_operator()?;
        let known: One<bool> =
            sql_query("SELECT EXISTS (SELECT FROM replays WHERE action_id = $1) AS value")
                .bind::<BigInt, _>(action_id)
                .get_result(&mut connection)?;
        if known.value {
            return Self::locked(connection, action_id);
        }
        let what = format!("there is no replay {action_id}: nothing was done");
        Err(DeskError::NotFound(what))
    }

    /// Two runs at once would wait for each other's letters. The lock ends with the connection.
    fn locked(mut connection: PgConnection, action_id: i64) -> Result<Self, DeskError> {
        let taken: One<bool> = sql_query("SELECT pg_try_advisory_lock($1, $2::int) AS value")
            .bind::<Integer, _>(LOCK_CLASS)
            .bind::<BigInt, _>(action_id)
            .get_result(&mut connection)?;
        if taken.value {
            return Ok(Self {
                connection,
                action_id,
            });
        }
        let what = format!("replay {action_id} is running: nothing was done");
        Err(DeskError::Refused(what))
    }

    /// Records the result of a run.
    pub(super) fn close(&mut self, note: &Note, outcome: &Value) -> QueryResult<()> {
        let (action, connection) = (Action::Replay, &mut self.connection);
        let selection = json!({"replay": self.action_id.to_string()});
        record(connection, action, note, &selection, outcome).map(drop)
    }

    /// Updates the states of the letters that were taken. A letter is applied when its event is settled
    /// with the same body, whichever copy of the message did it; it is dead again when it died since it
    /// was taken. A copy that died first does not hide that another was applied.
    pub(super) fn observe(&mut self) -> QueryResult<()> {
        sql_query(
            "WITH seen AS ( \
                 UPDATE replays SET updated_at = now(), \
                     state = CASE WHEN letter.settled THEN 'applied' ELSE 'dead_again' END \
                 FROM (SELECT dead_letter_id, deaths, EXISTS ( \
                           SELECT FROM webhook_events AS event \
                           WHERE event.event_id = CASE WHEN letter.event_id ~ '^[0-9]{1,19}$' \
                                                  THEN letter.event_id::bigint END \
                           AND event.body_sha256 = letter.body_sha256) AS settled \
                       FROM dead_letters AS letter WHERE dead_letter_id IN ( \
                           SELECT dead_letter_id FROM replays \
                           WHERE action_id = $1 AND deaths_before IS NOT NULL \
                           AND state IN ('waiting', 'sent', 'dead_again'))) AS letter \
                 WHERE replays.action_id = $1 AND replays.dead_letter_id = letter.dead_letter_id \
                 AND (letter.settled OR (replays.state <> 'dead_again' \
                                         AND letter.deaths > replays.deaths_before)) \
                 RETURNING replays.dead_letter_id, replays.state) \
             UPDATE dead_letters SET state = 'resolved' FROM seen \
             WHERE seen.state = 'applied' AND dead_letters.dead_letter_id = seen.dead_letter_id \
             AND dead_letters.state IN ('open', 'replayed')",
        )
        .bind::<BigInt, _>(self.action_id)
        .execute(&mut self.connection)?;
        Ok(())
    }

    pub(super) fn progress(&mut self) -> QueryResult<Progress> {
        sql_query(
            "SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, \
                    count(*) FILTER (WHERE state = 'sent') AS sent, \
                    count(*) FILTER (WHERE state = 'applied') AS applied, \
                    count(*) FILTER (WHERE state = 'dead_again') AS dead_again, \
                    count(*) FILTER (WHERE state = 'skipped') AS skipped, \
                    count(deaths_before) AS tried, \
                    count(deaths_before) FILTER (WHERE state IN ('applied', 'dead_again')) AS known \
             FROM replays WHERE action_id = $1",
        )
        .bind::<BigInt, _>(self.action_id)
        .get_result(&mut self.connection)
    }

    /// Takes the next letters: they become `replayed` before the first of them is sent, so that a later
    /// death is a new one. A letter that is no longer open is skipped. A letter that an interrupted run
    /// had taken is taken again: it is harmless in the queue twice, and lost if it is never there.
    pub(super) fn take(&mut self, count: i64) -> QueryResult<Vec<Sendable>> {
        let action_id = self.action_id;
        self.connection.transaction(|connection| {
            let next: Vec<One<i64>> = sql_query(
                "SELECT dead_letter_id AS value FROM replays \
                 WHERE action_id = $1 AND state = 'waiting' ORDER BY dead_letter_id LIMIT $2",
            )
            .bind::<BigInt, _>(action_id)
            .bind::<BigInt, _>(count)
            .load(connection)?;
            let ids: Vec<i64> = next.iter().map(|row| row.value).collect();
            for update in [TAKE_OPEN, SKIP_OTHERS] {
                about(action_id, &ids, update).execute(connection)?;
            }
            about(action_id, &ids, TAKEN).load(connection)
        })
    }

    /// Undoes the taking of letters that were not sent: they are open again.
    pub(super) fn give_back(&mut self, ids: &[i64]) -> QueryResult<()> {
        about(self.action_id, ids, GIVE_BACK).execute(&mut self.connection)?;
        Ok(())
    }

    /// Records that the broker has confirmed the letters.
    pub(super) fn sent(&mut self, ids: &[i64]) -> QueryResult<()> {
        about(self.action_id, ids, SENT).execute(&mut self.connection)?;
        Ok(())
    }
}

/// A query about some letters (`$2`) of a replay (`$1`).
fn about<'a>(action_id: i64, ids: &'a [i64], query: &str) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    sql_query(query)
        .into_boxed()
        .bind::<BigInt, _>(action_id)
        .bind::<Array<BigInt>, _>(ids)
}

const TAKE_OPEN: &str = "WITH taken AS (UPDATE dead_letters SET state = 'replayed' \
                    WHERE dead_letter_id = ANY ($2) AND state = 'open' \
                    RETURNING dead_letter_id, deaths) \
     UPDATE replays SET deaths_before = taken.deaths, updated_at = now() FROM taken \
     WHERE replays.action_id = $1 AND replays.dead_letter_id = taken.dead_letter_id";
const SKIP_OTHERS: &str = "UPDATE replays SET state = 'skipped', updated_at = now() \
     WHERE action_id = $1 AND dead_letter_id = ANY ($2) AND deaths_before IS NULL";
const TAKEN: &str = "SELECT dead_letter_id, event_id, event_type, body, secret_id, signature, \
            (extract(epoch FROM signed_at) * 1000)::bigint AS signed_at_ms, \
            (extract(epoch FROM received_at) * 1000)::bigint AS received_at_ms, \
            replays.updated_at = now() AS is_new \
     FROM dead_letters JOIN replays USING (dead_letter_id) \
     WHERE action_id = $1 AND replays.state = 'waiting' AND dead_letter_id = ANY ($2) \
     ORDER BY dead_letter_id";
const GIVE_BACK: &str = "WITH back AS (UPDATE replays SET deaths_before = NULL, updated_at = now() \
                   WHERE action_id = $1 AND dead_letter_id = ANY ($2) AND state = 'waiting' \
                   RETURNING dead_letter_id) \
     UPDATE dead_letters SET state = 'open' FROM back \
     WHERE dead_letters.dead_letter_id = back.dead_letter_id \
     AND dead_letters.state = 'replayed'";
const SENT: &str = "UPDATE replays SET state = 'sent', updated_at = now() \
     WHERE action_id = $1 AND dead_letter_id = ANY ($2) AND state = 'waiting'";
