//! Lists of operator actions, newest first.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde::Serialize;
use serde_json::Value;

use super::about::{Asked, Found};
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::page::{Page, one_more};
use crate::row::row;

/// A longer selection or outcome is not shown: a replay may name a million letters.
const SELECTION_BYTES_MAX: i64 = 2_000;
/// The actions that record their end too.
const STEPWISE: &str = "('replay', 'history_send', 'unrouted_move')";

/// The case that somebody acted for: it is named where an action begins, and holds for what comes of that.
const TICKET: &str = "CASE \
     WHEN selection ? 'ticket' THEN selection ->> 'ticket' \
     WHEN action IN ('replay', 'replay_control') THEN (SELECT begun.selection ->> 'ticket' FROM operator_actions AS begun \
         WHERE begun.action_id = (operator_actions.selection ->> 'replay')::bigint) \
     WHEN action = 'correct' THEN (SELECT asked.ticket FROM correction_requests AS asked \
         WHERE asked.entry_key = outcome ->> 'entry_key' AND asked.state IN ('approved', 'alone')) \
     WHEN action = 'correct_decide' THEN (SELECT asked.ticket FROM correction_requests AS asked \
         WHERE asked.request_id = (selection ->> 'request_id')::bigint) END";

/// Conditions that must all hold; one that is `None` always holds.
#[derive(Debug, Clone, Default)]
pub struct ActionFilter {
    pub by: Option<String>,
    /// RFC 3339; acted then or later.
    pub since: Option<String>,
    /// The id of anything, an entry key, or the action's own number; with one of `KINDS` and a colon before
    /// it, only of this.
    pub about: Option<String>,
    /// Older than this action.
    pub after: Option<i64>,
}

row! {
    struct ActionRow {
        action_id: i64,
        action: String,
        operator: String,
        login: Option<String>,
        why: String,
        ticket: Option<String>,
        selection: Option<String>,
        outcome: Option<String>,
        step: Option<String>,
        of_action: Option<i64>,
        acted_at: String,
    }
}

#[derive(Debug, Serialize)]
pub struct Action {
    #[serde(serialize_with = "ids::text")]
    pub action_id: i64,
    pub action: String,
    #[serde(rename = "by")]
    pub operator: String,
    /// Who had logged in to the database; `None` in actions that are older than this record.
    pub login: Option<String>,
    pub why: String,
    /// The case in another system that somebody acted for.
    pub ticket: Option<String>,
    /// What was chosen, as the operator chose it; `None` where it is too long to show.
    pub selection: Option<Value>,
    /// What came of it; `None` where it is too long to show.
    pub outcome: Option<Value>,
    /// What is done step by step has a row when it begins (`begun`), and one at the end of each run (`ended`).
    pub step: Option<String>,
    /// Of an end: the action that it is the end of.
    #[serde(serialize_with = "ids::optional")]
    pub of_action: Option<i64>,
    /// As what the action names the id that was asked for: one of `KINDS`, or `named_in_letter`. `None` where
    /// nothing was asked for.
    pub about: Option<Vec<String>>,
    pub acted_at: String,
}

impl Action {
    fn of(row: ActionRow, found: Option<&Found>) -> Self {
        let document = |text: Option<String>| serde_json::from_str(&text?).ok();
        let kinds = |found: &Found| {
            found
                .get(&row.action_id)
                .into_iter()
                .flatten()
                .cloned()
                .collect()
        };
        Self {
            action_id: row.action_id,
            action: row.action,
            operator: row.operator,
            login: row.login,
            why: row.why,
            ticket: row.ticket,
            selection: document(row.selection),
            outcome: document(row.outcome),
            step: row.step,
            of_action: row.of_action,
            about: found.map(kinds),
            acted_at: row.acted_at,
        }
    }
}

pub fn list(
    database: &Database,
    filter: &ActionFilter,
    limit: u32,
) -> Result<Page<Action>, DeskError> {
    let query = format!(
        "SELECT action_id, action, operator, login, why, {TICKET} AS ticket, {}, \
                CASE WHEN pg_column_size(selection) <= {SELECTION_BYTES_MAX} THEN selection::text END \
                    AS selection, \
                CASE WHEN pg_column_size(outcome) <= {SELECTION_BYTES_MAX} THEN outcome::text END AS outcome, \
                CASE WHEN action NOT IN {STEPWISE} THEN NULL \
                     WHEN selection ? action THEN 'ended' ELSE 'begun' END AS step, \
                CASE WHEN action IN {STEPWISE} THEN (selection ->> action)::bigint END AS of_action \
         FROM operator_actions \
         WHERE action_id < $1 AND ($2 IS NULL OR action_id = ANY($2)) \
             AND ($3 IS NULL OR operator = $3) AND ($4 IS NULL OR acted_at >= $4::timestamptz) \
         ORDER BY action_id DESC LIMIT $5",
        times(&["acted_at"])
    );
    let asked = filter.about.as_deref().map(Asked::read);
    let (rows, found) = database.read(|connection| {
        let found = asked.map(|asked| asked.find(connection)).transpose()?;
        let about: Option<Vec<i64>> = found.as_ref().map(|found| found.keys().copied().collect());
        let rows: Vec<ActionRow> = sql_query(query)
            .bind::<BigInt, _>(filter.after.unwrap_or(i64::MAX))
            .bind::<Nullable<Array<BigInt>>, _>(about)
            .bind::<Nullable<Text>, _>(filter.by.as_deref())
            .bind::<Nullable<Text>, _>(filter.since.as_deref())
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)?;
        Ok((rows, found))
    })?;
    let actions = rows.into_iter().map(|row| Action::of(row, found.as_ref()));
    let actions = actions.collect();
    Ok(Page::of(actions, limit))
}
