//! The table `operator_actions`: who did what and why, with which database login. The functions of the
//! database that do something for an operator write it in the same transaction; it is kept for ever.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde::Serialize;

use crate::database::times;
use crate::ids;
use crate::row::row;

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

/// Actions on the event or on its dead letters.
pub(crate) fn about_event(
    connection: &mut PgConnection,
    event: &str,
) -> QueryResult<Vec<EventAction>> {
    sql_query(select(
        "outcome -> 'event_ids' @> to_jsonb($1) \
         OR EXISTS (SELECT FROM dead_letters letter WHERE letter.event_id = $1 AND ( \
             outcome -> 'dead_letter_ids' @> to_jsonb(letter.dead_letter_id) \
             OR outcome -> 'dead_letter_ids' @> to_jsonb(letter.dead_letter_id::text)))",
    ))
    .bind::<Text, _>(event)
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
