//! What operators did, for ever: one row in the transaction of what they did.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::Value;

use crate::cli::Note;

/// The words of `operator_actions.action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Discard,
    Correct,
}

impl Action {
    fn code(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Correct => "correct",
        }
    }
}

/// Records an action; `selection` is what was meant, `outcome` what came of it.
pub(crate) fn record(
    connection: &mut PgConnection,
    action: Action,
    note: &Note,
    selection: &Value,
    outcome: &Value,
) -> QueryResult<()> {
    sql_query(
        "INSERT INTO operator_actions (action, operator, why, selection, outcome) \
         VALUES ($1, $2, $3, $4::jsonb, $5::jsonb)",
    )
    .bind::<Text, _>(action.code())
    .bind::<Text, _>(&note.by)
    .bind::<Text, _>(&note.why)
    .bind::<Text, _>(selection.to_string())
    .bind::<Text, _>(outcome.to_string())
    .execute(connection)?;
    Ok(())
}
