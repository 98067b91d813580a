//! The rows of a replay in `replays` and `dead_letters`.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use serde_json::{Value, json};

use super::plan::Plan;
use crate::actions::{Action, Note, record};
use crate::error::DeskError;

/// "replay" in ASCII: the first half of a lock whose second half is the action.
const LOCK_CLASS: i32 = 0x7265_706c;

/// How many letters of a replay are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Progress {
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Confirmed by the broker, without an outcome yet.
    #[diesel(sql_type = BigInt)]
    pub sent: i64,
    #[diesel(sql_type = BigInt)]
    pub applied: i64,
    #[diesel(sql_type = BigInt)]
    pub dead_again: i64,
    #[diesel(sql_type = BigInt)]
    pub skipped: i64,
    /// Taken to be sent, in any state.
    #[diesel(sql_type = BigInt)]
    pub(super) tried: i64,
    /// Of those, the letters that were applied or died again.
    #[diesel(sql_type = BigInt)]
    pub(super) known: i64,
}

/// The parts of a letter that its message needs.
#[derive(QueryableByName)]
pub(super) struct Sendable {
    #[diesel(sql_type = BigInt)]
    pub(super) dead_letter_id: i64,
    #[diesel(sql_type = Text)]
    pub(super) event_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) event_type: Option<String>,
    #[diesel(sql_type = Binary)]
    pub(super) body: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) secret_id: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) signed_at_ms: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) received_at_ms: Option<i64>,
    /// Taken by this call: no earlier run can have sent it.
    #[diesel(sql_type = Bool)]
    pub(super) is_new: bool,
}

