//! Reads from the database: open dead letters by reason, and debts.

use crate::database::Database;
use crate::error::in_one_line;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;

use super::snapshot::{Answer, DatabaseState};

pub(super) fn ask(database: &Database) -> Answer<DatabaseState> {
    database.read(queries).map_err(|error| in_one_line(&error))
}

fn queries(connection: &mut PgConnection) -> QueryResult<DatabaseState> {
    // `top` waits no longer for an answer, and a query that outlives it would load a slow database.
    sql_query("SET LOCAL statement_timeout = '5s'").execute(connection)?;
    // By the index alone, because bodies make the table large: the letter with the lowest number is the one
    // that died first.
    let dead_letters = sql_query(
        "WITH counted AS (SELECT reason, count(*) AS letters, min(dead_letter_id) AS oldest \
             FROM dead_letters WHERE state = 'open' GROUP BY reason) \
         SELECT counted.reason, letters, \
             extract(epoch FROM now() - first_dead_at)::bigint AS oldest_age_seconds \
         FROM counted JOIN dead_letters ON dead_letter_id = oldest ORDER BY letters DESC, reason",
    )
    .load(connection)?;
    let debts = sql_query("SELECT wallets, points FROM debts()").get_result(connection)?;
    Ok(DatabaseState {
        dead_letters,
        debts,
    })
}
