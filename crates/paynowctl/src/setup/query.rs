//! What the parts of `setup` ask the database.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};
use paynow_desk::database::DatabaseError;

use crate::failure::Failure;

pub(super) const AS_OWNER: &str = "SET ROLE paynow_owner";
/// A limit that the server sets for its logins must not end a setup halfway. By name, because older
/// servers do not know every one of them.
pub(super) const WITHOUT_LIMITS: &str = "SELECT set_config(name, '0', false) FROM pg_settings \
     WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', \
                    'idle_in_transaction_session_timeout', 'idle_session_timeout')";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    value: bool,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

/// The answer to a question that is named `value`.
pub(super) fn is_true(connection: &mut PgConnection, question: &str) -> Result<bool, Failure> {
    let answer: Answer = sql_query(question)
        .get_result(connection)
        .map_err(DatabaseError::from)?;
    Ok(answer.value)
}

/// The texts that a query returns as `value`.
pub(super) fn texts(connection: &mut PgConnection, query: &str) -> Result<Vec<String>, Failure> {
    let words: Vec<Word> = sql_query(query)
        .load(connection)
        .map_err(DatabaseError::from)?;
    Ok(words.into_iter().map(|word| word.value).collect())
}
