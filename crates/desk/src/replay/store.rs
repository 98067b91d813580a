//! The rows of a replay in `replays` and `dead_letters`, and the steps that change them.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use serde_json::Value;

use super::asked::Asked;
use super::plan::Plan;
use crate::actions::Note;
use crate::database::Database;
use crate::error::DeskError;
use crate::row::{One, row};

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
        /// Of those that were taken to be sent, the letters that were applied or died again.
        pub(super) known: i64,
    }

    struct Begun {
        replay: i64,
        is_new: bool,
    }

    struct Control {
        asked: String,
        asked_by: String,
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

impl Progress {
    /// Whether a letter is still to be sent, or was sent and has no outcome yet.
    pub(super) fn is_unfinished(&self) -> bool {
        self.waiting > 0 || self.sent > 0
    }
}

/// A replay of exactly what a stored preview showed.
pub(crate) struct PreviewedReplay {
    /// The SHA-256 of the session's id: the database finds who it is.
    pub(crate) session: Vec<u8>,
    pub(crate) preview_id: i64,
    pub(crate) why: String,
}

/// The rows of one replay, which the session of this connection holds: two runs at once would wait for each
/// other's letters. Every step extends the hold by half a minute; it ends with the session at the latest.
pub(super) struct Rows {
    connection: PgConnection,
    pub(super) action_id: i64,
    /// What was asked up to this row was asked of an earlier run.
    asked_before: i64,
}

impl Rows {
    /// Records the action and its letters in one transaction.
    pub(super) fn begin(database: &Database, note: &Note, plan: &Plan) -> Result<Self, DeskError> {
        let mut connection = database.patient().open_as_operator()?;
        let action: One<i64> = sql_query("SELECT begin_replay($1, $2, $3, $4::jsonb) AS value")
            .bind::<Array<BigInt>, _>(plan.ids())
            .bind::<Text, _>(&note.by)
            .bind::<Text, _>(&note.why)
            .bind::<Text, _>(plan.document().to_string())
            .get_result(&mut connection)?;
        // The steps that follow are small.
        database.limit(&mut connection);
        Self::held(connection, action.value)
    }

    /// The same for the stored preview that the plan is still like; the number of the replay that was begun with
    /// the preview before, if one was.
    pub(super) fn begin_previewed(
        database: &Database,
        begin: &PreviewedReplay,
        plan: &Plan,
    ) -> Result<Result<Self, i64>, DeskError> {
        let mut connection = database.patient().open_as_operator()?;
        let begun: Begun = sql_query(
            "SELECT replay, is_new FROM begin_previewed_replay($1, $2, $3, $4, $5::jsonb)",
        )
        .bind::<Binary, _>(&begin.session)
        .bind::<BigInt, _>(begin.preview_id)
        .bind::<Text, _>(plan.expect.as_str())
        .bind::<Text, _>(&begin.why)
        .bind::<Text, _>(plan.document().to_string())
        .get_result(&mut connection)?;
        if !begun.is_new {
            return Ok(Err(begun.replay));
        }
        database.limit(&mut connection);
        Self::held(connection, begun.replay).map(Ok)
    }

    /// Finds a replay by its own number, or by that of the action that records how a run of it ended.
    pub(super) fn find(database: &Database, action_id: i64) -> Result<Self, DeskError> {
        let mut connection = database.open_as_operator()?;
        let found: Option<One<i64>> = sql_query(
            "SELECT replays.action_id AS value FROM replays, operator_actions AS asked \
             WHERE asked.action_id = $1 AND asked.action = 'replay' \
                 AND replays.action_id \
                     = coalesce((asked.selection ->> 'replay')::bigint, asked.action_id) LIMIT 1",
        )
        .bind::<BigInt, _>(action_id)
        .get_result(&mut connection)
        .optional()?;
        match found {
            Some(replay) => Self::held(connection, replay.value),
            None => Err(DeskError::NotFound(format!(
                "there is no replay {action_id}: nothing was done"
            ))),
        }
    }

    fn held(connection: PgConnection, action_id: i64) -> Result<Self, DeskError> {
        let mut rows = Self {
            connection,
            action_id,
            asked_before: 0,
        };
        if rows.hold()? {
            let asked_before: One<i64> = rows
                .step("SELECT coalesce(asked_before, 0) AS value FROM replay_runs WHERE action_id = $1")
                .get_result(&mut rows.connection)?;
            rows.asked_before = asked_before.value;
            return Ok(rows);
        }
        let what = format!("replay {action_id} is running: nothing was done");
        Err(DeskError::Refused(what))
    }

    /// Keeps the replay for this run. Returns `false` if another run has it.
    pub(super) fn hold(&mut self) -> QueryResult<bool> {
        let held: One<bool> = self
            .step("SELECT hold_replay($1) AS value")
            .get_result(&mut self.connection)?;
        Ok(held.value)
    }

    /// A call that names the replay (`$1`).
    fn step<'a>(&self, query: &str) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
        sql_query(query)
            .into_boxed()
            .bind::<BigInt, _>(self.action_id)
    }

    /// What a person asked of this run last, and who.
    pub(super) fn asked(&mut self) -> QueryResult<Option<(Asked, String)>> {
        let found: Option<Control> = self
            .step(
                "SELECT asked, asked_by FROM replay_control \
                 WHERE action_id = $1 AND control_id > $2 ORDER BY control_id DESC LIMIT 1",
            )
            .bind::<BigInt, _>(self.asked_before)
            .get_result(&mut self.connection)
            .optional()?;
        Ok(found.and_then(|row| Some((row.asked.parse().ok()?, row.asked_by))))
    }

    /// Records the result of a run, and returns what was recorded.
    pub(super) fn close(&mut self, note: &Note, ended: &str) -> Result<Value, DeskError> {
        let recorded: One<String> = self
            .step("SELECT end_replay_run($1, $2, $3, $4)::text AS value")
            .bind::<Text, _>(note.by.clone())
            .bind::<Text, _>(note.why.clone())
            .bind::<Text, _>(ended.to_owned())
            .get_result(&mut self.connection)?;
        serde_json::from_str(&recorded.value)
            .map_err(|error| DeskError::failed("the record of the replay cannot be read", error))
    }

    /// Updates the states of the letters that were taken.
    pub(super) fn observe(&mut self) -> QueryResult<()> {
        self.step("SELECT observe_replay($1)")
            .execute(&mut self.connection)
            .map(drop)
    }

    pub(super) fn progress(&mut self) -> QueryResult<Progress> {
        sql_query(
            "SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, \
                    count(*) FILTER (WHERE state = 'sent') AS sent, \
                    count(*) FILTER (WHERE state = 'applied') AS applied, \
                    count(*) FILTER (WHERE state = 'dead_again') AS dead_again, \
                    count(*) FILTER (WHERE state = 'skipped') AS skipped, \
                    count(deaths_before) FILTER (WHERE state IN ('applied', 'dead_again')) AS known \
             FROM replays WHERE action_id = $1",
        )
        .bind::<BigInt, _>(self.action_id)
        .get_result(&mut self.connection)
    }

    /// Takes the next letters, before the first of them is sent.
    pub(super) fn take(&mut self, count: i64) -> QueryResult<Vec<Sendable>> {
        let call = self.step("SELECT take_letters AS value FROM take_letters($1, $2)");
        let call = call.bind::<BigInt, _>(count);
        let action_id = self.action_id;
        self.connection.transaction(|connection| {
            let taken: Vec<One<i64>> = call.load(connection)?;
            let ids: Vec<i64> = taken.iter().map(|row| row.value).collect();
            sql_query(TAKEN)
                .bind::<BigInt, _>(action_id)
                .bind::<Array<BigInt>, _>(ids)
                .load(connection)
        })
    }

    /// Undoes the taking of letters that were not sent: they are open again.
    pub(super) fn give_back(&mut self, ids: &[i64]) -> QueryResult<()> {
        self.about("SELECT give_back_letters($1, $2)", ids)
    }

    /// Records that the broker has confirmed the letters.
    pub(super) fn sent(&mut self, ids: &[i64]) -> QueryResult<()> {
        self.about("SELECT mark_letters_sent($1, $2)", ids)
    }

    /// A call about some letters (`$2`).
    fn about(&mut self, call: &str, ids: &[i64]) -> QueryResult<()> {
        self.step(call)
            .bind::<Array<BigInt>, _>(ids)
            .execute(&mut self.connection)
            .map(drop)
    }
}

const TAKEN: &str = "SELECT dead_letter_id, event_id, event_type, body, secret_id, signature, \
            (extract(epoch FROM signed_at) * 1000)::bigint AS signed_at_ms, \
            (extract(epoch FROM received_at) * 1000)::bigint AS received_at_ms, \
            replays.updated_at = now() AS is_new \
     FROM dead_letters JOIN replays USING (dead_letter_id) \
     WHERE action_id = $1 AND dead_letter_id = ANY ($2) ORDER BY dead_letter_id";