#[derive(QueryableByName)]
struct LetterId {
    #[diesel(sql_type = BigInt)]
    dead_letter_id: i64,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Records the action and its letters in one transaction; returns its number.
pub(super) fn begin(connection: &mut PgConnection, note: &Note, plan: &Plan) -> QueryResult<i64> {
    connection.transaction(|connection| {
        // The result is a row of its own, at the end: this table is append-only.
        let outcome = json!({"begun": true, "dead_letter_ids": plan.id_texts()});
        let action_id = record(connection, Action::Replay, note, &plan.document(), &outcome)?;
        sql_query("INSERT INTO replays (action_id, dead_letter_id) SELECT $1, unnest($2)")
            .bind::<BigInt, _>(action_id)
            .bind::<Array<BigInt>, _>(plan.ids())
            .execute(connection)?;
        Ok(action_id)
    })
}

/// Records the result of a run.
pub(super) fn close(
    connection: &mut PgConnection,
    action_id: i64,
    note: &Note,
    outcome: &Value,
) -> QueryResult<()> {
    let selection = json!({"replay": action_id.to_string()});
    record(connection, Action::Replay, note, &selection, outcome).map(drop)
}

pub(super) fn check_known(connection: &mut PgConnection, action_id: i64) -> Result<(), DeskError> {
    let known: Answer =
        sql_query("SELECT EXISTS (SELECT FROM replays WHERE action_id = $1) AS yes")
            .bind::<BigInt, _>(action_id)
            .get_result(connection)?;
    if known.yes {
        return Ok(());
    }
    Err(DeskError::NotFound(format!(
        "there is no replay {action_id}: nothing was done"
    )))
}

/// Two runs at once would wait for each other's letters. The lock ends with the connection.
pub(super) fn lock(connection: &mut PgConnection, action_id: i64) -> Result<(), DeskError> {
    let taken: Answer = sql_query("SELECT pg_try_advisory_lock($1, $2::int) AS yes")
        .bind::<diesel::sql_types::Integer, _>(LOCK_CLASS)
        .bind::<BigInt, _>(action_id)
        .get_result(connection)?;
    if taken.yes {
        return Ok(());
    }
    Err(DeskError::Refused(format!(
        "replay {action_id} is running: nothing was done"
    )))
}

/// Updates the states of the letters that were taken. A letter is applied when its event is settled
/// with the same body, whichever copy of the message did it; it is dead again when it died since it was
/// taken. A copy that died first does not hide that another was applied.
pub(super) fn observe(connection: &mut PgConnection, action_id: i64) -> QueryResult<()> {
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
    .bind::<BigInt, _>(action_id)
    .execute(connection)?;
    Ok(())
}

pub(super) fn progress(connection: &mut PgConnection, action_id: i64) -> QueryResult<Progress> {
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
    .bind::<BigInt, _>(action_id)
    .get_result(connection)
}

/// Takes the next letters: they become `replayed` before the first of them is sent, so that a later
/// death is a new one. A letter that is no longer open is skipped. A letter that an interrupted run had
/// taken is taken again: it is harmless in the queue twice, and lost if it is never there.
pub(super) fn take(
    connection: &mut PgConnection,
    action_id: i64,
    count: i64,
) -> QueryResult<Vec<Sendable>> {
    connection.transaction(|connection| {
        let next: Vec<LetterId> = sql_query(
            "SELECT dead_letter_id FROM replays WHERE action_id = $1 AND state = 'waiting' \
             ORDER BY dead_letter_id LIMIT $2",
        )
        .bind::<BigInt, _>(action_id)
        .bind::<BigInt, _>(count)
        .load(connection)?;
        let ids: Vec<i64> = next.iter().map(|letter| letter.dead_letter_id).collect();
        sql_query(
            "WITH taken AS (UPDATE dead_letters SET state = 'replayed' \
                            WHERE dead_letter_id = ANY ($2) AND state = 'open' \
                            RETURNING dead_letter_id, deaths) \
             UPDATE replays SET deaths_before = taken.deaths, updated_at = now() FROM taken \
             WHERE replays.action_id = $1 AND replays.dead_letter_id = taken.dead_letter_id",
        )
        .bind::<BigInt, _>(action_id)
        .bind::<Array<BigInt>, _>(&ids)
        .execute(connection)?;
        sql_query(
            "UPDATE replays SET state = 'skipped', updated_at = now() \
             WHERE action_id = $1 AND dead_letter_id = ANY ($2) AND deaths_before IS NULL",
        )
        .bind::<BigInt, _>(action_id)
        .bind::<Array<BigInt>, _>(&ids)
        .execute(connection)?;
        taken(connection, action_id, &ids)
    })
}

fn taken(connection: &mut PgConnection, action_id: i64, ids: &[i64]) -> QueryResult<Vec<Sendable>> {
    sql_query(
        "SELECT dead_letter_id, event_id, event_type, body, secret_id, \
                (extract(epoch FROM signed_at) * 1000)::bigint AS signed_at_ms, \
                (extract(epoch FROM received_at) * 1000)::bigint AS received_at_ms, \
                replays.updated_at = now() AS is_new \
         FROM dead_letters JOIN replays USING (dead_letter_id) \
         WHERE action_id = $1 AND replays.state = 'waiting' AND dead_letter_id = ANY ($2) \
         ORDER BY dead_letter_id",
    )
    .bind::<BigInt, _>(action_id)
    .bind::<Array<BigInt>, _>(ids)
    .load(connection)
}

/// Undoes the taking of letters that were not sent: they are open again.
pub(super) fn give_back(
    connection: &mut PgConnection,
    action_id: i64,
    dead_letter_ids: &[i64],
) -> QueryResult<()> {
    sql_query(
        "WITH back AS (UPDATE replays SET deaths_before = NULL, updated_at = now() \
                       WHERE action_id = $1 AND dead_letter_id = ANY ($2) AND state = 'waiting' \
                       RETURNING dead_letter_id) \
         UPDATE dead_letters SET state = 'open' FROM back \
         WHERE dead_letters.dead_letter_id = back.dead_letter_id \
         AND dead_letters.state = 'replayed'",
    )
    .bind::<BigInt, _>(action_id)
    .bind::<Array<BigInt>, _>(dead_letter_ids)
    .execute(connection)?;
    Ok(())
}

/// Records that the broker has confirmed the letters; returns how many.
pub(super) fn sent(
    connection: &mut PgConnection,
    action_id: i64,
    dead_letter_ids: &[i64],
) -> QueryResult<i64> {
    sql_query(
        "UPDATE replays SET state = 'sent', updated_at = now() \
         WHERE action_id = $1 AND dead_letter_id = ANY ($2) AND state = 'waiting'",
    )
    .bind::<BigInt, _>(action_id)
    .bind::<Array<BigInt>, _>(dead_letter_ids)
    .execute(connection)?;
    Ok(i64::try_from(dead_letter_ids.len()).unwrap_or(i64::MAX))
}
