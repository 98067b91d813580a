//! Replays, as far as the database shows: those of every process, also of one that died.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::page::{Page, one_more};
use crate::row::row;

row! {
    #[derive(Serialize)]
    pub struct ReplayRow {
        #[serde(serialize_with = "ids::text")]
        pub action_id: i64,
        #[serde(rename = "by")]
        pub operator: String,
        pub why: String,
        pub ticket: Option<String>,
        pub acted_at: String,
        pub letters: i64,
        pub waiting: i64,
        pub sent: i64,
        pub applied: i64,
        pub dead_again: i64,
        pub skipped: i64,
        /// Whether a process has it now. One that died loses it after half a minute.
        pub is_running: bool,
        /// Who asked the run of now to wait, and since when; `None` when it need not wait.
        pub paused_by: Option<String>,
        pub paused_at: Option<String>,
        /// How the newest run ended; `None` while the first one runs, and when its process died.
        pub ended: Option<String>,
        pub updated_at: Option<String>,
    }

    /// A letter of a replay.
    #[derive(Serialize)]
    pub struct ReplayLetter {
        #[serde(serialize_with = "ids::text")]
        pub dead_letter_id: i64,
        pub event_id: String,
        /// `waiting`, `sent`, `applied`, `dead_again` or `skipped`.
        pub state: String,
        /// Of its newest death.
        pub reason: String,
        pub updated_at: String,
    }
}

/// Newest first; `after` is the last action of the page before.
pub fn list(
    database: &Database,
    after: Option<i64>,
    limit: u32,
) -> Result<Page<ReplayRow>, DeskError> {
    // The page first, so that the letters of no other replay are counted.
    let query = select(
        "(SELECT * FROM operator_actions WHERE action = 'replay' AND action_id < $1 \
             AND NOT selection ? 'replay' ORDER BY action_id DESC LIMIT $2)",
    );
    let rows = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(after.unwrap_or(i64::MAX))
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}

/// By its own number, or by that of the action that records how a run of it ended.
pub fn show(database: &Database, action_id: i64) -> Result<ReplayRow, DeskError> {
    let query = select(
        "(SELECT * FROM operator_actions WHERE action = 'replay' AND action_id = ( \
             SELECT coalesce((selection ->> 'replay')::bigint, action_id) FROM operator_actions \
             WHERE action_id = $1 AND action = 'replay') LIMIT $2)",
    );
    let found: Option<ReplayRow> = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(action_id)
            .bind::<BigInt, _>(1)
            .get_result(connection)
            .optional()
    })?;
    found.ok_or_else(|| DeskError::NotFound(format!("there is no replay {action_id}")))
}

/// The letters of a replay by number; a state of `None` means every state.
pub fn letters(
    database: &Database,
    action_id: i64,
    state: Option<&str>,
    after: Option<i64>,
    limit: u32,
) -> Result<Page<ReplayLetter>, DeskError> {
    let query = format!(
        "SELECT dead_letter_id, event_id, replays.state, reason, {} \
         FROM replays JOIN dead_letters USING (dead_letter_id) \
         WHERE action_id = $1 AND ($2 IS NULL OR replays.state = $2) AND dead_letter_id > $3 \
         ORDER BY dead_letter_id LIMIT $4",
        times(&["updated_at"])
    );
    let rows = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(action_id)
            .bind::<Nullable<Text>, _>(state)
            .bind::<BigInt, _>(after.unwrap_or(0))
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}

fn select(actions: &str) -> String {
    format!(
        "SELECT begun.action_id, operator, why, begun.selection ->> 'ticket' AS ticket, {}, {}, ended.ended, \
                run.asked_before IS NOT NULL AS is_running, paused_by, {}, \
                letters.letters, waiting, sent, applied, dead_again, skipped \
         FROM {actions} AS begun \
             LEFT JOIN LATERAL (SELECT coalesce(asked_before, 0) AS asked_before FROM replay_runs AS held \
                 WHERE held.action_id = begun.action_id AND held.held_until > now() \
                     AND held.backend_pid IN (SELECT pid FROM pg_stat_activity)) AS run ON true \
             LEFT JOIN LATERAL (SELECT asked_by AS paused_by, asked_at AS paused_at \
                 FROM (SELECT asked, asked_by, asked_at FROM replay_control AS control \
                     WHERE control.action_id = begun.action_id AND control_id > run.asked_before \
                     ORDER BY control_id DESC LIMIT 1) AS newest \
                 WHERE asked = 'pause') AS pause ON true, \
             LATERAL (SELECT count(*) AS letters, \
                 count(*) FILTER (WHERE state = 'waiting') AS waiting, \
                 count(*) FILTER (WHERE state = 'sent') AS sent, \
                 count(*) FILTER (WHERE state = 'applied') AS applied, \
                 count(*) FILTER (WHERE state = 'dead_again') AS dead_again, \
                 count(*) FILTER (WHERE state = 'skipped') AS skipped, \
                 max(updated_at) AS updated_at \
                 FROM replays WHERE replays.action_id = begun.action_id) AS letters, \
             LATERAL (SELECT (SELECT end_of_run.outcome ->> 'ended' FROM operator_actions AS end_of_run \
                 WHERE end_of_run.selection ->> 'replay' = begun.action_id::text \
                     AND end_of_run.selection ? 'replay' AND end_of_run.action = 'replay' \
                 ORDER BY end_of_run.action_id DESC LIMIT 1) AS ended) AS ended \
         ORDER BY begun.action_id DESC",
        times(&["acted_at"]),
        times(&["updated_at"]),
        times(&["paused_at"])
    )
}
