//! The table `operator_actions`: who did what and why, with which database login. The functions of the
//! database that do something for an operator write it in the same transaction; it is kept for ever.

pub(crate) mod about;
pub mod list;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};
use serde::Serialize;
use serde_json::Value;

use self::about::Asked;
use crate::database::times;
use crate::ids;
use crate::row::{One, row};

/// Who acts, and why.
#[derive(Debug, Clone)]
pub struct Note {
    pub by: String,
    pub why: String,
}

/// Whether a call only shows its effect or applies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    DryRun,
    Apply,
}

row! {
    /// An action, in the story of an event.
    #[derive(Serialize)]
    pub struct EventAction {
        #[serde(serialize_with = "ids::text")]
        pub action_id: i64,
        pub action: String,
        #[serde(rename = "by")]
        pub operator: String,
        /// Who had logged in to the database; `None` in actions that are older than this record.
        pub login: Option<String>,
        pub why: String,
        pub acted_at: String,
    }

    /// An action, in the details of a dead letter.
    #[derive(Serialize)]
    pub struct LetterAction {
        pub acted_at: String,
        pub action: String,
        pub operator: String,
        /// Who had logged in to the database; `None` in actions that are older than this record.
        pub login: Option<String>,
        pub why: String,
    }
}

/// Records an action by the function of the database that is for it. Returns its number.
pub(crate) fn record(
    function: &'static str,
    connection: &mut PgConnection,
    note: &Note,
    selection: &Value,
    outcome: &Value,
) -> QueryResult<i64> {
    let action: One<i64> = sql_query(format!(
        "SELECT {function}($1, $2, $3::jsonb, $4::jsonb) AS value"
    ))
    .bind::<Text, _>(&note.by)
    .bind::<Text, _>(&note.why)
    .bind::<Text, _>(selection.to_string())
    .bind::<Text, _>(outcome.to_string())
    .get_result(connection)?;
    Ok(action.value)
}

/// Actions on the event or on its dead letters.
pub(crate) fn about_event(
    connection: &mut PgConnection,
    event: &str,
) -> QueryResult<Vec<EventAction>> {
    let found = Asked::of_event(event).find(connection)?;
    let actions: Vec<i64> = found.into_keys().collect();
    of_ids(connection, &actions)
}

/// The actions with these numbers, oldest first.
pub(crate) fn of_ids(
    connection: &mut PgConnection,
    actions: &[i64],
) -> QueryResult<Vec<EventAction>> {
    sql_query(select("action_id = ANY($1)"))
        .bind::<Array<BigInt>, _>(actions)
        .load(connection)
}

pub(crate) fn about_letter(
    connection: &mut PgConnection,
    dead_letter_id: i64,
) -> QueryResult<Vec<LetterAction>> {
    sql_query(select(
        "outcome @> jsonb_build_object('dead_letter_ids', jsonb_build_array($1))",
    ))
    .bind::<Text, _>(dead_letter_id.to_string())
    .load(connection)
}

fn select(condition: &str) -> String {
    format!(
        "SELECT action_id, action, operator, login, why, {} FROM operator_actions \
         WHERE {condition} ORDER BY action_id",
        times(&["acted_at"])
    )
}
