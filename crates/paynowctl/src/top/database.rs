//! Reads from the database: open dead letters by reason, and debts.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use paynow_desk::error::in_one_line;

use super::snapshot::{Answer, Database, OpenDeadLetters};

#[derive(QueryableByName)]
struct DeadLettersRow {
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    letters: i64,
    #[diesel(sql_type = BigInt)]
    oldest_age_seconds: i64,
}

#[derive(QueryableByName)]
struct DebtsRow {
    #[diesel(sql_type = BigInt)]
    wallets: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

pub(super) fn ask(database: &paynow_desk::database::Database) -> Answer<Database> {
    database.read(queries).map_err(|error| in_one_line(&error))
}

fn queries(connection: &mut PgConnection) -> QueryResult<Database> {
    // `top` waits no longer for an answer, and a query that outlives it would load a slow database.
    sql_query("SET LOCAL statement_timeout = '5s'").execute(connection)?;
    let rows: Vec<DeadLettersRow> = sql_query(
        "SELECT reason, count(*) AS letters, \
                max(extract(epoch FROM now() - first_dead_at))::bigint AS oldest_age_seconds \
         FROM dead_letters WHERE state = 'open' GROUP BY reason ORDER BY letters DESC, reason",
    )
    .load(connection)?;
    let debts: DebtsRow =
        sql_query("SELECT wallets, points FROM debts()").get_result(connection)?;
    let dead_letters = rows.into_iter().map(|row| OpenDeadLetters {
        reason: row.reason,
        letters: row.letters.unsigned_abs(),
        oldest_age_seconds: row.oldest_age_seconds,
    });
    Ok(Database {
        dead_letters: dead_letters.collect(),
        debt_wallets: debts.wallets.unsigned_abs(),
        debt_points: debts.points,
    })
}
