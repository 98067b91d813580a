//! What operators did, for ever: one row in the transaction of what they did.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use serde_json::{Map, Value, json};

use crate::cli::{Filter, Note};

/// The words of `operator_actions.action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Discard,
    Correct,
    Replay,
    HistorySend,
}

impl Action {
    fn code(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Correct => "correct",
            Self::Replay => "replay",
            Self::HistorySend => "history_send",
        }
    }
}

#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = BigInt)]
    action_id: i64,
}

/// Records an action and gives its number; `selection` is what was meant, `outcome` what came of it.
pub(crate) fn record(
    connection: &mut PgConnection,
    action: Action,
    note: &Note,
    selection: &Value,
    outcome: &Value,
) -> QueryResult<i64> {
    let recorded: Recorded = sql_query(
        "INSERT INTO operator_actions (action, operator, why, selection, outcome) \
         VALUES ($1, $2, $3, $4::jsonb, $5::jsonb) RETURNING action_id",
    )
    .bind::<Text, _>(action.code())
    .bind::<Text, _>(&note.by)
    .bind::<Text, _>(&note.why)
    .bind::<Text, _>(selection.to_string())
    .bind::<Text, _>(outcome.to_string())
    .get_result(connection)?;
    Ok(recorded.action_id)
}

/// What the operator meant, as it was typed.
pub(crate) fn meant_by(letters: &[String], filter: &Filter) -> Value {
    if !letters.is_empty() {
        return json!({"letters": letters});
    }
    let Filter {
        reason,
        event_type,
        wallet,
        order,
        since,
        older_than,
    } = filter;
    let given = [
        ("reason", reason.map(|it| it.code().to_owned())),
        ("type", event_type.as_ref().map(ToString::to_string)),
        ("wallet", wallet.map(|it| it.to_string())),
        ("order", order.map(|it| it.to_string())),
        ("since", since.clone()),
        ("older_than", older_than.map(|it| it.to_string())),
    ];
    let fields = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    Value::Object(fields.collect::<Map<String, Value>>())
}
